"""The program `collado`: where it is, and how it is run, watched and interrupted."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import shutil
import signal
import struct
import subprocess
import sysconfig
import tempfile
import termios
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from ._display import Display
from ._error import Error

if TYPE_CHECKING:
    from ._run import Run


class Ending(NamedTuple):
    """How the program ended."""

    code: int
    stdout: str
    error: str | None
    hint: str | None
    interrupted: bool

    def check(self, folder: Path | None = None, found: Run | None = None) -> None:
        """Raises what has to be raised about the ending of a run in `folder`; `found` is what it gave all the same."""
        if self.interrupted:
            resumable = folder is not None and (folder / ".state").exists()
            saved = f"; out={str(folder)!r}, resume=True goes on" if resumable else ""
            raise KeyboardInterrupt(f"{self.error or 'interrupted'}{saved}")
        if self.code != 0:
            raise Error(self.error or "", self.hint, found)


def binary() -> str:
    """The program: what ``COLLADO_BINARY`` names, else the one beside the installed scripts, else the one in ``PATH``."""
    named = os.environ.get("COLLADO_BINARY")
    if named:
        if os.access(named, os.X_OK) and not os.path.isdir(named):
            return os.path.abspath(named)
        raise Error(f"COLLADO_BINARY: {named}: expected a program, found none")
    package = Path(__file__).parents[1]
    places = [
        sysconfig.get_path("scripts"),
        sysconfig.get_path("scripts", sysconfig.get_preferred_scheme("user")),
        str(package / "bin"),  # pip install --target
        os.environ.get("PATH", os.defpath),
    ]
    found = shutil.which("collado", path=os.pathsep.join(places))
    if found is None:
        raise Error(
            "the program 'collado' was not found beside the installed scripts or in PATH",
            "install the package from a wheel, or set COLLADO_BINARY to a program built by 'cargo build --release'",
        )
    return found


def execute(words: list[str], *, display: bool = True) -> Ending:
    """Runs the program to its end, and shows its progress and its notes where `display` says so.

    Ctrl-C is passed on once, and the program then saves its state and ends; the next Ctrl-C ends it at once.
    """
    shown = Display.choose(display)
    command = [binary(), *words]
    with tempfile.TemporaryFile() as stdout:
        reader, writer = _channel(shown.draws_bars)
        try:
            # A group of its own, so that the Ctrl-C of a terminal or a notebook reaches the program exactly once.
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=writer,
                start_new_session=True,
                env={**os.environ, "TERM": "xterm-256color"},
            )
        except OSError as error:
            os.close(reader)
            raise Error(f"{command[0]}: {error.strerror}") from error
        finally:
            os.close(writer)
        talk = _Talk(reader, shown)
        try:
            interrupted = _follow(process, talk)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
            os.close(reader)
            shown.close()
        return _ending(process.returncode, stdout, talk, interrupted)


def _follow(process: subprocess.Popen[bytes], talk: _Talk) -> bool:
    """Reads until the program ends; the result says whether someone has asked it to stop."""
    interrupted = False
    while True:
        try:
            while talk.read():
                pass
            process.wait()
            return interrupted
        except KeyboardInterrupt:
            interrupted = True
            process.send_signal(signal.SIGINT)


def _ending(code: int, stdout: BinaryIO, talk: _Talk, interrupted: bool) -> Ending:
    stdout.seek(0)
    text = stdout.read().decode("utf-8", "replace")
    error, hint = talk.said("error: "), talk.said("hint: ")
    if error is None and code != 0:
        last = f": {talk.lines[-1]}" if talk.lines else ""
        ended = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        error = f"the program {ended}{last}"
    return Ending(code, text, error, hint, interrupted)


def _channel(terminal: bool) -> tuple[int, int]:
    """Two ends for the program's stderr: of a pseudo-terminal, on which it draws bars, or of a pipe."""
    if terminal:
        try:
            reader, writer = pty.openpty()
            fcntl.ioctl(writer, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
            return reader, writer
        except OSError:
            pass
    return os.pipe()


class _Talk:
    """The program's stderr: lines, and bars that take each other's place."""

    ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
    # A name, blocks and a share where the end is known, and the time.
    BAR = re.compile(
        r"(?!error: |hint: |note: )(?P<name>\S.*?)\s+"
        r"(?:[█▉▊▋▌▍▎▏░ ]*\s(?P<percent>\d+)%\s+)?(?P<time>(?:\d+[smhd]\s?)+)\s*"
    )

    def __init__(self, source: int, display: Display):
        self.source = source
        self.display = display
        self.lines: list[str] = []
        self._rest = b""

    def read(self) -> bool:
        """Takes what is there, and waits for it; the result is whether more may come."""
        try:
            chunk = os.read(self.source, 1 << 16)
        except OSError:  # How a pseudo-terminal ends.
            chunk = b""
        *parts, self._rest = re.split(rb"[\r\n]+", self._rest + chunk)
        if not chunk:
            parts, self._rest = [*parts, self._rest], b""
        for part in parts:
            self._take(part)
        # A bar is not ended before the next one is drawn.
        bar = self.BAR.fullmatch(self._text(self._rest))
        if bar:
            self.display.bar(bar["name"], bar["percent"], bar["time"])
        return bool(chunk)

    def said(self, start: str) -> str | None:
        """What follows `start` in the last line that begins with it."""
        return next((line[len(start) :] for line in reversed(self.lines) if line.startswith(start)), None)

    def _take(self, part: bytes) -> None:
        text = self._text(part)
        if not text or self.BAR.fullmatch(text):
            return
        self.lines.append(text)
        # These come back as an exception.
        if not text.startswith(("error: ", "hint: ")):
            self.display.line(text)

    def _text(self, part: bytes) -> str:
        return self.ESCAPE.sub("", part.decode("utf-8", "replace")).rstrip()
