"""Paths between two networks: the commands `connect`, `align` and `certify`."""

from __future__ import annotations

from typing import Any

from ._call import run
from ._inputs import networks
from ._run import Run
from ._types import Checkpoint, Data, Out, Path, Rows


def connect(
    model: Checkpoint | None = None,
    a: Checkpoint | None = None,
    b: Checkpoint | None = None,
    *,
    data: Data = None,
    test: Rows = None,
    method: str | None = None,
    align: str | None = None,
    target: float | str | None = None,
    certify: str | None = None,
    out: Out = None,
    quiet: bool = False,
    **options: Any,
) -> Run:
    """Finds a path of low risk from the minimum A to the minimum B, and encloses the risk along it.

    Args:
        model: the network of both: an `nn.Module`, a graph file such as `collado.export` writes, or a specification such as
            ``"relu:64-64-10"``. It may be left out, ``connect(a, b)``, where A and B say it themselves: files of the
            program, or `nn.Module`. A module that the program has no name for is exported with two rows of `data`.
        a, b: files, state dicts or `nn.Module`.
        data: ``(x, y)``, arrays or tensors, where whole numbers `y` are classes and others are targets, or a specification
            such as ``"digits"`` or ``"csv:FILE?target=COL"``; by default the data that the files state.
        test: ``(x, y)`` of further rows, on which loss and error are given too.
        method: ``"auto"`` (the default), ``"linear"``, ``"bezier"``, ``"polychain"``, ``"neb"``, …
        align: ``"none"``, ``"weights"`` or ``"activations"``: whether the neurons of B are permuted onto those of A first.
        target: the barrier above the ends to reach, a number or a share such as ``"5%"`` of the higher end's risk, the default
            of ``"auto"``.
        certify: ``"auto"``, ``"always"`` or ``"never"``.
        out: the folder of the run; by default a new one, ``runs/connect-1``, ``runs/connect-2``, …
        quiet: shows no progress and no notes.
        options: any other option of ``collado connect --help``, with ``_`` for ``-``: ``loss``, ``kappa``, ``seed``, ``bends``,
            ``epochs``, ``points``, ``threads``, ``force=True``, ``resume=True``, …

    Raises:
        Error: what the program says. Where `target` is missed, `Error.run` is the best path all the same; missing the default
            is a warning.
        KeyboardInterrupt: after Ctrl-C, when the state is saved; ``resume=True`` with the same `out` goes on.

    >>> run = collado.connect("digits-a.safetensors", "digits-b.safetensors")
    >>> run.barrier.above_ends < 0.001
    True
    """
    net, ends = networks(*_ends(model, a, b))
    options |= {"method": method, "align": align, "target": target, "certify": certify}
    return run("connect", net, list(zip("ab", ends)), options, data=data, test=test, out=out, quiet=quiet)


def align(
    model: Checkpoint | None = None,
    a: Checkpoint | None = None,
    b: Checkpoint | None = None,
    *,
    data: Data = None,
    test: Rows = None,
    method: str | None = None,
    out: Out = None,
    quiet: bool = False,
    **options: Any,
) -> Run:
    """Permutes and rescales the hidden neurons of B onto those of A. ``run.state("aligned")`` is the result.

    Args:
        model, a, b, data, test, out, quiet, options: as for `connect`.
        method: ``"weights"`` (the default) or ``"activations"``.

    >>> run = collado.align("digits-a.safetensors", "digits-b.safetensors")
    >>> run.distance_after < run.distance_before
    True
    """
    net, ends = networks(*_ends(model, a, b))
    options |= {"method": method}
    return run("align", net, list(zip("ab", ends)), options, data=data, test=test, out=out, quiet=quiet)


def certify(
    path: Path, *, data: Data = None, test: Rows = None, out: Out = None, quiet: bool = False, **options: Any
) -> Run:
    """Encloses the largest risk along a path: for every t, rounding included, it lies in [`lo`, `hi`].

    Args:
        path: a run of `connect`, its folder, or a path file.
        data, test, out, quiet: as for `connect`.
        options: any other option of ``collado certify --help``: ``tolerance``, ``max_subintervals``, …

    >>> path = collado.connect("digits-a.safetensors", "digits-b.safetensors", method="linear", certify="never")
    >>> proof = collado.certify(path, tolerance=0.01)
    >>> proof.lo <= path.barrier.max <= proof.hi
    True
    """
    return run("certify", None, [("path", path)], options, data=data, test=test, out=out, quiet=quiet)


def _ends(model: Any, a: Any, b: Any) -> tuple[Any, list[Any]]:
    """The network and the ends: with two arguments, or with one run of two networks, these are the ends."""
    if b is None:
        return None, [end for end in (model, a) if end is not None]
    return model, [a, b]
