"""Sections of the risk: lines, planes, zooms and training trajectories.

Each function writes a folder with pictures and with the numbers, ``run.arrays("grid")``.
"""

from __future__ import annotations

from typing import Any

from ._call import run
from ._graph import Graph
from ._inputs import models, networks
from ._network import Network, network
from ._run import Run
from ._types import Checkpoint, Checkpoints, Data, Out, Path, Rows

__all__ = ["line", "plane", "trajectory", "zoom"]


def line(
    model: Checkpoint | None,
    checkpoint: Checkpoint | None = None,
    *,
    to: Checkpoint | None = None,
    data: Data = None,
    test: Rows = None,
    out: Out = None,
    quiet: bool = False,
    **options: Any,
) -> Run:
    """Draws the risk along a line through a network, in a random direction or towards another network.

    Args:
        model, checkpoint, data, test, out, quiet: as for `collado.spectrum`.
        to: a second network, at 1, a file, a state dict or an `nn.Module`; the first one is at 0.
        options: any other option of ``collado landscape line --help``: ``radius``, ``points``, …

    >>> run = collado.landscape.line("digits-a.safetensors", to="digits-b.safetensors", points=5)
    >>> run.table("grid")["risk"].shape
    (5,)
    """
    net, named = models(model, checkpoint)
    more = {"to": to}
    return run("landscape line", net, named, options, data=data, test=test, out=out, quiet=quiet, named=more)


def plane(
    model: Checkpoints | None = None,
    checkpoints: Checkpoints | None = None,
    *,
    path: Path | None = None,
    data: Data = None,
    test: Rows = None,
    out: Out = None,
    quiet: bool = False,
    **options: Any,
) -> Run:
    """Draws the risk on a plane: of two random directions at a network, through three networks, or of a path.

    Args:
        model: as for `collado.connect`; with `path` it is left out.
        checkpoints: one network or three: files, state dicts or `nn.Module`.
        path: a run of `collado.connect`, its folder, or a path file.
        data, test, out, quiet: as for `collado.connect`.
        options: any other option of ``collado landscape plane --help``: ``radius``, ``margin``, ``points``, …

    >>> path = collado.connect("digits-a.safetensors", "digits-b.safetensors", certify="never")
    >>> run = collado.landscape.plane(path=path, points=7)
    >>> run.section
    'plane'
    """
    net, named = models(model, checkpoints)
    more = {"path": path}
    return run("landscape plane", net, named, options, data=data, test=test, out=out, quiet=quiet, named=more)


def zoom(
    model: Checkpoint | None,
    checkpoint: Checkpoint | None = None,
    *,
    data: Data = None,
    test: Rows = None,
    out: Out = None,
    quiet: bool = False,
    **options: Any,
) -> Run:
    """Draws the risk around a network at several scales.

    Args:
        model, checkpoint, data, test, out, quiet: as for `collado.spectrum`.
        options: any other option of ``collado landscape zoom --help``: ``scales``, ``points``, …

    >>> run = collado.landscape.zoom("digits-a.safetensors", scales=[1, 0.5], points=5)
    >>> [scale.scale for scale in run.scales]
    [1.0, 0.5]
    """
    net, named = models(model, checkpoint)
    return run("landscape zoom", net, named, options, data=data, test=test, out=out, quiet=quiet)


def trajectory(
    model: Checkpoints | None,
    checkpoints: Checkpoints | None = None,
    *,
    data: Data = None,
    test: Rows = None,
    out: Out = None,
    quiet: bool = False,
    **options: Any,
) -> Run:
    """Draws the risk on the plane of the two principal components of a training trajectory.

    Args:
        model: an `nn.Module` or a specification, which is trained and recorded where no checkpoints are given.
        checkpoints: the networks along a training, in order: files, or state dicts that were copied after each epoch.
        data, test, out, quiet: as for `collado.connect`.
        options: any other option of ``collado landscape trajectory --help``: ``epochs``, ``margin``, ``points``, …

    >>> run = collado.landscape.trajectory("relu:64-8-10", data="digits", epochs=3, points=7)
    >>> run.checkpoints
    4
    """
    net: Network | Graph | None
    found: list[Any]
    if checkpoints is None and not isinstance(model, (list, tuple, Run)):
        net, found = network(model), []
    else:
        net, found = networks(model, checkpoints)
    named = [(f"step-{i}", one) for i, one in enumerate(found)]
    return run("landscape trajectory", net, named, options, data=data, test=test, out=out, quiet=quiet)
