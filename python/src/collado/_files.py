"""Safetensors files as dictionaries of NumPy arrays, and arrays from whatever holds numbers."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ._error import Error

_TYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "u1",
    "BOOL": "?",
}
_NAMES = {np.dtype(kind).newbyteorder("="): name for name, kind in _TYPES.items()}


def read(file: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The tensors of a safetensors file, and its metadata. BF16, which NumPy lacks, is widened to F32."""
    try:
        content = file.read_bytes()
        size = int.from_bytes(content[:8], "little")
        header = json.loads(content[8 : 8 + size])
        metadata = header.pop("__metadata__", {})
        return {name: _tensor(content[8 + size :], **entry) for name, entry in header.items()}, metadata
    except OSError as error:
        raise Error(f"{file}: {error.strerror}") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise Error(f"{file}: expected a safetensors file: {error}") from error


def _tensor(data: bytes, dtype: str, shape: list[int], data_offsets: list[int]) -> np.ndarray:
    part = data[slice(*data_offsets)]
    if dtype == "BF16":
        flat = (np.frombuffer(part, "<u2").astype("<u4") << 16).view("<f4")
    else:
        flat = np.frombuffer(part, _TYPES[dtype])
    return flat.reshape(shape).astype(flat.dtype.newbyteorder("="))


def write(file: Path, tensors: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> None:
    """Writes a safetensors file; whoever looks sees the old file or the new one."""
    header: dict[str, Any] = {"__metadata__": dict(metadata)}
    position = 0
    for name, tensor in tensors.items():
        kind = _NAMES.get(tensor.dtype.newbyteorder("="))
        if kind is None:
            raise Error(f"{name}: expected numbers, found {tensor.dtype}")
        header[name] = {"dtype": kind, "shape": tensor.shape, "data_offsets": (position, position + tensor.nbytes)}
        position += tensor.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)

    def content(out: BinaryIO) -> None:
        out.write(len(text).to_bytes(8, "little") + text)
        for tensor in tensors.values():
            out.write(tensor.astype(tensor.dtype.newbyteorder("<"), copy=False).tobytes())

    atomically(file, content)


def rename(file: Path, names: list[str]) -> None:
    """Gives the tensors of a checkpoint of the program other names, listed in the order of the network's layers."""
    tensors, metadata = read(file)
    plain = json.loads(metadata["collado.names"]) if "collado.names" in metadata else sorted(tensors, key=_place)
    if plain != names:
        write(
            file, dict(zip(names, (tensors[name] for name in plain))), metadata | {"collado.names": json.dumps(names)}
        )


def _place(name: str) -> tuple[int, bool]:
    """The place of a tensor of an nn.Sequential: by layers, the weight before the bias."""
    layer, _, kind = name.partition(".")
    return int(layer), kind == "bias"


def atomically(file: Path, content: Callable[[BinaryIO], None]) -> None:
    """Writes a file beside its place and moves it there."""
    handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=".collado-python-")
    try:
        with os.fdopen(handle, "wb") as out:
            content(out)
        os.chmod(temporary, 0o644)
        os.replace(temporary, file)
    except BaseException:
        os.unlink(temporary)
        raise


def array(value: Any, what: str) -> np.ndarray:
    """The numbers of a tensor, an array, a table or nested lists, as a contiguous array.

    >>> array([[1, 2], [3, 4]], "x").shape
    (2, 2)
    """
    if callable(getattr(value, "detach", None)):
        value = value.detach().cpu()
        if str(value.dtype) == "torch.bfloat16":
            value = value.float()
        value = value.numpy()
    try:
        found = np.ascontiguousarray(value) if np.ndim(value) else np.asarray(value)
    except ValueError as error:  # Lists of different lengths.
        raise TypeError(f"{what}: expected an array or a tensor, found {type(value).__name__}: {error}") from None
    if found.dtype.kind not in "biuf":
        raise TypeError(f"{what}: expected numbers, found {type(value).__name__} of {found.dtype}")
    return found


def tensors(arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """The arrays as PyTorch tensors where PyTorch is installed, else as they are."""
    try:
        import torch
    except ImportError:
        return dict(arrays)
    return {name: torch.from_numpy(array) for name, array in arrays.items()}


def is_module(value: Any) -> bool:
    """Whether `value` is an `nn.Module`; PyTorch is not imported for that."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.nn.Module)
