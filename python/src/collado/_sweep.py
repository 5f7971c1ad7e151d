"""Many trainings and connections from one file: the command `sweep`."""

from __future__ import annotations

import os

from ._call import call, new_folder
from ._run import Run
from ._types import Out


def sweep(
    file: str | os.PathLike[str], *, out: Out = None, jobs: int | None = None, retry: bool = False, quiet: bool = False
) -> Run:
    """Trains, connects and compares the networks of a TOML file whose lists span a grid.

    What is done already is left out, so that the same call with the same `out` goes on after a stop.

    Args:
        file: a file as in ``examples/sweeps``; ``docs/scale.md`` explains it.
        out: the folder of the sweep; by default a new one, ``runs/sweep-1``, …
        jobs: how many tasks run at a time, by default as many as there are cores.
        retry: whether tasks that failed are run again.
        quiet: shows no progress and no notes.

    The tables of the run are ``run.table("table")``, a row a task, and ``run.table("means")``.

    Raises:
        Error: what the program says of the file, or that tasks failed; the others are done all the same.
    """
    folder = new_folder("sweep") if out is None else out
    again = ["--retry"] if retry else []
    width = [] if jobs is None else [f"--jobs={jobs}"]
    for words in (["plan", os.fspath(file), f"--out={folder}"], ["run", str(folder), *width, *again], ["collect", str(folder)]):
        end = call(["sweep", *words], [], quiet)
        end.check()
    return Run(folder)
