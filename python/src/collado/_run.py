"""Results: run folders as objects."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from . import _files, _point, _show, _table
from ._error import Error

SUMMARIES = ("summary.json", "tree.json", "result.json")


class Record(dict[str, Any]):
    """A dictionary whose entries are attributes too.

    >>> ends = collado.Record(a=0.25, b=0.5)
    >>> ends.a, ends["b"]
    (0.25, 0.5)
    """

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"no {name!r} here, but {', '.join(self) or 'nothing'}") from None

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self]


class Run:
    """A run folder: the numbers of its summary as attributes, its tables, pictures and networks.

    What the summary holds depends on the command and is what ``run`` shows; `docs/notation.md` says what it means.

    >>> run = collado.connect("digits-a.safetensors", "digits-b.safetensors", out="first")
    >>> run.barrier.max <= run.certified.hi
    True
    >>> list(run.profile)[:3], len(run.profile["train_risk"])
    (['t', 'arc_length', 'train_risk'], 61)
    """

    folder: Path
    """Where all results are."""
    summary: Record
    """The whole summary, as the program wrote it."""

    def __init__(self, folder: str | os.PathLike[str]):
        self.folder = Path(folder)
        self.summary = summary(self.folder)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name in ("folder", "summary"):
            raise AttributeError(name)
        try:
            return self.summary[name]
        except KeyError:
            here = ", ".join(key for key in self.summary if key != "run")
            raise AttributeError(f"{self.folder}: no {name!r} in the summary, but {here}") from None

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self.summary]

    @property
    def profile(self) -> _table.Table:
        """The risk along the path, `table("profile")`: the columns ``t``, ``arc_length``, ``train_risk``, …

        >>> run = collado.connect("digits-a.safetensors", "digits-b.safetensors", method="linear")
        >>> bool(run.profile["train_risk"].max() == run.barrier.max)
        True
        """
        return self.table("profile")

    @property
    def files(self) -> list[str]:
        """The names of all results in the folder.

        >>> run = collado.connect("digits-a.safetensors", "digits-b.safetensors", method="linear")
        >>> {"path.safetensors", "profile.csv", "summary.json"} <= set(run.files)
        True
        """
        found = (file.relative_to(self.folder) for file in self.folder.rglob("*") if file.is_file())
        return sorted(str(file) for file in found if file.parts[0] != "inputs" and not file.parts[0].startswith("."))

    def table(self, name: str) -> _table.Table:
        """A table by the name of its CSV file: columns as NumPy arrays, a DataFrame where pandas is installed.

        >>> run = collado.train("relu:64-8-10", epochs=3)
        >>> [int(epoch) for epoch in run.table("history")["epoch"]]
        [0, 1, 2, 3]
        """
        return _table.read(self._file(name, ".csv"))

    def arrays(self, name: str) -> dict[str, np.ndarray]:
        """The arrays of an NPZ file by its name, such as those of a section of the risk.

        >>> run = collado.landscape.plane("digits-a.safetensors", points=5)
        >>> run.arrays("grid")["risk"].shape
        (5, 5)
        """
        with np.load(self._file(name, ".npz")) as file:
            return {key: file[key] for key in file.files}

    def state(self, name: str) -> dict[str, Any]:
        """The state dict in a checkpoint of the folder: PyTorch tensors where PyTorch is installed, else NumPy arrays.

        >>> run = collado.train("relu:64-8-10", epochs=3)
        >>> tuple(run.state("seed-0")["0.weight"].shape)
        (8, 64)
        """
        return _files.tensors(_files.read(self._file(name, ".safetensors"))[0])

    def point(self, t: float) -> dict[str, Any]:
        """The network at position `t` of the path, as a state dict for ``model.load_state_dict``.

        >>> run = collado.connect("digits-a.safetensors", "digits-b.safetensors", method="linear")
        >>> sorted(run.point(0.5))
        ['0.bias', '0.weight', '2.bias', '2.weight', '4.bias', '4.weight']
        """
        return _point.point(self.folder, t)

    def plot(self, name: str | None = None, *, ax: Any = None) -> Any:
        """Shows a picture of the folder in a notebook; elsewhere says where it is.

        Args:
            name: which picture, by the name of its SVG file; by default the first of the folder.
            ax: Matplotlib axes; the curves of the run (its profile, history or line) are drawn into them instead, so that
                several runs can share one figure. The result is `ax`.

        >>> run = collado.connect("digits-a.safetensors", "digits-b.safetensors", method="linear", out="line")
        >>> run.plot()
        line/profile.svg
        """
        if ax is not None:
            return _show.curves(self, ax)
        _show.show(self.folder / _show.picture(self, name))
        return None

    def __repr__(self) -> str:
        return _show.text(self)

    def _repr_html_(self) -> str:
        return _show.html(self)

    def _file(self, name: str, kind: str) -> Path:
        file = self.folder / (name if name.endswith(kind) else name + kind)
        if not file.is_file():
            here = [other.removesuffix(kind) for other in self.files if other.endswith(kind)]
            raise Error(f"{file}: no such file", f"there are {', '.join(here)}" if here else None)
        return file


def load(folder: str | os.PathLike[str] | Run) -> Run:
    """Opens the folder of any run, also of one that the program wrote by itself.

    >>> _ = collado.connect("digits-a.safetensors", "digits-b.safetensors", method="linear", out="earlier")
    >>> run = collado.load("earlier")
    >>> round(run.barrier.above_ends, 3)
    0.325
    """
    return folder if isinstance(folder, Run) else Run(folder)


def summary(folder: Path) -> Record:
    """The summary in a run folder."""
    if not folder.is_dir():
        raise Error(f"{folder}: no such folder")
    file = next((folder / name for name in SUMMARIES if (folder / name).is_file()), None)
    if file is None:
        unfinished = "the run is not finished: repeat its command with resume=True"
        hint = unfinished if (folder / ".state").exists() else None
        raise Error(f"{folder}: expected the folder of a run, with one of {', '.join(SUMMARIES)}", hint)
    try:
        return record(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError) as error:
        raise Error(f"{file}: {error}") from error


def record(text: str) -> Record:
    """The result in a JSON object; numbers that are not finite, which JSON lacks, are written there as texts."""
    found = _finished(json.loads(text))
    if not isinstance(found, Record):
        raise TypeError(f"expected a JSON object, found {type(found).__name__}")
    return found


def _finished(value: Any) -> Any:
    if isinstance(value, dict):
        return Record((key, _finished(part)) for key, part in value.items())
    if isinstance(value, list):
        return [_finished(part) for part in value]
    return float(value) if value in ("nan", "inf", "-inf") else value
