#!/usr/bin/env python3
"""Opens a page of `collado report` in headless Chromium and compares what it shows with summary.json.

Usage: tools/check_report.py [PROGRAM]. Without Chromium it says so and succeeds.
"""

import html.parser
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

PROGRAM = str(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "target/release/collado").resolve())
CHECKPOINTS = pathlib.Path("checkpoints").resolve()
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
    "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--enable-logging=stderr", "--virtual-time-budget=20000", "--dump-dom",
]


class Shown(html.parser.HTMLParser):
    """The values that the page shows by their keys, its plots and whether its script came to the end."""

    def __init__(self):
        super().__init__()
        self.values, self.labels, self.ready, self.drawn = {}, [], False, 0

    def handle_starttag(self, tag, attributes):
        of = dict(attributes)
        self.ready |= tag == "html" and of.get("data-ready") == "true"
        self.drawn += "main-svg" in of.get("class", "").split()
        if "data-key" in of and "title" in of:
            self.values.setdefault(of["data-key"], of["title"])
        if of.get("role") == "img" and "plot" in of.get("class", ""):
            self.labels.append(of.get("aria-label", ""))


def run(folder, *words):
    subprocess.run([PROGRAM, *words], cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def opened(chromium, folder):
    with tempfile.TemporaryDirectory() as profile:
        page = (folder / "page.html").as_uri()
        return subprocess.run([chromium, *FLAGS, f"--user-data-dir={profile}", page], capture_output=True, text=True, timeout=180)


def main():
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        print("Not checked: there is no Chromium here.")
        return
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        ends = ["--a", CHECKPOINTS / "digits-a.safetensors", "--b", CHECKPOINTS / "digits-b.safetensors"]
        run(folder, "connect", *ends, "--method", "bezier", "--epochs", "3", "--out", "path", "--certify", "always")
        run(folder, "landscape", "plane", "--path", "path", "--points", "11", "--out", "plane")
        run(folder, "train", "--arch", "relu:64-8-10", "--epochs", "2", "--seeds", "0..3", "--out", "minima")
        run(folder, "levelset", "minima", "--method", "linear", "--out", "levels")
        run(folder, "report", "path", "plane", "minima", "levels", "--out", "page.html")
        result = opened(chromium, folder)
        shown = Shown()
        shown.feed(result.stdout)
        errors = [l for l in result.stderr.splitlines() if "CONSOLE" in l and ("INFO:CONSOLE" not in l or "Uncaught" in l or "Refused" in l)]
        assert not errors, "\n".join(errors)
        assert shown.ready, "the script of the page did not come to its end"
        summary = json.loads((folder / "path/summary.json").read_text())
        for key, value in summary["barrier"].items():
            assert float(shown.values[key]) == value, (key, shown.values[key], value)
        enclosure = [summary["certified"]["lo"], summary["certified"]["hi"]]
        assert json.loads(shown.values["certified"]) == enclosure, shown.values["certified"]
        assert len(shown.labels) >= 5 and all(shown.labels), shown.labels
        assert shown.drawn >= len(shown.labels), "a plot is empty"
        size = (folder / "page.html").stat().st_size
        assert size < 3_000_000, size
        print(f"The page shows the numbers of its runs: {len(shown.values)} values, {len(shown.labels)} plots, {size / 1e6:.2f} MB.")


main()
