"""The registry of fields, and graphs that keep to it."""

from __future__ import annotations

import pytest
import torch

from scalegmn.graph import FIELDS, AnyGraph, GraphField, to_graph
from scalegmn.graph._fields import FIELD_NAMES
from scalegmn.networks import EdgeType, Role
from scalegmn.seeding import generator
from scalegmn.symmetry import Law, SymmetryAction
from scalegmn.testing.architectures import random_architecture
from scalegmn.testing.parameters import random_networks, random_parameters


def test_names_are_unique_and_declared() -> None:
    assert len(FIELD_NAMES) == len(FIELDS)
    assert set(AnyGraph.__annotations__) == FIELD_NAMES


def test_dtypes() -> None:
    real, whole = (GraphField("x", "V", floating, Law.invariant, "") for floating in (True, False))
    assert real.has_dtype(torch.float32) and real.has_dtype(torch.float64) and not real.has_dtype(torch.int64)
    assert (
        whole.has_dtype(torch.int64)
        and not whole.has_dtype(torch.int32)
        and not whole.has_dtype(torch.float32)
    )


def test_rows() -> None:
    assert {field.name: field.rows for field in FIELDS} == {
        "edge_index": "E", "product_index": "H", "tap_weight": "T", "node_bias": "V", "edge_type": "E",
        "edge_kernel": "E",
        "node_role": "V", "node_layer": "V", "node_position": "V", "node_group": "V", "node_degree": "V",
        "node_activation": "V", "node_value": "V",
    }  # fmt: skip


@pytest.mark.parametrize("seed", range(12))
def test_every_graph_fits_the_registry(seed: int) -> None:
    architecture, theta = random_networks(generator=generator(seed), architectures=1)[0]
    graph = to_graph(architecture, theta[0])
    graph.check()
    assert {name for name in graph.keys() if name != "num_nodes"} == FIELD_NAMES  # noqa: SIM118
    assert graph.edge_type.min() >= min(EdgeType) and graph.edge_type.max() <= max(EdgeType)
    assert set(graph.node_role.tolist()) <= set(Role)
    assert graph.num_nodes == graph.node_role.numel() and graph.num_edges == graph.edge_index.shape[1]
    groups = SymmetryAction(architecture).groups
    assert graph.node_group.tolist() == [group.code for group in groups]
    assert graph.node_degree.tolist() == [group.degree for group in groups]


@pytest.mark.parametrize("seed", range(10))
def test_fields_change_as_their_law_says(seed: int) -> None:
    """All fields of a transformed network follow from those of the network."""
    g = generator(seed)
    architecture = random_architecture(generator=g)
    action = SymmetryAction(architecture)
    theta = random_parameters(architecture, 1, generator=g)[0]
    element = action.draw(generator=g)
    before, after = to_graph(architecture, theta), to_graph(architecture, action.apply(theta, element))
    for field in FIELDS:
        if field.rows == "V" and field.name != "node_position":
            moved = action.apply_to_nodes(before[field.name].double(), element, law=field.law)
            torch.testing.assert_close(moved, after[field.name].double())
        if field.shape == "E" or field.shape == "E 2":
            moved = action.apply_to_edges(before[field.name].double(), element, law=field.law)
            assert torch.equal(moved, after[field.name].double())
    if bool((before.edge_taps == 1).all()):
        torch.testing.assert_close(action.apply_to_edges(before.tap_weight, element), after.tap_weight)
