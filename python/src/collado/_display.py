"""Progress and notes of the program, in a notebook, on a terminal, or as plain lines."""

from __future__ import annotations

import html
import sys
import time
from typing import Any


class Display:
    """Plain lines on stderr and no bars, for scripts and logs."""

    draws_bars = False

    @staticmethod
    def choose(shown: bool) -> Display:
        """The display for where the code runs."""
        if not shown:
            return Silent()
        if in_notebook():
            return Notebook()
        return Terminal() if sys.stderr is not None and sys.stderr.isatty() else Display()

    def line(self, text: str) -> None:
        """Shows a line that stays."""
        print(text, file=sys.stderr, flush=True)

    def bar(self, name: str, percent: str | None, elapsed: str) -> None:
        """Shows how far the program has come; `percent` is None where it is not known."""

    def close(self) -> None:
        """Removes the bar."""


class Silent(Display):
    """Nothing at all."""

    def line(self, text: str) -> None:
        pass


class Terminal(Display):
    """A bar in the last line of the terminal."""

    draws_bars = True
    CLEAR = "\r\x1b[2K"
    WIDTH = 30

    def line(self, text: str) -> None:
        print(f"{self.CLEAR}{text}", file=sys.stderr, flush=True)

    def bar(self, name: str, percent: str | None, elapsed: str) -> None:
        done = "" if percent is None else self._blocks(int(percent))
        print(f"{self.CLEAR}{name} {done}{elapsed}", end="", file=sys.stderr, flush=True)

    def close(self) -> None:
        print(self.CLEAR, end="", file=sys.stderr, flush=True)

    def _blocks(self, percent: int) -> str:
        done = percent * self.WIDTH // 100
        return f"{'█' * done}{'░' * (self.WIDTH - done)} {percent:3}% "


class Notebook(Display):
    """An HTML bar below the cell, which is gone when the program has ended."""

    draws_bars = True
    SECONDS = 0.2

    def __init__(self) -> None:
        self._shown: Any = None
        self._last = 0.0

    def bar(self, name: str, percent: str | None, elapsed: str) -> None:
        now = time.monotonic()
        if now - self._last < self.SECONDS:
            return
        self._last = now
        value = "" if percent is None else f' value="{int(percent)}"'
        share = "" if percent is None else f"{int(percent)} % "
        self._update(f'{html.escape(name)} <progress max="100"{value}></progress> {share}{html.escape(elapsed)}')

    def close(self) -> None:
        if self._shown is not None:
            self._update("")

    def _update(self, text: str) -> None:
        from IPython.display import HTML, display

        if self._shown is None:
            self._shown = display(HTML(text), display_id=True)
        else:
            self._shown.update(HTML(text))


def in_notebook() -> bool:
    """Whether a Jupyter kernel runs this code."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None
