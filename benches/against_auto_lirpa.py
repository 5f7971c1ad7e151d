#!/usr/bin/env python3
"""Times `collado certify` beside auto_LiRPA: the largest cross-entropy on a straight line between two ReLU networks.

Installs nothing. In a virtual environment of your own:
       pip install numpy torch git+https://github.com/Verified-Intelligence/auto_LiRPA
Then:  cargo build --release
       collado connect --a checkpoints/digits-a.safetensors --b checkpoints/digits-b.safetensors --method linear --out line
       python benches/against_auto_lirpa.py line/path.safetensors [--tolerance 1e-3] [--methods IBP,backward] [--middle]

Both bound the mean over the digits' training rows on pieces of [0, 1], in f64, halve the highest piece, and stop when
(hi - lo) <= tolerance * hi, lo being the largest risk at an end of a piece. auto_LiRPA gets s = t - centre as its one
perturbed input, an interval for each example, and a network whose weights are W + sD; it bounds the margins z_j - z_y
by lines in s, and the loss of these lines, convex in s, is largest at an end ('IBP' gives constants instead of lines).
Its rounding errors are not part of its bounds. Methods: IBP; backward (CROWN, intermediate layers too); CROWN-IBP and
forward+backward (these by intervals, by forward bounds); --middle takes McCormick's plane in the middle. Not a test.
"""
import argparse
import gzip
import heapq
import json
import os
import subprocess
import time

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("path", help="path.safetensors of a straight line, trained on the digits")
parser.add_argument("--tolerance", type=float, default=1e-3)
parser.add_argument("--methods", default="IBP,CROWN-IBP,forward+backward,backward")
parser.add_argument("--middle", action="store_true")
parser.add_argument("--max-pieces", type=int, default=300)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--binary", default="target/release/collado")
args = parser.parse_args()

# Threads that wait should not spin where others want the cores.
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"

import numpy as np
import torch
from auto_LiRPA import BoundedModule, BoundedTensor, PerturbationLpNorm

torch.set_num_threads(args.threads)
torch.set_default_dtype(torch.float64)


def digits():
    file = os.path.join(os.path.dirname(__file__), "../crates/data/assets/digits.csv.gz")
    rows = np.loadtxt(gzip.open(file, "rt"), delimiter=",", comments="#", ndmin=2)
    rows = rows[np.arange(len(rows)) % 5 != 0]
    return torch.tensor(rows[:, :64] / 16), torch.tensor(rows[:, 64]).long()


def layers(file):  # w0, b0, w1, ... at both ends
    with open(file, "rb") as f:
        raw = f.read()
    start = 8 + int.from_bytes(raw[:8], "little")
    tensors = {}
    for name, about in json.loads(raw[8:start]).items():
        if name != "__metadata__":
            begin, end = about["data_offsets"]
            values = np.frombuffer(raw[start + begin : start + end], {"F32": "<f4", "F64": "<f8"}[about["dtype"]])
            tensors[name] = torch.tensor(values.reshape(about["shape"]).astype(np.float64))
    numbers = sorted({int(name.split(".")[0]) for name in tensors})
    return {f"{n[0]}{k}": tensors[f"{at}.{n}"] for k, at in enumerate(numbers) for n in ("weight", "bias")}


class Line(torch.nn.Module):
    """Outputs as a function of s, for the weights W(centre) + s D."""
    def __init__(self, ends, x):
        super().__init__()
        self.x, self.ends = x, ends
        for name, v in ends.items():
            self.register_buffer(name, v[0].clone())
            self.register_buffer(name + "d", v[1] - v[0])

    def move(self, center):
        """What the network takes besides s: the products of the first layer, which is linear in s."""
        for name, v in self.ends.items():
            getattr(self, name).copy_((1 - center) * v[0] + center * v[1])
        return self.x @ self.w0.T + self.b0, self.x @ self.w0d.T + self.b0d

    def forward(self, s, c, l):
        a = c + s * l
        for k in range(1, len(self.ends) // 2):
            a = torch.relu(a)
            w, b, d, bd = (getattr(self, n) for n in (f"w{k}", f"b{k}", f"w{k}d", f"b{k}d"))
            a = torch.nn.functional.linear(a, w, b) + s * torch.nn.functional.linear(a, d, bd)
        return a


x, y = digits()
line = Line(layers(args.path), x)
# Margins z_j - z_y, j != y.
others = torch.stack([torch.cat([torch.arange(v), torch.arange(v + 1, 10)]) for v in y.tolist()])
margins = torch.nn.functional.one_hot(others, 10).double() - torch.nn.functional.one_hot(y, 10).double()[:, None]
zeros = torch.zeros(len(x), 1)


def risk(t):
    with torch.no_grad():
        return torch.nn.functional.cross_entropy(line(zeros, *line.move(t)), y).item()


def loss(z):
    return torch.logsumexp(torch.cat([zeros, z], 1), 1).mean().item()


def bound(a, b, method):
    """An upper bound of the risk on [a, b]."""
    delta = (b - a) / 2
    s = BoundedTensor(zeros, PerturbationLpNorm(norm=np.inf, eps=delta))
    with torch.no_grad():
        inputs = (s, *line.move(a + delta))
        network = BoundedModule(line, inputs, bound_opts={"mul": {"middle": args.middle}}, verbose=False)
        if method == "IBP":
            return loss(network.compute_bounds(x=inputs, C=margins, method="IBP", bound_lower=False)[1])
        out, root = network.output_name[0], network.input_name[0]
        _, _, found = network.compute_bounds(
            x=inputs, C=margins, method=method, bound_lower=False, return_A=True, needed_A_dict={out: [root]}
        )
        slope, rest = found[out][root]["uA"].squeeze(-1), found[out][root]["ubias"]
        return max(loss(rest + delta * slope), loss(rest - delta * slope))


def search(method):
    start, edges = time.perf_counter(), [i / 8 for i in range(9)]
    lo = max(map(risk, edges))
    pieces = [(-bound(a, b, method), a, b) for a, b in zip(edges, edges[1:])]
    heapq.heapify(pieces)
    count = len(pieces)
    while -pieces[0][0] - lo > args.tolerance * -pieces[0][0] and count < args.max_pieces:
        _, a, b = heapq.heappop(pieces)
        lo = max(lo, risk((a + b) / 2))
        for a, b in ((a, (a + b) / 2), ((a + b) / 2, b)):
            heapq.heappush(pieces, (-bound(a, b, method), a, b))
        count += 2
    return count, lo, -pieces[0][0], time.perf_counter() - start


def ours():
    command = f"{args.binary} certify {args.path} --tolerance {args.tolerance} --threads {args.threads} --json --quiet"
    proof = json.loads(subprocess.run(command.split(), check=True, capture_output=True).stdout)
    return proof["subintervals"], proof["lo"], proof["hi"], proof["seconds"]


for name in ["collado", *args.methods.split(",")]:
    spent = sum(os.times()[:4])
    count, lo, hi, seconds = ours() if name == "collado" else search(name)
    about = f"{count:5} pieces, [{lo:.9f}, {hi:.9f}], gap {(hi - lo) / hi:.1e}"
    print(f"{name:18} {about}, {seconds:.2f} s, {sum(os.times()[:4]) - spent:.2f} s of CPU time", flush=True)
