"""What the functions take."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from ._run import Run


class Module(Protocol):
    """An `nn.Module`, as far as a type checker has to know without PyTorch."""

    def state_dict(self) -> Mapping[str, Any]:
        """The parameters by name."""


Checkpoint = str | os.PathLike[str] | Mapping[str, Any] | Module | Run
"""The parameters of a network: a file, a state dict, a module with its own, or a run that holds them."""
Checkpoints = Checkpoint | Sequence[Checkpoint]
Path = str | os.PathLike[str] | Run
"""A path: a run of `connect`, its folder, or a path file."""
Data = str | tuple[Any, Any] | None
"""A specification, or ``(x, y)`` of arrays or tensors."""
Rows = tuple[Any, Any] | None
"""``(x, y)`` of arrays or tensors."""
Out = str | os.PathLike[str] | None
"""The folder of a run; None takes a new one in ``runs``."""
