"""The action on parameters keeps the function; the action on features keeps the laws."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from scalegmn.errors import SymmetryError
from scalegmn.graph import to_graph
from scalegmn.networks import (
    Activate,
    Activation,
    Architecture,
    Conv,
    Dense,
    EdgeType,
    Flatten,
    LayeredArchitecture,
    Pool,
    Role,
    Skip,
    mlp,
    run,
    siren,
)
from scalegmn.seeding import generator
from scalegmn.symmetry import (
    Element,
    Law,
    NonZeroScale,
    PositiveScale,
    Sign,
    SinePhase,
    SymmetryAction,
    Trivial,
    function_change,
)
from scalegmn.testing.architectures import (
    ELEMENTWISE,
    random_activation,
    random_architecture,
    random_residual_mlp,
)
from scalegmn.testing.parameters import random_inputs, random_parameters

EXACT = settings(derandomize=True, deadline=None, max_examples=80)
RELU, TANH = Activation("relu"), Activation("tanh")
SMALL = mlp(widths=(2, 4, 3, 2), activations=[RELU, TANH])


def change_of(architecture: Architecture, *, seed: int = 0, zeros: float = 0.0) -> float:
    """Change of the function of random networks under random symmetries of all kinds."""
    g = generator(seed)
    theta = random_parameters(architecture, 2, generator=g, zeros=zeros, dead=zeros, zero_biases=zeros)
    action = SymmetryAction(architecture)
    moved = action.apply(theta, action.draw(generator=g, shift_phase=True))
    return function_change(architecture, theta, moved, random_inputs(architecture, 4, generator=g))


@pytest.mark.slow
@EXACT
@given(seed=st.integers(0, 10**6), zeros=st.sampled_from([0.0, 0.3]))
def test_function_stays(seed: int, zeros: float) -> None:
    """All layers, activations, skip connections, groups and phases."""
    architecture = random_architecture(generator=generator(seed))
    assert change_of(architecture, seed=seed, zeros=zeros) < 1e-9


@pytest.mark.parametrize("kind", ELEMENTWISE)
def test_function_stays_for_every_activation(kind: str) -> None:
    activation = random_activation(generator=generator(0), kinds=[kind])
    assert change_of(mlp(widths=(2, 5, 4, 2), activations=[activation] * 2)) < 1e-10


@pytest.mark.parametrize("learned", [1, 3])
def test_learned_slopes_move_with_their_neurons(learned: int) -> None:
    layers = (Dense("a", 2, 3), Activate(Activation("prelu"), "slope", learned), Dense("b", 3, 2))
    assert change_of(LayeredArchitecture(layers)) < 1e-12


def test_grouped_convolution_is_rescaled_and_not_permuted() -> None:
    layers = (
        Conv("a", 2, 4, (3, 3)), Activate(RELU), Conv("b", 4, 6, (3, 3), groups=2), Activate(TANH),
        Pool("average"), Flatten((1, 1)), Dense("c", 6, 2),
    )  # fmt: skip
    architecture = LayeredArchitecture(layers)
    action = SymmetryAction(architecture)
    element = action.draw(generator=generator(0))
    assert torch.equal(element.permutation, torch.arange(action.topology.num_nodes))
    assert (element.scale[2:6] != 1).all()
    assert change_of(architecture) < 1e-12


def test_padded_average_pooling_before_a_sine() -> None:
    """Zeros at the border thin out the bias, so its phase is no symmetry; the sign still is."""

    def network(padding: tuple[int, int]) -> Architecture:
        pool = Pool("average", (2, 2), (1, 1), padding)
        conv, sine = Conv("a", 1, 3, (3, 3)), Activate(Activation("sine", 3.0))
        return LayeredArchitecture((conv, pool, sine, Pool("average"), Flatten((1, 1)), Dense("b", 3, 2)))

    assert SymmetryAction(network((1, 1))).groups[1] == Sign()
    assert SymmetryAction(network((0, 0))).groups[1] == SinePhase(3.0)
    assert change_of(network((1, 1))) < 1e-12
    assert change_of(network((0, 0))) < 1e-12


def test_groups_of_neurons() -> None:
    layers = (
        Conv("a", 1, 1, (3, 3)), Activate(TANH), Pool("max", (2, 2)),
        Conv("b", 1, 1, (1, 1)), Pool("average", (2, 2)),
        Conv("c", 1, 1, (1, 1), bias=False), Activate(Activation("sine")),
        Flatten((1, 1)), Dense("d", 1, 1), Activate(RELU), Dense("e", 1, 1), Activate(RELU),
    )  # fmt: skip
    expected = (Trivial(), Trivial(), NonZeroScale(), Sign(), PositiveScale(), Trivial())
    assert SymmetryAction(LayeredArchitecture(layers)).groups == expected


def test_draw_respects_its_options() -> None:
    action = SymmetryAction(siren(widths=(2, 8, 8, 1)))
    options = {"permute": False, "rescale": False, "shift_phase": False}
    identity = action.draw(generator=generator(0), **options)
    assert torch.equal(identity.scale, action.identity().scale)
    assert not identity.phase.any()
    assert torch.equal(identity.permutation, action.identity().permutation)
    permuted = action.draw(generator=generator(0), **{**options, "permute": True})
    assert not torch.equal(permuted.permutation, identity.permutation)
    assert torch.equal(permuted.scale, identity.scale) and torch.equal(permuted.phase, identity.phase)
    rescaled = action.draw(generator=generator(0), **{**options, "rescale": True})
    assert set(rescaled.scale.tolist()) == {1.0, -1.0}
    shifted = action.draw(generator=generator(0), **{**options, "shift_phase": True})
    assert shifted.phase.abs().max() == 3
    assert (shifted.phase[action.topology.node_role != int(Role.hidden)] == 0).all()


def test_spread_of_scales() -> None:
    action = SymmetryAction(mlp(widths=(2, 300, 1), activations=[RELU]))
    hidden = action.draw(generator=generator(0), spread=10.0).scale[2:-1]
    assert hidden.min() >= 0.1 and hidden.max() <= 10
    assert hidden.min() < 0.12 and hidden.max() > 8


def test_inputs_and_outputs_never_move() -> None:
    for seed in range(10):
        action = SymmetryAction(random_architecture(generator=generator(seed)))
        element = action.draw(generator=generator(seed), shift_phase=True)
        ends = action.topology.node_role != int(Role.hidden)
        assert (element.scale[ends] == 1).all()
        assert torch.equal(element.permutation[ends], torch.arange(ends.numel())[ends])


def test_tied_neurons_share_factor_and_place() -> None:
    for seed in range(30):
        architecture = random_residual_mlp(generator=generator(seed))
        action = SymmetryAction(architecture)
        element = action.draw(generator=generator(seed), shift_phase=True)
        top = action.topology
        skips = top.edge_type == int(EdgeType.skip)
        source, target = top.source[skips], top.target[skips]
        assert torch.equal(element.scale[source], element.scale[target])
        assert not element.phase[source].any() and not element.phase[target].any()
        pairs = set(zip(source.tolist(), target.tolist(), strict=True))
        moved = zip(element.permutation[source].tolist(), element.permutation[target].tolist(), strict=True)
        assert set(moved) == pairs


def test_components_that_are_tied_differently_do_not_change_places() -> None:
    """Both touch the same three layers, but only one has the long connection."""
    layers = tuple(layer for i in range(3) for layer in (Dense(f"{i}", 2, 2), Activate(Activation("relu"))))
    architecture = LayeredArchitecture(
        (*layers, Dense("last", 2, 1)), (Skip(0, 1, 2), Skip(1, 2, 2), Skip(0, 2, 1))
    )
    action = SymmetryAction(architecture)
    for seed in range(5):
        element = action.draw(generator=generator(seed))
        assert torch.equal(element.permutation, torch.arange(action.topology.num_nodes))
    alike = LayeredArchitecture(architecture.layers, (Skip(0, 1, 2), Skip(1, 2, 2), Skip(0, 2, 2)))
    drawn = [SymmetryAction(alike).draw(generator=generator(seed)).permutation for seed in range(10)]
    assert any((p != torch.arange(p.numel())).any() for p in drawn)


def test_the_whole_group_acts() -> None:
    """Composition: undoing a transformation gives the parameters back."""
    for seed in range(10):
        g = generator(seed)
        architecture = random_architecture(generator=g)
        action = SymmetryAction(architecture)
        theta = random_parameters(architecture, 2, generator=g)
        element = action.draw(generator=g)
        inverse = Element(
            scale=torch.empty_like(element.scale).index_copy(0, element.permutation, 1 / element.scale),
            phase=element.phase,
            permutation=element.permutation.argsort(),
        )
        torch.testing.assert_close(action.apply(action.apply(theta, element), inverse), theta)


def test_identity_changes_nothing() -> None:
    theta = random_parameters(SMALL, 3, generator=generator(0))
    action = SymmetryAction(SMALL)
    assert torch.equal(action.apply(theta, action.identity()), theta)


def test_batches_and_dtypes() -> None:
    theta = random_parameters(SMALL, 6, generator=generator(0))
    action = SymmetryAction(SMALL)
    element = action.draw(generator=generator(1))
    moved = action.apply(theta, element)
    assert torch.equal(action.apply(theta[2], element), moved[2])
    assert torch.equal(action.apply(theta.reshape(2, 3, -1), element), moved.reshape(2, 3, -1))
    single = action.apply(theta.float(), element)
    assert single.dtype == torch.float32
    torch.testing.assert_close(single.double(), moved, rtol=1e-6, atol=0)


def test_updates_transform_as_differences_of_parameters() -> None:
    """``g(theta + u) = g(theta) + g.u``, with phases that shift only the first."""
    for seed in range(15):
        g = generator(seed)
        architecture = random_architecture(generator=g)
        action = SymmetryAction(architecture)
        theta, update = random_parameters(architecture, 2, generator=g)
        element = action.draw(generator=g, shift_phase=True, spread=10.0)
        expected = action.apply(theta + update, element) - action.apply(theta, element)
        torch.testing.assert_close(action.apply_update(update, element), expected, rtol=1e-8, atol=1e-8)


def test_features_transform_as_the_graph_does() -> None:
    for seed in range(15):
        g = generator(seed)
        architecture = random_architecture(generator=g)
        action = SymmetryAction(architecture)
        theta = random_parameters(architecture, 1, generator=g)[0]
        element = action.draw(generator=g)
        before, after = to_graph(architecture, theta), to_graph(architecture, action.apply(theta, element))
        torch.testing.assert_close(
            action.apply_to_nodes(before.node_bias, element, law=Law.primal), after.node_bias
        )
        single = before.edge_taps == 1
        if single.all():
            torch.testing.assert_close(action.apply_to_edges(before.tap_weight, element), after.tap_weight)
        x = torch.randn(action.topology.num_nodes, 3, generator=g, dtype=torch.float64)
        primal, dual, none = (
            action.apply_to_nodes(x, element, law=law) for law in (Law.primal, Law.dual, Law.invariant)
        )
        torch.testing.assert_close(primal * dual, none * none)
        assert torch.equal(none[element.permutation], x)
        e = torch.randn(action.topology.num_edges, 3, generator=g, dtype=torch.float64)
        assert torch.equal(
            action.apply_to_edges(e, element, law=Law.invariant).sort(dim=0).values, e.sort(dim=0).values
        )


def test_edge_law_is_none_of_nodes() -> None:
    action = SymmetryAction(SMALL)
    with pytest.raises(SymmetryError, match="edge law"):
        action.apply_to_nodes(torch.ones(11, 1), action.identity(), law=Law.edge)


def replaced(element: Element, field: str, place: int, value: float) -> Element:
    changed: Tensor = getattr(element, field).clone()
    changed[place] = value
    return dataclasses.replace(element, **{field: changed})


@pytest.mark.parametrize(
    ("field", "place", "value", "message"),
    [
        ("scale", 0, 2.0, r"neuron 0 \(layer 0\) has the factor 2\.0, but has the group Trivial"),
        ("scale", 2, -1.0, r"neuron 2 \(layer 1\) has the factor -1\.0.*PositiveScale"),
        ("scale", 3, 0.0, r"neuron 3 .*PositiveScale"),
        ("scale", 4, float("nan"), r"neuron 4 .*PositiveScale"),
        ("scale", 6, 2.0, r"neuron 6 \(layer 2\).*Sign"),
        ("scale", 9, -1.0, r"neuron 9 \(layer 3\).*Trivial"),
        ("phase", 6, 1, r"neuron 6 .*phase"),
        ("permutation", 2, 3, "no permutation"),
    ],
)
def test_what_is_no_symmetry_is_refused(field: str, place: int, value: float, message: str) -> None:
    action = SymmetryAction(SMALL)
    theta = random_parameters(SMALL, 1, generator=generator(0))
    with pytest.raises(SymmetryError, match=message):
        action.apply(theta, replaced(action.identity(), field, place, value))


@pytest.mark.parametrize(("one", "other"), [(0, 1), (9, 10), (2, 7)])
def test_only_hidden_neurons_move_and_only_within_their_layer(one: int, other: int) -> None:
    action = SymmetryAction(SMALL)
    swapped = replaced(replaced(action.identity(), "permutation", one, other), "permutation", other, one)
    with pytest.raises(SymmetryError, match=f"neuron {one} .*moves to place {other}"):
        action.apply(random_parameters(SMALL, 1, generator=generator(0)), swapped)


def test_elements_of_another_size_are_refused() -> None:
    action = SymmetryAction(SMALL)
    with pytest.raises(SymmetryError, match=r"expected \(11,\)"):
        action.check(SymmetryAction(siren()).identity())


def test_torn_ties_are_refused() -> None:
    layers = (Dense("a", 2, 2), Activate(RELU), Dense("b", 2, 2), Activate(RELU), Dense("c", 2, 1))
    action = SymmetryAction(LayeredArchitecture(layers, (Skip(0, 1, 2),)))
    with pytest.raises(SymmetryError, match=r"neuron 4 .*is multiplied alone, but has a tie to 2"):
        action.check(replaced(action.identity(), "scale", 4, 2.0))
    swapped = replaced(replaced(action.identity(), "permutation", 2, 3), "permutation", 3, 2)
    with pytest.raises(SymmetryError, match="moves an edge to where the architecture has none"):
        action.apply(random_parameters(action.architecture, 1, generator=generator(0)), swapped)


def test_function_change_measures() -> None:
    theta = random_parameters(SMALL, 2, generator=generator(0))
    x = random_inputs(SMALL, 4, generator=generator(1))
    assert function_change(SMALL, theta, theta, x) == 0
    other = theta.clone()
    other[1, -1] += 0.5
    largest = run(SMALL, theta, x).abs().max().item()
    assert function_change(SMALL, theta, other, x) == pytest.approx(0.5 / largest)
