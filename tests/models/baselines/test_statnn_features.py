from __future__ import annotations

import numpy as np
import pytest
import torch

from scalegmn.errors import GraphError
from scalegmn.models.baselines import padded_features
from scalegmn.models.baselines._statnn_features import statnn_features
from scalegmn.networks import Architecture
from tests.models.baselines.networks import (
    DEEPER,
    FLATTENED,
    LINEAR,
    PERMUTATIONS,
    RESIDUAL,
    SCALES,
    SIREN,
    ZOO,
    alone,
    batch_of,
    transformed,
)


def expected(values: np.ndarray) -> np.ndarray:
    return np.array([values.mean(), values.var(), *np.percentile(values, [0, 25, 50, 75, 100])])


@pytest.mark.parametrize("architecture", [ZOO, SIREN, FLATTENED, LINEAR])
def test_statistics_are_those_of_numpy(architecture: Architecture) -> None:
    theta = batch_of(architecture).parts[0][1]
    found = statnn_features(architecture, theta)
    assert found.shape == (4, 14 * len(architecture.stages))
    for row, values in zip(found, theta, strict=True):
        state = architecture.unflatten(values)
        names = [f"{s.weighted.name}.{kind}" for s in architecture.stages for kind in ("weight", "bias")]
        by_hand = np.concatenate([expected(state[name].numpy()) for name in names])
        assert np.allclose(row.numpy(), by_hand, rtol=1e-12, atol=1e-14)


def test_layers_without_biases_have_zeros() -> None:
    found = statnn_features(RESIDUAL, batch_of(RESIDUAL).parts[0][1]).unflatten(1, (4, 2, 7))
    assert (found[:, 1, 1] == 0).all()
    assert (found[:, 1, 0] != 0).all()
    assert (found[:, 0, 1] != 0).any()


@pytest.mark.parametrize("architecture", [ZOO, SIREN, RESIDUAL, FLATTENED])
def test_permutations_change_nothing(architecture: Architecture) -> None:
    batch = batch_of(architecture)
    before = statnn_features(*batch.single)
    after = statnn_features(*transformed(batch, PERMUTATIONS).single)
    assert torch.allclose(before, after, rtol=1e-12, atol=1e-14)
    rescaled = statnn_features(*transformed(batch, SCALES).single)
    assert (before - rescaled).abs().max() > 1e-2


def test_many_networks_are_read_in_pieces() -> None:
    theta = batch_of(SIREN, count=2100).parts[0][1]
    found, alone = statnn_features(SIREN, theta)[1500:], statnn_features(SIREN, theta[1500:])
    torch.testing.assert_close(found, alone, rtol=1e-12, atol=1e-14)


def test_last_layers_share_a_place() -> None:
    batch = batch_of(ZOO, LINEAR, DEEPER)
    found = padded_features(batch, layers=6).unflatten(1, (6, 15))
    present = found[:, :, 0]
    assert present[0].tolist() == [1, 1, 1, 0, 0, 1]
    assert present[4].tolist() == [0, 0, 0, 0, 0, 1]
    assert present[8].tolist() == [1, 1, 1, 1, 0, 1]
    assert (found[present == 0] == 0).all()
    of_zoo = statnn_features(*batch.parts[0]).unflatten(1, (4, 14))
    assert torch.equal(found[:4][:, [0, 1, 2, 5], 1:], of_zoo)
    single = torch.cat([padded_features(part, layers=6) for part in alone(batch)])
    assert torch.allclose(found.flatten(1), single, rtol=1e-12, atol=1e-14)


def test_networks_that_are_too_deep_are_refused() -> None:
    with pytest.raises(GraphError, match=r"has 5 weighted layers.*at most 4"):
        padded_features(batch_of(ZOO, DEEPER), layers=4)
