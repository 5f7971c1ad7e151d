"""Paths between networks that were trained with PyTorch, beside PyTorch's own numbers."""

import numpy as np
import pytest

import collado

torch = pytest.importorskip("torch")
nn = torch.nn


def model():
    return nn.Sequential(nn.Flatten(), nn.Linear(4, 12), nn.ReLU(), nn.Linear(12, 12), nn.ReLU(), nn.Linear(12, 3))


@pytest.fixture(scope="module")
def task():
    torch.manual_seed(0)
    x = torch.randn(300, 2, 2)
    y = (x.sum((1, 2)) > 0).long() + (x[:, 0, 0] > 0.5).long()
    networks = []
    for seed in range(3):
        torch.manual_seed(seed)
        net = model()
        optimizer = torch.optim.Adam(net.parameters(), 2e-2)
        for _ in range(60):
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(x), y).backward()
            optimizer.step()
        networks.append(net)
    return x, y, networks


def loss(net, x, y):
    return nn.functional.cross_entropy(net(x), y).item()


def test_every_point_of_the_profile_is_a_network_of_that_loss(task):
    x, y, (a, b, _) = task
    run = collado.connect(model(), a.state_dict(), b.state_dict(), data=(x[:200], y[:200]), test=(x[200:], y[200:]))
    net = model()
    for i, t in ((0, 0.0), (15, 0.25), (30, 0.5), (60, 1.0)):
        net.load_state_dict(run.point(t))
        assert loss(net, x[:200], y[:200]) == pytest.approx(float(run.profile["train_loss"][i]), rel=1e-4)
        assert loss(net, x[200:], y[200:]) == pytest.approx(float(run.profile["test_loss"][i]), rel=1e-4)
    assert run.barrier.max <= run.certified.hi
    assert run.ends.a == pytest.approx(loss(a, x[:200], y[:200]), rel=1e-5)


def test_files_of_pytorch_state_dicts_and_modules_are_the_same(task):
    x, y, (a, b, _) = task
    torch.save(a.state_dict(), "a.pt")
    torch.save(b.state_dict(), "b.pt")
    settings = {"data": (x, y), "method": "linear", "certify": "never"}
    runs = [
        collado.connect(model(), "a.pt", "b.pt", **settings),
        collado.connect("relu:4-12-12-3", a.state_dict(), b.state_dict(), **settings),
        collado.connect(a, b, **settings),
    ]
    for run in runs[1:]:
        assert np.array_equal(run.profile["train_risk"], runs[0].profile["train_risk"])


def test_training_gives_files_under_the_names_of_the_model(task):
    x, y, _ = task
    run = collado.train(model(), data=(x, y), seeds=range(3, 5), epochs=5)
    net = model()
    for i, seed in enumerate((3, 4)):
        net.load_state_dict(run.state(f"seed-{seed}"))
        assert loss(net, x, y) == pytest.approx(run.runs[i].risk, rel=1e-5)
    path = collado.connect(run, method="linear", certify="never")
    net.load_state_dict(path.point(1))
    assert loss(net, x, y) == pytest.approx(run.runs[1].risk, rel=1e-5)


def test_an_aligned_network_computes_what_it_did(task):
    x, y, (a, b, _) = task
    run = collado.align(model(), a, b, data=(x, y))
    net = model()
    net.load_state_dict(run.state("aligned"))
    assert torch.allclose(net(x), b(x), atol=1e-4)
    assert run.distance_after < run.distance_before


def test_the_spectrum_is_that_of_pytorchs_hessian(task):
    x, y, _ = task
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 3)).double()
    x, names = x.flatten(1).double(), [name for name, _ in net.named_parameters()]
    shapes = [parameter.shape for parameter in net.parameters()]

    def risk(flat):
        parts = torch.split(flat, [shape.numel() for shape in shapes])
        state = {name: part.view(shape) for name, part, shape in zip(names, parts, shapes)}
        return nn.functional.cross_entropy(torch.func.functional_call(net, state, (x,)), y)

    flat = torch.cat([parameter.detach().flatten() for parameter in net.parameters()])
    expected = torch.linalg.eigvalsh(torch.func.hessian(risk)(flat)).numpy()
    run = collado.spectrum(net, data=(x, y))
    assert np.allclose(np.sort(run.eigenvalues), expected, atol=1e-9)


def test_sections_and_level_sets_take_networks_in_memory(task):
    x, y, networks = task
    tree = collado.levelset(model(), [net.state_dict() for net in networks], data=(x, y), method="linear")
    assert [minimum.name for minimum in tree.minima] == ["minimum-0", "minimum-1", "minimum-2"]
    line = collado.landscape.line(networks[0], to=networks[1], data=(x, y), points=3, radius=0.5)
    middle = model()
    halves = [net.state_dict() for net in networks[:2]]
    middle.load_state_dict({name: (halves[0][name] + halves[1][name]) / 2 for name in halves[0]})
    assert float(line.table("grid")["risk"][1]) == pytest.approx(loss(middle, x, y), rel=1e-5)
    plane = collado.landscape.plane(None, networks, data=(x, y), points=5)
    assert plane.arrays("grid")["risk"].ndim == 2


def test_half_precision_is_widened(task):
    x, y, (a, *_) = task
    half = model().to(torch.bfloat16)
    half.load_state_dict(a.state_dict())
    wide = model()
    wide.load_state_dict(half.state_dict())
    table = collado.eval(model(), half.state_dict(), data=(x, y))
    assert float(table["risk"][0]) == pytest.approx(loss(wide, x, y), rel=1e-5)
