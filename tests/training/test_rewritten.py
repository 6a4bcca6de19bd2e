"""What models say about networks that were written anew."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from scalegmn.alignment.rewriting import Rewriting
from scalegmn.errors import ArchitectureError, ConfigurationError
from scalegmn.networks import Activation, mlp
from scalegmn.programs import ProgramArchitecture
from scalegmn.training import RewritingTest, RewrittenFigures, Run, evaluate_rewritten, parse_config, train
from tests.training.small import options, small_population

QUICK = RewritingTest(draws=2, rewriting=Rewriting(neurons=1))


def trained(population: Path, folder: Path, **changes: object) -> Run:
    config, problems = parse_config(options(population, folder, **changes))
    assert config is not None and not problems
    train(config)
    return Run.open(folder)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    folder = tmp_path_factory.mktemp("rewritten")
    population = small_population(folder / "population", networks=48).folder
    return {
        "scalegmn": trained(population, folder / "scalegmn"),
        "statnn_mlp": trained(population, folder / "statnn", metanetwork="statnn_mlp"),
        "flat_mlp": trained(population, folder / "flat", metanetwork="flat_mlp"),
    }


@pytest.fixture(scope="module")
def found(runs: dict[str, Run]) -> dict[str, dict[str, RewrittenFigures]]:
    results = evaluate_rewritten(list(runs.values()), QUICK)
    return {name: {one.title: one for one in figures} for name, figures in zip(runs, results, strict=True)}


def moves(figures: RewrittenFigures) -> float:
    assert figures.moved is not None
    return figures.moved


@pytest.mark.slow
def test_all_ways_are_tried_on_all_models(found: dict[str, dict[str, RewrittenFigures]]) -> None:
    ways = ["unread", "split", "cancel", "group", "all"]
    reduced = ["as they are", "unread", "split", "cancel", "all"]
    assert all(list(one) == [*ways, *(f"{way}, reduced" for way in reduced)] for one in found.values())
    for figures in found.values():
        assert all(set(one.before) == {"accuracy", "loss"} for one in figures.values())


def test_the_group_moves_models_that_do_not_know_it(found: dict[str, dict[str, RewrittenFigures]]) -> None:
    # Float32: sums are made in another order.
    assert moves(found["scalegmn"]["group"]) < 1e-3 and found["scalegmn"]["group"].changed == 0
    for name in ("statnn_mlp", "flat_mlp"):
        assert moves(found[name]["group"]) > 0.05


def test_added_neurons_move_a_model_until_they_are_reduced(
    found: dict[str, dict[str, RewrittenFigures]],
) -> None:
    for way in ("split", "all"):
        assert moves(found["scalegmn"][way]) > 0.05
        assert moves(found["scalegmn"][f"{way}, reduced"]) < 1e-3
    after = found["scalegmn"]["all, reduced"]
    assert after.after == pytest.approx(after.before)


def test_models_of_one_width_cannot_read_others(found: dict[str, dict[str, RewrittenFigures]]) -> None:
    flat = found["flat_mlp"]["split"]
    assert flat.after is None and flat.moved is None and flat.refusal is not None
    assert flat.to_dict()["after"] is None and flat.to_dict()["cannot_read"] == flat.refusal
    assert found["flat_mlp"]["split, reduced"].after is not None


@pytest.mark.slow
def test_numbers_have_no_answers(tmp_path: Path) -> None:
    population = small_population(tmp_path / "population", networks=32, numbers=True).folder
    run = trained(population, tmp_path / "run", task="regression", data__label="number", training__epochs=1)
    [[figures]] = evaluate_rewritten([run], RewritingTest(names=("group",), draws=1))
    assert figures.changed is None and moves(figures) < 1e-3 and "kendall_tau" in figures.before


@pytest.mark.slow
def test_runs_with_other_networks_are_refused(runs: dict[str, Run], tmp_path: Path) -> None:
    other = small_population(tmp_path / "other", networks=32, seed=1).folder
    stranger = trained(other, tmp_path / "run", training__epochs=1)
    with pytest.raises(ConfigurationError, match="have different test networks"):
        evaluate_rewritten([runs["scalegmn"], stranger], QUICK)
    with pytest.raises(ConfigurationError, match="no training runs are given"):
        evaluate_rewritten([], QUICK)


@pytest.mark.slow
def test_kinds_that_all_networks_admit() -> None:
    layers = mlp(widths=(3, 4, 2), activations=[Activation("relu")])
    module = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    program = ProgramArchitecture.from_module(module, torch.zeros(1, 3))
    test = RewritingTest()
    assert list(test.kinds([layers])) == ["unread", "split", "cancel", "group", "all"]
    assert list(test.kinds([program])) == ["unread", "split", "cancel", "group", "all"]
    normed = ProgramArchitecture.from_module(
        nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4), nn.Linear(4, 2)), torch.zeros(1, 3)
    )
    assert list(test.kinds([layers, normed])) == ["group", "all"]
    assert RewritingTest(names=("rounding", "all")).kinds([layers]) == {
        "rounding": ("rounding",),
        "all": None,
    }
    with pytest.raises(ArchitectureError, match="no hidden layer has a width of its own"):
        RewritingTest(names=("split",)).kinds([layers, normed])
    with pytest.raises(ConfigurationError, match="kind of rewriting is 'merge', expected all, or one of"):
        RewritingTest(names=("merge",))
