"""Weights in ascending order, on a grid that layers of all widths share."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from scalegmn.errors import ConfigurationError, GraphError
from scalegmn.models.baselines.features import FeaturesConfig, SortedWeightFeatures
from scalegmn.networks import Activation, Architecture, mlp
from tests.models.baselines.networks import (
    DEEPER,
    RESIDUAL,
    SCALES,
    SHALLOW,
    SIREN,
    ZOO,
    batch_of,
    transformed,
)


def made(*architectures: Architecture, quantiles: int = 64) -> SortedWeightFeatures:
    return SortedWeightFeatures.from_architectures(architectures, config=FeaturesConfig(quantiles=quantiles))


def test_a_tensor_of_as_many_values_stands_there_sorted() -> None:
    small = mlp(widths=(2, 3, 2), activations=[Activation("relu")])
    batch = batch_of(small)
    parameters = small.unflatten(batch.single[1])
    found = made(small, quantiles=6).compute(batch)[2].numpy().reshape(2, 13)
    for row, layer in zip(found, small.weighted, strict=True):
        assert layer.bias is not None
        own, biases = (parameters[one.name][2].numpy().flatten() for one in (layer.weight, layer.bias))
        np.testing.assert_allclose(row[1:7], np.sort(own))
        np.testing.assert_allclose(row[7:], np.quantile(biases, np.linspace(0, 1, 6)))


def test_missing_biases_are_zeros() -> None:
    found = made(RESIDUAL, quantiles=5).compute(batch_of(RESIDUAL)).unflatten(1, (4, 11))
    assert (found[:, 1, 6:] == 0).all() and (found[:, 0, 6:] != 0).all()


def test_layers_of_all_widths_share_a_table() -> None:
    features = made(SIREN, DEEPER, SHALLOW, quantiles=4)
    assert features.compute(batch_of(SIREN, DEEPER, SHALLOW)).shape == (12, 5 * 9) == (12, features.size)
    with pytest.raises(GraphError, match="5 weighted layers, but the model was made for at most 3"):
        made(SIREN).compute(batch_of(DEEPER))


def test_scales_of_neurons_are_seen() -> None:
    batch = batch_of(ZOO)
    before, after = (made(ZOO).compute(one) for one in (batch, transformed(batch, SCALES)))
    assert (before - after).abs().max() > 0.1 * before.abs().max()


def test_populations_are_sorted_part_by_part(monkeypatch: pytest.MonkeyPatch) -> None:
    batch = batch_of(ZOO, SIREN, count=5)
    whole = made(ZOO, SIREN).compute(batch)
    monkeypatch.setattr("scalegmn.models.baselines.features._sorted_weights._ROWS", 2)
    assert torch.equal(made(ZOO, SIREN).compute(batch), whole)


def test_a_grid_has_two_ends() -> None:
    with pytest.raises(ConfigurationError, match="quantiles is 1"):
        FeaturesConfig(quantiles=1)
