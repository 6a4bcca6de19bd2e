"""Graphs of programs hold every number, and metanetworks on them keep the symmetries of the programs."""

from __future__ import annotations

import pytest
import torch

from scalegmn.graph import NetworkGraph, batch_graphs, layout_of, to_graph, to_module, to_parameters
from scalegmn.models import Direction, Symmetry
from scalegmn.networks import Role
from scalegmn.nn import READOUTS
from scalegmn.programs import run_program
from scalegmn.seeding import generator
from scalegmn.symmetry.discovery import GroupElement

from .families import FAMILIES, family
from .measures import EXACT, VISIBLE, edit_moves, prediction_moves

SCALED = ["relu", "residual", "grouped", "dense", "encoder", "llama", "mixer", "tied", "adapted", "unet"]
FLIPPED = ["tanh", "lstm", "sine"]


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_graph_and_back(name: str, dtype: torch.dtype) -> None:
    network = family(name)
    theta = network.rows(3).to(dtype)
    layout = layout_of(network.architecture)
    back = to_parameters(batch_graphs(network.architecture, theta), network.architecture)
    assert torch.equal(back[:, layout.owned], theta[:, layout.owned])
    kept = {
        one.name: bool(layout.owned[one.start : one.stop].all()) for one in network.architecture.parameters
    }
    assert {name for name, whole in kept.items() if not whole} == set(network.group.unread)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["residual", "llama", "sine"])
def test_module_and_back(name: str) -> None:
    network, example = family(name), FAMILIES[name][1]
    example = example.double() if example.is_floating_point() else example
    graph = to_graph(network.module, example_inputs=example)
    copy = to_module(graph, like=network.module, example_inputs=example)
    old, new = network.module.state_dict(), copy.state_dict()
    assert all(torch.equal(old[name], new[name]) for name in old)


@pytest.mark.parametrize("name", FAMILIES)
def test_group_keeps_the_function(name: str) -> None:
    """Without this, invariance would be that of something else."""
    network, example = family(name), FAMILIES[name][1]
    if example.is_floating_point():
        example = torch.randn(example.shape, generator=generator(0), dtype=torch.float64)
    program, unflatten = network.architecture.program, network.architecture.unflatten
    (element,) = network.elements(1)
    moved = network.moved(network.theta, element)
    (before,), (after,) = (run_program(program, unflatten(x), [example]) for x in (network.theta, moved))
    assert (before - after).abs().max() < 1e-10 * before.abs().max()
    assert (network.theta - moved).abs().max() > 0.1


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("direction", Direction)
@pytest.mark.parametrize("readout", READOUTS.names())
def test_predictions_stay(name: str, direction: Direction, readout: str) -> None:
    network = family(name)
    elements = network.elements(2)
    assert prediction_moves(network, elements, direction=direction, readout=readout) < EXACT


@pytest.mark.parametrize("name", FAMILIES)
def test_predictions_for_any_width_stay(name: str) -> None:
    """Norms, attention and gates included."""
    network = family(name)
    elements = network.elements(2)
    options = {"symmetry": Symmetry.any_width, "direction": Direction.bidirectional}
    assert prediction_moves(network, elements, readout="full_graph", **options) < EXACT


@pytest.mark.parametrize("name", FAMILIES)
def test_edits_move_along(name: str) -> None:
    network = family(name)
    assert edit_moves(network, network.elements(2)) < EXACT


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_dead_channels(name: str) -> None:
    """All that comes in is 0, as in networks that were pruned."""
    network = family(name)
    numbers = generator(1, name)
    theta = network.theta * (torch.rand(network.theta.shape, generator=numbers) < 0.7)
    first = next(one for one in network.architecture.parameters if len(one.shape) > 1)
    theta[first.start : first.start + first.stop // 3] = 0
    for place, one in zip(
        network.architecture.parameters, network.architecture.program.parameters, strict=True
    ):
        if one.positive:
            theta[place.start : place.stop] = network.theta[place.start : place.stop]
    for readout in READOUTS.names():
        options = {"direction": Direction.bidirectional, "readout": readout}
        assert prediction_moves(network, network.elements(2), theta=theta, **options) < EXACT
    assert edit_moves(network, network.elements(2), theta=theta) < EXACT


@pytest.mark.parametrize("name", FAMILIES)
def test_verified_permutations_alone(name: str) -> None:
    """Those that the model without scales keeps as well."""
    network = family(name)
    numbers = generator(0, "permutations")
    for one in network.group.permutations.families:
        element = GroupElement(
            rearrangements=network.group.permutations.rearrangements(one.group.random(numbers))
        )
        for symmetry in (Symmetry.scaling, Symmetry.permutation):
            assert prediction_moves(network, [element], symmetry=symmetry, readout="full_graph") < EXACT


@pytest.mark.parametrize("name", [*SCALED, *FLIPPED])
def test_permutation_only_model_moves(name: str) -> None:
    network = family(name)
    options = {"symmetry": Symmetry.permutation, "readout": "full_graph"}
    assert prediction_moves(network, network.elements(2), **options) > VISIBLE


def without_groups(graph: NetworkGraph) -> None:
    graph.node_group = torch.zeros_like(graph.node_group)


@pytest.mark.parametrize("name", [*SCALED, *FLIPPED])
def test_graph_without_groups_moves(name: str) -> None:
    """The laws of the graph are what keeps the symmetry, not chance."""
    network = family(name)
    moves = prediction_moves(network, network.elements(2), readout="full_graph", damage=without_groups)
    assert moves > VISIBLE


@pytest.mark.parametrize("name", [*SCALED, *FLIPPED])
def test_sums_of_unlike_laws_move(name: str) -> None:
    """An edge that joins nodes of different laws breaks the symmetry, so no test is blind for it."""
    network = family(name)
    layout = layout_of(network.architecture)
    hidden = layout.structure["node_role"] == int(Role.hidden)
    swap = torch.arange(layout.num_nodes)
    free = torch.nonzero(hidden & (layout.structure["node_group"] != 0)).squeeze(1)
    swap[free] = free.roll(1)

    def rewire(graph: NetworkGraph) -> None:
        starts = torch.arange(graph.num_graphs).repeat_interleave(layout.num_edges) * layout.num_nodes
        source = graph.edge_index[0] - starts
        graph.edge_index = torch.stack([swap[source] + starts, graph.edge_index[1]])

    options = {"readout": "full_graph", "direction": Direction.bidirectional}
    assert prediction_moves(network, network.elements(2), damage=rewire, **options) > VISIBLE
