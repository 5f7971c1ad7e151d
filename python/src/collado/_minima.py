"""Single networks and many: the commands `train`, `eval`, `levelset`, `spectrum` and `kernel`."""

from __future__ import annotations

import pathlib
import tempfile
from typing import Any

from . import _files, _table
from ._call import call, run
from ._inputs import Inputs, flags, models, networks
from ._network import Network, network
from ._run import Run, record
from ._types import Checkpoint, Checkpoints, Data, Module, Out, Rows


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
        model: an `nn.Module`, which says the network and keeps its own parameters, a graph file, or a specification.
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
    known = isinstance(net, Network)
    # No file is read whose layers had to be put into order.
    plain = Network(net.arch) if isinstance(net, Network) else net
    found = run("train", plain, [], {"seeds": seeds} | options, data=data, test=test, out=out, quiet=quiet)
    if known and _files.is_module(model):
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
    net, found = networks(model, checkpoints)
    with tempfile.TemporaryDirectory(prefix="collado-") as folder:
        inputs = Inputs(pathlib.Path(folder))
        words = ["eval", *inputs.network(net, data), *inputs.data(data, test), *flags(options)]
        files = [inputs.checkpoint(value, f"checkpoint-{i}") for i, value in enumerate(found)]
        end = call(words, files, quiet)
        end.check()
    rows = record(end.stdout).checkpoints
    for row in rows:
        # What was in memory has no file that is still there.
        if row.checkpoint.startswith(folder):
            row["checkpoint"] = pathlib.Path(row.checkpoint).stem
    return _table.table({name: [row.get(name) for row in rows] for name in sorted(rows[0])})


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
    net, found = networks(model, minima)
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
    net, named = models(model, checkpoint)
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
    net, named = models(model, checkpoint)
    return run("kernel", net, named, options, data=data, test=test, out=out, quiet=quiet)
