from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch

from scalegmn.errors import ConfigurationError, GraphError
from scalegmn.graph import NetworkBatch
from scalegmn.models.baselines.features import (
    FEATURES,
    FeaturesConfig,
    FeatureSet,
    FlatFeatures,
    LastLayerFeatures,
    NormFeatures,
    SingularValueFeatures,
    make_features,
)
from scalegmn.models.baselines.features._making import features_from_plain
from scalegmn.models.baselines.features._positions import align_layers
from scalegmn.networks import (
    Activate,
    Activation,
    Architecture,
    Conv,
    Dense,
    Flatten,
    LayeredArchitecture,
    Pool,
)
from scalegmn.testing.elements import Elements
from tests.models.baselines.networks import (
    DEEPER,
    FLATTENED,
    LINEAR,
    PERMUTATIONS,
    RESIDUAL,
    SCALES,
    SHALLOW,
    SIREN,
    TANH_ZOO,
    ZOO,
    batch_of,
    transformed,
)

SIGNS = Elements(permute=False, shift_phase=False, spread=1.0)
GROUPED = LayeredArchitecture(
    (
        Conv("0", 2, 4, (3, 3)),
        Activate(Activation("relu")),
        Conv("1", 4, 6, (3, 3), groups=2),
        Activate(Activation("relu")),
        Pool("average"),
        Flatten((1, 1)),
        Dense("2", 6, 3),
    )
)
# Those that run networks have tests of their own.
OF_WEIGHTS = [kind for kind in FEATURES.names() if kind != "inversion"]
INVARIANT = [kind for kind in OF_WEIGHTS if kind != "flat"]


def made(kind: str, architectures: Sequence[Architecture], *, count: int = 4) -> FeatureSet:
    return make_features(FeaturesConfig(type=kind, singular_values=count), architectures)


def deviation(features: FeatureSet, batch: NetworkBatch, other: NetworkBatch) -> float:
    """The largest change of a figure, relative to the largest figure."""
    before, after = features.compute(batch), features.compute(other)
    return float((before - after).abs().max() / before.abs().max())


@pytest.mark.parametrize("kind", OF_WEIGHTS)
@pytest.mark.parametrize("architecture", [ZOO, SIREN, LINEAR, FLATTENED, RESIDUAL])
def test_every_network_has_as_many(kind: str, architecture: Architecture) -> None:
    features, batch = made(kind, [architecture]), batch_of(architecture)
    found = features.compute(batch)
    assert found.shape == (4, features.size) and torch.isfinite(found).all()
    # They are about the networks: no two have the same, and each has its own whatever stands beside it.
    assert len(torch.unique(found, dim=0)) == 4
    alone = [
        features.compute(NetworkBatch.from_parameters(architecture, row[None])) for row in batch.single[1]
    ]
    torch.testing.assert_close(torch.cat(alone), found)
    assert features_from_plain(features.to_plain()) == features


@pytest.mark.parametrize("kind", INVARIANT)
@pytest.mark.parametrize("architecture", [ZOO, SIREN, FLATTENED, DEEPER])
def test_permutations_change_nothing(kind: str, architecture: Architecture) -> None:
    batch = batch_of(architecture)
    other = transformed(batch, PERMUTATIONS)
    assert deviation(made(kind, [architecture]), batch, other) < 1e-12
    # What has no such law notices: the networks are not the same.
    assert (
        deviation(FlatFeatures.from_architectures([architecture], config=FeaturesConfig()), batch, other)
        > 0.1
    )


@pytest.mark.parametrize("kind", ["canonical", "norms", "singular_values"])
def test_signs_change_nothing(kind: str) -> None:
    batch = batch_of(TANH_ZOO)
    other = transformed(batch, SIGNS)
    assert deviation(made(kind, [TANH_ZOO]), batch, other) < 1e-12
    assert deviation(made("last_layer", [TANH_ZOO]), batch, other) > 0.05


def test_only_the_whole_product_is_blind_to_scales() -> None:
    batch = batch_of(ZOO)
    other = transformed(batch, SCALES)
    features = SingularValueFeatures.from_architectures([ZOO], config=FeaturesConfig(singular_values=3))
    before, after = features.compute(batch), features.compute(other)
    torch.testing.assert_close(before[:, -3:], after[:, -3:], rtol=1e-9, atol=1e-12)
    assert (before[:, :-3] - after[:, :-3]).abs().max() > 0.1
    for kind in ("norms", "last_layer"):
        assert deviation(made(kind, [ZOO]), batch, other) > 0.01


def test_canonical_statistics_are_blind_to_scales() -> None:
    batch = batch_of(ZOO)
    other = transformed(batch, Elements(spread=100.0))
    assert deviation(made("canonical", [ZOO]), batch, other) < 1e-12
    assert deviation(made("statnn", [ZOO]), batch, other) > 0.1
    # A layer that a network lacks is 0, and the outputs have the last place.
    found = made("canonical", [ZOO, DEEPER]).compute(batch).reshape(4, 5, -1)
    assert (found[:, 3] == 0).all()
    torch.testing.assert_close(found[:, [0, 1, 2, 4]].flatten(1), made("canonical", [ZOO]).compute(batch))


@pytest.mark.parametrize("kind", ["statnn", "norms", "singular_values"])
def test_mixed_architectures_stand_in_one_table(kind: str) -> None:
    features = made(kind, [SIREN, DEEPER, SHALLOW, LINEAR])
    found = features.compute(batch_of(SIREN, DEEPER, SHALLOW, LINEAR))
    assert found.shape == (16, features.size)
    with pytest.raises(GraphError, match="5 weighted layers, but the model was made for at most 3"):
        made(kind, [SIREN]).compute(batch_of(DEEPER))


def test_norms_are_those_of_the_tensors() -> None:
    batch = batch_of(RESIDUAL)
    parameters = RESIDUAL.unflatten(batch.single[1])
    found = NormFeatures.from_architectures([RESIDUAL], config=FeaturesConfig()).compute(batch)
    expected = [1, parameters["0.weight"][2].norm(), parameters["0.bias"][2].norm()]
    # The second layer has no biases.
    expected += [1, parameters["1.weight"][2].norm(), 0]
    np.testing.assert_allclose(found[2, :6], expected)
    assert float(found[2, -1]) == pytest.approx(float(batch.single[1][2].norm()))


def test_last_layers_are_described_by_class() -> None:
    batch = batch_of(ZOO)
    parameters = ZOO.unflatten(batch.single[1])
    weight, bias = (
        parameters[f"{ZOO.stages[-1].weighted.name}.{kind}"][1].numpy() for kind in ("weight", "bias")
    )
    rows = np.stack([weight.mean(1), weight.max(1), np.linalg.norm(weight, axis=1), bias])
    found = LastLayerFeatures.from_architectures([ZOO], config=FeaturesConfig()).compute(batch)[1].numpy()
    np.testing.assert_allclose(found[:16], rows.flatten())
    np.testing.assert_allclose(found[16:32], np.sort(rows)[:, ::-1].flatten())
    away = np.abs(rows - np.median(rows, axis=1, keepdims=True))
    spread = 1.4826 * np.median(away, axis=1, keepdims=True)
    np.testing.assert_allclose(found[32:], (away / spread).max(axis=1))


def test_a_class_that_stands_out_shows() -> None:
    batch = batch_of(ZOO)
    theta = batch.single[1].clone()
    theta[:, -1] += 100.0
    features = LastLayerFeatures.from_architectures([ZOO], config=FeaturesConfig())
    before, after = features.compute(batch)[:, -1], features.compute(batch.with_theta([theta]))[:, -1]
    assert (after > 10 * before).all()
    # Where most classes have the same bias, there is no unit to measure by.
    theta[:, -4:] = torch.tensor([1.0, 1.0, 1.0, 5.0], dtype=theta.dtype)
    assert (features.compute(batch.with_theta([theta]))[:, -1] == 0).all()


def test_singular_values_of_layers_and_products() -> None:
    batch = batch_of(FLATTENED)
    parameters = FLATTENED.unflatten(batch.single[1])
    first, second, third = (parameters[f"{n}.weight"][3].numpy() for n in range(3))
    # Sums over the taps of the convolution, and over the places of the flattened map.
    maps = [first.sum((2, 3)), second.reshape(4, 3, 25).sum(2), third]
    matrices = [first.reshape(3, -1), second, third, maps[1] @ maps[0], maps[2] @ maps[1]]
    expected = []
    for matrix in matrices:
        values = np.linalg.svd(matrix, compute_uv=False)[:3]
        expected += [1, *values, *[0] * (3 - len(values))]
    values = np.linalg.svd(maps[2] @ maps[1] @ maps[0], compute_uv=False)
    found = SingularValueFeatures.from_architectures(
        [FLATTENED], config=FeaturesConfig(singular_values=3)
    ).compute(batch)[3]
    np.testing.assert_allclose(found, [*expected, *values, 0], atol=1e-12)


def test_groups_are_blocks() -> None:
    batch = batch_of(GROUPED)
    parameters = GROUPED.unflatten(batch.single[1])
    weight = parameters["1.weight"][0].numpy().sum((2, 3))
    dense = np.zeros((6, 4))
    dense[:3, :2], dense[3:, 2:] = weight[:3], weight[3:]
    whole = parameters["2.weight"][0].numpy() @ dense @ parameters["0.weight"][0].numpy().sum((2, 3))
    found = SingularValueFeatures.from_architectures(
        [GROUPED], config=FeaturesConfig(singular_values=2)
    ).compute(batch)[0, -2:]
    np.testing.assert_allclose(found, np.linalg.svd(whole, compute_uv=False)[:2])


def test_places_keep_the_last_layer_last() -> None:
    figures = torch.arange(1.0, 5.0).reshape(1, 2, 2)
    found = align_layers(ZOO, figures, places=4)
    assert found.tolist() == [[1, 1, 2, 0, 0, 0, 0, 0, 0, 1, 3, 4]]
    assert align_layers(ZOO, figures[:, :0], places=1).tolist() == [[0, 0, 0]]


def other_networks(kind: str) -> Callable[[], object]:
    return lambda: made(kind, [ZOO]).compute(batch_of(SIREN))


def test_networks_that_do_not_fit_are_refused() -> None:
    with pytest.raises(GraphError, match="one layout"):
        other_networks("flat")()
    with pytest.raises(GraphError, match="3 outputs, but the model was made for 4"):
        other_networks("last_layer")()
    with pytest.raises(ConfigurationError, match=r"there are some with \[3, 4\]"):
        made("last_layer", [ZOO, SIREN])


def test_wrong_configurations_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="singular_values is 0"):
        FeaturesConfig(singular_values=0)
    for data in ({"kind": "guess"}, {}, {"kind": "norms", "width": 3}):
        with pytest.raises(ConfigurationError, match=r"type of features|width is unknown"):
            features_from_plain(data)
