"""What is worked out for a structure is kept for its next batch, and for no other."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor

from scalegmn.graph import AnyGraph, NetworkBatch, Structure
from scalegmn.models import Direction, ScaleGMN
from scalegmn.nn._needs import ReadoutNeeds
from scalegmn.nn.fast._plans import Plan, PlanOptions
from tests.models.cases import model_of
from tests.nn.cases import assert_equal
from tests.nn.start_cases import networks_named, wide

NAMES = ("relu", "mixed")
OPTIONS = PlanOptions(symmetric=True, needs=ReadoutNeeds(), layers=2, bidirectional=True)


def batch(name: str, *, count: int = 3) -> NetworkBatch:
    """A new batch at every call, which shares the structure of the ones before."""
    networks = tuple((architecture, theta[:count].clone()) for architecture, theta in networks_named(name))
    return NetworkBatch(networks, torch.arange(sum(len(theta) for _, theta in networks)))


def plan(graph: AnyGraph, options: PlanOptions = OPTIONS) -> Plan:
    return Plan.from_structure(Structure.from_graph(graph), options)


def model(name: str, direction: Direction = Direction.bidirectional) -> ScaleGMN:
    return model_of(networks_named(name), wide(name, direction=direction))


def gradients(made: ScaleGMN, graph: AnyGraph) -> list[Tensor]:
    return list(torch.autograd.grad(made(graph).sum(), list(made.parameters()), materialize_grads=True))


@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_batches_of_one_structure_have_one_plan(name: str, inside: bool) -> None:
    with torch.inference_mode(inside):
        first = plan(batch(name).graph)
        assert plan(batch(name).graph) is first
        assert plan(batch(name, count=2).graph) is not first
        assert plan(batch(name).graph.to_pyg().clone()) is not first


@pytest.mark.parametrize("name", NAMES)
def test_other_options_are_another_plan(name: str) -> None:
    graph = batch(name).graph
    first = plan(graph)
    for change in (
        {"symmetric": False},
        {"layers": 3},
        {"bidirectional": False},
        {"needs": ReadoutNeeds(hidden=False)},
    ):
        other = plan(graph, dataclasses.replace(OPTIONS, **change))
        assert other is not first
        assert plan(graph, dataclasses.replace(OPTIONS, **change)) is other
    assert plan(graph, dataclasses.replace(OPTIONS, needs=ReadoutNeeds(hidden=True))) is first


def test_a_plan_is_that_of_its_structure() -> None:
    graph = batch("mixed").graph
    found = plan(graph)
    assert len(found.steps) == OPTIONS.layers
    assert sum(block.edges.numel() for block in found.blocks) == graph.num_edges
    assert found.steps[0].at.num_edges == graph.num_edges
    assert plan(graph, dataclasses.replace(OPTIONS, bidirectional=False)).steps[0].backward is None


def test_plans_made_in_inference_mode_are_not_used_in_training() -> None:
    graph = batch("relu").graph
    with torch.inference_mode():
        inside = plan(graph)
    outside = plan(graph)
    assert inside is not outside
    x = torch.ones(graph.num_nodes, 1, requires_grad=True)
    x.index_select(0, outside.steps[0].at.source.index).sum().backward()
    with pytest.raises(RuntimeError, match="Inference tensors cannot be saved"):
        x.index_select(0, inside.steps[0].at.source.index)
    with torch.inference_mode():
        assert plan(graph) is inside


@pytest.mark.parametrize("inside_first", [True, False])
@pytest.mark.parametrize("direction", Direction)
@pytest.mark.parametrize("name", NAMES)
def test_training_and_evaluation_in_turns(name: str, direction: Direction, inside_first: bool) -> None:
    made = model(name, direction)
    # A graph that shares nothing with others.
    expected, answer = (
        gradients(made, batch(name).graph.to_pyg().clone()),
        made(batch(name).graph.to_pyg().clone()),
    )
    for inside in (inside_first, not inside_first) * 2:
        if inside:
            with torch.inference_mode():
                assert_equal(made(batch(name).graph), answer)
        else:
            for found, wanted in zip(gradients(made, batch(name).graph), expected, strict=True):
                torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize("name", NAMES)
def test_a_structure_that_was_written_into_is_planned_anew(name: str) -> None:
    """Nobody may write into what batches share, but the plan for what was there before would be worse."""
    made, graph = model(name), batch(name).graph
    first, answer, before = plan(graph), made(graph), graph.node_group.clone()
    try:
        graph.node_group.zero_()
        found, changed = made(graph), plan(graph)
        expected = made(graph.to_pyg().clone())
    finally:
        graph.node_group.copy_(before)
    assert changed is not first and changed.steps[0].at.neurons.groups.scale is False
    assert_equal(found, expected)
    assert (found - answer).abs().max() > 1e-5
    assert_equal(made(graph), answer)
