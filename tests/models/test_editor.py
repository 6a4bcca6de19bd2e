"""The metanetwork that writes updates: exactly equivariant, in every combination."""

from __future__ import annotations

import dataclasses
import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from scalegmn.configuration import Sections
from scalegmn.errors import ArchitectureError
from scalegmn.graph import NetworkBatch, NetworkGraph, batch_graphs, update_parameters
from scalegmn.models import Direction, ModelConfig, ModelContext, ScaleGMNEditor, Symmetry
from scalegmn.networks import (
    CONSTANT,
    Activate,
    Activation,
    Dense,
    EdgeType,
    LayeredArchitecture,
    Role,
    Skip,
    cnn,
    mlp,
    run,
    topology_of,
)
from scalegmn.seeding import generator
from scalegmn.testing.assertions import assert_equivariant
from scalegmn.testing.elements import Elements, draw_pair
from scalegmn.testing.parameters import random_parameters
from tests.models.cases import (
    CONFIGS,
    editor_of,
    in_dtype,
    mixed_batch,
    networks_of,
    networks_of_every_activation,
    spec_of,
)

EXACT = settings(derandomize=True, deadline=None, max_examples=15)
PERMUTATIONS = Elements(rescale=False, shift_phase=False)


@pytest.mark.slow
@EXACT
@given(seed=st.integers(0, 30), config=CONFIGS)
def test_equivariant_in_every_combination(seed: int, config: ModelConfig) -> None:
    networks = networks_of(seed)
    assert_equivariant(editor_of(networks, config, seed=seed), networks, generator=generator(seed, "draw"))


@pytest.mark.parametrize(("direction", "symmetrize"), list(itertools.product(Direction, [True, False])))
def test_equivariant_for_every_activation(direction: Direction, symmetrize: bool) -> None:
    networks = networks_of_every_activation()
    config = ModelConfig(features=8, layers=2, direction=direction, sign_symmetrization=symmetrize)
    assert_equivariant(editor_of(networks, config), networks, generator=generator(1))


@pytest.mark.slow
@pytest.mark.parametrize("direction", Direction)
def test_equivariant_in_single_precision(direction: Direction) -> None:
    networks = in_dtype(networks_of_every_activation(), torch.float32)
    config = ModelConfig(features=8, layers=2, direction=direction, skip=True)
    editor = editor_of(networks, config, dtype=torch.float32)
    assert_equivariant(editor, networks, generator=generator(2))


@pytest.mark.slow
@pytest.mark.parametrize("direction", Direction)
def test_permutation_only_editor_fails_the_scale_test(direction: Direction) -> None:
    networks = networks_of(2)
    config = ModelConfig(features=8, layers=2, direction=direction, symmetry=Symmetry.permutation)
    editor = editor_of(networks, config)
    assert_equivariant(editor, networks, generator=generator(1), elements=PERMUTATIONS)
    with pytest.raises(AssertionError, match="equivariance"):
        assert_equivariant(editor, networks, generator=generator(1))


def test_primal_features_sent_backwards_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scalegmn.nn._start.dual_start", lambda x, rows: x)
    architecture = mlp(widths=(2, 5, 4, 2), activations=[Activation("relu")] * 2)
    networks = [(architecture, random_parameters(architecture, 4, generator=generator(0)))]
    editor = editor_of(networks, ModelConfig(features=8, layers=3, direction=Direction.bidirectional))
    with pytest.raises(AssertionError, match="equivariance"):
        assert_equivariant(editor, networks, generator=generator(1))


@pytest.mark.slow
def test_every_parameter_has_its_own_update() -> None:
    """Every weight, every tap, every bias; nothing for constants of the architecture and learned slopes."""
    for architecture, theta in networks_of(7, architectures=10):
        editor = editor_of([(architecture, theta)], ModelConfig(features=8, layers=3))
        with torch.no_grad():
            taps, biases = editor(
                batch_graphs(architecture, random_parameters(architecture, 2, generator=generator(1)))
            )
        top = topology_of(architecture)
        taps, biases = taps.reshape(2, -1), biases.reshape(2, -1)
        skips = (top.edge_type == int(EdgeType.skip))[top.tap_edge]
        assert (taps[:, skips] == 0).all()
        assert (biases[:, top.node_role == int(Role.input)] == 0).all()
        weights = taps[0, ~skips]
        assert weights.unique().numel() == weights.numel()
        update = update_parameters(architecture, taps.flatten(), biases.flatten())
        slopes = top.slope_parameter[top.slope_parameter != CONSTANT]
        assert (update[:, slopes] == 0).all()


@pytest.mark.slow
def test_mixed_batch_equals_one_by_one() -> None:
    networks = (*networks_of(5, architectures=5), *networks_of_every_activation())
    editor = editor_of(networks, ModelConfig(features=8, layers=2, direction=Direction.bidirectional))
    batch = mixed_batch(networks)
    with torch.no_grad():
        together = editor(batch)
        alone = [torch.cat(parts) for parts in zip(*map(editor, batch.to_data_list()), strict=True)]
    for one, other in zip(together, alone, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-12 * other.abs().max().item())


def test_gradients_reach_every_used_weight() -> None:
    relu, tanh = (Activate(Activation(kind)) for kind in ("relu", "tanh"))
    layers = (Dense("a", 2, 4), relu, Dense("b", 4, 4), tanh, Dense("c", 4, 2))
    architecture = LayeredArchitecture(layers, (Skip(0, 1, 2),))
    for direction in Direction:
        networks = [(architecture, random_parameters(architecture, 3, generator=generator(0)))]
        editor = editor_of(networks, ModelConfig(features=8, layers=2, direction=direction))
        taps, biases = editor(batch_graphs(*networks[0]))
        (taps.square().sum() + biases.square().sum()).backward()
        for name, parameter in editor.named_parameters():
            if parameter.grad is None:
                # Other kernels; and nothing reads the duals of the last layer.
                assert ".vectors." in name or name.startswith("backbone.layers.1.dual_update."), name
            else:
                assert torch.isfinite(parameter.grad).all(), name


def test_untrained_updates_are_small() -> None:
    networks = in_dtype(networks_of_every_activation(), torch.float32)
    for scale in (0.01, 0.0):
        editor = ScaleGMNEditor(
            spec=spec_of(networks), config=ModelConfig(features=8, layers=2, update_scale=scale)
        )
        architecture, theta = networks[1]
        update = update_parameters(architecture, *editor(batch_graphs(architecture, theta)))
        assert update.abs().max() <= 0.1 * theta.abs().max()
        assert (update == 0).all() == (scale == 0)


SEVERAL = ModelConfig(features=8, layers=2, direction=Direction.bidirectional, output_networks=4)


@pytest.mark.slow
def test_each_of_several_written_networks_is_equivariant() -> None:
    networks = networks_of(3)
    editor = editor_of(networks, SEVERAL)

    for number in range(4):

        def written(graph: NetworkGraph, number: int = number) -> tuple[torch.Tensor, ...]:
            return tuple(update[number] for update in editor(graph))

        assert_equivariant(written, networks, generator=generator(4))


def test_the_mean_of_several_written_networks_is_invariant() -> None:
    network = mlp(widths=(2, 5, 4, 2), activations=[Activation("relu"), Activation("tanh")])
    theta = random_parameters(network, 5, generator=generator(0))
    pair = draw_pair(network, theta, generator=generator(1), elements=Elements())
    points = torch.randn(7, 2, generator=generator(2), dtype=torch.float64)

    def apart(symmetry: Symmetry) -> tuple[float, float]:
        """By how much functions differ after a symmetry, and after the edit."""
        config = dataclasses.replace(SEVERAL, symmetry=symmetry, update_scale=0.3)
        editor = editor_of([(network, theta)], config)
        batches = [NetworkBatch.from_parameters(network, rows) for rows in (pair.theta, pair.moved)]
        with torch.no_grad():
            one, other = (run(*editor.edit(batch).single, points) for batch in batches)
            each = torch.stack([run(*part.single, points) for part in editor.edit_each(batches[0])])
        torch.testing.assert_close(one, each.mean(0), rtol=1e-9, atol=1e-9)
        assert (each[0] - each[1]).abs().max() > 1e-3
        assert editor.edited_architecture(network).num_parameters == 430
        return float((one - other).abs().max()), float((one - run(network, theta, points)).abs().max())

    error, effect = apart(Symmetry.scaling)
    assert error < 1e-9 < 1e-3 < effect
    assert apart(Symmetry.permutation)[0] > 1e-3


def test_several_written_networks_need_no_more_parameters() -> None:
    networks = networks_of(3)
    editors = [
        editor_of(networks, dataclasses.replace(SEVERAL, output_networks=count)) for count in (1, 2, 8)
    ]
    one, two, eight = ([parameter.shape for parameter in editor.parameters()] for editor in editors)
    assert one == two == eight


def test_networks_that_cannot_be_averaged_are_refused_before_a_training() -> None:
    context = ModelContext(
        architectures=[cnn(activations=[Activation("relu")] * 3)], options=Sections({"model": SEVERAL})
    )
    with pytest.raises(ArchitectureError, match="cannot be averaged in one network: it has Conv"):
        ScaleGMNEditor.build(context)
