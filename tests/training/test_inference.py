from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from scalegmn.errors import ConfigurationError
from scalegmn.graph import GraphSpec, batch_graphs
from scalegmn.models import ModelConfig, ScaleGMN
from scalegmn.tasks import Classification
from scalegmn.training import NetworkDataset, device_called, kept_memory, outputs_on
from scalegmn.training._inference import outputs_of
from tests.training.small import small_population


def test_answers_come_in_the_order_of_the_networks(tmp_path: Path) -> None:
    population = small_population(tmp_path, networks=20, more=(2, 5, 1, 1))
    rows = np.array([1, 19, 3, 18, 0, 15])
    networks = NetworkDataset(
        population=population,
        rows=rows,
        targets=torch.from_numpy(rows),
        canonicalize=False,
        memory_limit=0.0,
    )
    config = ModelConfig(features=4, layers=1, dropout=0.5)
    model = ScaleGMN(spec=GraphSpec.from_architectures(population.architectures), outputs=3, config=config)
    task = Classification(label="label", classes=["a", "b", "c"])
    outputs, targets = outputs_on(task, model, networks, batch_size=4)
    assert targets.tolist() == rows.tolist()
    assert model.training
    model.eval()
    for place, row in enumerate(rows):
        ((architecture, _, theta),) = population.groups([int(row)])
        assert torch.allclose(outputs[place], model(batch_graphs(architecture, theta))[0], atol=1e-5)
        assert torch.allclose(outputs_of(model, architecture, theta)[0], outputs[place], atol=1e-5)


def test_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert device_called(None) == device_called("cpu") == torch.device("cpu")
    with pytest.raises(ConfigurationError, match="device 'abacus' cannot be used"):
        device_called("abacus")


def test_memory_is_kept_only_where_the_library_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    with kept_memory():
        assert torch.ones(10**7).sum() == 10**7

    def missing(name: str) -> None:
        raise OSError(name)

    monkeypatch.setattr("ctypes.CDLL", missing)
    with kept_memory():
        pass
