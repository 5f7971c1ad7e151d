"""From a call in Python to a run folder."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ._graph import Graph
from ._inputs import Inputs, flags
from ._network import Network
from ._program import Ending, execute
from ._run import Run
from ._types import Out


def run(
    command: str,
    net: Network | Graph | None,
    checkpoints: Sequence[tuple[str, Any]],
    options: dict[str, Any],
    *,
    data: Any = None,
    test: Any = None,
    out: Out = None,
    quiet: bool = False,
    named: Mapping[str, Any] | None = None,
) -> Run:
    """Runs a command of the program that writes a folder.

    Checkpoints are pairs of a name and what `Inputs` takes; those in `named` belong to the flag of that name.
    """
    if options.get("resume") and out is None:
        raise TypeError("resume: expected with out=, the folder of the run to go on with")
    words = command.split()
    with _folder(words[-1], out) as folder:
        inputs = Inputs(folder / "inputs")
        files = [inputs.checkpoint(value, name) for name, value in checkpoints]
        words += inputs.network(net, data)
        options |= {flag: inputs.checkpoint(value, flag) for flag, value in (named or {}).items() if value is not None}
        words += inputs.data(data, test) + flags(options) + [f"--out={folder}"]
        end = call(words, files, quiet)
        found = None
        if not end.interrupted and end.stdout.strip():
            # A result is printed also where it misses its target. Without one, a folder may hold that of an earlier run.
            found = Run(folder)
            if end.code == 1 and options.get("target") is None:
                warnings.warn(f"{end.error}; {end.hint}", stacklevel=4)
                return found
        end.check(folder, found)
        return found or Run(folder)


def call(words: Sequence[str], files: Sequence[str], quiet: bool) -> Ending:
    """Runs a command of the program that prints its result as JSON."""
    ways = ["--json", "--quiet"] if quiet else ["--json"]
    return execute([*words, *ways, *(["--", *files] if files else [])], display=not quiet)


@contextmanager
def _folder(name: str, out: Out) -> Iterator[Path]:
    """The folder of a run; one that was made for it and holds no results when it fails is removed again."""
    if out is None:
        folder, made = new_folder(name), True
    else:
        folder = Path(out)
        made = not folder.exists()
    try:
        yield folder
    except BaseException:
        if made and folder.exists() and all(entry.name == "inputs" for entry in folder.iterdir()):
            shutil.rmtree(folder)
        raise


def new_folder(name: str) -> Path:
    """The first folder ``runs/NAME-1``, ``runs/NAME-2``, … that is not there yet."""
    number = 1
    while True:
        folder = Path("runs") / f"{name}-{number}"
        try:
            folder.mkdir(parents=True)
            return folder
        except FileExistsError:
            number += 1
