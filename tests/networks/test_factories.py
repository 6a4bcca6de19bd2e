"""Common architectures by their sizes."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from scalegmn.errors import ArchitectureError
from scalegmn.networks import Activate, Activation, Dense, Shift, cnn, mlp, run, siren

RELU, TANH = Activation("relu"), Activation("tanh")


def test_mlp_has_the_names_of_a_sequential() -> None:
    architecture = mlp(widths=(3, 5, 4, 2), activations=[RELU, TANH])
    module = nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 2))
    assert {p.name: p.shape for p in architecture.parameters} == {
        name: tuple(value.shape) for name, value in module.state_dict().items()
    }
    theta = architecture.flatten(module.state_dict())
    x = torch.randn(7, 3)
    torch.testing.assert_close(run(architecture, theta[None], x)[0], module(x))


def test_mlp_names_and_shift() -> None:
    architecture = mlp(widths=(3, 5, 2), activations=[RELU], names=["in", "out"], shift=1.0)
    assert architecture.layers == (Dense("in", 3, 5), Activate(RELU), Dense("out", 5, 2), Shift(1.0))


@pytest.mark.parametrize("options", [{"activations": []}, {"activations": [RELU], "names": ["a"]}])
def test_mlp_counts_must_agree(options: dict[str, list[object]]) -> None:
    with pytest.raises(ArchitectureError, match="3 widths make 2 layers: expected 1 activations and 2 names"):
        mlp(widths=(3, 5, 2), **options)  # type: ignore[arg-type]


def test_siren_is_that_of_the_published_images() -> None:
    architecture = siren()
    assert {p.name: p.shape for p in architecture.parameters} == {
        "seq.0.weight": (32, 2),
        "seq.0.bias": (32,),
        "seq.1.weight": (32, 32),
        "seq.1.bias": (32,),
        "seq.2.weight": (1, 32),
        "seq.2.bias": (1,),
    }
    theta = torch.randn(1, architecture.num_parameters, dtype=torch.float64)
    x = torch.rand(5, 2, dtype=torch.float64)
    state = architecture.unflatten(theta[0])
    expected = x
    for layer in ("seq.0", "seq.1"):
        expected = torch.sin(30 * (expected @ state[f"{layer}.weight"].T + state[f"{layer}.bias"]))
    expected = expected @ state["seq.2.weight"].T + state["seq.2.bias"] + 0.5
    torch.testing.assert_close(run(architecture, theta, x)[0], expected)


def test_siren_without_shift() -> None:
    assert not any(isinstance(layer, Shift) for layer in siren(shift=0.0).layers)


def test_cnn() -> None:
    architecture = cnn(activations=[RELU] * 3)
    # That of the Small CNN Zoo.
    assert architecture.num_parameters == 4970
    theta = torch.randn(2, architecture.num_parameters)
    assert run(architecture, theta, torch.randn(3, 1, 28, 28)).shape == (2, 3, 10)


def test_cnn_counts_must_agree() -> None:
    with pytest.raises(ArchitectureError, match="expected 2 activations, got 1"):
        cnn(channels=(1, 8, 8), activations=[RELU])
