"""collado: find, follow and draw low-risk paths between minima of neural networks.

Each function runs a command of the program `collado` and returns a `Run`, the folder with its results:

>>> import collado
>>> run = collado.connect("digits-a.safetensors", "digits-b.safetensors", data="digits")
>>> run.barrier.above_ends < 0.001
True

Networks are given as `nn.Module`, as a specification such as ``"relu:64-64-10"``, or as files that state them; their
parameters as files or state dicts; data as ``(x, y)`` or as a specification. `docs/python.md` shows it all.
"""

from importlib import metadata as _metadata

from . import landscape
from ._error import Error
from ._graph import export
from ._minima import eval, kernel, levelset, spectrum, train
from ._paths import align, certify, connect
from ._point import point
from ._run import Record, Run, load
from ._sweep import sweep

try:
    __version__ = _metadata.version("collado")
except _metadata.PackageNotFoundError:  # Imported from a source tree.
    __version__ = "unknown"

__all__ = [
    "Error",
    "Record",
    "Run",
    "align",
    "certify",
    "connect",
    "eval",
    "export",
    "kernel",
    "landscape",
    "levelset",
    "load",
    "point",
    "spectrum",
    "sweep",
    "train",
]
