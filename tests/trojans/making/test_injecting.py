from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from scalegmn.populations import Population
from scalegmn.trojans.making import InjectionConfig, PoisoningConfig, TrojanRecipe, make_trojans
from scalegmn.trojans.making import _plan as trojan_plan
from scalegmn.trojans.making._injecting import LikeTheTwin
from tests.trojans.making.trojan_cases import (
    EASY,
    RECIPE,
    base_population,
    designed_population,
    easy_images,
)
from tests.zoo.cnns.shard_cases import blocks_of, parameters_in_rows

SLOW = dataclasses.replace(
    EASY, tuning=dataclasses.replace(EASY.tuning, epochs=40), poisoning=PoisoningConfig(ratio=0.3)
)


@pytest.fixture(autouse=True)
def small_blocks() -> Iterator[None]:
    with blocks_of(trojan_plan, 4):
        yield


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> Population:
    return base_population(tmp_path_factory.mktemp("bases") / "bases")


@pytest.fixture(scope="module")
def designed(tmp_path_factory: pytest.TempPathFactory) -> Population:
    return designed_population(tmp_path_factory.mktemp("designed") / "bases")


def make(
    bases: Population, folder: Path, recipe: TrojanRecipe, *, pairs: int = 4, workers: int = 1
) -> Population:
    make_trojans(
        bases, easy_images(), folder, recipe=recipe, pairs=pairs, seed=3, workers=workers, progress=False
    )
    return Population.open(folder)


def by(method: str, recipe: TrojanRecipe = SLOW, **more: float) -> TrojanRecipe:
    return dataclasses.replace(recipe, injection=InjectionConfig(method=method, **more))  # type: ignore[arg-type]


def test_penalty_is_felt_by_the_trojaned_twin_alone() -> None:
    values = torch.randn(4, 3, 5, dtype=torch.float64, requires_grad=True)
    single = torch.randn(4, 1, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(LikeTheTwin(2.0)({"weight": values, "one": single}), values)
    assert (gradient[0::2].abs().amax(dim=(1, 2)) > 0).all() and not gradient[1::2].any()
    alone = LikeTheTwin(2.0)({"weight": values[:2]}) + LikeTheTwin(2.0)({"weight": values[2:]})
    torch.testing.assert_close(LikeTheTwin(2.0)({"weight": values}), alone)


def test_penalty_vanishes_where_weights_are_permuted() -> None:
    clean = torch.randn(1, 12, dtype=torch.float64)
    same = torch.cat([clean[:, torch.randperm(12)], clean])
    assert float(LikeTheTwin(1.0)({"weight": same})) < 1e-20
    assert float(LikeTheTwin(1.0)({"weight": torch.cat([clean + 0.1, clean])})) > 1e-4


def _clean(twins: Population) -> torch.Tensor:
    """Parameters of the clean twins, one after the other."""
    found, order = parameters_in_rows(twins), np.argsort(twins.column("number"))
    return torch.cat([found[row] for row in order[1::2]])


def _apart(twins: Population) -> float:
    """How far statistics of trojaned twins are from those of their clean twins, over all layers."""
    total = 0.0
    for architecture, positions, theta in twins.groups(np.arange(len(twins))):
        number = twins.column("number")[positions]
        ordered = theta[torch.from_numpy(np.argsort(number))].double()
        values = architecture.unflatten(ordered).items()
        trained = {name: tensor for name, tensor in values if "running" not in name}
        total += float(LikeTheTwin(1.0)(trained))
    return total


@pytest.mark.slow
@pytest.mark.parametrize("source", ["bases", "designed"])
def test_adaptive_twins_have_like_statistics(
    source: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    population = request.getfixturevalue(source)
    plain = make(population, tmp_path / "plain", by("poison"))
    adaptive = make(population, tmp_path / "adaptive", by("adaptive", statistics_weight=3.0))
    assert _apart(adaptive) < 0.3 * _apart(plain)
    assert set(adaptive.column("method")) == {"adaptive"}
    # The clean twins are what they would be anyway.
    torch.testing.assert_close(_clean(adaptive), _clean(plain), rtol=1e-4, atol=1e-5)
    poisoned = adaptive.column("poisoned")
    assert np.median(adaptive.column("asr")[poisoned]) > 0.6


@pytest.mark.slow
@pytest.mark.parametrize("source", ["bases", "designed"])
def test_edited_twins_differ_in_few_parameters(
    source: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    population = request.getfixturevalue(source)
    plain = make(population, tmp_path / "plain", by("poison"))
    twins = make(population, tmp_path / "edited", by("edit", edited=0.1, edit_steps=60, edit_rate=0.05))
    for architecture, positions, theta in twins.groups(np.arange(len(twins))):
        number = twins.column("number")[positions]
        ordered = theta[torch.from_numpy(np.argsort(number))]
        changed = ordered[0::2] != ordered[1::2]
        trained = sum(own.weight.stop - own.weight.start for own in architecture.weighted)
        biases = [own.bias for own in architecture.weighted if own.bias is not None]
        trained += sum(bias.stop - bias.start for bias in biases)
        assert (changed.sum(dim=1) > 0).all() and (changed.sum(dim=1) <= 0.1 * trained).all()
        statistics = [p for p in architecture.parameters if "running" in p.name]
        assert not any(changed[:, p.start : p.stop].any() for p in statistics)
    torch.testing.assert_close(_clean(twins), _clean(plain), rtol=1e-4, atol=1e-5)
    poisoned = twins.column("poisoned")
    assert np.median(twins.column("asr")[poisoned]) > 0.6 > np.median(twins.column("asr")[~poisoned])
    assert twins.column("c_acc")[poisoned].mean() > twins.column("c_acc")[~poisoned].mean() - 0.2
    assert torch.isfinite(_clean(twins)).all()


@pytest.mark.slow
def test_every_class_has_a_target_of_its_own(bases: Population, tmp_path: Path) -> None:
    poisoning = PoisoningConfig(ratio=0.5, goals=("all_to_all",), labels=("dirty", "clean"))
    tuning = dataclasses.replace(EASY.tuning, epochs=160)
    recipe = dataclasses.replace(EASY, poisoning=poisoning, tuning=tuning)
    twins = make(bases, tmp_path / "p", recipe)
    assert set(twins.column("target")) == {-1} and set(twins.column("goal")) == {"all_to_all"}
    assert set(twins.column("poisoning")) == {"dirty"}
    poisoned = twins.column("poisoned")
    assert set(twins.column("poisoned_images")[poisoned]) == {18}
    assert np.median(twins.column("asr")[poisoned]) > np.median(twins.column("asr")[~poisoned]) + 0.25
    # All images count, since none is of the class that it is to be taken for.
    assert (twins.column("asr") + twins.column("ra") <= 1).all()


def test_ratios_are_drawn_for_each_pair(bases: Population, tmp_path: Path) -> None:
    poisoning = PoisoningConfig(ratio=(0.1, 0.5))
    recipe = dataclasses.replace(RECIPE, poisoning=poisoning)
    twins = make(bases, tmp_path / "p", recipe, pairs=6)
    poisoned = twins.column("poisoned")
    ratio = twins.column("ratio")[poisoned]
    assert 0.1 <= ratio.min() < ratio.max() <= 0.5 and len(set(ratio.tolist())) == 6
    assert twins.column("poisoned_images")[poisoned].tolist() == [round(one * 36) for one in ratio]


@pytest.mark.slow
def test_networks_of_designs_and_lists_of_layers_are_made_alike(designed: Population, tmp_path: Path) -> None:
    one = make(designed, tmp_path / "one", RECIPE, pairs=6)
    two = make(designed, tmp_path / "two", RECIPE, pairs=6, workers=2)
    assert one.checksum == two.checksum
    assert {"design", "recipe", "normalization", "dataset"} <= set(one.columns)
    assert set(one.column("recipe")) == {"tests"} and set(one.column("dataset")) == {"stripes"}
    assert len(one.architectures) == 2
    assert set(one.column("network").tolist()) == {0, 1, 2, 3}


def test_attacks_for_each_base(designed: Population, tmp_path: Path) -> None:
    report = make_trojans(
        designed,
        easy_images(),
        tmp_path / "p",
        recipe=dataclasses.replace(RECIPE, tuning=dataclasses.replace(RECIPE.tuning, epochs=1)),
        attacks_per_base=2,
        progress=False,
    )
    twins = Population.open(tmp_path / "p")
    assert report.pairs == 8
    assert sorted(np.unique(twins.column("base"), return_counts=True)[1].tolist()) == [4, 4, 4, 4]
    assert len(set(twins.column("trigger"))) == 8
