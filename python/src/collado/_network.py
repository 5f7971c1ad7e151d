"""Networks of PyTorch as the program knows them."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from ._error import Error
from ._files import is_module
from ._graph import Graph

COVERED = (
    "covered are nn.Sequential of nn.Linear, all with or all without bias, with one of ReLU, LeakyReLU, Tanh, "
    "Softplus, GELU, SiLU and Sigmoid or nothing between them, perhaps an nn.Flatten before and nn.Dropout among them"
)


GRAPHS = (".pt2", ".onnx")


class Unknown(Error):
    """A module has no name, but may have a graph."""


@dataclass(frozen=True)
class Network:
    """A network as the program takes it."""

    arch: str
    """What ``--arch`` takes, or a graph file."""
    layers: tuple[str, ...] = ()
    """The names of the affine layers in the order of use; empty where files decide."""

    def flags(self) -> list[str]:
        """The flags of a command that reads files of this network."""
        if self.arch.endswith(GRAPHS):
            return [f"--net={self.arch}"]
        words = [name for name in self.layers if not name.replace(".", "").isdigit()]
        in_order = f"--layers={','.join(self.layers)}"
        # Numbered layers are put into order by the program, and so is a single one.
        return [f"--arch={self.arch}", in_order] if words and len(self.layers) > 1 else [f"--arch={self.arch}"]


def network(model: Any) -> Network | Graph:
    """What the program is told about `model`: a specification, a graph file, or an `nn.Module`, by name where it has one."""
    if isinstance(model, str):
        return Network(model)
    if isinstance(model, os.PathLike) and str(model).endswith(GRAPHS):
        return Network(str(model))
    if not is_module(model):
        expected = "an nn.Module, a graph file or a specification such as 'relu:64-64-10'"
        raise TypeError(f"model: expected {expected}, found {type(model).__name__}")
    model = _unwrap(model)
    try:
        return _dense(model)
    except Unknown as reason:
        return Graph(model, reason)


def _unwrap(model: Any) -> Any:
    """The module that torch.compile and DataParallel wrap; the program leaves out the prefix of its names itself."""
    for inner in ("_orig_mod", "module"):
        if type(model).__name__ in ("OptimizedModule", "DataParallel", "DistributedDataParallel"):
            model = getattr(model, inner, model)
    return model


def _dense(model: Any) -> Network:
    from torch import nn

    names = {
        nn.ReLU: "relu",
        nn.LeakyReLU: "leaky",
        nn.Tanh: "tanh",
        nn.Softplus: "softplus",
        nn.GELU: "gelu",
        nn.SiLU: "silu",
        nn.Sigmoid: "logistic",
    }
    layers: list[tuple[str, Any]] = []
    between: list[str] = []
    pending: list[str] = []
    for name, module in _sequence(model, ""):
        kind = type(module)
        if kind is nn.Linear:
            if layers:
                between.append(_one(pending, name, model))
            _check(name, module, layers, model)
            layers.append((name, module))
            pending = []
        elif kind in names:
            if not layers:
                raise _refusal(model, f"{name} is {module!r} before the first layer")
            _exact(name, module, model)
            pending.append(names[kind])
        elif kind in (nn.Dropout, nn.AlphaDropout):
            if module.training:
                warnings.warn(f"model: {name}, {_short(module)}, is left out, as after model.eval()", stacklevel=6)
        elif not (kind is nn.Identity or (kind is nn.Flatten and not layers and _flattens_all(module))):
            raise _refusal(model, f"{name} is {_short(module)}")
    if not layers:
        raise _refusal(model, "it has no nn.Linear")
    if pending:
        # No graph either: the risk of such outputs would not be the one that was trained.
        raise Error(
            f"model: {type(model).__name__} ends in {pending[0]}, which follows the last layer",
            "leave it out: the losses 'cross-entropy' and 'logistic' hold softmax and sigmoid themselves",
        )
    if len(set(between)) > 1:
        raise _refusal(model, f"its activations differ: {', '.join(between)}")
    widths = [layers[0][1].in_features] + [layer.out_features for _, layer in layers]
    bias = "true" if layers[0][1].bias is not None else "false"
    rho = between[0] if between else "linear"
    return Network(f"{rho}:{'-'.join(map(str, widths))}?bias={bias}", tuple(name for name, _ in layers))


def _sequence(model: Any, prefix: str) -> list[tuple[str, Any]]:
    """The modules that an nn.Sequential, or one within another, applies one after the other."""
    from torch import nn

    if type(model) is nn.Linear and not prefix:
        return [("", model)]
    if not (isinstance(model, nn.Sequential) and type(model).forward is nn.Sequential.forward):
        if not prefix:
            raise _refusal(model, "its forward cannot be read", _like(model))
        return [(prefix[:-1], model)]
    # Not named_children(), which leaves out a module that is used twice.
    return [part for name, child in model._modules.items() for part in _sequence(child, f"{prefix}{name}.")]


def _one(pending: list[str], name: str, model: Any) -> str:
    if len(pending) > 1:
        raise _refusal(model, f"several activations stand before {name}: {', '.join(pending)}")
    return pending[0] if pending else "linear"


def _check(name: str, layer: Any, layers: list[tuple[str, Any]], model: Any) -> None:
    if set(layer._parameters) != {"weight", "bias"} or layer._forward_pre_hooks or layer._forward_hooks:
        raise _refusal(model, f"{name} is an nn.Linear with hooks or other parameters, as pruning makes it")
    if not layers:
        return
    last, first = layers[-1][1], layers[0][1]
    if layer.in_features != last.out_features:
        raise _refusal(model, f"{name} takes {layer.in_features} inputs, the layer before gives {last.out_features}")
    if (layer.bias is None) != (first.bias is None):
        raise _refusal(model, "some layers have a bias, others have none")


def _exact(name: str, module: Any, model: Any) -> None:
    """Refuses the variants of a function that the program does not have."""
    for option, covered in (("approximate", "none"), ("beta", 1), ("negative_slope", 0.01)):
        if getattr(module, option, covered) != covered:
            raise _refusal(model, f"{name} is {module!r}; {option}={covered!r} is covered")


def _flattens_all(module: Any) -> bool:
    return bool(module.start_dim == 1 and module.end_dim == -1)


def _like(model: Any) -> str | None:
    """A specification that the state dicts of a class of one's own may have."""
    from torch import nn

    layers = [module for module in model.modules() if type(module) is nn.Linear]
    others = sum(parameter.numel() for parameter in model.parameters())
    others -= sum(parameter.numel() for layer in layers for parameter in layer.parameters())
    if not layers or others or any(a.out_features != b.in_features for a, b in pairwise(layers)):
        return None
    widths = "-".join(str(n) for n in [layers[0].in_features, *(layer.out_features for layer in layers)])
    return f"if it is a chain of these layers with ReLU between, pass 'relu:{widths}' and state dicts instead"


def _short(module: Any) -> str:
    return repr(module).partition("\n")[0].rstrip("( ")


def _refusal(model: Any, reason: str, hint: str | None = None) -> Unknown:
    message = f"model: {type(model).__name__} is not a network that the program knows: {reason}"
    return Unknown(message, "; ".join(filter(None, [hint, COVERED])))
