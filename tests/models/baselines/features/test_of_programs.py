"""Features of networks that are no lists of layers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from scalegmn import mlp
from scalegmn.errors import GraphError
from scalegmn.graph import NetworkBatch
from scalegmn.models.baselines import padded_features
from scalegmn.models.baselines.features import FEATURES, FeaturesConfig, make_features
from scalegmn.networks import Activation, Architecture
from scalegmn.programs import ProgramArchitecture
from scalegmn.seeding import generator
from tests.programs.networks import CLASSES, normalized_architecture, normalized_networks

SMALL, LARGE = normalized_architecture(), normalized_architecture(channels=2, blocks=2)


def both() -> NetworkBatch:
    parts = ((SMALL, normalized_networks()), (LARGE, normalized_networks(channels=2, blocks=2, count=3)))
    return NetworkBatch(parts, torch.arange(7))


@pytest.mark.slow
@pytest.mark.parametrize("kind", [kind for kind in FEATURES.names() if kind not in ("flat", "inversion")])
def test_networks_of_several_programs_have_as_many_features(kind: str) -> None:
    batch = both()
    features = make_features(FeaturesConfig(type=kind, singular_values=2), batch.architectures)
    found = features.compute(batch)
    assert found.shape == (7, features.size)
    assert torch.isfinite(found).all()
    assert len(found.unique(dim=0)) == 7
    # Each has its own, whatever stands beside it.
    torch.testing.assert_close(features.compute(NetworkBatch(batch.parts[1:], torch.arange(3))), found[4:])


def test_statistics_are_those_of_numpy() -> None:
    theta = normalized_networks()
    found = padded_features(NetworkBatch.from_parameters(SMALL, theta), layers=5)[0].reshape(5, 3 * 5)
    conv = SMALL.unflatten(theta[0])["3.conv.weight"].numpy()
    quantiles = np.quantile(conv, [0, 0.25, 0.5, 0.75, 1])
    expected = [1, conv.mean(), conv.var(), *quantiles]
    assert np.allclose(found[2, :8], expected, rtol=1e-5, atol=1e-6)
    # The first convolution has no bias; the gains of a norm are a weight.
    assert (found[0, 8:] == 0).all()
    assert np.isclose(found[1, 1], SMALL.unflatten(theta[0])["1.weight"].mean())


def test_a_program_has_the_figures_of_the_same_list_of_layers() -> None:
    listed: Architecture = mlp(widths=(2, 5, CLASSES), activations=[Activation("tanh")])
    module = nn.Sequential(nn.Linear(2, 5), nn.Tanh(), nn.Linear(5, CLASSES))
    program: Architecture = ProgramArchitecture.from_module(module, torch.zeros(1, 2))
    theta = torch.randn(4, listed.num_parameters, generator=generator(0))
    for kind in ("statnn", "norms", "last_layer"):
        features = make_features(FeaturesConfig(type=kind), [listed])
        own, other = (features.compute(NetworkBatch.from_parameters(a, theta)) for a in (listed, program))
        assert torch.equal(own, other)
    features = make_features(FeaturesConfig(type="singular_values", singular_values=2), [listed])
    own, other = (features.compute(NetworkBatch.from_parameters(a, theta)) for a in (listed, program))
    assert torch.equal(own[:, :6], other[:, :6])
    # It is not known what follows on what.
    assert (other[:, 6:] == 0).all()


def test_a_program_without_a_row_for_each_output_has_no_last_layer() -> None:
    module = nn.Sequential(
        nn.Linear(2, 4), nn.Tanh(), nn.Unflatten(1, (2, 2)), nn.Flatten(2), nn.AvgPool1d(2)
    )
    architecture = ProgramArchitecture.from_module(module, torch.zeros(1, 2))
    features = make_features(FeaturesConfig(type="last_layer"), [architecture])
    with pytest.raises(GraphError, match="has no matrix with a row for each of its 2 outputs"):
        features.compute(NetworkBatch.from_parameters(architecture, torch.randn(2, 12)))
