from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from scalegmn.errors import ConfigurationError
from scalegmn.networks import Activation, cnn
from scalegmn.zoo.cnns import CnnRecipe, MixedFamily, ZooFamily
from tests.zoo.cnns.cnn_cases import MIXED, ZOO


def test_default_family_is_that_of_the_published_zoo() -> None:
    recipe = CnnRecipe()
    hyper = recipe.hyper(0, 0)
    architecture = recipe.family.architecture(0, hyper, seed=0, inputs=1, outputs=10)
    assert architecture == cnn(activations=[Activation(hyper.activation)] * 3)
    assert architecture.num_parameters == 4970
    assert recipe.family.columns(0, architecture) == {}


def test_hyper_parameters_depend_on_seed_and_number() -> None:
    assert ZOO.hyper(1, 5) == ZOO.hyper(1, 5)
    assert len({ZOO.hyper(seed, number) for seed in (1, 2) for number in (5, 6)}) == 4


def test_mixed_architectures_depend_on_seed_and_group() -> None:
    family, hyper = MIXED.family, MIXED.hyper(0, 0)
    drawn = [family.architecture(n, hyper, seed=0, inputs=1, outputs=3) for n in range(20)]
    for number in range(0, 20, 2):
        assert drawn[number] == drawn[number + 1]
    assert len(set(drawn)) > 5
    assert drawn != [family.architecture(n, hyper, seed=1, inputs=1, outputs=3) for n in range(20)]
    columns = family.columns(5, drawn[5])
    assert columns["architecture_number"] == 2
    assert columns["depth"] == len(str(columns["activations"]).split()) == len(drawn[5].stages) - 1


@pytest.mark.parametrize("recipe", [ZOO, MIXED, CnnRecipe()])
def test_records_are_plain_data(recipe: CnnRecipe) -> None:
    plain = json.loads(json.dumps(recipe.to_plain()))
    assert plain["family"]["family"] == recipe.family.name
    assert plain["checkpoints"] == list(recipe.checkpoints)
    other = dataclasses.replace(recipe, batch_size=recipe.batch_size + 1)
    assert other.to_plain() != recipe.to_plain()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"checkpoints": ()}, r"checkpoints is \(\), expected one or more"),
        ({"checkpoints": (-1, 2)}, "an int, 0 or more"),
        ({"checkpoints": (2, 1)}, "in order"),
        ({"checkpoints": (1, 1)}, "each once"),
        ({"batch_size": 0}, "batch_size is 0"),
    ],
)
def test_impossible_recipes(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        CnnRecipe(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "wrong", [{"channels": ()}, {"channels": (4, 0)}, {"kernel": 0}, {"stride": 0}, {"padding": -1}]
)
def test_impossible_zoo_families(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        ZooFamily(**wrong)  # type: ignore[arg-type]


def test_mixed_family_needs_networks() -> None:
    with pytest.raises(ConfigurationError, match="networks_each is 0"):
        MixedFamily(networks_each=0)


def test_every_group_of_networks_has_its_own_draw() -> None:
    """Of a whole population, about as many architectures as there are groups."""
    family = MixedFamily(networks_each=4)
    hyper = MIXED.hyper(0, 0)
    drawn = {
        family.architecture(n, hyper, seed=0, inputs=1, outputs=10) for n in np.arange(0, 80, 4).tolist()
    }
    assert len(drawn) >= 19
