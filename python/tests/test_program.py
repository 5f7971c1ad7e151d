"""The program: where it is found, its progress, and Ctrl-C."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import collado
from collado import _program
from collado._display import Display


class Recorded(Display):
    def __init__(self):
        self.shown = []

    def line(self, text):
        self.shown.append(text)

    def bar(self, name, percent, elapsed):
        self.shown.append((name, percent, elapsed))


def test_bars_lines_and_errors_are_told_apart():
    reader, writer = os.pipe()
    talk = _program._Talk(reader, Recorded())
    bar = "bezier, 1 bend \x1b[36m███\x1b[2m░░\x1b[0m\x1b[0m  {}%  2s        "
    for part in (
        "note: loss guessed: squared, from the data; 5s\r\n",
        bar.format(" 5"),
        "\r\x1b[2K" + bar.format("60"),
        "\r\x1b[2Krisk at 61 points 0s    ",
        "\r\x1b[2Kerror: data.npz: no such ",
        "file\r\nhint: give another\r\n",
    ):
        os.write(writer, part.encode())
        talk.read()
    os.close(writer)
    assert not talk.read()
    os.close(reader)
    assert talk.display.shown == [
        "note: loss guessed: squared, from the data; 5s",
        ("bezier, 1 bend", "5", "2s"),
        ("bezier, 1 bend", "60", "2s"),
        ("risk at 61 points", None, "0s"),
    ]
    assert talk.said("error: ") == "data.npz: no such file" and talk.said("hint: ") == "give another"


def test_the_program_draws_bars_for_a_terminal(monkeypatch):
    display = Recorded()
    display.draws_bars = True
    monkeypatch.setattr(Display, "choose", staticmethod(lambda shown: display))
    collado.connect("digits-a.safetensors", "digits-b.safetensors", method="bezier", epochs=5, kappa=1e-5)
    bars = [shown for shown in display.shown if isinstance(shown, tuple)]
    assert any(name == "certifying" and percent is not None for name, percent, _ in bars)
    assert any(
        isinstance(shown, str) and shown.startswith("note: --kappa 0.00001 overrides") for shown in display.shown
    )


def test_notes_are_shown_unless_quiet(capsys):
    settings = {"method": "linear", "certify": "never", "kappa": 1e-5}
    run = collado.connect("digits-a.safetensors", "digits-b.safetensors", **settings)
    assert capsys.readouterr().err.startswith("note: --kappa 0.00001 overrides")
    assert run.notes[0].startswith("--kappa 0.00001 overrides")
    collado.connect("digits-a.safetensors", "digits-b.safetensors", **settings, quiet=True)
    assert capsys.readouterr().err == ""


def test_a_program_that_is_not_there_is_an_error(monkeypatch, folder):
    monkeypatch.setenv("COLLADO_BINARY", str(folder / "nothing"))
    with pytest.raises(collado.Error, match="COLLADO_BINARY: .*nothing: expected a program"):
        _program.binary()
    monkeypatch.delenv("COLLADO_BINARY")
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(_program.sysconfig, "get_path", lambda *_: str(folder))
    with pytest.raises(collado.Error, match="was not found"):
        _program.binary()
    (folder / "collado").write_text("#!/bin/sh\necho 'thread main panicked' >&2\nexit 101\n")
    (folder / "collado").chmod(0o755)
    assert _program.binary() == str(folder / "collado")
    with pytest.raises(collado.Error, match="ended with exit code 101: thread main panicked"):
        collado.eval("digits-a.safetensors")


SCRIPT = """
import collado, sys
try:
    collado.train("relu:64-64-64-10", epochs=10**6, out="long", save_every=0)
except KeyboardInterrupt as interrupt:
    print("interrupted:", interrupt)
    sys.exit(7)
"""


@pytest.mark.parametrize("group", [False, True])
def test_ctrl_c_stops_the_program_and_saves_its_state(folder, group):
    """A notebook sends the signal to the kernel or to its group, a terminal to its group."""
    path = {"PYTHONPATH": str(Path(collado.__file__).parents[1])}
    command = [sys.executable, "-c", SCRIPT]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, **path}, start_new_session=True
    )
    deadline = time.monotonic() + 60
    while not list(folder.glob("long/.state/*")) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.3)
    (os.killpg if group else os.kill)(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 7, output
    assert "what was trained so far is saved; out='long', resume=True goes on" in output
    assert (folder / "long" / ".state").is_dir()
    run = collado.load("long")
    assert run.run.status == "interrupted" and "(interrupted)" in repr(run)
    with pytest.raises(collado.Error, match="exists already"):
        collado.train("relu:64-64-64-10", epochs=10**6, out="long")
