from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from torch import Tensor

from scalegmn.configuration import Sections
from scalegmn.models import HybridConfig, ModelConfig
from scalegmn.models.baselines import BoostingConfig, FeatureBoosting
from scalegmn.populations import Population
from scalegmn.tasks import Classification
from scalegmn.training import (
    DataConfig,
    Datasets,
    LoggingConfig,
    NetworkDataset,
    RunConfig,
    TrainingConfig,
    make_metanetwork,
    outputs_on,
    train,
)
from scalegmn.training._fitting import fit_at_once
from scalegmn.training._history import History
from tests.training.small import small_population

TRAIN, VAL = np.arange(0, 64, 2), np.arange(1, 64, 4)


@pytest.fixture(scope="module")
def population(tmp_path_factory: pytest.TempPathFactory) -> Population:
    return small_population(tmp_path_factory.mktemp("fitting") / "p", networks=64, more=(2, 4, 1))


@dataclass(frozen=True)
class Fitted:
    """What a model was fitted to, what was written about it, and what it predicts for validation networks."""

    features: Tensor
    classes: Tensor
    row: dict[str, str]
    outputs: Tensor
    targets: Tensor
    loss: float


def networks(population: Population, rows: np.ndarray) -> NetworkDataset:
    targets = torch.from_numpy(population.column("label")[rows])
    return NetworkDataset(
        population=population, rows=rows, targets=targets, canonicalize=False, memory_limit=2.0**20
    )


def fitted(population: Population, folder: Path, *, batch: int) -> Fitted:
    config = RunConfig(
        data=DataConfig(population=population.folder, evaluation_batch_size=batch),
        metanetwork="feature_boosting",
        options=Sections({"boosting": BoostingConfig(iterations=10, networks_in_leaf=3)}),
    )
    task = Classification(label="label", classes=["0", "1", "2"])
    model = make_metanetwork(config, architectures=population.architectures, task=task)
    assert isinstance(model, FeatureBoosting)
    data = Datasets(networks(population, TRAIN), networks(population, VAL), None)
    with pytest.MonkeyPatch.context() as patch:
        fit = Mock(side_effect=model.fit)
        patch.setattr(model, "fit", fit)
        fit_at_once(config, model, task, data, History(folder / "metrics.csv"))
    features, classes = fit.call_args.args
    (row,) = csv.DictReader((folder / "metrics.csv").read_text().splitlines())
    outputs, targets = outputs_on(task, model, data.val)
    return Fitted(features, classes, row, outputs, targets, float(task.loss(outputs, targets)))


def test_it_learns_and_leaves_the_row_of_one_epoch(population: Population, tmp_path: Path) -> None:
    done = fitted(population, tmp_path, batch=1000)
    accuracy = float((done.outputs.argmax(dim=1) == done.targets).double().mean())
    assert accuracy > 0.6
    assert float(done.row["val/accuracy"]) == pytest.approx(accuracy, abs=1e-6)
    assert float(done.row["val/loss"]) == pytest.approx(done.loss, rel=1e-5)
    assert float(done.row["train/accuracy"]) >= accuracy
    assert (done.row["epoch"], done.row["step"]) == ("0", "1")
    assert 0 < float(done.row["train_seconds"]) <= float(done.row["seconds"])


def test_it_is_fitted_to_the_training_networks_in_their_order(population: Population, tmp_path: Path) -> None:
    done = fitted(population, tmp_path, batch=1000)
    assert done.classes.tolist() == population.column("label")[TRAIN].tolist()
    assert len(done.features) == len(TRAIN)


def test_size_of_batches_changes_nothing(population: Population, tmp_path: Path) -> None:
    """Features and targets of mixed architectures stay together however they are read."""
    whole, parts = (fitted(population, tmp_path, batch=batch) for batch in (1000, 5))
    order = [np.lexsort(done.features.numpy().T) for done in (whole, parts)]
    for name in ("features", "classes"):
        one, other = getattr(whole, name)[order[0]], getattr(parts, name)[order[1]]
        torch.testing.assert_close(one, other)


@pytest.mark.slow
def test_the_fitted_part_of_a_model_comes_first(population: Population, tmp_path: Path) -> None:
    config = RunConfig(
        data=DataConfig(population=population.folder, validation=0.25, test=0.25),
        metanetwork="hybrid",
        options=Sections({"model": ModelConfig(features=4, layers=1), "hybrid": HybridConfig(start=True)}),
        # Step by step nothing is learned.
        training=TrainingConfig(epochs=1, learning_rate=1e-12),
        logging=LoggingConfig(tensorboard=False, progress=False),
        output=tmp_path / "run",
    )
    (row,) = csv.DictReader((train(config).folder / "metrics.csv").read_text().splitlines())
    assert float(row["train/accuracy"]) > 0.8
