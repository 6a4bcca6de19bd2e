from __future__ import annotations

from pathlib import Path

import numpy as np

from scalegmn.models.baselines import FlatMLP, FlatMLPConfig
from scalegmn.tasks import Classification
from scalegmn.training import NetworkDataset
from scalegmn.training._operations import operations_per_network
from tests.training.small import CLASSES, small_population


def test_a_layer_is_two_operations_per_weight(tmp_path: Path) -> None:
    population = small_population(tmp_path / "population", networks=12)
    task = Classification(label="label", classes=["0", "1", "2"])
    rows = np.arange(12)
    networks = NetworkDataset(
        population=population,
        rows=rows,
        targets=task.targets(population, rows),
        canonicalize=False,
        memory_limit=0.0,
    )
    inputs = population.architecture.num_parameters
    model = FlatMLP(parameters=inputs, outputs=CLASSES, config=FlatMLPConfig(hidden=(5, 4)))
    assert operations_per_network(task, model, networks) == 2 * (inputs * 5 + 5 * 4 + 4 * CLASSES)
