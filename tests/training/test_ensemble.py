"""The mean of trained models: what it returns, how it is saved, which runs it refuses."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from scalegmn.configuration import Sections
from scalegmn.errors import ConfigurationError
from scalegmn.models import ModelContext
from scalegmn.populations import Population
from scalegmn.symmetry import canonicalize_sine_phase
from scalegmn.training import Ensemble, EnsembleConfig, Run, parse_config, train
from scalegmn.training._checks import configuration_errors
from scalegmn.training._ensemble import MOST_MEMBERS
from scalegmn.training._own_networks import own_splits
from tests.training.small import options, small_population


def without_model(command: list[str]) -> list[str]:
    return [word for word in command if not word.startswith("--model.")]


def of_runs(*runs: Path) -> list[str]:
    return ["--metanetwork=ensemble", f"--ensemble.runs=[{', '.join(map(str, runs))}]"]


def trained(command: list[str]) -> Run:
    config, problems = parse_config(command)
    assert config is not None and not problems and not configuration_errors(config)
    return Run.open(train(config).folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A population, two runs of different models, and a run of them both."""
    folder = tmp_path_factory.mktemp("ensemble")
    small_population(folder / "p", networks=48)
    trained(options(folder / "p", folder / "a", training__epochs=1))
    trained(
        [
            *without_model(options(folder / "p", folder / "b", training__epochs=1)),
            "--metanetwork=probes",
            "--probes.probes=4",
        ]
    )
    trained([*without_model(options(folder / "p", folder / "both")), *of_runs(folder / "a", folder / "b")])
    return folder


@pytest.mark.slow
def test_the_answer_is_the_mean_of_the_members(folder: Path) -> None:
    population = Population.open(folder / "p")
    theta = population.theta([0, 1, 2, 3, 30])
    [architecture] = population.architectures
    both, one, other = (
        Run.open(folder / name).outputs(architecture, theta, batch_size=2) for name in ("both", "a", "b")
    )
    assert not torch.equal(one, other)
    assert torch.allclose(both, (one + other) / 2, atol=1e-6)


def test_figures_are_those_of_its_own_answers(folder: Path) -> None:
    results = json.loads((folder / "both" / "results.json").read_text())
    run = Run.open(folder / "both")
    assert isinstance(run.model, Ensemble)
    assert results["test"]["networks"] == 12
    assert run.facts["parameters"] == sum(
        p.numel() for name in "ab" for p in Run.open(folder / name).model.parameters()
    )


def test_it_stands_without_its_runs(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "both", tmp_path / "alone")
    population = Population.open(folder / "p")
    [architecture] = population.architectures
    theta = canonicalize_sine_phase(architecture, population.theta([5, 6]))
    alone, before = Run.open(tmp_path / "alone"), Run.open(folder / "both")
    assert torch.equal(alone.outputs(architecture, theta), before.outputs(architecture, theta))
    assert alone.model.limits == before.model.limits is not None


def test_another_split_is_refused(folder: Path, tmp_path: Path) -> None:
    command = [
        *without_model(options(folder / "p", tmp_path / "other", data__split_seed=7)),
        *of_runs(folder / "a"),
    ]
    config, _ = parse_config(command)
    assert config is not None
    [problem] = configuration_errors(config)
    assert "ensemble.runs" in problem and "validation networks, so that figures would be too good" in problem


def test_test_networks_that_a_member_learned_from_are_refused(folder: Path, tmp_path: Path) -> None:
    command = [
        *without_model(options(folder / "p", tmp_path / "other", data__folds=2, data__fold=0)),
        *of_runs(folder / "a"),
    ]
    config, _ = parse_config(command)
    assert config is not None
    problems = configuration_errors(config)
    assert any("test networks, so that figures would be too good" in problem for problem in problems)


def test_another_task_is_refused(folder: Path, tmp_path: Path) -> None:
    small_population(tmp_path / "more", networks=48, classes=4)
    command = [*without_model(options(tmp_path / "more", tmp_path / "other")), *of_runs(folder / "a")]
    config, _ = parse_config(command)
    assert config is not None
    assert any(
        "expected 4; name runs of the same task" in problem for problem in configuration_errors(config)
    )


def test_runs_that_are_none_are_refused(folder: Path, tmp_path: Path) -> None:
    for runs, message in ((of_runs(), "names 0 runs"), (of_runs(tmp_path / "none"), "no such run folder")):
        config, _ = parse_config([*without_model(options(folder / "p", tmp_path / "other")), *runs])
        assert config is not None
        assert any(message in problem for problem in configuration_errors(config))


def test_ensembles_and_runs_that_come_twice_are_refused(folder: Path, tmp_path: Path) -> None:
    twice = (folder / "a", folder / "b" / ".." / "a")
    for runs, message in (((folder / "both",), "is an ensemble itself"), (twice, "a 2 times")):
        command = [*without_model(options(folder / "p", tmp_path / "other")), *of_runs(*runs)]
        config, _ = parse_config(command)
        assert config is not None
        [problem] = configuration_errors(config)
        assert message in problem


@pytest.mark.slow
def test_it_has_learned_from_what_its_members_have_learned_from(folder: Path, tmp_path: Path) -> None:
    command = without_model(options(folder / "p", tmp_path / "few", data__train_limit=5))
    few = trained([*command, *of_runs(folder / "a")])
    population = Population.open(folder / "p")
    member, own = (own_splits(run, population, np.arange(48)) for run in (Run.open(folder / "a"), few))
    assert member is not None and own is not None
    assert (own == "train").sum() == (member == "train").sum() > 5
    assert (own == member).all()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"members": [{"model": "ScaleGMNEditor"}]}, "expected a model that makes predictions"),
        ({"members": [{"model": "Ensemble", "members": []}]}, "and no ensemble"),
        ({"members": [{"model": "os.system"}]}, "class of the model"),
        ({"members": [3]}, "names no class"),
        ({"members": []}, "has 0 models"),
        ({"members": {}}, "that is a list"),
        ({"members": [{"model": "FlatMLP"}] * (MOST_MEMBERS + 1)}, f"expected at most {MOST_MEMBERS}"),
        ({}, "expected one entry, members"),
    ],
)
def test_descriptions_of_something_else_are_refused(data: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Ensemble.from_config(data)


def test_a_member_may_not_ask_for_more_layers_than_there_are_weights(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "both" / "model", tmp_path / "model")
    path = tmp_path / "model" / "config.json"
    data = json.loads(path.read_text())
    data["members"][0]["config"]["layers"] = 1000
    path.write_text(json.dumps(data))
    with pytest.raises(ConfigurationError, match="layers is 1000, but the weights beside it are"):
        Ensemble.from_pretrained(tmp_path / "model")


@pytest.mark.slow
def test_members_answer_with_vectors_of_one_length(folder: Path, tmp_path: Path) -> None:
    small_population(tmp_path / "more", networks=48, classes=4)
    other = trained(options(tmp_path / "more", tmp_path / "run", training__epochs=1))
    with pytest.raises(ConfigurationError, match=r"outputs of length \[3, 4\]"):
        Ensemble(members=[Run.open(folder / "a").predictor, other.predictor])
    context = ModelContext(
        architectures=other.architectures,
        options=Sections({"ensemble": EnsembleConfig(runs=(folder / "a",))}),
        outputs=4,
    )
    with pytest.raises(ConfigurationError, match="returns 3 numbers about a network, expected 4"):
        Ensemble.check(context)
