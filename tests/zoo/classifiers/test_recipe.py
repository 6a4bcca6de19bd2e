from __future__ import annotations

import dataclasses

import pytest

from scalegmn.errors import ConfigurationError
from scalegmn.zoo.classifiers import ClassifierRecipe, ClassifierSpace
from tests.zoo.classifiers.classifier_cases import RECIPE, RESIDUAL


def test_draws_lie_in_the_space_and_fill_it() -> None:
    recipe = ClassifierRecipe()
    space, drawn = recipe.space, [recipe.hyper(0, number) for number in range(300)]
    for name in ("init_scale", "learning_rate", "l2"):
        low, high = getattr(space, name)
        values = [getattr(hyper, name) for hyper in drawn]
        assert low <= min(values) < 1.3 * low and high >= max(values) > high / 1.3
    dropouts = [hyper.dropout for hyper in drawn]
    assert 0 <= min(dropouts) < 0.01 and 0.29 < max(dropouts) <= 0.3
    for name, field in (
        ("w_init", "w_inits"),
        ("train_fraction", "train_fractions"),
        ("optimizer", "optimizers"),
    ):
        assert {getattr(hyper, name) for hyper in drawn} == set(getattr(space, field))
    assert {hyper.steps for hyper in drawn} == set(space.steps)
    assert {hyper.label_noise for hyper in drawn} == set(space.label_noise)
    assert len({hyper.seed for hyper in drawn}) == 300


def test_numbers_decide() -> None:
    assert RECIPE.hyper(1, 2) == RECIPE.hyper(1, 2)
    assert RECIPE.hyper(1, 2) != RECIPE.hyper(1, 3) and RECIPE.hyper(1, 2) != RECIPE.hyper(2, 2)


def test_designs_take_turns() -> None:
    assert [RECIPE.design(number) for number in range(9)] == [0, 0, 1, 1, 0, 0, 1, 1, 0]


def test_records_tell_families_apart() -> None:
    plain = RECIPE.to_plain()
    assert [design["family"] for design in plain["designs"]] == ["resnet", "vit"]
    assert plain["designs"][0]["widths"] == [2, 3]


def test_contradictions_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="resnet-2-3-b1-k3-relu more than once"):
        dataclasses.replace(RECIPE, designs=(RESIDUAL, RESIDUAL))
    with pytest.raises(ConfigurationError, match="designs"):
        dataclasses.replace(RECIPE, designs=())
    with pytest.raises(ConfigurationError, match="label_noise"):
        ClassifierSpace(label_noise=(1.5,))
    with pytest.raises(ConfigurationError, match="steps"):
        ClassifierSpace(steps=(0,))
