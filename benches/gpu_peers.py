"""PyTorch and JAX on a GPU, for against_peers.py --device cuda: the fastest way of each that needs no kernel of one's own.

PyTorch records a step as a CUDA graph, stacks by vmap; JAX compiles a scan over the steps. f32 without TF32. Their
minibatches lie on the GPU before the clock starts; they compute no error rate. Data are random, which takes as long.
"""
import os
import time

os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")

import numpy as np

# The table has a dash where one of them is missing.
try:
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_default_matmul_precision", "highest")
except ImportError:
    jax = None
try:
    import torch
    import torch.nn.functional as F

    torch.backends.cuda.matmul.allow_tf32 = False
    no_grad = torch.no_grad()
except ImportError:
    torch, no_grad = None, lambda f: f
RATE, MOMENTUM = 0.01, 0.9
RNG = np.random.default_rng(0)


def data(features, examples):
    x = RNG.random((examples, features), dtype=np.float32)
    return x, RNG.integers(0, 10, examples)


# PyTorch


def torch_parameters(widths, grad=True):
    shapes = [s for i, o in zip(widths, widths[1:]) for s in ((o, i), (o,))]
    return [(torch.randn(*s, device="cuda") / s[-1] ** 0.5).requires_grad_(grad) for s in shapes]


def torch_forward(theta, x):
    for k in range(0, len(theta), 2):
        x = F.linear(x, theta[k], theta[k + 1])
        x = torch.relu(x) if k + 2 < len(theta) else x
    return x


def torch_clock(run, times, warm=3):
    for _ in range(warm):
        run()
    torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(times):
        run()
    torch.cuda.synchronize()
    return (time.perf_counter() - start) / times


def torch_graph(step):
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


def torch_train(row, x, y):
    x, y = torch.from_numpy(x).cuda(), torch.from_numpy(y).cuda()
    rows = torch.randint(0, len(x), (row.stack, row.batch), device="cuda")
    if row.stack == 1:
        theta = torch_parameters(row.widths)
        rule = torch.optim.SGD(theta, RATE, momentum=MOMENTUM, fused=True)

        def step():
            rule.zero_grad(set_to_none=False)
            F.cross_entropy(torch_forward(theta, x[rows[0]]), y[rows[0]]).backward()
            rule.step()

        return torch_clock(torch_graph(step), 200)
    theta = [torch.stack([p] * row.stack) for p in torch_parameters(row.widths, False)]
    velocity = [torch.zeros_like(p) for p in theta]
    slopes = torch.func.vmap(torch.func.grad(lambda p, x, y: F.cross_entropy(torch_forward(p, x), y)))

    def step():
        gradient = slopes(theta, x[rows], y[rows])
        torch._foreach_mul_(velocity, MOMENTUM)
        torch._foreach_add_(velocity, list(gradient))
        torch._foreach_add_(theta, velocity, alpha=-RATE)

    return torch_clock(torch_graph(step), 50)


def torch_bend(row, x, y):
    x, y = torch.from_numpy(x).cuda(), torch.from_numpy(y).cuda()
    a, b = (torch_parameters(row.widths, False) for _ in range(2))
    bend = torch_parameters(row.widths)
    rule = torch.optim.Adam(bend, 2e-3, fused=True, capturable=True)
    rows, t = torch.randint(0, len(x), (row.batch,), device="cuda"), torch.rand((), device="cuda")

    def step():
        rule.zero_grad(set_to_none=False)
        c = ((1 - t) ** 2, 2 * t * (1 - t), t * t)
        theta = [c[0] * p + c[1] * q + c[2] * r for p, q, r in zip(a, bend, b)]
        F.cross_entropy(torch_forward(theta, x[rows]), y[rows]).backward()
        rule.step()

    return torch_clock(torch_graph(step), 200)


def torch_images(row, tf32):
    """An eager step of a network for images, with or without TF32 in its convolutions."""
    torch.backends.cudnn.allow_tf32 = tf32
    model = row.model().cuda().train()
    x = torch.randn(row.rows, *row.images, device="cuda")
    y = torch.randint(0, 10, (row.rows,), device="cuda")
    rule = torch.optim.SGD(model.parameters(), RATE, momentum=MOMENTUM)
    rows = torch.randint(0, row.rows, (row.batch,), device="cuda")

    def step():
        rule.zero_grad()
        F.cross_entropy(model(x[rows]), y[rows]).backward()
        rule.step()

    return torch_clock(step, 50)


@no_grad
def torch_values(row, x, y):
    x, y = torch.from_numpy(x).cuda(), torch.from_numpy(y).cuda()
    a, b = (torch_parameters(row.widths, False) for _ in range(2))
    # A twentieth of the points of a plane.
    points = row.points if row.kind == "profile" else row.points**2 // 20

    def run():
        for t in np.linspace(0, 1, points):
            z = torch_forward([torch.lerp(p, q, float(t)) for p, q in zip(a, b)], x)
            F.cross_entropy(z, y)
            (z.argmax(1) != y).sum()

    return torch_clock(run, 1, 1) * (1 if row.kind == "profile" else row.points**2 / points)


# JAX


def jax_parameters(widths, seed=0):
    rng = np.random.default_rng(seed)
    pairs = zip(widths, widths[1:])
    return [(jnp.asarray(rng.standard_normal((i, o), dtype=np.float32) / np.float32(i) ** 0.5), jnp.zeros(o)) for i, o in pairs]


def jax_forward(theta, x):
    for w, c in theta[:-1]:
        x = jax.nn.relu(x @ w + c)
    return x @ theta[-1][0] + theta[-1][1]


def jax_loss(theta, x, y):
    out = jax.nn.log_softmax(jax_forward(theta, x))
    return -jnp.mean(jnp.take_along_axis(out, y[:, None], 1))


def jax_clock(run, state, xs, steps):
    state = run(state, xs)
    jax.block_until_ready(state)
    times = []
    for _ in range(5):
        start = time.perf_counter()
        state = run(state, xs)
        jax.block_until_ready(state)
        times.append((time.perf_counter() - start) / steps)
    return sorted(times)[2]


def scanned(step):
    return jax.jit(lambda c, xs: jax.lax.scan(lambda c, x: (step(c, x), None), c, xs)[0], donate_argnums=0)


def jax_train(row, x, y):
    x, y = jnp.asarray(x), jnp.asarray(y)

    def one(theta, velocity, rows):
        g = jax.grad(jax_loss)(theta, x[rows], y[rows])
        velocity = jax.tree.map(lambda v, g: MOMENTUM * v + g, velocity, g)
        return jax.tree.map(lambda p, v: p - RATE * v, theta, velocity), velocity

    steps, theta, shape = row.peer_steps, jax_parameters(row.widths), (row.batch,)
    if row.stack > 1:
        one, shape = jax.vmap(one), (row.stack, row.batch)
        theta = jax.tree.map(lambda p: jnp.stack([p] * row.stack), theta)
    rows = jnp.asarray(RNG.integers(0, len(x), (steps, *shape)))
    state = theta, jax.tree.map(jnp.zeros_like, theta)
    return jax_clock(scanned(lambda c, rows: one(*c, rows)), state, rows, steps)


def jax_bend(row, x, y):
    x, y = jnp.asarray(x), jnp.asarray(y)
    a, b, bend = (jax_parameters(row.widths, seed) for seed in range(3))
    # Twice, since each is given away.
    m, v = (jax.tree.map(jnp.zeros_like, bend) for _ in range(2))

    def step(state, given):
        (w, m, v, k), (rows, t) = state, given

        def loss(w):
            c = ((1 - t) ** 2, 2 * t * (1 - t), t * t)
            return jax_loss(jax.tree.map(lambda p, q, r: c[0] * p + c[1] * q + c[2] * r, a, w, b), x[rows], y[rows])

        g, k = jax.grad(loss)(w), k + 1
        m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, g)
        v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
        c1, c2 = 1 - 0.9**k, 1 - 0.999**k
        return jax.tree.map(lambda p, m, v: p - 2e-3 * (m / c1) / (jnp.sqrt(v / c2) + 1e-8), w, m, v), m, v, k

    steps = row.peer_steps
    given = jnp.asarray(RNG.integers(0, len(x), (steps, row.batch))), jnp.asarray(RNG.random(steps), jnp.float32)
    return jax_clock(scanned(step), (bend, m, v, jnp.float32(0)), given, steps)


def jax_values(row, x, y):
    x, y = jnp.asarray(x), jnp.asarray(y)
    a, b = (jax_parameters(row.widths, seed) for seed in range(2))

    def at(t):
        z = jax_forward(jax.tree.map(lambda p, q: (1 - t) * p + t * q, a, b), x)
        out = jax.nn.log_softmax(z)
        return -jnp.mean(jnp.take_along_axis(out, y[:, None], 1)), jnp.mean(z.argmax(1) != y)

    points = row.points if row.kind == "profile" else row.points**2
    run, ts = jax.jit(lambda ts: jax.lax.map(at, ts)), jnp.linspace(0, 1, points)
    jax.block_until_ready(run(ts))
    start = time.perf_counter()
    jax.block_until_ready(run(ts))
    return time.perf_counter() - start


class Row:
    """One row of the table."""

    def __init__(self, name, kind, widths, ask, batch=128, stack=1, steps=2048, peer_steps=100, points=61, rows=60000):
        self.name, self.kind, self.widths, self.ask, self.batch, self.stack = name, kind, widths, ask, batch, stack
        self.steps, self.peer_steps, self.points, self.rows = steps, peer_steps, points, rows
        self.images, self.arch, self.model = (3, 32, 32), name.split()[0].lower(), None

    def peers(self):
        """The seconds of both, as functions of nothing."""
        if self.kind == "images":
            return [lambda tf32=tf32: torch_images(self, tf32) for tf32 in (False, True)]
        kinds = {"train": (torch_train, jax_train), "bend": (torch_bend, jax_bend)}
        examples = data(self.widths[0], self.rows)
        return [lambda peer=peer: peer(self, *examples) for peer in kinds.get(self.kind, (torch_values, jax_values))]


SMALL, MIDDLE = (64, 64, 64, 10), (784, 512, 512, 10)
ROWS = [
    Row("step 64-64-64-10, batch 64", "train", SMALL, 4.5, 64, steps=6144, peer_steps=200, rows=1437),
    Row("step 32 x 64-64-64-10, batch 64", "train", SMALL, 4.5, 64, 32, 6144, 200, rows=1437),
    Row("step 132 x 64-64-64-10, batch 64", "train", SMALL, 5, 64, 132, 3072, rows=1437),
    Row("step 512 x 64-64-64-10, batch 64", "train", SMALL, 4, 64, 512, 1536, rows=1437),
    Row("step 784-512-512-10, batch 128", "train", MIDDLE, 1.6),
    Row("step 32 x 784-512-512-10, batch 128", "train", MIDDLE, 1.6, stack=32, steps=512, peer_steps=20),
    Row("profile 61 x 60 000, 784-512-512-10", "profile", MIDDLE, 3.3),
    Row("profile 61 x 60 000, 784-1024-10", "profile", (784, 1024, 10), 19),
    Row("bend 784-512-512-10, batch 128", "bend", MIDDLE, 1.7),
    Row("step 784-1024-1024-10, batch 256", "train", (784, 1024, 1024, 10), 1.4, 256),
    Row("plane 51 x 51 x 10 000, 784-1024-10", "plane", (784, 1024, 10), 50, points=51, rows=10000),
    Row("step 784-4096-4096-10, batch 1024", "train", (784, 4096, 4096, 10), 1.4, 1024, steps=256, peer_steps=10),
    # PyTorch twice: without TF32, as collado computes, and with it.
    Row("resnet20 step, batch 128", "images", (), 0.67, steps=20, rows=2048),
]


def show(seconds):
    if seconds is None:
        return "–"
    for unit, scale in (("s", 1), ("ms", 1e3)):
        if seconds * scale >= 1:
            return f"{seconds * scale:.2f} {unit}"
    return f"{seconds * 1e6:.2f} µs"


def tried(run):
    """What it returns, or nothing, with a line that says why: one row that fails keeps no other from being shown."""
    try:
        return run()
    except Exception as e:
        print(f"failed: {type(e).__name__}: {' '.join(str(e).split())[:300]}", flush=True)
        return None


def table(ours, model, only="", budget=1e9, rounds=3):
    """Prints the table; `ours` gives the seconds of a row, `model` PyTorch's network for images. Networks for images are
    only there if they are asked for."""
    ROWS[-1].model = model
    start = time.perf_counter()
    card = torch.cuda.get_device_name() if torch and torch.cuda.is_available() else "no PyTorch that sees a GPU"
    print(f"{card}, torch {torch and torch.__version__}, jax {jax and jax.__version__}\n", flush=True)
    print("| work | PyTorch | JAX | collado | faster peer / ours | goal |\n|---|---|---|---|---|---|", flush=True)
    for row in (r for r in ROWS if only in r.name and (only or r.kind != "images")):
        if time.perf_counter() - start > budget:
            break
        times = [t for t in (tried(lambda: ours(row)) for _ in range(rounds)) if t is not None]
        mine = sorted(times)[len(times) // 2] if times else None
        modules = (torch, torch if row.kind == "images" else jax)
        peers = [tried(peer) if module else None for peer, module in zip(row.peers(), modules)]
        known = [t for t in peers if t is not None]
        ratio = f"**{min(known) / mine:.2f}**" if known and mine else "–"
        cells = " | ".join(show(s) for s in (*peers, mine))
        print(f"| {row.name} | {cells} | {ratio} | {row.ask} |", flush=True)
