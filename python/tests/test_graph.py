"""Modules that the program has no name for are exported, and have the loss that PyTorch computes."""

import numpy as np
import pytest

import collado

torch = pytest.importorskip("torch")
nn = torch.nn


class Residual(nn.Module):
    """A small convolutional network with batch normalisation and a sum."""

    def __init__(self):
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(1, 3, 3, padding=1, bias=False), nn.BatchNorm2d(3), nn.ReLU())
        self.second = nn.Conv2d(3, 3, 3, padding=1)
        self.head = nn.Linear(3, 2)

    def forward(self, x):
        x = self.first(x)
        return self.head((x + torch.relu(self.second(x))).mean((2, 3)))


def images(seed=0):
    torch.manual_seed(seed)
    model = Residual().double()
    model(torch.rand(64, 1, 6, 6, dtype=torch.float64))  # Statistics that are no zeros and ones.
    return model


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    return rng.normal(size=(40, 1, 6, 6)), rng.integers(0, 2, size=40)


def loss(model, data):
    model.eval()
    return nn.functional.cross_entropy(model(torch.tensor(data[0])), torch.tensor(data[1])).item()


def test_a_module_without_a_name_has_the_loss_that_pytorch_computes(data):
    model = images()
    assert model.training
    table = collado.eval(model, data=data, dtype="f64", bn="interpolate")
    assert model.training, "the mode of the module is its own"
    assert float(table["risk"][0]) == pytest.approx(loss(model, data), rel=1e-12)


def test_a_point_of_a_path_is_a_state_of_the_module(data):
    a, b = images(0), images(1)
    run = collado.connect(a, b, data=data, method="linear", dtype="f64", points=5, certify="never")
    middle = images(2)
    middle.load_state_dict(run.point(0.5), strict=True)
    # PyTorch keeps unbiased variances, those of the risk are biased.
    assert loss(middle, data) == pytest.approx(float(run.profile["train_loss"][2]), rel=1e-3)
    assert middle.second.weight.equal((images(0).second.weight + images(1).second.weight) / 2)


def test_graph_files_are_networks(data, tmp_path):
    model = images()
    file = collado.export(model, data[0], tmp_path / "net.pt2")
    for given in (file, tmp_path / "net.pt2"):
        table = collado.eval(given, model.state_dict(), data=data, dtype="f64", bn="interpolate")
        assert float(table["risk"][0]) == pytest.approx(loss(images(), data), rel=1e-12)


def test_trained_networks_have_the_names_of_the_module(data):
    run = collado.train(images(), data=data, epochs=2, batch=20)
    images().load_state_dict(run.state("seed-0"), strict=True)


def test_one_row_is_enough_and_whole_numbers_are_converted(tmp_path):
    file = collado.export(images().float(), np.ones((1, 1, 6, 6), dtype=np.uint8), tmp_path / "net.pt2")
    assert file.endswith("net.pt2")


class Deciding(nn.Module):
    def forward(self, x):
        return x if float(x.sum()) > 0 else -x


def test_what_cannot_be_exported_says_so(data, tmp_path):
    with pytest.raises(collado.Error, match="Deciding cannot be exported"):
        collado.export(Deciding(), data[0], tmp_path / "net.pt2")
    with pytest.raises(ValueError, match="ends in .pt2"):
        collado.export(images(), data[0], tmp_path / "net.pt")
    with pytest.raises(collado.Error, match="no examples|expected examples"):
        collado.export(images(), data[0][:0], tmp_path / "net.pt2")
