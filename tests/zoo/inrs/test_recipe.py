from __future__ import annotations

import math

import pytest
import torch

from scalegmn.collections.inrs import Cifar10Inrs, MnistInrs
from scalegmn.errors import ConfigurationError
from scalegmn.zoo.inrs import CIFAR10_RECIPE, InrRecipe, initial_sine_parameters

MANY = [("train", number, 0) for number in range(300)]


def extremes(recipe: InrRecipe, name: str) -> tuple[float, float]:
    """Smallest and largest value that a parameter takes in many networks."""
    architecture = recipe.architecture(1)
    theta = initial_sine_parameters(recipe, architecture, seed=0, networks=MANY)
    values = architecture.unflatten(theta)[name]
    return values.min().item(), values.max().item()


def test_recipes_make_the_published_networks() -> None:
    assert InrRecipe().architecture(1) == MnistInrs().architecture
    assert CIFAR10_RECIPE.architecture(3) == Cifar10Inrs().architecture


@pytest.mark.parametrize("frequency", [30.0, 10.0])
def test_uniform_initialization(frequency: float) -> None:
    recipe = InrRecipe(frequency=frequency)
    for name, fan_in in (("seq.0", 2), ("seq.1", 32), ("seq.2", 32)):
        bound = math.sqrt(6 / fan_in) / frequency
        low, high = extremes(recipe, f"{name}.weight")
        assert -bound <= low < -0.98 * bound and 0.98 * bound < high <= bound
        assert extremes(recipe, f"{name}.bias") == (0, 0)


def test_siren_initialization() -> None:
    recipe = InrRecipe(initialization="siren")
    bounds = {
        "seq.0.weight": 1 / 2,
        "seq.0.bias": 1 / math.sqrt(2),
        "seq.1.weight": math.sqrt(6 / 32) / 30,
        "seq.1.bias": 1 / math.sqrt(32),
        "seq.2.weight": math.sqrt(6 / 32) / 30,
        "seq.2.bias": 1 / math.sqrt(32),
    }
    for name, bound in bounds.items():
        low, high = extremes(recipe, name)
        assert -bound <= low < -0.95 * bound and 0.95 * bound < high <= bound


def test_networks_begin_the_same_in_any_company() -> None:
    recipe = InrRecipe()
    architecture = recipe.architecture(1)
    together = initial_sine_parameters(recipe, architecture, seed=3, networks=MANY[:10])
    alone = initial_sine_parameters(recipe, architecture, seed=3, networks=MANY[7:8])
    assert torch.equal(together[7:8], alone)


def test_networks_begin_differently() -> None:
    recipe = InrRecipe()
    keys = [("train", 0, 0), ("train", 0, 1), ("train", 1, 0), ("test", 0, 0)]
    theta = initial_sine_parameters(recipe, recipe.architecture(1), seed=0, networks=keys)
    other = initial_sine_parameters(recipe, recipe.architecture(1), seed=1, networks=keys[:1])
    assert len(torch.unique(torch.cat([theta, other]), dim=0)) == 5


def test_all_mistakes_are_named_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        InrRecipe(hidden=(), frequency=0.0, steps=0, learning_rate=math.inf)
    for word in ("hidden", "frequency", "steps", "learning_rate"):
        assert word in str(caught.value)
    with pytest.raises(ConfigurationError, match=r"names are .*expected 2 or none"):
        InrRecipe(hidden=(3,), names=("a", "b", "c"))
