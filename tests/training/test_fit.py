from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import torch

from scalegmn.errors import ConfigurationError, PopulationError
from scalegmn.populations import Population
from scalegmn.training import BatchOrder, Run, RunConfig, configuration_errors, evaluate, parse_config, train
from scalegmn.training._checkpoint_io import read_checkpoint
from scalegmn.training._config import Precision
from tests.training.small import CLASSES, options, small_population


@pytest.fixture(scope="module")
def population(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_population(tmp_path_factory.mktemp("population") / "small").folder


def configured(population: Path, output: Path, **changes: object) -> RunConfig:
    config, problems = parse_config(options(population, output, **changes))
    assert config is not None
    assert not problems + configuration_errors(config)
    return config


def weights(folder: Path) -> dict[str, torch.Tensor]:
    state: dict[str, torch.Tensor] = read_checkpoint(folder / "checkpoints" / "last.ckpt")["state_dict"]
    return state


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "metrics.csv").open() as file:
        return [{k: v for k, v in row.items() if "seconds" not in k} for row in csv.DictReader(file)]


@pytest.mark.slow
def test_training_learns_and_leaves_a_run(population: Path, tmp_path: Path) -> None:
    config = configured(population, tmp_path / "run", training__epochs=25, model__dropout=0)
    outcome = train(config)
    # The label is how large some weights are; chance is 1/3.
    assert outcome.report is not None
    assert outcome.report.summary["accuracy"] > 0.5
    run = Run.open(outcome.folder)
    results = json.loads((outcome.folder / "results.json").read_text())
    assert results["epochs"] == len(rows_of(outcome.folder)) == 25
    assert results["parameters"] == sum(p.numel() for p in run.model.parameters())
    assert results["train_networks_per_second"] > 0
    assert results["test"]["networks"] == 24
    assert np.load(outcome.folder / "confusion.npy").sum() == 24
    best = read_checkpoint(outcome.folder / "checkpoints" / "best.ckpt")
    assert best["epoch"] == results["best_epoch"]
    values = [float(row["val/accuracy"]) for row in rows_of(outcome.folder)]
    assert results["val_accuracy"] == max(values) == values[results["best_epoch"]]
    state = run.model.state_dict()
    assert all(torch.equal(best["state_dict"][f"model.{name}"], value) for name, value in state.items())
    assert run.facts["networks"] == {"train": 54, "val": 18, "test": 24}
    assert set(run.facts["versions"]) >= {"torch", "lightning", "scalegmn"}


@pytest.mark.slow
def test_layers_may_be_computed_again(population: Path, tmp_path: Path) -> None:
    for name, again in (("once", "false"), ("again", "true")):
        train(configured(population, tmp_path / name, training__recompute=again, model__dropout_in_mlps=True))
    assert same(weights(tmp_path / "once"), weights(tmp_path / "again"))


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"metanetwork": "flat_mlp", "flat_mlp.dropout": 0.1}, id="flat_mlp"),
        pytest.param({"model.symmetry": "permutation", "training.schedule": "cosine"}, id="permutation"),
        pytest.param(
            {"model.direction": "bidirectional", "training.schedule": "one_cycle"}, id="bidirectional"
        ),
        pytest.param({"training.gradient_clip": "null"}, id="unclipped"),
        pytest.param({"data.memory_limit": 0, "data.canonicalize": "false"}, id="from-disk"),
    ],
)
def test_variants_train(population: Path, tmp_path: Path, changes: dict[str, object]) -> None:
    config = configured(population, tmp_path / "run", training__epochs=1, **changes)
    outcome = train(config)
    assert Run.open(outcome.folder).canonicalize is config.data.canonicalize
    assert len(rows_of(outcome.folder)) == 1


@pytest.mark.slow
@pytest.mark.parametrize("precision", [one.name for one in Precision])
@pytest.mark.parametrize("metanetwork", ["scalegmn", "flat_mlp"])
def test_every_precision_trains_with_clipping_or_is_refused(
    population: Path, tmp_path: Path, precision: str, metanetwork: str
) -> None:
    changes = {"training.precision": precision, "metanetwork": metanetwork, "training.epochs": 1}
    config, problems = parse_config(options(population, tmp_path / "run", **changes))
    assert config is not None and not problems and config.training.gradient_clip is not None
    if precision == "fp16_mixed":
        with pytest.raises(ConfigurationError, match="is fp16_mixed, which needs a GPU"):
            train(config)
        assert not (tmp_path / "run").exists()
        return
    train(config)
    assert len(rows_of(tmp_path / "run")) == 1


@pytest.mark.slow
def test_mixed_architectures_train(tmp_path: Path) -> None:
    folder = small_population(tmp_path / "mixed", more=(2, 5, 4, 3, 1)).folder
    config, problems = parse_config(options(folder, tmp_path / "run", metanetwork="flat_mlp"))
    assert config is not None and not problems
    (problem,) = configuration_errors(config)
    assert "flat_mlp reads networks whose parameters have the same shapes" in problem
    with pytest.raises(ConfigurationError, match="flat_mlp"):
        train(config)
    outcome = train(configured(folder, tmp_path / "gmn"))
    assert len(Run.open(outcome.folder).architectures) == 2


@pytest.mark.slow
def test_same_seed_same_weights_whatever_happened_before(population: Path, tmp_path: Path) -> None:
    train(configured(population, tmp_path / "a"))
    torch.rand(3)
    before = torch.random.get_rng_state()
    train(configured(population, tmp_path / "b"))
    assert torch.equal(torch.random.get_rng_state(), before)
    train(configured(population, tmp_path / "c", training__seed=1))
    assert same(weights(tmp_path / "a"), weights(tmp_path / "b"))
    assert not same(weights(tmp_path / "a"), weights(tmp_path / "c"))


@pytest.mark.slow
def test_every_epoch_has_an_order_of_its_own(
    population: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    epochs: list[int] = []
    monkeypatch.setattr(BatchOrder, "set_epoch", lambda self, epoch: epochs.append(epoch))
    train(configured(population, tmp_path / "run"))
    assert {0, 1} <= set(epochs)


@pytest.mark.slow
def test_early_stopping(population: Path, tmp_path: Path) -> None:
    config = configured(
        population,
        tmp_path / "run",
        training__epochs=30,
        training__learning_rate=1e-9,
        training__early_stopping_patience=2,
    )
    train(config)
    assert len(rows_of(tmp_path / "run")) == 3


def test_divergence_is_an_error(population: Path, tmp_path: Path) -> None:
    config = configured(
        population,
        tmp_path / "run",
        training__learning_rate=1e30,
        training__gradient_clip="null",
        training__epochs=3,
    )
    with pytest.raises(
        ConfigurationError, match=r"the loss is .*lower training.learning_rate, which is 1e\+30"
    ):
        train(config)


def test_folder_in_use_is_left_alone(population: Path, tmp_path: Path) -> None:
    (tmp_path / "precious").touch()
    config = RunConfig(data=configured(population, tmp_path / "x").data, output=tmp_path)
    with pytest.raises(ConfigurationError, match="not empty"):
        train(config)
    assert [path.name for path in tmp_path.iterdir()] == ["precious"]


def test_unknown_class_in_test_networks(population: Path, tmp_path: Path) -> None:
    other = small_population(tmp_path / "other", classes=CLASSES + 1).folder
    config, _ = parse_config(options(population, tmp_path / "run", data__test_population=other))
    assert config is not None
    (problem,) = configuration_errors(config)
    assert f"{other}: column 'label': runs from 3 to 3, expected 0 to 2" in problem
    with pytest.raises(PopulationError, match="expected 0 to 2"):
        train(config)


def test_test_networks_that_differ_in_what_no_description_says(population: Path, tmp_path: Path) -> None:
    other = small_population(tmp_path / "other", frequency=10.0).folder
    config, _ = parse_config(options(population, tmp_path / "run", data__test_population=other))
    assert config is not None
    (problem,) = configuration_errors(config)
    assert "has another architecture" in problem and "they differ in what this leaves out" in problem


# What happens to a training: it is killed in the middle of its third epoch, while the checkpoint of its
# third epoch is being written, or between the best and the last checkpoint of that epoch.
KILLS = {
    "mid-epoch": """
from scalegmn.training._module import FitModule
step = FitModule.training_step
def training_step(self, batch, index):
    if self.current_epoch == 2 and index == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return step(self, batch, index)
FitModule.training_step = training_step
""",
    "mid-write": """
from scalegmn.training._checkpoint_io import PlainCheckpointIO
replace = os.replace
def kill(old, new):
    if os.path.basename(new) == "last.ckpt" and torch.load(old, weights_only=True)["epoch"] == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    replace(old, new)
os.replace = kill
""",
}
PROGRAM = """
import os, signal, sys
import torch
from scalegmn.cli.main import main
torch.set_num_threads(1)
{kill}
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def uninterrupted(population: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("uninterrupted") / "run"
    return train(configured(population, folder, training__epochs=4, training__schedule="cosine")).folder


@pytest.mark.slow
@pytest.mark.parametrize("kill", KILLS.values(), ids=KILLS)
def test_killed_and_resumed_is_as_if_never_killed(
    population: Path, tmp_path: Path, uninterrupted: Path, kill: str
) -> None:
    changes = {"training.epochs": 4, "training.schedule": "cosine"}
    command = options(population, tmp_path / "run", **changes)
    program = PROGRAM.format(kill=kill)
    done = subprocess.run(
        [sys.executable, "-c", program, "train", *command],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -9, done.stderr
    assert len(rows_of(tmp_path / "run")) == (2 if "training_step" in kill else 3)
    with pytest.raises(
        ConfigurationError, match="did not come to its end; run the same command with --resume"
    ):
        Run.open(tmp_path / "run")
    config = configured(population, tmp_path / "run", resume="true", **changes)
    train(config)
    assert same(weights(tmp_path / "run"), weights(uninterrupted))
    assert rows_of(tmp_path / "run") == rows_of(uninterrupted)
    best = [Run.open(folder).model.state_dict() for folder in (tmp_path / "run", uninterrupted)]
    assert same(*best)
    assert sorted(p.name for p in (tmp_path / "run/checkpoints").iterdir()) == ["best.ckpt", "last.ckpt"]


@pytest.mark.slow
def test_resuming_a_finished_training_changes_nothing(uninterrupted: Path, population: Path) -> None:
    before = weights(uninterrupted)
    train(
        configured(population, uninterrupted, training__epochs=4, training__schedule="cosine", resume="true")
    )
    assert same(weights(uninterrupted), before)
    assert len(rows_of(uninterrupted)) == 4


def test_resuming_another_training_is_a_mistake(uninterrupted: Path, population: Path) -> None:
    changes = {"training.schedule": "cosine", "model.features": 9, "training.epochs": 5}
    config, _ = parse_config(options(population, uninterrupted, resume="true", **changes))
    assert config is not None
    problems = configuration_errors(config)
    assert len(problems) == 2
    assert "model.features is 9" in problems[0]
    assert "was begun with 8" in problems[0]
    assert "training.epochs is 5" in problems[1]


def test_values_of_a_training_that_is_resumed_are_told_as_a_user_writes_them(
    uninterrupted: Path, population: Path
) -> None:
    config, _ = parse_config(options(population / ".." / "small", uninterrupted, resume="true"))
    assert config is not None
    problems = [problem for problem in configuration_errors(config) if "was begun with" in problem]
    there = population / ".." / "small"
    assert (
        f"resume: data.population is '{there}', but {uninterrupted} was begun with '{population}'" in problems
    )
    assert f"resume: training.schedule is 'constant', but {uninterrupted} was begun with 'cosine'" in problems


@pytest.mark.slow
def test_more_epochs_of_a_constant_schedule_are_no_other_training(population: Path, tmp_path: Path) -> None:
    train(configured(population, tmp_path / "run"))
    train(configured(population, tmp_path / "run", training__epochs=3, resume="true"))
    train(configured(population, tmp_path / "long", training__epochs=3))
    assert same(weights(tmp_path / "run"), weights(tmp_path / "long"))


@pytest.mark.slow
def test_wandb_offline(population: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_SILENT", "true")
    changes = {"logging.wandb": "true", "logging.wandb_offline": "true"}
    train(configured(population, tmp_path / "run", **changes))
    assert list((tmp_path / "run").glob("wandb/offline-run-*/*.wandb"))


@pytest.mark.slow
def test_wandb_without_a_key(population: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wandb = pytest.importorskip("wandb")
    refusal = mock.Mock(side_effect=wandb.errors.UsageError("No API key configured."))
    monkeypatch.setattr(wandb, "login", refusal)
    config = configured(population, tmp_path / "run")
    config = replace(config, logging=replace(config.logging, wandb=True))
    with pytest.raises(
        ConfigurationError, match=r"logging.wandb is on, but .* says 'No API key configured\.'"
    ):
        train(config)
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_tensorboard(population: Path, tmp_path: Path) -> None:
    train(configured(population, tmp_path / "run", logging__tensorboard="true"))
    assert list((tmp_path / "run/tensorboard").glob("events.out.tfevents.*"))


@pytest.mark.slow
def test_two_processes_share_the_work(population: Path, tmp_path: Path) -> None:
    changes = {"training.devices": 2, "training.epochs": 1}
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "scalegmn.cli.main",
            "train",
            *options(population, tmp_path / "run", **changes),
        ],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    # The steps that one process needs for 54 networks in batches of 16.
    assert [row["step"] for row in rows_of(tmp_path / "run")] == ["4"]
    assert done.stderr.count("The run is in") == 1
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    # A fraction of all 18 validation networks, not of those of one process.
    assert (results["val_accuracy"] * 18) == pytest.approx(round(results["val_accuracy"] * 18), abs=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("metanetwork", ["statnn_mlp", "feature_boosting", "nfn", "probes"])
@pytest.mark.parametrize("task", ["classification", "regression"])
def test_baselines_train_and_come_back(tmp_path: Path, metanetwork: str, task: str) -> None:
    folder = small_population(tmp_path / "networks", numbers=True).folder
    changes: dict[str, object] = {"metanetwork": metanetwork, "task": task}
    if task == "regression":
        changes["data.label"] = "number"
    config = configured(folder, tmp_path / "run", **changes)
    assert not configuration_errors(config)
    outcome = train(config)
    assert outcome.report is not None
    run = Run.open(outcome.folder)
    again = evaluate(run).report.summary
    assert again["networks"] == outcome.report.summary["networks"]
    assert again["loss"] == pytest.approx(outcome.report.summary["loss"], rel=1e-4)
    population = Population.open(folder)
    answers = run.task.describe(run.outputs(population.architecture, population.theta([0, 1])))
    assert len(answers) == 2
