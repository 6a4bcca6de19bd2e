"""Triggers that are searched for: exact under every rewrite, and found where one was put."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from scalegmn.alignment.rewriting import Rewriting, rewrite
from scalegmn.checkpoints import write_state
from scalegmn.errors import ConfigurationError, GraphError
from scalegmn.graph import NetworkBatch
from scalegmn.models.baselines import BoostingConfig, FeatureBoosting, OutputType
from scalegmn.models.baselines.features import FeaturesConfig, InversionFeatures, LastLayerFeatures
from scalegmn.models.baselines.features._making import features_from_plain
from scalegmn.models.baselines.features._searches import SEARCHES, SearchKind
from scalegmn.models.baselines.features._start_inputs import drawn_inputs, inputs_of_shape, packed
from scalegmn.models.baselines.features._trigger_search import search_changes
from scalegmn.networks import Activation, Architecture, mlp
from scalegmn.seeding import generator
from scalegmn.testing.elements import Elements
from tests.models.baselines.networks import FLATTENED, RESIDUAL, SIREN, TANH_ZOO, ZOO, batch_of, transformed
from tests.programs.networks import normalized_architecture, normalized_networks

RADII = SEARCHES[SearchKind.free].radii
LINEAR = mlp(widths=(16, 3), activations=[])


def features(*architectures: Architecture, images: Path | None = None) -> InversionFeatures:
    side = 9 if FLATTENED in architectures else 15
    config = FeaturesConfig(type="inversion", image_size=(side, side), images=images)
    return InversionFeatures.from_architectures(architectures, config=config)


def moved(architecture: Architecture) -> float:
    """How far symmetries move a feature."""
    batch = batch_of(architecture)
    other = transformed(batch, Elements(shift_phase=False, spread=100.0))
    made = features(architecture)
    return float((made.compute(batch) - made.compute(other)).abs().max())


@pytest.mark.parametrize("architecture", [TANH_ZOO, RESIDUAL, FLATTENED])
def test_symmetries_change_nothing(architecture: Architecture) -> None:
    assert moved(architecture) < 1e-6


def test_neurons_that_are_split_or_unread_change_nothing() -> None:
    batch = batch_of(TANH_ZOO, count=2)
    for row in batch.single[1]:
        rewriting = Rewriting(kinds=("group", "unread", "split"))
        other, theta = rewrite(TANH_ZOO, row, rewriting=rewriting, generator=generator(3))
        assert other.num_parameters > TANH_ZOO.num_parameters
        pair = NetworkBatch(((TANH_ZOO, row[None]), (other, theta[None])), torch.arange(2))
        before, after = features(TANH_ZOO, other).compute(pair)
        assert (before - after).abs().max() < 1e-6
        last = LastLayerFeatures(classes=4).compute(pair)
        assert (last[0] - last[1]).abs().max() > 1e-2


def test_margins_of_linear_networks_grow_by_the_norm_of_a_difference() -> None:
    """Two answers of a linear network: the best change is along the difference of their rows."""
    network = mlp(widths=(16, 2), activations=[])
    theta = batch_of(network, count=1).single[1]
    rows = network.unflatten(theta)
    weight = next(value for value in rows.values() if value.ndim == 3)[0]
    inputs = torch.zeros(1, 16, dtype=torch.float64)
    found = search_changes(network, theta, inputs, search=SEARCHES[SearchKind.free]).margins[0, 0, :, 0]
    steepness = float((weight[0] - weight[1]).norm()) * 4
    expected = found[0] + steepness * torch.tensor([0.0, *RADII], dtype=torch.float64)
    torch.testing.assert_close(found, expected)


def test_a_class_that_one_pixel_reaches_stands_out() -> None:
    theta = 0.3 * torch.randn(1, LINEAR.num_parameters, generator=generator(0), dtype=torch.float64)
    planted = theta.clone()
    weight = next(one.weight for one in LINEAR.weighted)
    # Class 1 rises with the fifth input.
    planted[0, weight.start + 16 + 4] += 30
    made = features(LINEAR)
    before, after = (made.compute(NetworkBatch.from_parameters(LINEAR, one))[0] for one in (theta, planted))
    figures = made.size // 6
    largest_margin, largest_peak = len(RADII) - 1, figures - 1
    assert after[largest_margin] > before[largest_margin] + 10
    assert after[largest_peak] > 0.9 > 0.6 > before[largest_peak]


def test_given_images_are_where_the_search_starts(tmp_path: Path) -> None:
    images = torch.rand(3, 1, 15, 15, generator=generator(1)).half().float()
    file = tmp_path / "means.safetensors"
    write_state(file, {"of fifteen": images, "of four": images[:, :, :4, :4].contiguous()})
    made, drawn = features(ZOO, images=file), features(ZOO)
    assert torch.equal(inputs_of_shape(made.images, (1, 15, 15)), images.double())
    batch = batch_of(ZOO)
    assert (made.compute(batch) - drawn.compute(batch)).abs().max() > 1e-2
    # A saved model holds them.
    again = features_from_plain(made.to_plain())
    assert again == made and torch.equal(again.compute(batch), made.compute(batch))
    with pytest.raises(ConfigurationError, match=r"has images of the shapes .* take inputs"):
        features(SIREN, images=file)


def test_programs_and_lists_of_layers_stand_in_one_table() -> None:
    program = normalized_architecture()
    batch = NetworkBatch(
        ((program, normalized_networks(count=2)), *batch_of(SIREN, count=2).parts), torch.arange(4)
    )
    made = features(program, SIREN)
    found = made.compute(batch)
    assert found.shape == (4, made.size) and found.isfinite().all() and len(found.unique(dim=0)) == 4


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1x4 AAAA", "are no images"),
        ("1xb AAAAAAAAAAA=", "are no images"),
        ("1x4 &&&", "are no images"),
        (packed(torch.full((1, 4), torch.nan)), "are no images"),
        (packed(torch.zeros(65, 4)), "holds 65 images"),
        (packed(torch.zeros(2, 2**18)), "524,288 numbers"),
    ],
)
def test_damaged_images_are_refused(text: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        InversionFeatures(images=(text,))


def test_files_without_images_are_refused(tmp_path: Path) -> None:
    write_state(tmp_path / "flat.safetensors", {"flat": torch.zeros(4)})
    with pytest.raises(ConfigurationError, match="expected images"):
        features(ZOO, images=tmp_path / "flat.safetensors")


def test_networks_that_do_not_say_what_they_read_need_a_size() -> None:
    with pytest.raises(ConfigurationError, match=r"name it as features\.image_size"):
        InversionFeatures.from_architectures([ZOO], config=FeaturesConfig(type="inversion"))
    with pytest.raises(GraphError, match="cannot read inputs"):
        InversionFeatures(image_size=(3, 3)).compute(batch_of(FLATTENED))


def test_networks_that_overflow_have_no_features_and_no_verdict() -> None:
    network = mlp(widths=(3, 4, 2), activations=[Activation("relu")])
    batch = batch_of(network, count=40)
    made = features(network)
    trees = FeatureBoosting(
        feature_set=made, outputs=1, kind=OutputType.log_odds, config=BoostingConfig(iterations=3)
    )
    trees.fit(made.compute(batch), torch.arange(40) % 2)
    huge = batch.with_theta([torch.full_like(batch.single[1], 1e200)])
    assert made.compute(huge).isnan().all()
    assert trees.predict(huge).isnan().all() and trees.predict(batch).isfinite().all()


def test_drawn_inputs_are_smooth_and_always_the_same() -> None:
    drawn_inputs.cache_clear()
    first = drawn_inputs((1, 28, 28))
    drawn_inputs.cache_clear()
    assert torch.equal(first, drawn_inputs((1, 28, 28))) and first.shape == (8, 1, 28, 28)
    assert first.abs().max() <= 1
    steps = np.abs(np.diff(first.numpy(), axis=3)).mean()
    assert steps < 0.5 * first.numpy().std()
