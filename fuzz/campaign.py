#!/usr/bin/env python3
"""Kills runs, fills the disk and flips bits of saved states, and compares what comes out with a run that was left alone.

    cargo build --release && python3 fuzz/campaign.py target/release/collado --kills 20 --seed 0

Standard library only; Linux. Prints one line a command and fails with the first run that loses or invents a result.
"""
import argparse, json, pathlib, random, resource, shutil, signal, struct, subprocess, sys, tempfile, time

DATA = "synthetic:gaussians?d=4&k=3&n=200&sep=2"
MINIMA = f"train --data {DATA} --arch relu:4-16-3 --seeds 0..4 --epochs 30"
A, B = "minima/seed-0.safetensors", "minima/seed-1.safetensors"
COMMANDS = {
    **{
        f"train {rule}": f"train --data {DATA} --arch tanh:4-12-3 --seeds {seeds} --epochs {epochs} --optimizer {rule} --save-every 0"
        for rule, seeds, epochs in (
            ("sgd", "0..3", 120), ("adam", "0..3", 120), ("adamw", "0..2", 80), ("rmsprop", "0..2", 80), ("nadam", "0..2", 80),
            ("radam", "0..2", 80), ("adagrad", "0..2", 80), ("adadelta", "0..2", 80), ("adamax", "0..2", 80), ("lbfgs", "0..1", 80),
        )
    },
    "connect auto": f"connect --a {A} --b {B} --target 0 --epochs 40 --lr 1e-5 --certify never",
    "connect polychain": f"connect --a {A} --b {B} --method polychain --align weights --epochs 60 --certify never",
    "levelset": "levelset minima --epochs 40 --points 9",
    "levelset certify": "levelset minima --method linear --certify --points 9",
    "landscape plane": f"landscape plane {A} --points 81",
    "landscape zoom": f"landscape zoom {A} --points 41",
    "critical": f"critical --data {DATA} --arch tanh:4-3-3 --starts 60 --descents 0 --runs 0 --steps 60",
    "study spurious": "study spurious --k 6,8 --extra 0 --runs 200 --sgd-runs 0",
}


def run(binary, cwd, args, **more):
    return subprocess.run([binary, *args.split(), "-q"], cwd=cwd, capture_output=True, text=True, **more)


def clean(output, what):
    """An ending with a result or with one error line, never with a panic."""
    text = output.stderr
    if output.returncode not in (0, 1, 2, 130) or "panicked" in text or "a bug in collado" in text:
        sys.exit(f"{what}: exit {output.returncode}: {text}")
    if output.returncode in (1, 2) and "error: " not in text:
        sys.exit(f"{what}: exit {output.returncode} without a word: {text}")


def content(folder):
    """All tensors and tables of a folder, without headers, which hold times, and without columns of seconds."""
    found = {}
    for file in sorted(folder.rglob("*")):
        name = str(file.relative_to(folder))
        if name.startswith(".state") or "/.state" in name:
            continue
        if file.suffix == ".safetensors":
            raw = file.read_bytes()
            found[name] = raw[8 + struct.unpack("<Q", raw[:8])[0] :]
        elif file.suffix == ".csv":
            rows = [row.split(",") for row in file.read_text().splitlines()]
            keep = [i for i, column in enumerate(rows[0]) if "second" not in column]
            found[name] = [[row[i] for i in keep] for row in rows]
    return found


def stop_at_random(binary, cwd, args, longest, rng):
    """Starts the command and stops it by kill -9 or Ctrl-C; whether it was still running."""
    child = subprocess.Popen([binary, *args.split(), "-q"], cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    time.sleep(rng.uniform(0, longest))
    how = rng.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGINT])
    child.send_signal(how)
    _, text = child.communicate()
    if child.returncode not in (0, 1, 130, -signal.SIGKILL, -signal.SIGINT) or "a bug in collado" in text:
        sys.exit(f"{args}: {how}: exit {child.returncode}: {text}")
    return child.returncode not in (0, 1)


def kills(binary, root, name, args, count, rng):
    """Stops runs at random moments, resumes them, and compares with the run that was left alone."""
    shutil.rmtree(root / "whole", ignore_errors=True)
    start = time.monotonic()
    whole = run(binary, root, f"{args} --out whole")
    seconds, code = time.monotonic() - start, whole.returncode
    clean(whole, name)
    # 1: a target that was missed; the best path is there all the same.
    if code not in (0, 1) or not (root / "whole").exists():
        sys.exit(f"{name}: exit {whole.returncode}: {whole.stderr}")
    expected, survived, left = content(root / "whole"), 0, count
    while left > 0:
        shutil.rmtree(root / "killed", ignore_errors=True)
        for _ in range(rng.randint(1, 4)):
            survived += stop_at_random(binary, root, f"{args} --out killed --resume", 1.1 * seconds, rng)
            left -= 1
        end = run(binary, root, f"{args} --out killed --resume")
        again = run(binary, root, f"{args} --out killed --resume")
        if end.returncode != code or again.returncode != 0:
            sys.exit(f"{name}: resumed: exit {end.returncode}, {again.returncode}: {end.stderr} {again.stderr}")
        found = content(root / "killed")
        if found != expected:
            differ = [f for f in expected.keys() | found.keys() if found.get(f) != expected.get(f)]
            sys.exit(f"{name}: resumed to other bits: {differ}")
        stray = [f.name for f in (root / "killed").rglob(".collado-*")]
        if stray or (root / "killed/.state").exists():
            sys.exit(f"{name}: left behind: {stray or '.state'}")
    return survived


def full_disk(binary, root, name, args, rng):
    """Lets every file end after so many bytes: each place where writing can fail. Old results stay, an error is said."""
    points = 0
    before = content(root / "whole")
    limit = 1
    while limit < 1 << 20:
        def limited():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        shutil.rmtree(root / "small", ignore_errors=True)
        output = run(binary, root, f"{args} --out small", preexec_fn=limited)
        clean(output, f"{name} with files of {limit} bytes")
        if output.returncode == 0 or any((root / "small").glob("*.json")):
            break
        points += 1
        # What was there before is there still, whole.
        shutil.copytree(root / "whole", root / "small", dirs_exist_ok=True)
        held = content(root / "small")
        output = run(binary, root, f"{args} --out small --force", preexec_fn=limited)
        clean(output, f"{name} over old files with files of {limit} bytes")
        for file, old in before.items():
            if file not in content(root / "small"):
                sys.exit(f"{name} with files of {limit} bytes: {file} is lost")
        limit = int(limit * rng.uniform(1.5, 4)) + 1
    shutil.rmtree(root / "small", ignore_errors=True)
    return points


def flips(binary, root, name, args, count, rng):
    """Flips bits of saved states: the state is refused, or counts as missing, and the result is that of the whole run."""
    tried = 0
    expected = content(root / "whole")
    for _ in range(count):
        shutil.rmtree(root / "killed", ignore_errors=True)
        stop_at_random(binary, root, f"{args} --out killed", 0.5, rng)
        states = [f for f in (root / "killed").rglob(".state/*") if f.is_file() and f.stat().st_size]
        if not states:
            continue
        file = rng.choice(states)
        raw = bytearray(file.read_bytes())
        place = rng.randrange(len(raw))
        raw[place] ^= 1 << rng.randrange(8)
        file.write_bytes(raw)
        tried += 1
        output = run(binary, root, f"{args} --out killed --resume")
        clean(output, f"{name}, bit {place} of {file.name}")
        summaries = [json.loads(f.read_text()) for f in (root / "killed").glob("*.json")]
        finished = any(s["run"]["status"] == "finished" for s in summaries)
        found = content(root / "killed")
        if finished and found != expected:
            differ = [f for f in expected.keys() | found.keys() if found.get(f) != expected.get(f)]
            said = f"exit {output.returncode}: {output.stderr.strip()}"
            sys.exit(f"{name}: a state with bit {place} of {file.name} flipped was taken: {differ} differ, {said}")
    return tried


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("--kills", type=int, default=10, help="runs stopped of each command")
    parser.add_argument("--flips", type=int, default=10, help="states damaged of each command")
    parser.add_argument("--only", default="", help="commands whose name contains this")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    binary, rng, total = str(pathlib.Path(chosen.binary).resolve()), random.Random(chosen.seed), [0, 0, 0]
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        made = run(binary, root, f"{MINIMA} --out minima")
        if made.returncode:
            sys.exit(made.stderr)
        for name, args in COMMANDS.items():
            if chosen.only not in name:
                continue
            survived = kills(binary, root, name, args, chosen.kills, rng)
            points = full_disk(binary, root, name, args, rng)
            damaged = flips(binary, root, name, args, chosen.flips, rng)
            total = [a + b for a, b in zip(total, (survived, points, damaged))]
            print(f"{name:20} {survived:4} kills, {points:3} failures to write, {damaged:3} damaged states", flush=True)
    print(f"{'all':20} {total[0]:4} kills, {total[1]:3} failures to write, {total[2]:3} damaged states")


main()
