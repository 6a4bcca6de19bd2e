"""Models that are fitted to all training networks at once, without gradients."""

from __future__ import annotations

import time

import numpy as np
import torch

from scalegmn.graph import join
from scalegmn.models import FittedPredictor
from scalegmn.training._config import RunConfig
from scalegmn.training._data import Datasets, NetworkDataset
from scalegmn.training._history import History
from scalegmn.training._inference import outputs_on
from scalegmn.training._task import AnyTask


def fit_at_once(
    config: RunConfig, model: FittedPredictor, task: AnyTask, data: Datasets, history: History
) -> None:
    """Fit a model, and write what would be the row of its only epoch."""
    began = time.perf_counter()
    size = config.data.evaluation_batch_size
    fit_to(model, task, data.train, batch_size=size)
    trained = time.perf_counter()
    row: dict[str, float | int] = {"epoch": 0, "step": 1}
    for name, networks in (("train", data.train), ("val", data.val)):
        outputs, targets = outputs_on(task, model, networks, batch_size=size)
        metrics = task.metrics()
        task.measure(metrics, outputs, targets)
        row[f"{name}/loss"] = float(task.loss(outputs, targets))
        row[f"{name}/{task.monitor}"] = float(metrics.compute()[task.monitor])
    seconds = {"train_seconds": trained - began, "seconds": time.perf_counter() - began}
    history.add(row | seconds)


def fit_to(model: FittedPredictor, task: AnyTask, networks: NetworkDataset, *, batch_size: int) -> None:
    """Fit a model, or the part of one, to all networks of a set."""
    starts = range(0, len(networks), batch_size)
    batches = [networks[np.arange(start, min(start + batch_size, len(networks)))] for start in starts]
    features = torch.cat([model.compute_features(batch) for batch in batches])
    targets = join([batch.targets for batch in batches if batch.targets is not None])
    model.fit(features, task.fit_targets(targets))
