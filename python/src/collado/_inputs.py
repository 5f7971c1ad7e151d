"""What a command is given: files, states in memory, data in memory, options."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from . import _files
from ._error import Error
from ._graph import Graph, write
from ._network import Network, network
from ._run import Run

HINTS = {
    "DataLoader": "; x, y = map(torch.cat, zip(*loader)) are its rows",
    "TensorDataset": "; dataset.tensors are its rows",
}


class Inputs:
    """Writes what is given as arrays into files that the program reads: FOLDER/HASH/NAME, with the hash of the content.

    A name thus never stands for two contents, and the results of an earlier run keep the files that they name.
    """

    def __init__(self, folder: Path):
        self.folder = folder

    def checkpoint(self, value: Any, name: str) -> str:
        """The file of a checkpoint that is given as a file, a run, an `nn.Module` or a state dict."""
        if isinstance(value, (str, os.PathLike)):
            return os.fspath(value)
        if isinstance(value, Run):
            return str(value.folder)
        if _files.is_module(value):
            value = value.state_dict()
        if not isinstance(value, Mapping):
            raise TypeError(
                f"{name}: expected a file, a state dict, an nn.Module or a run, found {type(value).__name__}"
            )
        if not value:
            raise Error(f"{name}: the state dict is empty")
        state = {str(key): _files.array(tensor, f"{name}[{key!r}]") for key, tensor in value.items()}
        file = self._place(f"{name}.safetensors", state)
        if not file.exists():
            _files.write(file, state, {"format": "pt"})
        return str(file)

    def network(self, net: Network | Graph | None, data: Any) -> list[str]:
        """The flags for a network; one without a name is exported."""
        if not isinstance(net, Graph):
            return [] if net is None else net.flags()
        content = net.archive(data)
        file = self._place("net.pt2", {"net": np.frombuffer(content, "u1")})
        if not file.exists():
            write(file, content)
        return [f"--net={file}"]

    def data(self, data: Any, test: Any = None) -> list[str]:
        """The flag for data that are given as a specification, or as ``(x, y)``."""
        if isinstance(data, str) or data is None:
            if test is not None:
                raise TypeError("test: expected with data=(x, y) only; a specification names its test rows itself")
            return [] if data is None else [f"--data={data}"]
        arrays = _pair(data, "data", "")
        if test is not None:
            arrays |= _pair(test, "test", "_test")
            _share_types(arrays)
        file = self._place("data.npz", arrays)
        if not file.exists():

            def content(out: BinaryIO) -> None:
                np.savez(out, **arrays)  # type: ignore[arg-type]

            _files.atomically(file, content)
        return [f"--data=npz:{file}"]

    def _place(self, name: str, arrays: Mapping[str, np.ndarray]) -> Path:
        digest = hashlib.sha256()
        for key, array in arrays.items():
            digest.update(f"{key} {array.dtype.str} {array.shape};".encode())
            digest.update(np.ascontiguousarray(array).data)
        folder = self.folder.absolute() / digest.hexdigest()[:12]
        folder.mkdir(parents=True, exist_ok=True)
        return folder / name


def _pair(pair: Any, what: str, suffix: str) -> dict[str, np.ndarray]:
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        found = f"{len(pair)} parts" if isinstance(pair, (tuple, list)) else type(pair).__name__
        specification = " or a specification such as 'digits' or 'npz:FILE'" if what == "data" else ""
        hint = HINTS.get(type(pair).__name__, "")
        raise TypeError(f"{what}: expected (x, y){specification}, found {found}{hint}")
    x, y = (_files.array(part, f"{name} of {what}") for name, part in zip("xy", pair))
    return {f"x{suffix}": x, f"y{suffix}": y}


def _share_types(arrays: dict[str, np.ndarray]) -> None:
    """Gives floats, or whole numbers, of both splits the wider of their types."""
    for name in "xy":
        train, test = arrays[name], arrays[f"{name}_test"]
        if (train.dtype.kind == "f") == (test.dtype.kind == "f"):
            wider = np.promote_types(train.dtype, test.dtype)
            arrays |= {name: train.astype(wider, copy=False), f"{name}_test": test.astype(wider, copy=False)}


def several(value: Any) -> list[Any]:
    """The values of a list or tuple, else the single value; none for `None`."""
    return list(value) if isinstance(value, (list, tuple)) else [] if value is None else [value]


def networks(model: Any, checkpoints: Any) -> tuple[Network | Graph | None, list[Any]]:
    """The network and the checkpoints, where `model` may be the only one, and a checkpoint may say its own network."""
    found = several(checkpoints)
    if not found:
        model, found = None, several(model)
    if model is None:
        model = next((checkpoint for checkpoint in found if _files.is_module(checkpoint)), None)
    return (None if model is None else network(model)), found


def models(model: Any, checkpoints: Any) -> tuple[Network | Graph | None, list[tuple[str, Any]]]:
    """The network, and the checkpoints with names for their files."""
    net, found = networks(model, checkpoints)
    return net, [(f"model-{i}" if len(found) > 1 else "model", one) for i, one in enumerate(found)]


def flags(options: Mapping[str, Any]) -> list[str]:
    """Options as flags of the program.

    >>> flags({"max_steps": 100, "nesterov": True, "batch": 0, "seeds": range(0, 8), "scales": [1, 0.5], "target": None})
    ['--max-steps=100', '--nesterov', '--batch=0', '--seeds=0..8', '--scales=1,0.5']
    """
    given = {name: value for name, value in options.items() if value is not None and value is not False}
    return [_flag("--" + name.replace("_", "-"), value) for name, value in given.items()]


def _flag(flag: str, value: Any) -> str:
    if value is True:
        return flag
    if isinstance(value, range):
        if value.step != 1:
            raise ValueError(f"{flag[2:]}: expected a range of step 1, found {value!r}")
        return f"{flag}={value.start}..{value.stop}"
    if isinstance(value, (list, tuple)):
        return f"{flag}={','.join(map(str, value))}"
    return f"{flag}={value}"
