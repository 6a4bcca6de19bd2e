"""A training that starts from the weights of another: what is taken over, and what is refused."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from scalegmn.errors import ConfigurationError, TrainingWarning
from scalegmn.populations import Population
from scalegmn.training import Run, parse_config, train
from scalegmn.training._ancestors import start_weights
from scalegmn.training._checks import configuration_errors
from scalegmn.training._metanetworks import make_metanetwork
from scalegmn.training._own_networks import own_splits
from scalegmn.training._selection import select
from scalegmn.training._tasks import make_task
from tests.training.small import options, small_population

RECORDED = ("ancestors", "started_from", "parameters")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run, and populations with other networks and with other classes."""
    folder = tmp_path_factory.mktemp("start")
    small_population(folder / "p", networks=48)
    small_population(folder / "other", networks=48, seed=1)
    small_population(folder / "classes", networks=48, seed=2, classes=4)
    config, _ = parse_config(options(folder / "p", folder / "run", training__epochs=1))
    assert config is not None
    train(config)
    return folder


def started(command: list[str]) -> tuple[dict[str, torch.Tensor], dict[str, object], list[str]]:
    """The weights that a training would start with, facts and remarks."""
    config, problems = parse_config(command)
    assert config is not None and not problems and not configuration_errors(config)
    selection = select(config.data)
    task = make_task(config, selection)
    model = make_metanetwork(config, architectures=selection.architectures, task=task)
    facts, remarks = start_weights(model, config)
    return model.state_dict(), facts, remarks


@pytest.mark.slow
def test_all_weights_are_taken_over(folder: Path) -> None:
    weights, facts, remarks = started(
        options(folder / "other", folder / "new", training__start_from=folder / "run", training__seed=5)
    )
    before = Run.open(folder / "run").model.state_dict()
    assert weights.keys() == before.keys()
    assert all(torch.equal(weights[name], before[name]) for name in weights)
    assert facts["started_from"] == {"run": str(folder / "run"), "tensors": len(before), "anew": []}
    assert not remarks


def test_weights_of_other_shapes_start_anew(folder: Path) -> None:
    command = options(folder / "classes", folder / "new", training__start_from=folder / "run")
    weights, _, [remark] = started(command)
    fresh, _, _ = started(options(folder / "classes", folder / "new"))
    before = Run.open(folder / "run").model.state_dict()
    anew = [name for name in weights if weights[name].shape != before[name].shape]
    assert anew and all(name in remark for name in anew) and "start anew" in remark
    for name in weights:
        assert torch.equal(weights[name], (fresh if name in anew else before)[name])


@pytest.mark.slow
def test_the_run_says_what_it_started_from(folder: Path, tmp_path: Path) -> None:
    config, _ = parse_config(
        options(folder / "classes", tmp_path / "new", training__start_from=folder / "run", training__epochs=1)
    )
    assert config is not None
    with pytest.warns(TrainingWarning, match="start anew"):
        train(config)
    facts = json.loads((tmp_path / "new" / "run.json").read_text())
    assert facts["started_from"]["run"] == str(folder / "run")
    # It knows the networks of both, and so does what starts from it.
    learned = Population.open(folder / "p"), Population.open(folder / "classes")
    for population in learned:
        own = own_splits(Run.open(tmp_path / "new"), population, np.arange(48))
        assert own is not None and {"train", "val"} <= set(own)
    config, _ = parse_config(options(folder / "p", tmp_path / "third", training__start_from=tmp_path / "new"))
    assert config is not None and not configuration_errors(config)
    again = options(folder / "p", tmp_path / "third", training__start_from=tmp_path / "new", data__folds=2)
    config, _ = parse_config(again)
    assert config is not None
    assert any(
        "test networks, so that figures would be too good" in one for one in configuration_errors(config)
    )


@pytest.mark.parametrize(
    ("population", "changes", "message"),
    [
        ("p", {"data__folds": 2}, r"learned from \d+ of the \d+ test networks"),
        ("p", {"data__split_seed": 4}, r"learned from \d+ of the \d+ validation networks"),
        ("other", {"data__canonicalize": "false"}, "trained with data.canonicalize=true, expected false"),
        ("other", {"training__start_from": "runs/none"}, "no such run folder"),
    ],
)
def test_what_would_mislead_is_refused(
    folder: Path, tmp_path: Path, population: str, changes: dict[str, object], message: str
) -> None:
    given = {"training__start_from": folder / "run", **changes}
    config, _ = parse_config(options(folder / population, tmp_path / "new", **given))
    assert config is not None
    with pytest.raises(ConfigurationError, match=message):
        raise ConfigurationError("; ".join(configuration_errors(config)))


@pytest.mark.slow
def test_a_training_goes_on_without_the_run_that_it_started_from(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "run", tmp_path / "start")
    given = options(
        folder / "other", tmp_path / "new", training__start_from=tmp_path / "start", training__epochs=1
    )
    config, _ = parse_config(given)
    assert config is not None
    train(config)
    before = [json.loads((tmp_path / "new" / "run.json").read_text())[name] for name in RECORDED]
    networks = (tmp_path / "new" / "networks.npy").read_bytes()
    shutil.rmtree(tmp_path / "start")
    training = dataclasses.replace(config.training, epochs=2)
    resumed = dataclasses.replace(config, training=training, resume=True)
    assert not configuration_errors(resumed)
    train(resumed)
    assert len((tmp_path / "new" / "metrics.csv").read_text().splitlines()) == 3
    assert [json.loads((tmp_path / "new" / "run.json").read_text())[name] for name in RECORDED] == before
    assert (tmp_path / "new" / "networks.npy").read_bytes() == networks
    # Without a checkpoint it begins with those weights.
    shutil.rmtree(tmp_path / "new" / "checkpoints")
    [problem] = configuration_errors(resumed)
    assert f"training.start_from: {tmp_path / 'start'}: there is no such run folder" in problem


def test_another_model_is_refused(folder: Path, tmp_path: Path) -> None:
    command = [
        word
        for word in options(folder / "other", tmp_path / "new", training__start_from=folder / "run")
        if not word.startswith("--model.")
    ]
    config, _ = parse_config([*command, "--metanetwork=probes", "--probes.probes=4"])
    assert config is not None
    with pytest.raises(ConfigurationError, match="holds a model ScaleGMN, expected Probes"):
        train(config)


def test_models_that_learn_at_once_start_from_nothing(folder: Path, tmp_path: Path) -> None:
    command = [
        word
        for word in options(
            folder / "other",
            tmp_path / "new",
            training__start_from=folder / "run",
            training__weight_average=0.9,
        )
        if not word.startswith("--model.")
    ]
    config, _ = parse_config([*command, "--metanetwork=feature_boosting"])
    assert config is not None
    problems = configuration_errors(config)
    assert (
        len([problem for problem in problems if "feature_boosting is not learned step by step" in problem])
        == 2
    )
