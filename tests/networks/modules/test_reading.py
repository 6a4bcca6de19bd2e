"""Modules are read and written without changing a bit."""

from __future__ import annotations

import copy
import json
import pickle
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from scalegmn.errors import ArchitectureError, CheckpointError, UnsupportedLayerError
from scalegmn.networks import (
    Activate,
    Activation,
    Architecture,
    Conv,
    Dense,
    Dropout,
    Flatten,
    LayeredArchitecture,
    Pool,
    Shift,
    Skip,
    activation_kinds,
    cnn,
    mlp,
    run,
    siren,
)
from scalegmn.networks.modules import build_module, read_module, write_module

RELU = Activate(Activation("relu"))


def convolutional() -> nn.Sequential:
    return nn.Sequential(
        nn.Sequential(
            nn.Conv2d(1, 4, 3), nn.PReLU(4), nn.Dropout2d(0.1), nn.Conv2d(4, 6, 3, groups=2), nn.ReLU()
        ),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(6, 3, bias=False),
        nn.PReLU(),
    )


def skipping() -> Architecture:
    """With skips, fixed slopes, a shift, names of any shape and one that another would get."""
    layers = (
        Pool("average", (2, 2)),
        Conv("trunk.conv", 1, 4, (3, 3), padding=(1, 1), bias=False),
        Activate(Activation("prelu"), name="slope", count=1),
        Conv("trunk.conv_arctan", 4, 4, (3, 3), padding=(1, 1)),
        Activate(Activation("arctan")),
        Pool("max"),
        Flatten((1, 1)),
        Dense("trunk.head", 4, 3),
        Activate(Activation("prelu", 0.5)),
        Dropout(0.9),
        Dense("z", 3, 2),
        Shift(-1.5),
    )
    return LayeredArchitecture(layers, (Skip(0, 1, 4), Skip(1, 2, 2), Skip(2, 3, 2)))


ARCHITECTURES = {
    "siren": siren(),
    "mlp": mlp(widths=(2, 3, 1), activations=[Activation("tanh")]),
    "cnn": cnn(activations=[Activation("leaky_relu", 0.2)] * 3),
    "flattened maps": LayeredArchitecture(
        (Conv("a", 1, 2, (3, 3)), RELU, Flatten((5, 3)), Dense("b", 30, 2))
    ),
    "skips": skipping(),
    "nested in a layer": LayeredArchitecture((Dense("a", 2, 3), RELU, Dense("a.b", 3, 1))),
    "out of order": LayeredArchitecture(
        (Dense("a.0", 2, 3), RELU, Dense("b", 3, 2), RELU, Dense("a.1", 2, 1))
    ),
}


def random_theta(architecture: Architecture) -> Tensor:
    return torch.randn(architecture.num_parameters, generator=torch.Generator().manual_seed(1))


def test_reading() -> None:
    module = convolutional()
    architecture, theta = read_module(module)
    assert architecture.layers == (
        Conv("0.0", 1, 4, (3, 3)),
        Activate(Activation("prelu"), name="0.1", count=4),
        Dropout(0.1),
        Conv("0.3", 4, 6, (3, 3), groups=2),
        RELU,
        Pool("average"),
        Flatten((1, 1)),
        Dense("3", 6, 3, bias=False),
        Activate(Activation("prelu"), name="4", count=1),
    )
    state = module.state_dict()
    assert [p.name for p in architecture.parameters] == list(state)
    assert torch.equal(theta, torch.cat([value.flatten() for value in state.values()]))


def test_reading_copies() -> None:
    module = nn.Sequential(nn.Linear(2, 1, bias=False))
    _, theta = read_module(module)
    assert not theta.requires_grad
    before = theta.clone()
    nn.init.zeros_(module[0].weight)
    assert torch.equal(theta, before)


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [(torch.float16, torch.float32), (torch.float32, torch.float32), (torch.float64, torch.float64)],
)
def test_reading_precision(dtype: torch.dtype, expected: torch.dtype) -> None:
    assert read_module(convolutional().to(dtype))[1].dtype == expected


def test_one_activation_may_stand_in_many_places() -> None:
    relu = nn.ReLU()
    module = nn.Sequential(nn.Linear(2, 3), relu, nn.Linear(3, 3), relu, nn.Linear(3, 1))
    architecture, theta = read_module(module)
    assert [stage.activate for stage in architecture.stages[:2]] == [RELU, RELU]
    x = torch.randn(4, 2)
    torch.testing.assert_close(run(architecture, theta[None], x)[0], module(x))


def test_subclass_that_only_builds_is_read() -> None:
    class Small(nn.Sequential):
        def __init__(self) -> None:
            super().__init__(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))

    assert read_module(Small())[0] == mlp(widths=(2, 3, 1), activations=[Activation("relu")])


widths = st.integers(1, 5)
hidden = st.sampled_from([nn.ReLU, nn.Tanh, nn.Sigmoid, nn.PReLU, nn.Softsign, nn.Identity])


@st.composite
def sequentials(draw: st.DrawFn) -> nn.Sequential:
    sizes = draw(st.lists(widths, min_size=2, max_size=5))
    modules: list[nn.Module] = []
    for before, after in pairwise(sizes):
        block: list[nn.Module] = [nn.Linear(before, after, bias=draw(st.booleans())), draw(hidden)()]
        modules += [nn.Sequential(*block)] if draw(st.booleans()) else block
    return nn.Sequential(*modules)


@pytest.mark.slow
@given(module=sequentials(), double=st.booleans())
def test_there_and_back(module: nn.Sequential, double: bool) -> None:
    module = module.double() if double else module
    architecture, theta = read_module(module)
    other = theta * 3 - 1
    written = write_module(architecture, other, like=module)
    assert read_module(written)[0] == architecture
    assert torch.equal(read_module(written)[1], other)
    assert torch.equal(read_module(module)[1], theta)
    built = build_module(architecture, theta)
    assert list(built.state_dict()) == list(module.state_dict())
    x = torch.randn(3, architecture.num_inputs, dtype=theta.dtype)
    assert torch.equal(built(x), module(x))
    # Sums are rounded in double precision, whatever the parameters came as.
    x, wide = x.double(), copy.deepcopy(module).double()
    torch.testing.assert_close(run(architecture, theta.double()[None], x)[0], wide(x), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_building(name: str) -> None:
    architecture = ARCHITECTURES[name]
    # Double precision: the derivative of a sine network is large, and two ways to sum differ by as much.
    theta = random_theta(architecture).double()
    module = build_module(architecture, theta)
    assert set(module.state_dict()) == {p.name for p in architecture.parameters}
    again, same = read_module(module)
    assert again == architecture
    assert torch.equal(same, theta)
    dense = isinstance(architecture.stages[0].weighted, Dense)
    shape = (architecture.num_inputs,) if dense else (1, 15, 15)
    if name == "flattened maps":
        shape = (1, 7, 5)
    x = torch.randn(3, *shape, dtype=torch.float64)
    torch.testing.assert_close(module.eval()(x), run(architecture, theta[None], x)[0], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("kind", [kind.name for kind in activation_kinds()])
def test_building_every_activation(kind: str) -> None:
    architecture = mlp(widths=(2, 4, 1), activations=[Activation(kind)])
    theta = random_theta(architecture).double()
    x = torch.randn(5, 2, dtype=torch.float64)
    outputs = build_module(architecture, theta)(x)
    torch.testing.assert_close(outputs, run(architecture, theta[None], x)[0], rtol=1e-9, atol=1e-9)


def test_built_module_owns_its_parameters() -> None:
    architecture = siren()
    theta = random_theta(architecture).double()
    module = build_module(architecture, theta)
    before = read_module(module)[1]
    theta.zero_()
    assert torch.equal(read_module(module)[1], before)
    assert all(p.is_leaf and p.requires_grad and p.dtype == torch.float64 for p in module.parameters())


def test_building_with_parameters_draws_nothing() -> None:
    state = torch.get_rng_state()
    build_module(skipping(), random_theta(skipping()))
    assert torch.equal(torch.get_rng_state(), state)


def test_building_without_parameters_is_random() -> None:
    thetas = [read_module(build_module(skipping()))[1] for _ in range(2)]
    assert not torch.equal(*thetas)


def test_built_module_trains_and_can_be_copied() -> None:
    module = build_module(skipping(), random_theta(skipping()))
    # So many that dropout hardly ever drops everything in both passes.
    x = torch.randn(64, 1, 8, 8)
    assert not torch.equal(module.train()(x), module(x))  # dropout
    module.eval()(x).sum().backward()
    assert all(p.grad is not None for p in module.parameters())
    for copied in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        assert torch.equal(copied(x), module(x))
        assert copied.architecture == module.architecture


def test_description_outlives_the_module() -> None:
    module = convolutional()
    architecture, theta = read_module(module)
    again = Architecture.from_dict(json.loads(json.dumps(architecture.to_dict())))
    assert again.fingerprint == architecture.fingerprint
    x = torch.randn(2, 1, 9, 9)
    assert torch.equal(build_module(again, theta).eval()(x), module.eval()(x))


def test_writing_keeps_type_and_precision_of_the_model() -> None:
    module = convolutional().double().eval()
    architecture, theta = read_module(module)
    written = write_module(architecture, theta.float() + 1, like=module)
    assert not written.training
    assert {p.dtype for p in written.parameters()} == {torch.float64}
    assert torch.equal(read_module(written)[1], (theta.float() + 1).double())


class Residual(nn.Module):
    """A class that cannot be read, but described."""

    def __init__(self) -> None:
        super().__init__()
        self.up = nn.Linear(2, 2)
        self.down = nn.Linear(2, 2)

    def forward(self, x: Tensor) -> Tensor:
        hidden = torch.relu(self.up(x))
        return hidden + self.down(hidden)


def test_any_class_can_be_described_and_written() -> None:
    architecture = LayeredArchitecture((Dense("up", 2, 2), RELU, Dense("down", 2, 2)), (Skip(0, 1, 2),))
    module = Residual()
    theta = architecture.flatten(module.state_dict())
    x = torch.randn(5, 2)
    torch.testing.assert_close(run(architecture, theta[None], x)[0], module(x))
    written = write_module(architecture, -theta, like=module)
    assert isinstance(written, Residual)
    torch.testing.assert_close(written(x), run(architecture, -theta[None], x)[0])


@pytest.mark.parametrize("shape", [(8,), (1, 9), ()], ids=str)
def test_parameters_that_do_not_fit(shape: tuple[int, ...]) -> None:
    module = nn.Sequential(nn.Linear(2, 3))
    architecture, _ = read_module(module)
    message = r"theta has shape .*, expected \(9,\) for one network 2-3"
    with pytest.raises(ArchitectureError, match=message):
        build_module(architecture, torch.zeros(shape))
    with pytest.raises(ArchitectureError, match=message):
        write_module(architecture, torch.zeros(shape), like=module)


@pytest.mark.parametrize(
    ("like", "message"),
    [
        (nn.Sequential(nn.Linear(2, 4)), r"expected and missing .*\(3, 2\).*, found instead .*\(4, 2\)"),
        (nn.Sequential(nn.Linear(2, 3, bias=False)), r"missing {'0.bias': \(3,\)}, found instead {}"),
        (nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1)), r"missing {}, found instead {'1.weight'"),
        (nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)), "found instead {'1.weight'"),
    ],
)
def test_writing_into_a_module_that_does_not_fit(like: nn.Module, message: str) -> None:
    architecture, theta = read_module(nn.Sequential(nn.Linear(2, 3)))
    with pytest.raises(ArchitectureError, match=message):
        write_module(architecture, theta, like=like)


def test_shared_parameters_are_refused() -> None:
    linear = nn.Linear(3, 3)
    with pytest.raises(UnsupportedLayerError, match=r"'0.weight' and '2.weight' are the same parameter"):
        read_module(nn.Sequential(linear, nn.ReLU(), linear))
    tied = nn.Sequential(nn.Linear(3, 3), nn.ReLU(), nn.Linear(3, 3))
    tied[2].weight = tied[0].weight
    with pytest.raises(UnsupportedLayerError, match=r"'0.weight' and '2.weight' are the same parameter"):
        read_module(tied)
    architecture, theta = read_module(nn.Sequential(nn.Linear(3, 3), nn.ReLU(), nn.Linear(3, 3)))
    with pytest.raises(UnsupportedLayerError, match="same parameter"):
        write_module(architecture, theta, like=tied)


def test_parameters_that_are_not_finite() -> None:
    module = nn.Sequential(nn.Linear(2, 3))
    nn.init.constant_(module[0].bias, torch.nan)
    with pytest.raises(CheckpointError, match=r"module Sequential: '0.bias' holds 3 values that are NaN"):
        read_module(module)


@pytest.mark.parametrize("name", ["forward", "training", "_stages"])
def test_names_that_a_module_cannot_have(name: str) -> None:
    architecture = LayeredArchitecture((Dense(name, 2, 1),))
    with pytest.raises(ArchitectureError, match=f"cannot be called '{name}'"):
        build_module(architecture)


def flattening(*modules: nn.Module, outputs: int) -> nn.Sequential:
    return nn.Sequential(*modules, nn.Flatten(), nn.Linear(outputs, 1))


@pytest.mark.parametrize(
    ("module", "input_size", "size"),
    [
        (flattening(nn.Conv2d(1, 2, 3), outputs=50), None, (5, 5)),
        (flattening(nn.Conv2d(1, 2, 3), outputs=50), (7, 7), (5, 5)),
        (flattening(nn.Conv2d(1, 2, 3), outputs=2), None, (1, 1)),
        (flattening(nn.Conv2d(1, 2, 3), outputs=30), (5, 7), (3, 5)),
        # Square by its number of values, but not in truth.
        (flattening(nn.Conv2d(1, 2, 3), outputs=32), (4, 10), (2, 8)),
        (flattening(nn.Conv2d(1, 2, 3, stride=2, padding=(1, 0), dilation=2), outputs=12), (7, 8), (3, 2)),
        (flattening(nn.Conv2d(1, 2, 3), nn.MaxPool2d(2), outputs=12), (8, 6), (3, 2)),
        (
            flattening(nn.MaxPool2d(2, 1), nn.Conv2d(1, 2, 2), nn.AvgPool2d(2, 1, 1), outputs=24),
            (5, 4),
            (4, 3),
        ),
        (flattening(nn.Conv2d(1, 2, 3), nn.AdaptiveMaxPool2d(1), outputs=2), (9, 4), (1, 1)),
    ],
)
def test_size_of_flattened_maps(
    module: nn.Module, input_size: tuple[int, int] | None, size: tuple[int, int]
) -> None:
    architecture, theta = read_module(module, input_size=input_size)
    assert [layer.size for layer in architecture.layers if isinstance(layer, Flatten)] == [size]
    if input_size is not None:
        x = torch.randn(2, 1, *input_size)
        torch.testing.assert_close(run(architecture, theta[None], x)[0], module(x))


@pytest.mark.parametrize(
    ("module", "input_size", "message"),
    [
        (
            flattening(nn.Conv2d(1, 2, 3), outputs=30),
            None,
            r"'2' reads 2 flattened maps of 15 .* input_size=",
        ),
        (
            flattening(nn.Conv2d(1, 2, 3), outputs=50),
            (8, 8),
            r"'2' takes 50 inputs, but 2 maps of size \(6, 6\)",
        ),
        (flattening(nn.Conv2d(1, 2, 3), outputs=9), None, "'2' takes 9 inputs, but 2 maps"),
        (flattening(nn.Conv2d(1, 2, 3), outputs=50), (2, 9), r"a map of size \(2, 9\) is too small"),
        (flattening(nn.Conv2d(1, 2, 3), outputs=50), (0, 9), r"input_size is \(0, 9\)"),
    ],
)
def test_size_that_cannot_be(module: nn.Module, input_size: tuple[int, int] | None, message: str) -> None:
    with pytest.raises(ArchitectureError, match=message):
        read_module(module, input_size=input_size)


def test_inputs_are_flattened_without_a_size() -> None:
    module = nn.Sequential(nn.Flatten(), nn.Linear(784, 5))
    assert read_module(module)[0] == read_module(module, input_size=(28, 28))[0]
    assert read_module(module)[0].leading == (Flatten(),)


def test_flattening_a_vector_is_nothing() -> None:
    assert read_module(nn.Sequential(nn.Linear(2, 3), nn.Flatten()))[0].layers == (Dense("0", 2, 3),)
