#!/usr/bin/env python3
"""Runs the commands of the documentation again and compares the numbers that the pages state.

A block of commands is followed by a comment that says where its numbers are:

    ```sh
    collado study spin-glass --out runs/spin-glass
    ```
    <!-- numbers: runs/spin-glass/result.json
    count critical_points        = 226 ± 5
    bins[count>=5].0.found       = .349
    max random_labels.*.minima   = 2.55 ± .02
    -->

FILE may be `stdout`, the object that the last command prints with --json. The program may be called by `cargo run --release --`;
other commands of cargo are left out. A line is `[count|max|min|mean|sum] PATH = NUMBER [± TOLERANCE]`. PATH goes through a JSON file by keys, places in lists, `*` for all
of them, and `[key=value]` for those that have it; a CSV file is an object of columns. NUMBER stands in the text of the page in the
same writing, as `.349`, `5 792.6` or `24 %` (a share of 1). Without a tolerance it has to be right to half a unit of its last digit.
`numbers: FILE, slow` is for commands that take longer than a few seconds: they run with `--slow` only.

Links to files and headings that are not there are wrong, too, whatever `--only` says.

Usage: tools/check_docs.py [--binary target/release/collado] [--slow] [--only WORD] [PAGE ...]
Exit status: 0 if all numbers agree, 1 if not. A page can be wrong in two ways: the program gives another number, or the text
does not have the number that is compared.
"""
import argparse
import csv
import glob
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"```sh\n(?P<commands>(?:(?!```).)*)```\s*(?P<comments>(?:<!-- numbers:.*?-->\s*)+)", re.S)
COMMENT = re.compile(r"<!-- numbers:\s*(?P<file>[^\n,]+?)\s*(?:,\s*(?P<slow>slow))?\s*\n(?P<lines>.*?)-->", re.S)
CARGO = ["cargo", "run", "--release", "--"]
LINE = re.compile(
    r"(?:(count|max|min|mean|sum)\s+)?((?:\[[^\]]*\]|[^\s\[\]])+)\s+=\s+(.+?)(?:\s+±\s+(\S+))?"
)
FUNCTIONS = {
    "count": len,
    "max": max,
    "min": min,
    "mean": lambda values: sum(values) / len(values),
    "sum": sum,
}


class Wrong(Exception):
    """What is wrong with a page, in words."""


def number(text):
    """The value of a number as it is written in the text, and half a unit of its last digit."""
    share = text.endswith("%")
    plain = text.rstrip("% ").replace("−", "-").replace(" ", "").replace("\u202f", "")
    try:
        value = float(plain)
    except ValueError:
        raise Wrong(f"{text!r} is no number") from None
    mantissa, _, exponent = plain.lower().partition("e")
    decimals = len(mantissa.partition(".")[2])
    half = 0.5 * 10.0 ** (int(exponent or 0) - decimals)
    return (value / 100, half / 100) if share else (value, half)


def load(file):
    if file.suffix == ".csv":
        with file.open(newline="") as lines:
            rows = list(csv.DictReader(lines))
        column = lambda name: [convert(row[name]) for row in rows]
        return {name: column(name) for name in (rows[0] if rows else [])}
    return json.loads(file.read_text())


def convert(text):
    """A cell of a table, or a number that JSON cannot write, as a number; other text as it is."""
    try:
        return float(text)
    except (TypeError, ValueError):
        return text


def steps(path):
    return re.findall(r"\[[^\]]+\]|[^.\[\]]+", path)


def walk(found, path):
    """All values at the end of `path`."""
    for step in steps(path):
        if step == "*":
            found = [v for x in found for v in (x.values() if isinstance(x, dict) else x)]
        elif step.startswith("["):
            found = [[v for v in x if keeps(v, step[1:-1])] for x in found]
        elif step.lstrip("-").isdigit() and all(isinstance(x, list) for x in found):
            found = [x[int(step)] for x in found]
        else:
            found = [x[step] for x in found]
    return found


def keeps(value, condition):
    key, sign, wanted = re.fullmatch(r"(\w+)(>=|<=|=)(.+)", condition).groups()
    here, wanted = convert(value.get(key)), convert(wanted)
    if sign == "=":
        return here == wanted or str(value.get(key)).lower() == str(wanted).lower()
    return here >= wanted if sign == ">=" else here <= wanted


def measured(document, function, path):
    try:
        found = walk([document], path)
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise Wrong(f"{path}: not in the file ({type(error).__name__}: {error})") from None
    if len(found) == 1 and isinstance(found[0], list) and function:
        found = found[0]
    if function:
        return float(FUNCTIONS[function](found if function == "count" else [convert(x) for x in found]))
    if len(found) != 1:
        raise Wrong(f"{path}: {len(found)} values, expected one")
    try:
        return float(found[0])
    except (TypeError, ValueError):
        raise Wrong(f"{path}: {found[0]!r} is no number") from None


def compare(document, text, line):
    """Compares one line of a comment with the file and with the text of the page."""
    parts = LINE.fullmatch(line)
    if not parts:
        raise Wrong(f"{line!r}: expected PATH = NUMBER")
    function, path, stated, tolerance = parts.groups()
    wanted, half = number(stated)
    tolerance = number(tolerance)[0] if tolerance else half
    # As a word of its own: .35 does not stand in .353.
    if not re.search(rf"(?<![\d.]){re.escape(stated)}(?![\d])", text):
        raise Wrong(f"{path}: the text does not have {stated}")
    found = measured(document, function, path)
    # Rounding of the decimal numbers themselves.
    if not abs(found - wanted) <= tolerance * (1 + 1e-9) + 1e-12 * abs(wanted):
        raise Wrong(f"{path}: stated {stated}, found {found:.6g}, tolerance {tolerance:g}")


def expanded(word, folder):
    """The files that a pattern stands for, as a shell would give them; a word without one as it is."""
    return (sorted(glob.glob(word, root_dir=folder)) or [word]) if "*" in word else [word]


def run(commands, binary, folder):
    """Runs the commands, and returns what the last one prints."""
    printed = ""
    for name in ("checkpoints", "tests"):
        os.symlink(ROOT / name, folder / name)
    for command in commands.replace("\\\n", " ").splitlines():
        words = shlex.split(command, comments=True)
        if words[: len(CARGO)] == CARGO:
            words = ["collado", *words[len(CARGO) :]]
        if not words or words[0] == "cargo":
            continue
        if words[0] != "collado":
            raise Wrong(f"{command!r}: only the program itself is run")
        words = [name for word in words[1:] for name in expanded(word, folder)]
        done = subprocess.run([binary, *words, "--quiet"], cwd=folder, capture_output=True, text=True)
        # 1 is also the answer to a question: a path that misses its target.
        if done.returncode not in (0, 1) or (done.returncode == 1 and "error:" in done.stderr):
            raise Wrong(f"{command!r}: status {done.returncode}: {done.stderr.strip()}")
        printed = done.stdout
    return printed


def check_block(page, text, block, options):
    """The number of lines compared, and what is wrong with them."""
    commands = block["commands"]
    comments = [c for c in COMMENT.finditer(block["comments"]) if options.slow or not c["slow"]]
    if not comments or (options.only and options.only not in commands):
        return 0, []
    place = f"{page}:{text.count(chr(10), 0, block.start()) + 1}"
    prose = re.sub(r"<!--.*?-->", "", text, flags=re.S)
    lines, wrong = 0, []
    with tempfile.TemporaryDirectory() as name:
        folder, start = pathlib.Path(name), time.monotonic()
        try:
            printed = run(commands, options.binary, folder)
        except Wrong as error:
            return 0, [f"{place}: {error}"]
        for comment in comments:
            file = folder / comment["file"]
            if comment["file"] != "stdout" and not file.exists():
                wrong.append(f"{place}: {comment['file']}: no such file after the commands")
                continue
            document = json.loads(printed) if comment["file"] == "stdout" else load(file)
            for line in filter(None, map(str.strip, comment["lines"].splitlines())):
                lines += 1
                try:
                    compare(document, prose, line)
                except Wrong as error:
                    wrong.append(f"{place}: {error}")
        print(f"{place}: {lines} numbers, {time.monotonic() - start:.1f} s", flush=True)
    return lines, wrong


def headings(page):
    """The names by which links refer to the headings of a page, as GitHub makes them."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(), flags=re.M)
    titles = (re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title) for title in titles)
    return {re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-") for title in titles}


def broken_links(page, name, text):
    """What is wrong with links inside of the repository."""
    wrong = []
    prose = re.sub(r"```.*?```", lambda m: re.sub(r"[^\n]", " ", m[0]), text, flags=re.S)
    for link in re.finditer(r"\]\(([^)\s]+)\)", prose):
        file, _, heading = link[1].partition("#")
        if "://" in file or file.startswith("mailto:"):
            continue
        target = page.parent / file if file else page
        place = f"{name}:{prose.count(chr(10), 0, link.start()) + 1}"
        if not target.exists():
            wrong.append(f"{place}: {link[1]}: no such file")
        elif heading and target.suffix == ".md" and heading not in headings(target):
            wrong.append(f"{place}: {link[1]}: no such heading")
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pages", nargs="*", type=pathlib.Path)
    parser.add_argument("--binary", type=pathlib.Path, default=ROOT / "target/release/collado")
    parser.add_argument("--slow", action="store_true", help="run what takes longer, too")
    parser.add_argument("--only", help="only blocks whose commands have this word")
    options = parser.parse_args()
    options.binary = options.binary.resolve()
    usual = [ROOT / "README.md", ROOT / "checkpoints/README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    pages = options.pages or usual
    total, wrong = 0, []
    for page in pages:
        # What stands between four backticks is an example of the notation.
        text = re.sub(r"````.*?````", lambda m: re.sub(r"[^\n]", " ", m[0]), page.read_text(), flags=re.S)
        name = page.resolve().relative_to(ROOT) if page.resolve().is_relative_to(ROOT) else page
        wrong += broken_links(page, name, text)
        for block in BLOCK.finditer(text):
            lines, found = check_block(name, text, block, options)
            total, wrong = total + lines, wrong + found
    for line in wrong:
        print(line, file=sys.stderr)
    print(f"{total} numbers compared, {len(wrong)} wrong")
    # Nothing to compare is no success: the pages, or the way they are written, have changed.
    return 1 if wrong or not total else 0


if __name__ == "__main__":
    sys.exit(main())
