#!/usr/bin/env python3
"""Times collado, PyTorch and JAX in alternation on the same data, sizes, threads and dtype (f32).

Installs nothing. In a virtual environment of your own: pip install numpy torch jax
Then:  cargo build --release
       python benches/against_peers.py --mnist DIR [--rounds 7] [--only TEXT] [--threads 2]
       python benches/against_peers.py --mnist DIR --only images --threads 1,2 --rounds 3    (networks for images: 8 minutes)

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
parser.add_argument("--only", default="", help="only rows whose name holds this; images: those of networks for images")
parser.add_argument("--threads", default="2", help="number of threads, or several, one table after the other: 1,2")
parser.add_argument("--binary", default="target/release/collado")
parser.add_argument("--device", default="cpu", help="cpu, or cuda: a binary built with the feature cuda on one GPU")
parser.add_argument("--precision", default="tf32x3", help="how collado multiplies on a GPU: tf32x3 or f32")
parser.add_argument("--budget", type=float, default=1e9, help="seconds after which no further row of a GPU begins")
args = parser.parse_args()

if "," in args.threads:
    for count in args.threads.split(","):
        # The last of an option given twice counts.
        subprocess.run([sys.executable, *sys.argv, "--threads", count], check=True)
    sys.exit()
args.threads = int(args.threads)

# Before the libraries start their thread pools.
if args.device == "cpu":
    os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = str(args.threads)
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: args.threads])

import numpy as np

try:
    import torch

    torch.set_num_threads(args.threads)
    import jax
    import jax.numpy as jnp
except ImportError:
    if args.device == "cpu":
        raise
    torch = globals().get("torch")  # gpu_peers.py does without what is missing.
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


# Networks of images


class Block(torch.nn.Module if torch else object):
    """A residual block with a 1 x 1 shortcut."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        conv, norm = torch.nn.Conv2d, torch.nn.BatchNorm2d
        self.conv1, self.bn1 = conv(inputs, outputs, 3, stride, 1, bias=False), norm(outputs)
        self.conv2, self.bn2 = conv(outputs, outputs, 3, 1, 1, bias=False), norm(outputs)
        self.shortcut = torch.nn.Sequential()
        if stride != 1 or inputs != outputs:
            self.shortcut = torch.nn.Sequential(conv(inputs, outputs, 1, stride, bias=False), norm(outputs))

    def forward(self, x):
        y = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        return torch.relu(y + self.shortcut(x))


def resnet(blocks, width):
    layers = [torch.nn.Conv2d(3, width, 3, 1, 1, bias=False), torch.nn.BatchNorm2d(width), torch.nn.ReLU()]
    inputs = width
    for stage, outputs in enumerate((width, 2 * width, 4 * width)):
        for block in range(blocks):
            layers.append(Block(inputs, outputs, 2 if stage and not block else 1))
            inputs = outputs
    return torch.nn.Sequential(*layers, torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(inputs, 10))


def lenet():
    nn = torch.nn
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10))


def vgg11(width):
    layers, inputs = [], 3
    for outputs in (64, "M", 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"):
        if outputs == "M":
            layers.append(torch.nn.MaxPool2d(2))
        else:
            outputs = int(outputs * width)
            layers += [torch.nn.Conv2d(inputs, outputs, 3, padding=1), torch.nn.BatchNorm2d(outputs), torch.nn.ReLU()]
            inputs = outputs
    return torch.nn.Sequential(*layers, torch.nn.Flatten(), torch.nn.Linear(inputs, 10))


def dense(rho):
    nn = torch.nn
    return nn.Sequential(nn.Linear(784, 512), rho(), nn.Linear(512, 512), rho(), nn.Linear(512, 10))


def torch_images(work, last):
    """A step, an evaluation, or a profile point by point; `last`: whether channels come last in memory."""
    torch.manual_seed(0)
    models = [work.model() for _ in range(max(work.stack, 2 if work.kind == "profile" else 1))]
    x, y = torch.randn(work.rows or 2048, *work.images), torch.randint(0, 10, (work.rows or 2048,))
    if last:
        models = [m.to(memory_format=torch.channels_last) for m in models]
        x = x.to(memory_format=torch.channels_last)
    rules = [torch.optim.SGD(m.parameters(), lr=RATE, momentum=MOMENTUM) for m in models]
    rows = torch.from_numpy(rounds_of(len(x), work.batch, work.steps))
    loss = torch.nn.functional.cross_entropy

    def step(count):
        for i in range(count):
            for model, rule in zip(models, rules):
                rule.zero_grad()
                loss(model(x[rows[i]]), y[rows[i]]).backward()
                rule.step()

    @torch.no_grad()
    def evaluate(count):
        for _ in range(count):
            for model in models:
                loss(model.eval()(x[: work.batch]), y[: work.batch]).item()

    @torch.no_grad()
    def profile(count):
        a, b = ([p.clone() for p in m.parameters()] for m in models[:2])
        model = models[0].train()
        for t in np.linspace(0, 1, count):
            for p, u, v in zip(model.parameters(), a, b):
                p.copy_((1 - t) * u + t * v)
            # One batch of all rows in training mode: its statistics are those of the population.
            loss(model(x), y).item()

    return {"train": step, "eval": evaluate, "profile": profile}[work.kind]


def jax_seeds(work):
    """A step of `work.stack` residual networks together, by `vmap`."""
    width, x = work.width, jnp.asarray(np.random.default_rng(0).standard_normal((2048, 32, 32, 3), np.float32))
    y = jnp.asarray(np.random.default_rng(1).integers(0, 10, 2048))
    rng, shapes = np.random.default_rng(2), [(3, 3, 3, width)]
    inputs = width
    for stage, outputs in enumerate((width, 2 * width, 4 * width)):
        shapes += [(3, 3, inputs, outputs), (3, 3, outputs, outputs)]
        shapes += [(1, 1, inputs, outputs)] if stage else []
        inputs = outputs
    weights = [rng.standard_normal((work.stack, *s), np.float32) * (2 / np.prod(s[:3])) ** 0.5 for s in shapes]
    norms = [np.stack([np.ones((work.stack, s[3])), np.zeros((work.stack, s[3]))], 1) for s in shapes]
    head = rng.standard_normal((work.stack, inputs, 10), np.float32) * 0.1
    theta = jax.tree.map(lambda a: jnp.asarray(a, jnp.float32), (weights, norms, head, np.zeros((work.stack, 10))))

    def unit(x, w, n, stride):
        x = jax.lax.conv_general_dilated(x, w, (stride, stride), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
        mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
        return (x - mean) * jax.lax.rsqrt(variance + 1e-5) * n[0] + n[1]

    def loss(theta, x, y):
        weights, norms, head, bias = theta
        units = iter(zip(weights, norms))
        x = jax.nn.relu(unit(x, *next(units), 1))
        for stage in range(3):
            stride = 2 if stage else 1
            z = unit(jax.nn.relu(unit(x, *next(units), stride)), *next(units), 1)
            x = jax.nn.relu(z + (unit(x, *next(units), 2) if stage else x))
        out = jax.nn.log_softmax(x.mean((1, 2)) @ head + bias)
        return -jnp.take_along_axis(out, y[:, None], 1).mean()

    def step(theta, v, rows):
        g = jax.grad(loss)(theta, x[rows], y[rows])
        v = jax.tree.map(lambda m, d: MOMENTUM * m + d, v, g)
        return jax.tree.map(lambda p, m: p - RATE * m, theta, v), v

    step = jax.jit(jax.vmap(step), donate_argnums=(0, 1))
    rows = np.stack([rounds_of(2048, work.batch, work.steps, s) for s in range(work.stack)], 1)
    rows = [jnp.asarray(r) for r in rows]
    state = [theta, jax.tree.map(jnp.zeros_like, theta)]

    def run(count):
        for i in range(count):
            state[:] = step(*state, rows[i])
        jax.block_until_ready(state)

    return run


class ImageWork:
    """One row of the table of networks of images, on random images. `targets`: over PyTorch with channels last, over
    PyTorch's default."""

    def __init__(self, name, kind, arch, model, images, targets, steps, stack=1, points=21, rows=None, width=None):
        self.name, self.kind, self.arch, self.model, self.images = name, kind, arch, model, images
        self.target, self.steps, self.stack, self.points, self.rows = targets, steps, stack, points, rows
        self.width, self.batch = width, 128

    def peers(self):
        runs = [torch_images(self, True), torch_images(self, False)] + ([jax_seeds(self)] if self.width else [])
        count = self.points if self.kind == "profile" else self.steps
        scale = count if self.kind == "profile" else 1
        return [lambda run=run: timed(run, count) * scale for run in runs]

    def ours(self):
        command = [args.binary, "time", self.kind, "--arch", self.arch, "--images", "x".join(map(str, self.images)),
                   "--batch", self.batch, "--steps", self.steps, "--stack", self.stack, "--points", self.points,
                   "--threads", args.threads] + (["--examples", self.rows] if self.rows else [])
        return seconds(command)


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
        return seconds(command)


def first_rows():
    """The first 10 000 training images as a file, for the planes."""
    file = os.path.join(os.environ.get("TMPDIR", "/tmp"), f"collado-peers-{os.getpid()}.npz")
    if not os.path.exists(file):
        x, y = MNIST
        np.savez(file, x=x[:10000], y=y[:10000])
    return file


def seconds(command):
    # One that hangs shall not cost the whole table on a GPU.
    limit = 60 if args.device == "cuda" else None
    out = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, timeout=limit)
    if out.returncode and args.device == "cuda":
        raise RuntimeError(out.stderr)
    if out.returncode:
        sys.exit(out.stderr)
    return json.loads(out.stdout)["seconds"]


def ours_on_gpu(row):
    if row.kind == "images":
        command = [args.binary, "time", "train", "--arch", row.arch, "--images", "x".join(map(str, row.images)), "--batch",
                   row.batch, "--steps", row.steps, "--examples", row.rows, "--device", "cuda"]
        return seconds(command)
    data = "digits" if row.widths[0] == 64 else f"mnist:{args.mnist}"
    if row.rows == 10000:
        data = f"npz:{first_rows()}"
    arch = "relu:" + "-".join(map(str, row.widths))
    command = [args.binary, "time", row.kind, "--arch", arch, "--data", data, "--batch", row.batch, "--steps", row.steps,
               "--stack", row.stack, "--points", row.points, "--device", "cuda", "--precision", args.precision]
    return seconds(command)


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

CIFAR, MNIST_SHAPE = (3, 32, 32), (1, 28, 28)
IMAGE_WORKS = [
    ImageWork("ResNet-20 step", "train", "resnet20", lambda: resnet(3, 16), CIFAR, "1.1 / 1.4", 5),
    ImageWork("ResNet-20 evaluation", "eval", "resnet20", lambda: resnet(3, 16), CIFAR, "1.2 / 1.6", 10),
    ImageWork("LeNet step", "train", "lenet", lenet, MNIST_SHAPE, "2 / 3", 50),
    ImageWork("LeNet evaluation", "eval", "lenet", lenet, MNIST_SHAPE, "4 / 6", 100),
    ImageWork("VGG11 x 1/2 step", "train", "vgg11:width=0.5,norm=bn", lambda: vgg11(0.5), CIFAR, "1.0 / 1.2", 5),
    ImageWork("step of 8 seeds, ResNet-8 of width 8", "train", "resnet8:width=0.5", lambda: resnet(1, 8), CIFAR,
              "2 / 2, JAX 2", 5, stack=8, width=8),
    ImageWork("profile 21 x 10 000, ResNet-8 of width 8", "profile", "resnet8:width=0.5", lambda: resnet(1, 8), CIFAR,
              "1.5 / 1.5", 1, rows=10000),
]
for _name, _rho in (("tanh", "Tanh"), ("gelu", "GELU"), ("softplus", "Softplus")):
    _model = lambda rho=_rho: torch.nn.Sequential(torch.nn.Flatten(), dense(getattr(torch.nn, rho)))
    IMAGE_WORKS.append(ImageWork(f"step 784-512-512-10, {_name}", "train", f"{_name}:784-512-512-10", _model,
                                 MNIST_SHAPE, "1.3 / 1.3", 50))


def show(seconds):
    low, mid, high = statistics.quantiles(seconds, n=4) if len(seconds) > 1 else seconds * 3
    unit, scale = ("s", 1) if mid >= 1 else ("ms", 1e3)
    return f"{mid * scale:8.3f} {unit} [{low * scale:.3f}, {high * scale:.3f}]"


def main_images():
    print(f"\n{args.threads} threads, batch 128, f32")
    print("\n| work | channels last | default | JAX | collado | torch / ours | goal |\n|---|---|---|---|---|---|---|")
    for work in (w for w in IMAGE_WORKS if args.only == "images" or args.only in w.name):
        runs = [*work.peers(), work.ours]
        if work.kind != "profile":
            for run in runs[:-1]:
                run()
        times = [[] for _ in runs]
        for _ in range(args.rounds if work.kind != "profile" else max(args.rounds // 3, 1)):
            for taken, run in zip(times, runs):
                time.sleep(0.4)
                taken.append(run())
        ours = statistics.median(times[-1])
        ratios = " / ".join(f"**{statistics.median(t) / ours:.2f}**" for t in times[:-1])
        shown = [show(t) for t in times[:-1]] + ["–"] * (4 - len(times)) + [show(times[-1])]
        print(f"| {work.name} | {' | '.join(shown)} | {ratios} | {work.target} |", flush=True)


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


DIGITS = digits() if args.device == "cpu" else None
MNIST = mnist() if args.device == "cpu" or not args.only.startswith("resnet") else None
try:
    if args.device == "cuda":
        import gpu_peers

        gpu_peers.table(ours_on_gpu, lambda: resnet(3, 16), args.only, args.budget, min(args.rounds, 3))
    else:
        main()
        main_images()
finally:
    if os.path.exists(path := os.path.join(os.environ.get("TMPDIR", "/tmp"), f"collado-peers-{os.getpid()}.npz")):
        os.remove(path)
