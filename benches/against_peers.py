#!/usr/bin/env python3
"""Times collado, PyTorch and JAX in alternation on the same data, sizes, threads and dtype (f32).

Installs nothing. In a virtual environment of your own: pip install numpy torch jax
Then:  cargo build --release
       python benches/against_peers.py --mnist DIR [--rounds 7] [--only TEXT] [--threads 2]

Prints medians, quartiles and the ratio "time of the faster peer / our time". A peer's step draws its minibatch by
index from data in memory, as ours does. Planes of the peers, which take a point after the other, are timed on a
twentieth of the points and scaled. Nothing here is a test. With --device cuda, gpu_peers.py has the peers.
"""
import argparse
import gzip
import json
import os
import statistics
import struct
import subprocess
import sys
import time

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--mnist", required=True, help="folder of the IDX files")
parser.add_argument("--rounds", type=int, default=7)
parser.add_argument("--only", default="", help="only rows whose name holds this")
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--binary", default="target/release/collado")
parser.add_argument("--device", default="cpu", help="cpu, or cuda: a binary built with the feature cuda on one GPU")
parser.add_argument("--precision", default="tf32x3", help="how collado multiplies on a GPU: tf32x3 or f32")
parser.add_argument("--budget", type=float, default=1e9, help="seconds after which no further row of a GPU begins")
args = parser.parse_args()

# Before the libraries start their thread pools.
if args.device == "cpu":
    os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = str(args.threads)
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: args.threads])

import jax
import jax.numpy as jnp
import numpy as np
import torch

torch.set_num_threads(args.threads)
RATE, MOMENTUM, CHUNK = 0.01, 0.9, 4000


def idx(name):
    for path, opener in ((name, open), (name + ".gz", gzip.open)):
        file = os.path.join(args.mnist, path)
        if os.path.exists(file):
            with opener(file, "rb") as f:
                raw = f.read()
            dims = struct.unpack(">" + "I" * raw[3], raw[4 : 4 + 4 * raw[3]])
            return np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3]).reshape(dims)
    sys.exit(f"error: {name} is not in {args.mnist}")


def mnist():
    x = idx("train-images-idx3-ubyte").reshape(60000, -1).astype(np.float32) / 255
    return x, idx("train-labels-idx1-ubyte").astype(np.int64)


def digits():
    file = os.path.join(os.path.dirname(__file__), "../crates/data/assets/digits.csv.gz")
    rows = np.loadtxt(gzip.open(file, "rt"), delimiter=",", dtype=np.float32, comments="#", ndmin=2)
    rows = rows[np.arange(len(rows)) % 5 != 0]
    return rows[:, :64] / 16, rows[:, 64].astype(np.int64)


def parameters(widths, seed):
    rng = np.random.default_rng(seed)
    pairs = zip(widths[:-1], widths[1:])
    return [a for i, o in pairs for a in (
        rng.uniform(-1, 1, (o, i)).astype(np.float32) / i**0.5, np.zeros(o, np.float32))]


def rounds_of(n, batch, steps, seed=0):
    """Minibatches as indices [steps, batch]."""
    rng = np.random.default_rng(seed)
    return np.stack([rng.integers(0, n, batch) for _ in range(steps)])


def timed(run, steps):
    start = time.perf_counter()
    run(steps)
    return (time.perf_counter() - start) / steps


# PyTorch


def torch_forward(theta, x):
    for k in range(0, len(theta), 2):
        x = torch.nn.functional.linear(x, theta[k], theta[k + 1])
        x = x if k + 2 == len(theta) else torch.relu(x)
    return x


def torch_train(work, x, y):
    x, y = torch.from_numpy(x), torch.from_numpy(y)
    models = [[torch.from_numpy(p).requires_grad_() for p in parameters(work.widths, s)] for s in range(work.stack)]
    rules = [torch.optim.SGD(m, lr=RATE, momentum=MOMENTUM) for m in models]
    rows = torch.from_numpy(rounds_of(len(x), work.batch, work.steps))

    def run(steps):
        for i in range(steps):
            for model, rule in zip(models, rules):
                rule.zero_grad()
                batch = rows[i]
                torch.nn.functional.cross_entropy(torch_forward(model, x[batch]), y[batch]).backward()
                rule.step()

    return run


def torch_bend(work, x, y):
    x, y = torch.from_numpy(x), torch.from_numpy(y)
    a, bend, b = ([torch.from_numpy(p) for p in parameters(work.widths, s)] for s in range(3))
    bend = [p.requires_grad_() for p in bend]
    rule = torch.optim.Adam(bend, lr=2e-3)
    rows = torch.from_numpy(rounds_of(len(x), work.batch, work.steps))
    ts = np.random.default_rng(0).random(work.steps)

    def run(steps):
        for i in range(steps):
            rule.zero_grad()
            t, batch = float(ts[i]), rows[i]
            theta = [(1 - t) ** 2 * p + 2 * t * (1 - t) * w + t * t * q for p, w, q in zip(a, bend, b)]
            torch.nn.functional.cross_entropy(torch_forward(theta, x[batch]), y[batch]).backward()
            rule.step()

    return run


def torch_values(work, x, y):
    x, y = torch.from_numpy(x), torch.from_numpy(y)
    vertices = [[torch.from_numpy(p) for p in parameters(work.widths, s)] for s in range(3)]

    @torch.no_grad()
    def run(points):
        for c in work.coefficients(points):
            theta = [sum(w * p for w, p in zip(c, ps)) for ps in zip(*vertices)]
            loss = 0.0
            for i in range(0, len(x), CHUNK):
                out = torch_forward(theta, x[i : i + CHUNK])
                loss += torch.nn.functional.cross_entropy(out, y[i : i + CHUNK], reduction="sum").item()

    return run


# JAX


def jax_forward(theta, x):
    for k in range(0, len(theta), 2):
        x = x @ theta[k].T + theta[k + 1]
        x = x if k + 2 == len(theta) else jax.nn.relu(x)
    return x


def jax_loss(theta, x, y):
    out = jax.nn.log_softmax(jax_forward(theta, x))
    return -jnp.take_along_axis(out, y[:, None], 1).mean()


def jax_train(work, x, y):
    x, y = jnp.asarray(x), jnp.asarray(y)

    def step(theta, v, rows):
        g = jax.grad(jax_loss)(theta, x[rows], y[rows])
        v = [MOMENTUM * m + d for m, d in zip(v, g)]
        return [p - RATE * m for p, m in zip(theta, v)], v

    if work.stack == 1:
        theta = [jnp.asarray(p) for p in parameters(work.widths, 0)]
        rows = rounds_of(len(x), work.batch, work.steps)
    else:
        all_ = [parameters(work.widths, s) for s in range(work.stack)]
        theta = [jnp.asarray(np.stack(p)) for p in zip(*all_)]
        rows = np.stack([rounds_of(len(x), work.batch, work.steps, s) for s in range(work.stack)], 1)
        step = jax.vmap(step)
    rows = [jnp.asarray(r) for r in rows]
    step = jax.jit(step, donate_argnums=(0, 1))
    state = [theta, [jnp.zeros_like(p) for p in theta]]

    def run(steps):
        for i in range(steps):
            state[:] = step(*state, rows[i])
        jax.block_until_ready(state)

    return run


def jax_bend(work, x, y):
    x, y = jnp.asarray(x), jnp.asarray(y)
    a, bend, b = ([jnp.asarray(p) for p in parameters(work.widths, s)] for s in range(3))

    def loss(bend, t, rows):
        theta = [(1 - t) ** 2 * p + 2 * t * (1 - t) * w + t * t * q for p, w, q in zip(a, bend, b)]
        return jax_loss(theta, x[rows], y[rows])

    def step(w, m, v, i, t, rows):
        g = jax.grad(loss)(w, t, rows)
        m = [0.9 * m + 0.1 * g for m, g in zip(m, g)]
        v = [0.999 * v + 0.001 * g * g for v, g in zip(v, g)]
        c1, c2 = 1 - 0.9**i, 1 - 0.999**i
        return [p - 2e-3 * (m / c1) / (jnp.sqrt(v / c2) + 1e-8) for p, m, v in zip(w, m, v)], m, v

    step = jax.jit(step, donate_argnums=(0, 1, 2))
    rows = [jnp.asarray(r) for r in rounds_of(len(x), work.batch, work.steps)]
    ts = np.random.default_rng(0).random(work.steps).astype(np.float32)
    state = [bend, [jnp.zeros_like(p) for p in bend], [jnp.zeros_like(p) for p in bend]]

    def run(steps):
        for i in range(steps):
            state[:] = step(*state, jnp.float32(i + 1), ts[i], rows[i])
        jax.block_until_ready(state)

    return run


def jax_values(work, x, y):
    x, y = jnp.asarray(x), jnp.asarray(y)
    vertices = [[jnp.asarray(p) for p in parameters(work.widths, s)] for s in range(3)]

    @jax.jit
    def value(c):
        theta = [sum(w * p for w, p in zip(c, ps)) for ps in zip(*vertices)]
        parts = x.reshape(-1, CHUNK, x.shape[1]) if len(x) % CHUNK == 0 else x[None]
        labels = y.reshape(parts.shape[:2])
        return jax.lax.map(lambda p: jax_loss(theta, *p), (parts, labels)).mean()

    def run(points):
        jax.block_until_ready([value(jnp.asarray(c, jnp.float32)) for c in work.coefficients(points)])

    return run


class Work:
    """One row of the table."""

    def __init__(self, name, kind, widths, target, batch=128, steps=100, stack=1, points=61, rows=None):
        self.name, self.kind, self.widths, self.target = name, kind, widths, target
        self.batch, self.steps, self.stack, self.points, self.rows = batch, steps, stack, points, rows

    def coefficients(self, points):
        if self.kind == "profile":
            return [(1 - t, t, 0.0) for t in np.linspace(0, 1, points)]
        side = np.linspace(0, 1, self.points)
        return [(1 - a - b, a, b) for a in side for b in side][:points]

    def peers(self, x, y):
        kinds = {"train": (torch_train, jax_train), "bend": (torch_bend, jax_bend)}
        make = kinds.get(self.kind, (torch_values, jax_values))
        runs = [m(self, x, y) for m in make]
        if self.kind in kinds:
            return [lambda run=run: timed(run, self.steps) for run in runs]
        points = self.points if self.kind == "profile" else self.points**2
        some = points if self.kind == "profile" else points // 20
        return [lambda run=run: timed(run, some) * points for run in runs]

    def ours(self):
        data = "digits" if self.widths[0] == 64 else f"mnist:{args.mnist}"
        if self.rows == 10000:
            data = f"npz:{first_rows()}"
        arch = "relu:" + "-".join(map(str, self.widths))
        command = [args.binary, "time", self.kind, "--arch", arch, "--data", data, "--batch", self.batch,
                   "--steps", self.steps, "--stack", self.stack, "--points", self.points,
                   "--threads", args.threads]
        out = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
        if out.returncode:
            sys.exit(out.stderr)
        return json.loads(out.stdout)["seconds"]


def first_rows():
    """The first 10 000 training images as a file, for the planes."""
    file = os.path.join(os.environ.get("TMPDIR", "/tmp"), f"collado-peers-{os.getpid()}.npz")
    if not os.path.exists(file):
        x, y = MNIST
        np.savez(file, x=x[:10000], y=y[:10000])
    return file


def ours_on_gpu(row):
    data = "digits" if row.widths[0] == 64 else f"mnist:{args.mnist}"
    if row.rows == 10000:
        data = f"npz:{first_rows()}"
    arch = "relu:" + "-".join(map(str, row.widths))
    command = [args.binary, "time", row.kind, "--arch", arch, "--data", data, "--batch", row.batch, "--steps", row.steps,
               "--stack", row.stack, "--points", row.points, "--device", "cuda", "--precision", args.precision]
    out = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    if out.returncode:
        sys.exit(out.stderr)
    return json.loads(out.stdout)["seconds"]


WORKS = [
    Work("step 784-512-512-10, batch 128", "train", (784, 512, 512, 10), 1.15, 128, 200),
    Work("step 784-1024-1024-10, batch 256", "train", (784, 1024, 1024, 10), 1.05, 256, 100),
    Work("step 64-64-64-10, batch 64", "train", (64, 64, 64, 10), 1.2, 64, 3000),
    Work("step of 32 seeds 64-64-64-10, batch 64", "train", (64, 64, 64, 10), 2.5, 64, 300, stack=32),
    Work("Bézier step 784-512-512-10, batch 128", "bend", (784, 512, 512, 10), 1.2, 128, 200),
    Work("profile 61 x 60 000, 784-512-512-10", "profile", (784, 512, 512, 10), 2.5),
    Work("profile 61 x 60 000, 784-1024-10", "profile", (784, 1024, 10), 8),
    Work("plane 51 x 51 x 10 000, 784-1024-10", "plane", (784, 1024, 10), 20, points=51, rows=10000),
]


def show(seconds):
    low, mid, high = statistics.quantiles(seconds, n=4) if len(seconds) > 1 else seconds * 3
    unit, scale = ("s", 1) if mid >= 1 else ("ms", 1e3)
    return f"{mid * scale:8.3f} {unit} [{low * scale:.3f}, {high * scale:.3f}]"


def main():
    print(f"torch {torch.__version__}, jax {jax.__version__}, {args.threads} threads, median [quartiles]\n")
    print("| work | PyTorch | JAX | collado | faster peer / ours | goal |\n|---|---|---|---|---|---|")
    for work in (w for w in WORKS if args.only in w.name):
        x, y = DIGITS if work.widths[0] == 64 else MNIST
        x, y = (x[: work.rows], y[: work.rows]) if work.rows else (x, y)
        runs = [*work.peers(x, y), work.ours]
        if work.kind in ("train", "bend"):
            for run in runs[:2]:
                run()
        times = [[], [], []]
        for _ in range(args.rounds if work.kind in ("train", "bend") else max(args.rounds // 3, 1)):
            for taken, run in zip(times, runs):
                # Idle threads of one library spin for a while; the next shall not suffer from it.
                time.sleep(0.4)
                taken.append(run())
        peers = [statistics.median(t) for t in times[:2]]
        ratio = min(peers) / statistics.median(times[2])
        print(f"| {work.name} | {' | '.join(map(show, times))} | **{ratio:.2f}** | {work.target} |", flush=True)


MNIST, DIGITS = mnist(), digits() if args.device == "cpu" else None
try:
    if args.device == "cuda":
        import gpu_peers

        gpu_peers.table(ours_on_gpu, args.only, args.budget, min(args.rounds, 3))
    else:
        main()
finally:
    if os.path.exists(path := os.path.join(os.environ.get("TMPDIR", "/tmp"), f"collado-peers-{os.getpid()}.npz")):
        os.remove(path)
