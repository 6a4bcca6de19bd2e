"""Nothing mixes devices, and a training step does not wait for one, as far as that shows without a GPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from scalegmn.graph import GraphSpec, NetworkBatch
from scalegmn.models import ModelConfig, ScaleGMN, ScaleGMNEditor
from scalegmn.networks import Activation, Architecture, cnn, siren
from scalegmn.seeding import generator
from scalegmn.testing.parameters import random_parameters, randomize
from scalegmn.zoo.cnns import CnnTraining, Hyperparameters
from scalegmn.zoo.cnns._hyperparameters import OPTIMIZERS
from scalegmn.zoo.inrs._fit import SirenFit
from scalegmn.zoo.inrs._recipe import InrRecipe
from tests.second_device import DEVICE, SecondDevice, There

SINES = (siren(widths=(2, 5, 4, 1)),)
CNNS = tuple(cnn(channels=(1, 3, 3), activations=[Activation(kind)] * 2) for kind in ("relu", "tanh"))
FIT = InrRecipe(hidden=(4, 4), steps=3)
CASES: tuple[tuple[tuple[Architecture, ...], bool, dict[str, Any], int], ...] = (
    (SINES, False, {"features": 4}, 1),
    (CNNS, False, {"features": 20, "direction": "bidirectional", "skip": True}, 3),
    (SINES, True, {"features": 4, "direction": "bidirectional", "positional_in_messages": True}, 1),
    (SINES, False, {"features": 4, "symmetry": "any_width", "direction": "bidirectional"}, 0),
)
"""Networks, whether they are edited, options, and how often a later step waits."""


def asking(model: nn.Module, batch: NetworkBatch) -> Tensor:
    """Predictions or edited parameters, of a graph that is made anew."""
    fresh = NetworkBatch(batch.parts, batch.positions)
    if isinstance(model, ScaleGMNEditor):
        return torch.cat([theta.flatten() for _, theta in model.edit(fresh).parts])
    assert isinstance(model, ScaleGMN)
    return model.predict(fresh)


def found(model: nn.Module, batch: NetworkBatch) -> list[Tensor]:
    """Answers without and with gradients, and the gradients."""
    with torch.no_grad():
        bare = asking(model, batch)
    answer = asking(model, batch)
    answer.square().sum().backward()
    gradients = [one.grad if one.grad is not None else torch.zeros_like(one) for one in model.parameters()]
    model.zero_grad()
    return [bare, answer.detach(), *gradients]


def same(here: list[Tensor], there: list[Tensor]) -> None:
    for one, other in zip(here, there, strict=True):
        assert isinstance(other, There)
        torch.testing.assert_close(other.own, one, rtol=1e-9, atol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize(("networks", "edits", "options", "waits"), CASES)
def test_what_models_compute_elsewhere(
    networks: tuple[Architecture, ...], edits: bool, options: dict[str, Any], waits: int
) -> None:
    """Answers and gradients of both forms are those of the CPU, and all tensors are on one device."""
    spec, config = GraphSpec.from_architectures(networks), ModelConfig(**{"layers": 2, **options})
    model: nn.Module = (
        ScaleGMNEditor(spec=spec, config=config) if edits else ScaleGMN(spec=spec, outputs=2, config=config)
    )
    randomize(model, generator=generator(0)).double()
    parts = tuple((one, random_parameters(one, 2, generator=generator(1))) for one in networks)
    batch = NetworkBatch(parts, torch.arange(2 * len(parts))).double()
    expected = found(model, batch)
    with SecondDevice() as device:
        model.to(DEVICE)
        moved = batch.to(DEVICE)
        same(expected, found(model, moved))
        device.waits.clear()
        found(model, moved)
        assert device.waits.total() <= 2 * waits, device.waits
        model.backbone.fast = False
        same(expected, found(model, moved))


def fitted(theta: Tensor, targets: Tensor) -> list[Tensor]:
    """What some steps make of sine networks, and their errors."""
    fit = SirenFit(recipe=FIT, height=16, width=16, theta=theta, targets=targets)
    fit.run(lambda count: None)
    return [fit.theta, fit.mse()]


def sine_networks() -> tuple[Tensor, Tensor]:
    """To start from, and their images."""
    theta = 0.1 * torch.randn(2, FIT.architecture(1).num_parameters, generator=generator(0)).double()
    return theta, torch.rand(2, 1, 16 * 16, generator=generator(1), dtype=torch.float64)


def test_sine_networks_are_fitted_elsewhere() -> None:
    given = sine_networks()
    with SecondDevice() as device:
        there = fitted(*(one.to(DEVICE) for one in given))
        assert not device.waits, device.waits
    same(fitted(*given), there)


def trained(theta: Tensor, images: Tensor, labels: Tensor) -> list[Tensor]:
    """What an epoch makes of convolutional networks."""
    networks = [
        Hyperparameters(
            activation="relu",
            w_init="he_normal",
            init_std=0.0,
            learning_rate=1e-3,
            l2=1e-4,
            dropout=0.3,
            train_fraction=1.0,
            optimizer=optimizer,
            seed=seed,
        )
        for seed, optimizer in enumerate(OPTIMIZERS)
    ]
    training = CnnTraining(
        architecture=CNNS[0], theta=theta, networks=networks, images=images, labels=labels, batch_size=4
    )
    training.epoch(lambda part: None)
    return [training.theta]


def convolutional_networks() -> tuple[Tensor, Tensor, Tensor]:
    """To start from, images and labels."""
    theta = random_parameters(CNNS[0], len(OPTIMIZERS), generator=generator(0)).double()
    images = torch.rand(8, 1, 12, 12, generator=generator(1), dtype=torch.float64)
    return theta, images, torch.arange(8) % 3


def test_convolutional_networks_are_trained_elsewhere() -> None:
    given = convolutional_networks()
    with SecondDevice():
        there = trained(*(one.to(DEVICE) for one in given))
    same(trained(*given), there)


@pytest.mark.cuda
def test_makers_on_a_gpu() -> None:
    """To rounding what the CPU makes."""
    for make, given in ((fitted, sine_networks()), (trained, convolutional_networks())):
        here, there = make(*given), make(*(one.to("cuda") for one in given))
        for one, other in zip(here, there, strict=True):
            torch.testing.assert_close(other.cpu(), one, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda x: x + torch.ones(3), "tensors on different devices"),
        (lambda x: torch.cat([x, torch.ones(3)]), "tensors on different devices"),
        (lambda x: torch.rand(3, generator=torch.Generator(), device=x.device), "a generator of the CPU"),
        (lambda x: x.numpy(), "NumPy cannot see"),
    ],
)
def test_what_a_gpu_refuses(wrong: Callable[[Tensor], object], words: str) -> None:
    """This checks the test."""
    with SecondDevice(), pytest.raises((RuntimeError, TypeError), match=words):
        wrong(torch.ones(3, device=DEVICE))


def test_what_waits_is_counted() -> None:
    """This checks the test."""
    with SecondDevice() as device:
        x = torch.arange(3, device=DEVICE)
        assert (2 * x).tolist() == [0, 2, 4] and float(x[1] + 1) == 2
        x[x > 1] = 7
        assert torch.equal(x.cpu(), torch.tensor([0, 1, 7]))
        assert device.waits.total() >= 4
