"""Networks that the program does not know by name, as graphs that PyTorch exports."""

from __future__ import annotations

import copy
import io
import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from . import _files
from ._error import Error


@dataclass(frozen=True)
class Graph:
    """An `nn.Module` that is given to the program as a graph, once two rows of its data are known."""

    model: Any
    reason: Error
    """Why the program does not know it by name."""

    def archive(self, data: Any) -> bytes:
        """The graph as ``torch.export.save`` writes it, followed with two rows of ``data = (x, y)``."""
        if not isinstance(data, (tuple, list)) or len(data) != 2:
            hint = "with data=(x, y) it is exported for you; else pass collado.export(model, x), x two examples"
            raise Error(self.reason.message, f"{hint}. By name, {self.reason.hint}")
        return archive(self.model, data[0])


def export(model: Any, x: Any, file: str | os.PathLike[str] = "net.pt2") -> str:
    """Writes the graph of an `nn.Module` into a file, which every function takes as its `model`.

    Args:
        model: any module of one input and one output; it is left as it is, and followed as after ``model.eval()``.
        x: examples, of which two rows are taken, an array or a tensor.
        file: where the graph is written, a name that ends in ``.pt2``.

    Raises:
        Error: what PyTorch says of a module that cannot be exported.
    """
    content, file = archive(model, x), Path(file)
    if file.suffix != ".pt2":
        raise ValueError(f"file: expected a name that ends in .pt2, found {file.name!r}")
    write(file, content)
    return str(file)


def write(file: Path, content: bytes) -> None:
    def whole(out: BinaryIO) -> None:
        out.write(content)

    _files.atomically(file, whole)


def archive(model: Any, x: Any) -> bytes:
    import torch

    # A copy, as the modes of its parts and its place in memory belong to whoever trains it.
    net = copy.deepcopy(model).cpu().eval()
    automatic = getattr(torch.export.Dim, "AUTO", None)
    shapes = None if automatic is None else ({0: automatic},)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program = torch.export.export(net, (_rows(net, x),), dynamic_shapes=shapes)
            out = io.BytesIO()
            torch.export.save(program, out)
    except Exception as error:
        said = str(error).strip().partition("\n")[0] or type(error).__name__
        hint = "torch.export.export follows tensors, and no decisions that depend on their numbers"
        raise Error(f"model: {type(model).__name__} cannot be exported: {said}", hint) from error
    return out.getvalue()


def _rows(net: Any, x: Any) -> Any:
    """Two examples of the type that the module takes."""
    import torch

    some = _files.array(x[:2], "x")
    if len(some) == 0:
        raise Error("x: expected examples, found none")
    rows = torch.from_numpy(np.resize(some, (2, *some.shape[1:])))
    if any(isinstance(part, torch.nn.Embedding) for part in net.modules()) and some.dtype.kind in "iu":
        return rows.long()
    kinds = (parameter.dtype for parameter in net.parameters() if parameter.is_floating_point())
    return rows.to(next(kinds, torch.float32))
