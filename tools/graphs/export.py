#!/usr/bin/env python3
"""Writes the archives of tests/data/graphs/exported: networks as PyTorch exports them, with random weights, and what PyTorch
computes for them. Needs torch and numpy (for ONNX onnx and onnxscript, too), and is not run by the tests.

    tools/graphs/export.py --out tests/data/graphs/exported [NAME ...]

Writes `NAME-VERSION.pt2` and, with --values, `NAME.safetensors`. In the place of the archives `--onnx` writes ONNX models, by
both exporters: `NAME.onnx` by the one that follows `torch.export`, `NAME-torchscript.onnx` by the older one.

    inputs            examples, F32 (tokens: I64)
    labels            their classes, I64
    logits_f64        outputs in F64, in evaluation mode
    logits_f32        the same in F32
    loss              mean cross-entropy of these outputs, F64
    gradient.NAME     its gradient by a parameter, F64
    logits_train      outputs in training mode without dropout, where there are batch normalisations, F64

Weights and inputs are drawn by a generator of its own from the network's name, so that every version of PyTorch has the same.
"""
import argparse
import copy
import json
import pathlib
import struct
import sys
import zlib

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

import networks

EXAMPLES = 4


def randomize(net, random):
    """Draws all parameters and statistics, none of them at a special value."""
    for module in net.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.running_mean.copy_(torch.from_numpy(random.normal(0, 0.3, module.num_features)))
            module.running_var.copy_(torch.from_numpy(random.uniform(0.5, 1.5, module.num_features)))
            module.num_batches_tracked.fill_(7)
    for name, parameter in net.named_parameters():
        shape = tuple(parameter.shape)
        if parameter.ndim >= 2:
            values = random.normal(0, 1.4 / np.sqrt(np.prod(shape[1:])), shape)
        elif name.endswith("weight"):
            values = random.uniform(0.5, 1.5, shape)
        else:
            values = random.normal(0, 0.2, shape)
        parameter.data.copy_(torch.from_numpy(values))
    if hasattr(net, "scatter"):
        net.scatter()


def examples(shape, random):
    if shape[0] is int:
        return torch.from_numpy(random.integers(0, networks.TOKENS, (EXAMPLES, *shape[1:])))
    return torch.from_numpy(random.normal(0, 1, (EXAMPLES, *shape)).astype(np.float32))


def wide(net, x):
    """The same network and examples in F64."""
    return copy.deepcopy(net).double(), x if x.dtype == torch.int64 else x.double()


def values(net, x, random):
    """What PyTorch computes."""
    exact, inputs = wide(net, x)
    logits = exact(inputs)
    flat = logits.reshape(-1, logits.shape[-1])
    labels = torch.from_numpy(random.integers(0, flat.shape[1], flat.shape[0]))
    loss = F.cross_entropy(flat, labels)
    loss.backward()
    with torch.no_grad():
        narrow = net(x)
    found = {"inputs": x, "labels": labels.reshape(logits.shape[:-1]), "logits_f64": logits, "logits_f32": narrow, "loss": loss}
    found.update({f"gradient.{name}": p.grad for name, p in exact.named_parameters()})
    if any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in net.modules()):
        training, _ = wide(net, x)
        training.train()
        for module in training.modules():
            if isinstance(module, nn.Dropout):
                module.eval()
        dropout, F.dropout = F.dropout, lambda input, *_, **__: input
        found["logits_train"] = training(inputs)
        F.dropout = dropout
    return {name: tensor.detach().contiguous().numpy() for name, tensor in found.items()}


def save(file, tensors):
    """Writes a safetensors file, with the largest elements first so that all are aligned."""
    kinds = {"float64": "F64", "int64": "I64", "float32": "F32"}
    order = sorted(tensors, key=lambda name: (-tensors[name].itemsize, name))
    header, offset = {}, 0
    for name in order:
        array = tensors[name]
        header[name] = {"dtype": kinds[str(array.dtype)], "shape": list(array.shape), "data_offsets": [offset, offset + array.nbytes]}
        offset += array.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    file.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(tensors[name].tobytes() for name in order))


def export(net, x, file, static=False):
    """Writes an archive by the line that the documentation shows; 2.4 has no `Dim.AUTO` yet."""
    dim = getattr(torch.export.Dim, "AUTO", None) or torch.export.Dim("batch", min=2, max=1024)
    program = torch.export.export(net, (x[:2],), dynamic_shapes=None if static else ({0: dim},))
    torch.export.save(program, str(file))
    return sorted({str(node.target) for node in program.graph.nodes if node.op == "call_function"})


def export_onnx(net, x, file, older):
    """Writes an ONNX model whose tensors are those of the state dict, by the lines that the documentation shows."""
    if older:
        torch.onnx.export(
            net, (x[:2],), str(file), dynamo=False, training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False,
            input_names=["x"], dynamic_axes={"x": {0: "batch"}},
        )
    else:
        batch = {0: torch.export.Dim("batch", min=2, max=1024)}
        torch.onnx.export(net, (x[:2],), str(file), dynamo=True, optimize=False, external_data=False, dynamic_shapes=(batch,))
        without_notes(file)


def without_notes(file):
    """Leaves only the lines of Python of an ONNX model's notes, so that the file is small."""
    import onnx

    model = onnx.load(file)
    for node in model.graph.node:
        lines = [note.value for note in node.metadata_props if note.key == "pkg.torch.onnx.stack_trace"]
        del node.metadata_props[:]
        for line in lines:
            node.metadata_props.add(key="pkg.torch.onnx.stack_trace", value=line)
    graph = model.graph
    for known in [*graph.value_info, *graph.initializer, *graph.input, *graph.output]:
        del known.metadata_props[:]
    onnx.save(model, file)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="networks (default: all)")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--values", action="store_true", help="write what PyTorch computes, too")
    parser.add_argument("--onnx", action="store_true", help="write ONNX models in the place of archives")
    parser.add_argument("--mode", choices=["eval", "train", "static"], default="eval", help="what is exported")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    version = ".".join(torch.__version__.split("+")[0].split(".")[:2])
    suffix = "" if args.mode == "eval" else f"-{args.mode}"
    failed, operations = False, set()
    for name in args.names or networks.ALL:
        torch.manual_seed(0)
        net, shape = networks.ALL[name]()
        random = np.random.default_rng(zlib.crc32(name.encode()))
        randomize(net.eval(), random)
        x = examples(shape, random)
        if args.values:
            save(args.out / f"{name}.safetensors", values(net, x, random))
        parameters = sum(p.numel() for p in net.parameters())
        ends = [".onnx", "-torchscript.onnx"] if args.onnx else [f"{suffix}-{version}.pt2"]
        for file in [args.out / f"{name}{end}" for end in ends]:
            try:
                if args.onnx:
                    export_onnx(net, x, file, older="torchscript" in file.name)
                else:
                    operations.update(export(net.train(args.mode == "train"), x, file, args.mode == "static"))
                print(f"{file.name}: {parameters} parameters, {file.stat().st_size} bytes")
            except Exception as error:
                print(f"{file.name}: {type(error).__name__}: {str(error).splitlines()[0]}", file=sys.stderr)
                failed = True
    if operations:
        print(len(operations), "operations:", " ".join(sorted(operations)))
    sys.exit(failed)


if __name__ == "__main__":
    main()
