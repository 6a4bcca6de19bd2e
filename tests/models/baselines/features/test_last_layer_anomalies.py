"""Indicators of the rows of a last layer, by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from scalegmn.graph import NetworkBatch
from scalegmn.models.baselines.features import INDICATORS, FeaturesConfig, LastLayerAnomalies
from scalegmn.networks import Architecture
from scalegmn.programs import ProgramArchitecture
from tests.models.baselines.networks import LINEAR, SCALES, ZOO, batch_of, transformed

CLASSES, FEATURES = 4, 3


def anomalies(architecture: Architecture = ZOO) -> LastLayerAnomalies:
    return LastLayerAnomalies.from_architectures([architecture], config=FeaturesConfig())


def by_hand(weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """All indicators, ``(indicators, classes)``."""
    unit = weight / np.linalg.norm(weight, axis=1, keepdims=True)
    cosines = unit @ unit.T
    centered = weight - weight.mean(1, keepdims=True)
    figures = {
        "mean": weight.mean(1),
        "deviation": weight.std(1),
        "norm": np.linalg.norm(weight, axis=1),
        "maximum": weight.max(1),
        "minimum": weight.min(1),
        "kurtosis": (centered**4).mean(1) / (centered**2).mean(1) ** 2 - 3,
        "bias": bias,
        "cosine": (cosines.sum(1) - 1) / (len(weight) - 1),
    }
    return np.stack([figures[name] for name in INDICATORS])


def scored(figures: np.ndarray) -> np.ndarray:
    away = figures - np.median(figures, axis=1, keepdims=True)
    spread = 1.4826 * np.median(np.abs(away), axis=1, keepdims=True)
    return np.where(spread > 1e-12, away / np.where(spread > 1e-12, spread, 1), 0)


def last_layer(batch: NetworkBatch, row: int) -> tuple[np.ndarray, np.ndarray]:
    """Weights and biases of one network of :data:`ZOO`."""
    parameters = ZOO.unflatten(batch.single[1])
    name = ZOO.stages[-1].weighted.name
    return parameters[f"{name}.weight"][row].numpy(), parameters[f"{name}.bias"][row].numpy()


def test_figures_are_those_of_the_rows() -> None:
    batch = batch_of(ZOO)
    figures = by_hand(*last_layer(batch, 1))
    scores = scored(figures)
    np.testing.assert_allclose(anomalies().z_scores(batch)[1], scores, atol=1e-9)
    whole = np.abs(scores).mean(0, keepdims=True)
    expected = np.concatenate([figures, np.sign(scores) * np.log1p(np.abs(scores)), np.log1p(whole)])
    found = anomalies().compute(batch)[1]
    np.testing.assert_allclose(found, -np.sort(-expected, axis=1).flatten(), atol=1e-9)


def test_of_three_weights_all_rows_have_the_same_kurtosis() -> None:
    """What differs by rounding alone is no anomaly."""
    place = INDICATORS.index("kurtosis")
    for dtype in (torch.float32, torch.float64):
        assert (anomalies().z_scores(batch_of(ZOO, dtype=dtype))[:, place] == 0).all()


def test_rows_without_numbers_have_no_anomaly() -> None:
    theta = torch.zeros(2, ZOO.num_parameters)
    assert (anomalies().z_scores(NetworkBatch.from_parameters(ZOO, theta)) == 0).all()
    two = anomalies(LINEAR).compute(batch_of(LINEAR))
    assert torch.isfinite(two).all()


def test_a_favored_class_stands_out_in_its_column() -> None:
    batch = batch_of(ZOO)
    theta = batch.single[1].clone()
    theta[:, ZOO.parameters[-1].start + 2] += 50.0
    scores = anomalies().z_scores(batch.with_theta([theta]))[:, INDICATORS.index("bias")]
    assert (scores.argmax(1) == 2).all() and (scores[:, 2] > 5).all()


def test_one_scale_for_all_neurons_changes_no_score_and_single_ones_do() -> None:
    batch = batch_of(ZOO)
    weight = ZOO.parameters[-2]
    theta = batch.single[1].clone()
    theta[:, weight.start : weight.stop] *= 7.0
    own = anomalies().z_scores(batch)
    torch.testing.assert_close(anomalies().z_scores(batch.with_theta([theta])), own, rtol=1e-9, atol=1e-9)
    assert (anomalies().z_scores(transformed(batch, SCALES)) - own).abs().max() > 0.5


def test_order_of_classes_does_not_count() -> None:
    batch = batch_of(ZOO)
    order = torch.tensor([2, 0, 3, 1])
    theta = batch.single[1].clone()
    for parameter in ZOO.parameters[-2:]:
        own = slice(parameter.start, parameter.stop)
        theta[:, own] = theta[:, own].unflatten(1, (CLASSES, -1))[:, order].flatten(1)
    torch.testing.assert_close(anomalies().compute(batch.with_theta([theta])), anomalies().compute(batch))


@pytest.mark.parametrize("bias", [True, False])
def test_a_program_has_the_figures_of_its_linear_map(bias: bool) -> None:
    module = nn.Sequential(nn.Linear(2, FEATURES, bias=False), nn.Tanh(), nn.Linear(FEATURES, CLASSES, bias))
    program: Architecture = ProgramArchitecture.from_module(module, torch.zeros(1, 2))
    theta = torch.randn(1, program.num_parameters, generator=torch.Generator().manual_seed(0)).double()
    parts = program.unflatten(theta)
    offset = parts["2.bias"][0].numpy() if bias else np.zeros(CLASSES)
    expected = by_hand(parts["2.weight"][0].numpy(), offset)
    found = anomalies(program).compute(NetworkBatch.from_parameters(program, theta))[0]
    np.testing.assert_allclose(found[: expected.size], -np.sort(-expected, axis=1).flatten())
