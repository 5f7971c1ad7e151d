#!/usr/bin/env python3
"""Tries `collado sweep submit --hq` for real: a server and a worker of HyperQueue on this machine, which its Python wheel has,
run the job definition file that it writes, and the tables are compared with those of a local run to the last bit.

    pip install hyperqueue
    tools/cluster/hq.py [FOLDER]

The wheel has no `hq` program, so this script reads the file in place of `hq job submit-file`.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import time
import tomllib

from hyperqueue import Client, Job, LocalCluster
from hyperqueue.cluster import WorkerConfig

ROOT = pathlib.Path(__file__).resolve().parents[2]
COLLADO = pathlib.Path(os.environ.get("COLLADO", ROOT / "target/release/collado")).resolve()
PLAN = os.environ.get("PLAN", "examples/sweeps/digits-quick.toml")


def collado(*words: str) -> None:
    subprocess.run([COLLADO, "sweep", *words], check=True, cwd=ROOT)


def run(file: pathlib.Path, client: Client) -> int:
    """Runs the tasks of a job definition file; their number."""
    job, tasks = Job(max_fails=None), {}
    for task in tomllib.loads(file.read_text())["task"]:
        deps = [tasks[i] for i in task["deps"]]
        error = task["stderr"].replace("%{TASK_ID}", str(task["id"]))
        tasks[task["id"]] = job.program(task["command"], cwd=task["cwd"], deps=deps, stdout=None, stderr=error)
    client.wait_for_jobs([client.submit(job)])
    return len(tasks)


def main() -> None:
    place = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "target/hq").resolve()
    shutil.rmtree(place, ignore_errors=True)
    for name in ["local", "hq"]:
        collado("plan", PLAN, "--out", str(place / name), "--quiet")
    begin = time.monotonic()
    collado("run", str(place / "local"), "--quiet")
    print(f"local run: {time.monotonic() - begin:.1f} s", flush=True)
    with LocalCluster(server_dir=str(place / "server")) as cluster:
        cluster.start_worker(WorkerConfig(cores=os.cpu_count()))
        collado("submit", str(place / "hq"), "--hq", "--dry-run", "--quiet")
        begin = time.monotonic()
        count = run(place / "hq/submit/hq.toml", cluster.client())
        print(f"HyperQueue: {count} tasks in {time.monotonic() - begin:.1f} s", flush=True)
    for name in ["local", "hq"]:
        collado("collect", str(place / name), "--quiet")
    for name in ["table.csv", "table.parquet", "minima.csv"]:
        if (place / "local" / name).read_bytes() != (place / "hq" / name).read_bytes():
            sys.exit(f"error: {name} differs")
    print("the tables are those of the local run to the last bit")


if __name__ == "__main__":
    main()
