"""The commands of the program as functions."""

from __future__ import annotations

import pathlib
import tempfile
from typing import Any

from . import _files, _table
from ._call import call, run
from ._inputs import Inputs, flags, networks, several
from ._network import network
from ._run import Run, record
from ._types import Checkpoint, Checkpoints, Data, Module, Out, Path, Rows


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
        model: the network of both, an `nn.Module` or a specification such as ``"relu:64-64-10"``. It may be left out,
            ``connect(a, b)``, where A and B say it themselves: files of the program, or `nn.Module`.
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


def train(
    model: str | Module,
    *,
    data: Data = None,
    test: Rows = None,
    seeds: range | None = None,
    out: Out = None,
    quiet: bool = False,
    **options: Any,
) -> Run:
    """Trains one or many networks from random parameters; a run of many seeds is one stack and hardly slower.

    Args:
        model: an `nn.Module`, which says the network and keeps its own parameters, or a specification.
        data, test, out, quiet: as for `connect`; without data the digits are taken.
        seeds: the seeds, one network each; by default the single `seed`, 0.
        options: any other option of ``collado train --help``: ``epochs``, ``batch``, ``optimizer``, ``lr``, ``until_risk``, …

    The networks are the files ``seed-0.safetensors``, … of the folder: ``run.state("seed-0")``.

    >>> run = collado.train("relu:64-16-10", seeds=range(0, 2), epochs=20)
    >>> [one.seed for one in run.runs]
    [0, 1]
    >>> run.runs[0].train_error < 0.1
    True
    """
    net = network(model)
    arch = {"arch": net.arch, "seeds": seeds}
    found = run("train", None, [], arch | options, data=data, test=test, out=out, quiet=quiet)
    if not isinstance(model, str):
        for one in found.runs:
            _files.rename(found.folder / one.checkpoint, list(model.state_dict()))
    return found


def eval(
    model: Checkpoints | None,
    checkpoints: Checkpoints | None = None,
    *,
    data: Data = None,
    test: Rows = None,
    quiet: bool = False,
    **options: Any,
) -> _table.Table:
    """Computes risk, loss and error of one or many checkpoints, a row of a table each.

    Args:
        model: as for `connect`; an `nn.Module` without `checkpoints` is evaluated with its own parameters.
        checkpoints: a file, a state dict, an `nn.Module`, a run of `train`, or a list of them.
        data, test, quiet: as for `connect`.
        options: any other option of ``collado eval --help``.

    >>> rows = collado.eval(["digits-a.safetensors", "digits-b.safetensors"])
    >>> [round(float(error), 3) for error in rows["test_error"]]
    [0.028, 0.022]
    """
    net, found = networks(model, [] if checkpoints is None else several(checkpoints))
    with tempfile.TemporaryDirectory(prefix="collado-") as folder:
        inputs = Inputs(pathlib.Path(folder))
        files = [inputs.checkpoint(value, f"checkpoint-{i}") for i, value in enumerate(found)]
        words = ["eval", *([] if net is None else net.flags()), *inputs.data(data, test), *flags(options)]
        end = call(words, files, quiet)
        end.check()
    rows = record(end.stdout).checkpoints
    for row in rows:
        # What was in memory has no file that is still there.
        if row.checkpoint.startswith(folder):
            row["checkpoint"] = pathlib.Path(row.checkpoint).stem
    return _table.table({name: [row.get(name) for row in rows] for name in sorted(rows[0])})


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


def levelset(
    model: Checkpoints | None,
    minima: Checkpoints | None = None,
    *,
    data: Data = None,
    test: Rows = None,
    method: str | None = None,
    out: Out = None,
    quiet: bool = False,
    **options: Any,
) -> Run:
    """Builds the merge tree of many minima: the levels of the risk from which on they are connected.

    Args:
        model: as for `connect`; it may be left out, ``levelset(minima)``, where the minima say it themselves.
        minima: a run of `train`, or a list of files, state dicts and `nn.Module`.
        data, test, out, quiet: as for `connect`.
        method: the method for pairs whose straight line is too high, ``"bezier"`` by default.
        options: any other option of ``collado levelset --help``: ``align``, ``certify=True``, ``epochs``, …

    >>> minima = collado.train("relu:64-8-10", seeds=range(0, 3), epochs=10)
    >>> tree = collado.levelset(minima, method="linear")
    >>> [minimum.name for minimum in tree.minima], len(tree.edges)
    (['seed-0', 'seed-1', 'seed-2'], 2)
    """
    net, found = networks(model, [] if minima is None else several(minima))
    named = [(f"minimum-{i}", minimum) for i, minimum in enumerate(found)]
    options |= {"method": method}
    return run("levelset", net, named, options, data=data, test=test, out=out, quiet=quiet)


def spectrum(
    model: Checkpoints | None,
    checkpoint: Checkpoints | None = None,
    *,
    data: Data = None,
    test: Rows = None,
    out: Out = None,
    quiet: bool = False,
    **options: Any,
) -> Run:
    """Computes eigenvalues of the Hessian of the risk, its index and its trace, each with its error.

    Args:
        model: as for `connect`; an `nn.Module` without `checkpoint` is taken with its own parameters.
        checkpoint: a file, a state dict, an `nn.Module`, a run of `train`, or a list of them.
        data, test, out, quiet: as for `connect`.
        options: any other option of ``collado spectrum --help``: ``matrix``, ``count``, ``ends``, …

    >>> minimum = collado.train("relu:64-8-10", epochs=5)
    >>> top = collado.spectrum(minimum, count=2, products=0, probes=0).top[0]
    >>> top.value > 0, top.residual < 1e-3
    (True, True)
    """
    net, found = networks(model, [] if checkpoint is None else several(checkpoint))
    named = [(f"model-{i}" if len(found) > 1 else "model", one) for i, one in enumerate(found)]
    return run("spectrum", net, named, options, data=data, test=test, out=out, quiet=quiet)


def kernel(
    model: Checkpoint | None,
    checkpoint: Checkpoint | None = None,
    *,
    data: Data = None,
    test: Rows = None,
    out: Out = None,
    quiet: bool = False,
    **options: Any,
) -> Run:
    """Computes tangent kernels of a network, their spectra and the gradient bounds that follow.

    Args:
        model, checkpoint, data, test, out, quiet: as for `spectrum`.
        options: any other option of ``collado kernel --help``: ``examples``, ``by_layer=True``, …

    >>> minimum = collado.train("relu:64-8-10", epochs=5)
    >>> run = collado.kernel(minimum, examples=20)
    >>> run.arrays("kernel")["ntk"].shape
    (20, 20)
    """
    net, found = networks(model, [] if checkpoint is None else [checkpoint])
    named = [("model", one) for one in found]
    return run("kernel", net, named, options, data=data, test=test, out=out, quiet=quiet)


def _ends(model: Any, a: Any, b: Any) -> tuple[Any, list[Any]]:
    """The network and the ends: with two arguments, or with one run of two networks, these are the ends."""
    if b is None:
        return None, [end for end in (model, a) if end is not None]
    return model, [a, b]
