"""Statistics of averages become those of their parents."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from scalegmn.alignment import Restorer
from scalegmn.errors import ArchitectureError, SymmetryError
from scalegmn.networks import Activation, Architecture, mlp
from scalegmn.programs import ProgramArchitecture
from scalegmn.seeding import generator

from .networks import architecture_of, drawn, moved

KINDS = ("relu", "tanh", "cnn", "resnet")


def examples(family: str, count: int = 40) -> Tensor:
    shape = {"cnn": (1, 20, 20), "resnet": (1, 14, 14)}.get(family, (4,))
    return torch.randn(count, *shape, generator=generator(0, "examples"), dtype=torch.float64)


def pair(family: str) -> tuple[Architecture, Tensor, Tensor]:
    architecture = architecture_of(family)
    return architecture, drawn(architecture, 1), drawn(architecture, 2)


@pytest.mark.parametrize("family", KINDS)
def test_an_average_has_the_mean_statistics_of_its_parents(family: str) -> None:
    architecture, first, second = pair(family)
    restorer = Restorer(architecture, examples(family))
    parents = [restorer.parent(first), restorer.parent(second)]
    average = 0.3 * first + 0.7 * second
    found = restorer.parent(restorer.restored(average, parents=parents, weights=(0.3, 0.7)))
    before = restorer.parent(average)
    assert restorer.count == len(found) >= 2
    changed = 0.0
    for index, statistics in found.items():
        for part, value in enumerate(statistics):
            wanted = 0.3 * parents[0][index][part] + 0.7 * parents[1][index][part]
            torch.testing.assert_close(value, wanted, rtol=1e-9, atol=1e-9)
            changed = max(changed, float((before[index][part] - wanted).abs().max()))
    assert changed > 0.1


@pytest.mark.parametrize("family", KINDS)
def test_a_parent_is_left_as_it_is_in_every_gauge(family: str) -> None:
    architecture, first, second = pair(family)
    restorer = Restorer(architecture, examples(family))
    for theta in (first, moved(architecture, first)):
        parents = [restorer.parent(theta), restorer.parent(second)]
        found = restorer.restored(theta, parents=parents, weights=(1.0, 0.0))
        torch.testing.assert_close(found, theta, rtol=1e-8, atol=1e-10)


def test_channels_that_answer_nothing_stay() -> None:
    network = mlp(widths=(4, 3, 2), activations=[Activation("relu")])
    theta = drawn(network)
    state = network.unflatten(theta)
    weight, bias = list(state)[:2]
    state[weight] = state[weight].clone()
    state[weight][1] = 0
    dead = network.flatten(state)
    restorer = Restorer(network, examples("relu"))
    parents = [restorer.parent(dead), restorer.parent(theta)]
    found = network.unflatten(restorer.restored(dead, parents=parents, weights=(0.5, 0.5)))
    assert not found[weight][1].any() and torch.isfinite(found[bias]).all()


def test_examples_of_another_shape_are_refused() -> None:
    architecture = ProgramArchitecture.from_module(nn.Linear(4, 2), torch.zeros(1, 4))
    with pytest.raises(ArchitectureError, match="examples have the shape"):
        Restorer(architecture, torch.zeros(5, 3))
    with pytest.raises(SymmetryError, match="with n at least 1"):
        Restorer(architecture, torch.zeros(0, 4))
