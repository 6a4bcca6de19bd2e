"""Layers that run by a plan."""

from __future__ import annotations

import pytest
import torch

from scalegmn.errors import ScaleGMNError
from scalegmn.nn._message_passing_layer import MessagePassingLayer
from scalegmn.nn._neurons import SortedGraph
from scalegmn.nn._permutation_layer import PermutationMessagePassing
from scalegmn.nn._state import State
from scalegmn.nn.fast._arrangement import Arrangement
from scalegmn.nn.fast._edge_maps import MappedEdges
from scalegmn.nn.fast._execute import execute_layer
from scalegmn.nn.fast._state import FastState
from scalegmn.nn.fast._steps import Part, Step
from scalegmn.seeding import generator
from scalegmn.testing.parameters import randomize
from tests.nn.cases import WIDTH, case_of, run_layer, style_of, whole_step


class Doubling(MessagePassingLayer):
    """A layer of somebody else."""

    def forward(self, state: State, graph: SortedGraph) -> State:
        return State(2 * state.primal, None, state.edges, state.encoding)


def test_layers_without_a_fast_form_say_so() -> None:
    case = case_of(0)
    x = case.random_nodes()
    state, step = FastState(x, None, case.random_edges(), x), whole_step(case.at, bidirectional=False)
    with pytest.raises(ScaleGMNError, match=r"no fast form of Doubling.*register.*fast=False"):
        execute_layer(Doubling(), state, step)


def test_a_fast_form_can_be_registered() -> None:
    class Tripling(Doubling):
        pass

    @execute_layer.register(Tripling)
    def execute_tripling(layer: Tripling, state: FastState, step: Step) -> FastState:
        return FastState(3 * state.primal, None, state.edges, state.encoding)

    case = case_of(0)
    x = case.random_nodes()
    state, step = FastState(x, None, case.random_edges(), x), whole_step(case.at, bidirectional=False)
    assert torch.equal(execute_layer(Tripling(), state, step).primal, 3 * x)


@pytest.mark.parametrize("bidirectional", [True, False])
def test_permutation_layers_agree(bidirectional: bool) -> None:
    case = case_of(2, symmetric=False)
    layer = PermutationMessagePassing(style=style_of(bidirectional=bidirectional), update_edges=True)
    layer = randomize(layer, generator=generator(0)).double()
    state = State(case.random_nodes(), None, case.random_edges(), case.random_nodes())
    given = [state.primal.requires_grad_(), state.edges.requires_grad_(), *layer.parameters()]
    plain, fast = (run_layer(layer, state, case.at, fast=fast) for fast in (False, True))
    upward = [
        torch.randn(x.shape, generator=generator(1), dtype=x.dtype) for x in (plain.primal, plain.edges)
    ]
    found = []
    for new in (plain, fast):
        gradients = torch.autograd.grad([new.primal, new.edges], given, upward)
        found.append([new.primal, new.edges, *gradients])
    for one, other in zip(*found, strict=True):
        assert (one - other).abs().max() <= 1e-10 * other.abs().max()


def test_all_maps_of_edges_are_one_product_where_all_edges_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    case = case_of(0)
    maps = PermutationMessagePassing(style=style_of(), update_edges=True).double().edge_maps
    edges, products = case.random_edges(), []
    product = torch.nn.functional.linear

    def count(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        products.append(weight.shape[0])
        return product(x, weight)

    for module in ("_edge_maps", "_factored"):
        monkeypatch.setattr(f"scalegmn.nn.fast.{module}.linear", count)
    whole, some = whole_step(case.at, bidirectional=True), part_step(case.at)
    together, apart = (MappedEdges.from_maps(maps, edges, step) for step in (whole, some))
    hidden = len(maps.weight) // 3
    assert products == [3 * hidden, hidden, hidden, hidden]
    assert together.backward is not None and apart.backward is not None
    for one, other in ((together.forward, apart.forward), (together.backward, apart.backward)):
        assert isinstance(one.edges, torch.Tensor) and isinstance(other.edges, torch.Tensor)
        torch.testing.assert_close(one.edges[: len(other.edges)], other.edges)
    assert edges.shape[1] == WIDTH


def part_step(at: Arrangement) -> Step:
    """A layer that writes the first edges only."""
    nodes, edges = torch.ones(at.num_nodes, dtype=torch.bool), torch.arange(at.num_edges) < at.num_edges // 2
    whole = whole_step(at, bidirectional=True)
    return Step(at, whole.forward, whole.backward, Part.from_masks(at, nodes=nodes, edges=edges))
