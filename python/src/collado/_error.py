"""The exception of the package."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._run import Run


class Error(Exception):
    """What the program says after ``error:`` and ``hint:``, or what the package itself refuses.

    Attributes:
        message: one line with what was expected and what was found.
        hint: what helps, or ``None``.
        run: the run where it is there all the same, such as the best path of a `connect` that missed its target.

    >>> try:
    ...     collado.load("no-such-run")
    ... except collado.Error as error:
    ...     print(error.message)
    no-such-run: no such folder
    """

    def __init__(self, message: str, hint: str | None = None, run: Run | None = None):
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.run = run

    def __str__(self) -> str:
        hint = f"\nhint: {self.hint}" if self.hint else ""
        there = f"\nThe attribute run of this exception is what was found: {self.run.folder}" if self.run else ""
        return f"{self.message}{hint}{there}"
