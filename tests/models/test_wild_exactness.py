"""Metanetworks on networks of the Wild Park: skip connections, and an activation of its own per layer."""

from __future__ import annotations

from functools import lru_cache

import pytest
import torch
from torch import Tensor

from scalegmn.errors import SymmetryError
from scalegmn.models import Direction, ModelConfig, Symmetry
from scalegmn.networks import Architecture, WildLayout
from scalegmn.seeding import generator, numpy_generator
from scalegmn.testing.assertions import assert_invariant, symmetry_error
from scalegmn.testing.elements import Elements
from scalegmn.testing.parameters import random_parameters
from scalegmn.zoo.cnns import WildSpace
from scalegmn.zoo.cnns._wild import draw_architecture
from tests.models.cases import mixed_batch, model_of

# Small, so that a hundred networks take seconds; the residuals of deep ones overlap.
SPACE = WildSpace(depths=(2, 4, 6), channels=(2, 3, 4), kernel_sizes=(1, 3, 5), residual=0.7)
PERMUTATIONS = Elements(rescale=False, shift_phase=False)
RESCALINGS = Elements(permute=False)


@lru_cache
def wild_networks(seed: int, *, architectures: int = 6) -> tuple[tuple[Architecture, Tensor], ...]:
    g = numpy_generator(seed, "wild")
    drawn = [draw_architecture(generator=g, space=SPACE, inputs=3, outputs=4) for _ in range(architectures)]
    return tuple((a, random_parameters(a, 3, generator=generator(seed, a.fingerprint))) for a in drawn)


def config(direction: Direction, symmetry: Symmetry = Symmetry.scaling) -> ModelConfig:
    full = "full_graph"
    return ModelConfig(features=8, layers=3, direction=direction, symmetry=symmetry, readout=full, skip=True)


def test_networks_have_skips_and_mixed_activations() -> None:
    networks = [architecture for seed in range(3) for architecture, _ in wild_networks(seed)]
    kinds = {stage.activate.activation.kind for network in networks for stage in network.stages[:-1]}
    assert kinds == {"relu", "gelu", "tanh", "sigmoid", "leaky_relu", "identity"}
    assert sum(len(network.skips) for network in networks) > 10
    assert any(len({s.source for s in n.skips}) < len(n.skips) for n in networks)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("direction", Direction)
def test_scale_equivariant_models_are_exact(direction: Direction, seed: int) -> None:
    networks = wild_networks(seed)
    model = model_of(networks, config(direction), seed=seed)
    assert_invariant(model, networks, generator=generator(seed, "draw"))


@pytest.mark.parametrize("seed", range(2))
def test_models_for_any_width_are_exact(seed: int) -> None:
    networks = wild_networks(seed)
    model = model_of(networks, config(Direction.bidirectional, Symmetry.any_width), seed=seed)
    assert_invariant(model, networks, generator=generator(seed, "draw"))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("direction", Direction)
def test_permutation_only_model_is_exact_for_permutations(direction: Direction, seed: int) -> None:
    networks = wild_networks(seed)
    model = model_of(networks, config(direction, Symmetry.permutation), seed=seed)
    assert_invariant(model, networks, generator=generator(seed), elements=PERMUTATIONS)
    # This checks the tests: a model without the symmetry does not pass.
    with pytest.raises(AssertionError, match="invariance"):
        assert_invariant(model, networks, generator=generator(seed), elements=RESCALINGS)


@pytest.mark.parametrize("kind", ["relu", "tanh", "leaky_relu", "none"])
def test_every_activation_with_rescalings_is_tested(kind: str) -> None:
    """A single layer of a kind is enough for the permutation-only model to fail and the others to pass."""
    layout = WildLayout(
        channels=(4, 4, 4), kernels=(3, 3, 3), activations=("gelu", kind, "sigmoid"), residuals=(-1, -1, 0)
    )
    architecture = layout.architecture(inputs=3, outputs=4)
    networks = [(architecture, random_parameters(architecture, 3, generator=generator(0)))]
    for direction in Direction:
        exact = model_of(networks, config(direction))
        assert_invariant(exact, networks, generator=generator(1))
        other = model_of(networks, config(direction, Symmetry.permutation))
        assert symmetry_error(other, networks, generator=generator(1), elements=RESCALINGS) > 1e-3


def test_neurons_of_trivial_groups_are_not_rescaled() -> None:
    """GELU and sigmoid have nothing but permutations, also where they meet other groups at a residual."""
    layout = WildLayout(
        channels=(4, 3, 4), kernels=(3, 1, 3), activations=("gelu", "sigmoid", "relu"), residuals=(-1, -1, 0)
    )
    architecture = layout.architecture(inputs=3, outputs=4)
    networks = [(architecture, random_parameters(architecture, 3, generator=generator(0)))]
    model = model_of(networks, config(Direction.forward, Symmetry.permutation))
    # Each ReLU is tied to a GELU, so nothing is left to rescale.
    with pytest.raises(SymmetryError, match="the group is trivial"):
        symmetry_error(model, networks, generator=generator(1), elements=RESCALINGS)


@pytest.mark.parametrize("direction", Direction)
def test_a_lost_skip_connection_changes_the_answer(direction: Direction) -> None:
    """The prediction depends on the edges of constant weight."""
    parts = {"channels": (4, 4, 4), "kernels": (3, 3, 3), "activations": ("relu", "tanh", "gelu")}
    with_skip, without = (
        WildLayout(residuals=residuals, **parts).architecture(inputs=3, outputs=4)  # type: ignore[arg-type]
        for residuals in ((-1, -1, 0), (-1, -1, -1))
    )
    theta = random_parameters(with_skip, 3, generator=generator(0))
    networks = [(with_skip, theta), (without, theta)]
    model = model_of(networks, config(direction))
    with torch.no_grad():
        answers = model(mixed_batch(networks))
    assert (answers[0::2] - answers[1::2]).abs().min() > 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("symmetry", [Symmetry.scaling, Symmetry.permutation])
@pytest.mark.parametrize("direction", Direction)
def test_mixed_batch_equals_one_by_one(direction: Direction, symmetry: Symmetry) -> None:
    networks = wild_networks(1)
    model = model_of(networks, config(direction, symmetry))
    batch = mixed_batch(networks)
    with torch.no_grad():
        together = model(batch)
        alone = torch.cat([model(graph) for graph in batch.to_data_list()])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-12 * alone.abs().max().item())
