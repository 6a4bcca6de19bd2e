"""A batch of different networks, a transformed copy, and features of both that obey the laws."""

from __future__ import annotations

import copy
from functools import lru_cache

import torch
from torch import Tensor
from torch_geometric.data import Batch

from scalegmn.graph import NetworkGraph, Structure, to_graph
from scalegmn.nn._any_width_layer import AnyWidthMessagePassing
from scalegmn.nn._mlp import MLPStyle
from scalegmn.nn._neurons import SortedGraph
from scalegmn.nn._permutation_layer import PermutationMessagePassing
from scalegmn.nn._scale_layer import ScaleMessagePassing
from scalegmn.nn._state import State
from scalegmn.nn._style import LayerStyle
from scalegmn.nn.fast._arrangement import Arrangement
from scalegmn.nn.fast._factored import materialize
from scalegmn.nn.fast._layers import execute_layer
from scalegmn.nn.fast._state import FastState
from scalegmn.nn.fast._steps import Part, Step
from scalegmn.seeding import generator
from scalegmn.symmetry import Law, SymmetryAction
from scalegmn.testing.architectures import ELEMENTWISE, random_architecture
from scalegmn.testing.parameters import random_networks, random_parameters

WIDTH = 5
EXACT = 1e-11


def style_of(
    *,
    bidirectional: bool = True,
    dual: bool | None = None,
    symmetrize: bool = True,
    plain_io: bool = True,
    separate_io: bool = True,
    positional: bool = False,
    layer_norm: bool = True,
    any_width: bool = False,
) -> LayerStyle:
    return LayerStyle(
        features=WIDTH,
        bidirectional=bidirectional,
        dual=bidirectional if dual is None else dual,
        symmetrize=symmetrize,
        separate_io=separate_io,
        plain_io=plain_io,
        positional_in_messages=positional,
        positional_in_updates=positional,
        mlp=MLPStyle(hidden=6, layer_norm=layer_norm),
        any_width=any_width,
    )


class Case:
    """Networks of mixed architectures, activations and groups.

    Attributes:
        graph, moved: the batch before and after.
        at, moved_at: their arrangements.
    """

    def __init__(self, seed: int, *, kinds: tuple[str, ...], symmetric: bool, rescale: bool) -> None:
        g = generator(seed, "case")
        networks = random_networks(generator=g, architectures=3, count=1, kinds=kinds)
        deep = random_architecture(generator=g, kinds=kinds)
        networks.append((deep, random_parameters(deep, 1, generator=g)))
        self.networks = networks
        self.actions = [SymmetryAction(architecture) for architecture, _ in networks]
        self.elements = [
            action.draw(generator=g, spread=100.0, rescale=rescale, shift_phase=False)
            for action in self.actions
        ]
        thetas = [theta[0] for _, theta in networks]
        self.graph = self._batch(thetas)
        self.moved = self._batch(
            [a.apply(t, e) for a, t, e in zip(self.actions, thetas, self.elements, strict=True)]
        )
        self.at = Arrangement(Structure.from_graph(self.graph), symmetric=symmetric)
        self.moved_at = Arrangement(Structure.from_graph(self.moved), symmetric=symmetric)
        self.generator = generator(seed, "features")

    def _batch(self, thetas: list[Tensor]) -> NetworkGraph:
        pairs = zip(self.networks, thetas, strict=True)
        batch: NetworkGraph = Batch.from_data_list([to_graph(a, theta) for (a, _), theta in pairs])
        return batch

    def random_nodes(self, *, zeros: float = 0.2) -> Tensor:
        """Features of arranged nodes, ``(V, WIDTH)``, some rows exactly zero."""
        return self._random(self.at.num_nodes, zeros)

    def random_edges(self, *, zeros: float = 0.2) -> Tensor:
        """Features of arranged edges, ``(E, WIDTH)``, some rows exactly zero."""
        return self._random(self.at.edge_order.numel(), zeros)

    def _random(self, rows: int, zeros: float) -> Tensor:
        x = torch.randn(rows, WIDTH, generator=self.generator, dtype=torch.float64)
        return x * (torch.rand(rows, 1, generator=self.generator) >= zeros)

    def move_nodes(self, x: Tensor, law: Law) -> Tensor:
        """Arranged node features of the batch to those of the transformed batch."""
        parts = self.at.neurons.restore(x).split([action.topology.num_nodes for action in self.actions])
        moved = [
            a.apply_to_nodes(part, e, law=law)
            for a, part, e in zip(self.actions, parts, self.elements, strict=True)
        ]
        return self.moved_at.neurons.take(torch.cat(moved))

    def move_edges(self, e: Tensor, law: Law = Law.edge) -> Tensor:
        """The same for edges."""
        parts = self.at.restore_edges(e).split([action.topology.num_edges for action in self.actions])
        moved = [
            a.apply_to_edges(part, element, law=law)
            for a, part, element in zip(self.actions, parts, self.elements, strict=True)
        ]
        return self.moved_at.edges(torch.cat(moved))


def case_of(
    seed: int, *, kinds: tuple[str, ...] = ELEMENTWISE, symmetric: bool = True, rescale: bool = True
) -> Case:
    """A case with features of its own; the networks are made once for all tests that ask for them.

    The features that a test draws do not depend on which tests drew before it.
    """
    case = copy.copy(_networks_of(seed, kinds=kinds, symmetric=symmetric, rescale=rescale))
    case.generator = generator(seed, "features")
    return case


@lru_cache
def _networks_of(seed: int, *, kinds: tuple[str, ...], symmetric: bool, rescale: bool) -> Case:
    return Case(seed, kinds=kinds, symmetric=symmetric, rescale=rescale)


def assert_equal(found: Tensor, expected: Tensor) -> None:
    """Equal to rounding, each row by its own size (laws hold for rows of any size)."""
    assert found.shape == expected.shape
    assert torch.isfinite(expected).all()
    if expected.numel():
        rows = expected.reshape(expected.shape[0], -1)
        size = rows.abs().amax(dim=1).clamp_min(1e-300)
        error = ((found - expected).reshape(expected.shape[0], -1).abs().amax(dim=1) / size).max().item()
        assert error <= EXACT, error


def assert_different(found: Tensor, expected: Tensor) -> None:
    """By more than any rounding."""
    assert (found - expected).abs().max() > 1e-3 * expected.abs().max()


def sorted_graph(at: Arrangement) -> SortedGraph:
    """The same rows for the plain forward."""
    return SortedGraph(at.neurons, at.source.index, at.target.index, at.products)


def run_layer(
    layer: ScaleMessagePassing | PermutationMessagePassing | AnyWidthMessagePassing,
    state: State,
    at: Arrangement,
    *,
    fast: bool,
    edges: bool = True,
) -> State:
    """A whole layer by its forward or by a plan."""
    if not fast:
        new: State = layer(state, sorted_graph(at))
        return new
    step = whole_step(at, bidirectional=bool(layer.edge_maps.rows[1]), edges=edges)
    given = FastState(state.primal, state.dual, state.edges, state.encoding)
    found = execute_layer(layer, given, step)
    return State(found.primal, found.dual, materialize(found.edges), found.encoding)


def whole_step(at: Arrangement, *, bidirectional: bool, edges: bool = True) -> Step:
    """The work of a layer that writes everything, or everything but edges."""
    nodes, all_edges = (torch.ones(count, dtype=torch.bool) for count in (at.num_nodes, at.num_edges))
    everything = Part.from_masks(at, nodes=nodes, edges=all_edges)
    written = everything if edges else Part.from_masks(at, nodes=nodes, edges=~all_edges)
    return Step(at, everything, everything if bidirectional else None, written)
