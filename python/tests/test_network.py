"""Modules of PyTorch: what is recognised computes the same as in PyTorch, and the rest says why it is not."""

import numpy as np
import pytest

import collado
from collado._network import network

torch = pytest.importorskip("torch")
nn = torch.nn


def mlp(activation=nn.ReLU, bias=True):
    layers = [
        nn.Linear(3, 5, bias=bias),
        activation(),
        nn.Linear(5, 4, bias=bias),
        activation(),
        nn.Linear(4, 2, bias=bias),
    ]
    return nn.Sequential(*layers)


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    return rng.normal(size=(50, 3)), rng.integers(0, 2, size=50)


COVERED = {
    "relu:3-5-4-2?bias=true": lambda: mlp(),
    "tanh:3-5-4-2?bias=false": lambda: mlp(nn.Tanh, bias=False),
    "softplus:3-5-4-2?bias=true": lambda: mlp(nn.Softplus),
    "gelu:3-5-4-2?bias=true": lambda: mlp(nn.GELU),
    "logistic:3-5-4-2?bias=true": lambda: mlp(nn.Sigmoid),
    "silu:3-5-4-2?bias=true": lambda: mlp(nn.SiLU),
    "leaky:3-5-4-2?bias=true": lambda: mlp(nn.LeakyReLU),
    "linear:3-5-4-2?bias=true": lambda: mlp(nn.Identity),
    "linear:3-2?bias=false": lambda: nn.Linear(3, 2, bias=False),
    "relu:3-5-2?bias=true": lambda: nn.Sequential(
        nn.Flatten(), nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Dropout(0.5)), nn.Linear(5, 2)
    ),
}


@pytest.mark.parametrize("arch", COVERED)
def test_a_recognised_module_has_the_loss_that_pytorch_computes(arch, data):
    torch.manual_seed(0)
    model = COVERED[arch]().double().eval()
    assert network(model).arch == arch
    expected = nn.functional.cross_entropy(model(torch.tensor(data[0])), torch.tensor(data[1])).item()
    table = collado.eval(model, data=data, dtype="f64")
    assert float(table["risk"][0]) == pytest.approx(expected, rel=1e-12)


def test_layers_with_names_are_told_in_the_order_of_use(data):
    from collections import OrderedDict

    torch.manual_seed(0)
    parts = OrderedDict(z=nn.Linear(3, 3), act=nn.ReLU(), y=nn.Linear(3, 3), act2=nn.ReLU(), x=nn.Linear(3, 2))
    model = nn.Sequential(parts).double()
    expected = nn.functional.cross_entropy(model(torch.tensor(data[0])), torch.tensor(data[1])).item()
    table = collado.eval(model, data=data, dtype="f64")
    assert float(table["risk"][0]) == pytest.approx(expected, rel=1e-12)


def test_one_activation_object_may_be_used_twice():
    act = nn.Tanh()
    model = nn.Sequential(nn.Linear(3, 5), act, nn.Linear(5, 4), act, nn.Linear(4, 2))
    assert network(model).arch == "tanh:3-5-4-2?bias=true"


class OfItsOwn(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(3, 5), nn.Linear(5, 2)

    def forward(self, x):
        return self.fc2(torch.sin(self.fc1(x)))


class Doubled(nn.Sequential):
    def forward(self, x):
        return 2 * super().forward(x)


REFUSED = {
    "Conv2d": lambda: nn.Sequential(nn.Conv2d(1, 1, 3), nn.Flatten(), nn.Linear(4, 2)),
    "BatchNorm1d": lambda: nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 2)),
    "activations differ: relu, tanh": lambda: nn.Sequential(
        nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 2)
    ),
    "activations differ: relu, linear": lambda: nn.Sequential(
        nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 4), nn.Linear(4, 2)
    ),
    "several activations": lambda: nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Tanh(), nn.Linear(4, 2)),
    "some layers have a bias": lambda: nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2, bias=False)),
    "takes 5 inputs, the layer before gives 4": lambda: nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(5, 2)),
    "approximate='none' is covered": lambda: mlp(lambda: nn.GELU(approximate="tanh")),
    "beta=1 is covered": lambda: mlp(lambda: nn.Softplus(beta=2)),
    "negative_slope=0.01 is covered": lambda: mlp(lambda: nn.LeakyReLU(0.2)),
    "it has no nn.Linear": lambda: nn.Sequential(nn.Flatten()),
    "hooks or other parameters": lambda: nn.Sequential(nn.utils.prune.identity(nn.Linear(3, 2), "weight")),
    "ParametrizedLinear": lambda: nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(3, 2))),
    "Doubled is not": lambda: Doubled(nn.Linear(3, 2)),
    "its forward cannot be read": lambda: OfItsOwn(),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_another_module_has_no_name_and_says_why(reason):
    import torch.nn.utils.prune  # noqa: F401

    with pytest.raises(collado.Error, match=reason) as error:
        collado.eval(REFUSED[reason](), data="digits")
    assert "covered are nn.Sequential" in error.value.hint
    assert "data=(x, y)" in error.value.hint


def test_outputs_behind_a_last_sigmoid_are_refused(data):
    with pytest.raises(collado.Error, match="ends in logistic, which follows the last layer"):
        collado.eval(nn.Sequential(nn.Linear(3, 1), nn.Sigmoid()), data=data)


def test_the_refusal_of_a_class_names_the_specification_to_try(data):
    with pytest.raises(collado.Error) as error:
        collado.eval(OfItsOwn(), data="digits")
    assert "'relu:3-5-2'" in error.value.hint
    model = OfItsOwn()
    assert len(collado.eval("relu:3-5-2", model.state_dict(), data=data)["risk"]) == 1


def test_dropout_is_mentioned_in_training_mode_only():
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Dropout(0.5), nn.Linear(4, 2))
    with pytest.warns(UserWarning, match="Dropout"):
        network(model)
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        network(model.eval())


def test_what_is_no_model_is_a_type_error():
    with pytest.raises(TypeError, match="expected an nn.Module, a graph file or a specification .* found int"):
        network(3)
