"""Points of paths."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import _files
from ._program import execute

if TYPE_CHECKING:
    from ._run import Run


def point(path: str | os.PathLike[str] | Run, t: float) -> dict[str, Any]:
    """The network at position `t` of a path, as a state dict for ``model.load_state_dict``.

    Args:
        path: a run of `connect`, its folder, or a path file.
        t: the position, from 0 (the end A) to 1 (the end B).

    >>> _ = collado.connect("digits-a.safetensors", "digits-b.safetensors", method="linear", out="line")
    >>> start = collado.point("line/path.safetensors", 0)
    >>> tuple(start["0.weight"].shape)
    (64, 64)
    """
    source = os.fspath(getattr(path, "folder", path))
    with tempfile.TemporaryDirectory(prefix="collado-") as folder:
        file = Path(folder) / "point.safetensors"
        end = execute(["point", f"--t={t}", f"--out={file}", "--", source], display=False)
        end.check()
        return _files.tensors(_files.read(file)[0])
