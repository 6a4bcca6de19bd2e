"""Layers compute what is read later and nothing else, and the outputs are those of the plain forwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from scalegmn.graph import NetworkGraph, Structure, to_graph
from scalegmn.models import Direction, ModelConfig, ScaleGMN, ScaleGMNEditor, Symmetry
from scalegmn.networks import Activation, mlp
from scalegmn.nn._message_passing_layer import MessagePassingLayer
from scalegmn.nn._needs import ReadoutNeeds
from scalegmn.nn.fast._alike import Pairs
from scalegmn.nn.fast._arrangement import Arrangement, Lane
from scalegmn.nn.fast._edge_maps import EdgeMap
from scalegmn.nn.fast._factored import Factored
from scalegmn.nn.fast._layers import execute_layer
from scalegmn.nn.fast._senders import FactoredNodes
from scalegmn.nn.fast._state import FastState
from scalegmn.nn.fast._steps import Part, Step, steps_of
from scalegmn.seeding import generator
from scalegmn.testing.parameters import randomize
from tests.models.cases import editor_of, mixed_batch, model_of, networks_of, spec_of
from tests.nn.cases import case_of
from tests.nn.plain_cases import plain_answer, plain_updates, updates_of
from tests.nn.start_cases import WIDTH, networks_named, wide

FORWARD, BOTH = Direction.forward, Direction.bidirectional
OPTIONS: tuple[dict[str, Any], ...] = (
    {"direction": FORWARD},
    {"direction": FORWARD, "layers": 2, "skip": True, "sign_symmetrization": False},
    {"direction": FORWARD, "readout": "full_graph", "plain_io": False},
    {"direction": BOTH},
    {"direction": BOTH, "layers": 1, "positional_in_messages": True, "edge_positional": False},
    {"direction": BOTH, "skip": True, "positional_in_messages": True, "positional_in_updates": True},
    {"direction": BOTH, "sign_symmetrization": False, "separate_io": False, "mlp_layer_norm": False},
    {"direction": FORWARD, "symmetry": Symmetry.permutation, "readout": "full_graph", "skip": True},
    {"direction": BOTH, "symmetry": Symmetry.permutation, "separate_io": False, "edge_positional": False},
    {"direction": FORWARD, "symmetry": Symmetry.any_width, "skip": True, "plain_io": False},
    {"direction": BOTH, "symmetry": Symmetry.any_width, "readout": "full_graph"},
    {"direction": BOTH, "symmetry": Symmetry.any_width, "sign_symmetrization": False, "layers": 2},
)


def assert_close(fast: Tensor, plain: Tensor) -> None:
    assert plain.abs().max() > 1e-3
    assert (fast - plain).abs().max() <= 1e-10 * plain.abs().max()


def assert_same(fast: Tensor, plain: Tensor, model: nn.Module) -> None:
    """Values and gradients to 1e-10, each against the largest of all."""
    weights = torch.randn(fast.shape, generator=generator(1), dtype=torch.float64)
    parameters = list(model.parameters())
    found, expected = (
        torch.autograd.grad((answer * weights).sum(), parameters, materialize_grads=True)
        for answer in (fast, plain)
    )
    assert_close(fast, plain)
    largest = max(gradient.abs().max() for gradient in expected)
    for one, other in zip(found, expected, strict=True):
        assert (one - other).abs().max() <= 1e-10 * largest


def graph_and_config(seed: int, options: dict[str, Any]) -> tuple[NetworkGraph, Any, ModelConfig]:
    networks = networks_of(seed)
    config = ModelConfig(**({"features": 6, "mlp_hidden": 5, "layers": 3} | options))
    return mixed_batch(networks), spec_of(networks), config


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 3])
@pytest.mark.parametrize("options", OPTIONS)
def test_answers_and_gradients_of_the_plain_formula(seed: int, options: dict[str, Any]) -> None:
    graph, spec, config = graph_and_config(seed, options)
    model = randomize(ScaleGMN(spec=spec, outputs=3, config=config), generator=generator(0)).double()
    assert_same(model(graph), plain_answer(model, graph), model)


@pytest.mark.parametrize("seed", [0, 3])
@pytest.mark.parametrize("options", OPTIONS)
def test_updates_and_gradients_of_the_plain_formula(seed: int, options: dict[str, Any]) -> None:
    graph, spec, config = graph_and_config(seed, options)
    model = randomize(ScaleGMNEditor(spec=spec, config=config), generator=generator(0)).double()
    assert_same(updates_of(model, graph), plain_updates(model, graph), model)


class Used:
    """How often the shortcuts of the first layer and of chunks were taken.

    Attributes:
        products, pairs: numbers of factored products and of alike pairs that were made.
        parts: the most parts in which edges were mapped.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.products, self.pairs, self.parts = 0, 0, 0
        product, pairs, parts = FactoredNodes.product, Pairs.from_codes, EdgeMap.parts

        def count_product(nodes: FactoredNodes, lane: Lane, edges: Factored) -> Factored | None:
            found = product(nodes, lane, edges)
            self.products += found is not None
            return found

        def count_pairs(alike: Tensor, at: Arrangement) -> Pairs | None:
            found = pairs(alike, at)
            self.pairs += found is not None
            return found

        def count_parts(edges: EdgeMap, slices: Sequence[slice]) -> Iterator[Tensor | Factored]:
            self.parts = max(self.parts, len(slices))
            return parts(edges, slices)

        monkeypatch.setattr(FactoredNodes, "product", count_product)
        monkeypatch.setattr(Pairs, "from_codes", count_pairs)
        monkeypatch.setattr(EdgeMap, "parts", count_parts)

    def assert_used(self, name: str, *, chunks: bool) -> None:
        """All that there is for networks of this name."""
        assert self.products > 0
        assert (self.pairs > 0) == (name in SCALED)
        assert (self.parts > 4) == chunks


SCALED = ("relu cnn", "mixed")
WIDE = ("relu cnn", "tanh cnn", "sine", "mixed")
WIDE_OPTIONS: tuple[dict[str, Any], ...] = (
    {"direction": FORWARD},
    {"direction": FORWARD, "sign_symmetrization": False, "skip": True, "plain_io": False},
    {"direction": BOTH},
    {"direction": BOTH, "readout": "full_graph", "positional_in_messages": True},
    {"direction": BOTH, "sign_symmetrization": False, "mlp_layer_norm": False, "skip": True},
)


def assert_used_and_same(
    answer: Callable[[], Tensor], plain: Tensor, model: nn.Module, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With gradients, and without them a few edges at a time."""
    used = Used(monkeypatch)
    assert_same(answer(), plain, model)
    used.assert_used(name, chunks=False)
    monkeypatch.setattr("scalegmn.nn.fast._chunks._CPU_NUMBERS", 17 * WIDTH)
    used = Used(monkeypatch)
    with torch.no_grad():
        assert_close(answer(), plain)
    used.assert_used(name, chunks=True)


@pytest.mark.parametrize("options", WIDE_OPTIONS)
@pytest.mark.parametrize("name", WIDE)
def test_shortcuts_of_wide_models_are_the_plain_formula(
    name: str, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Biases are 0, negative and positive."""
    networks = networks_named(name)
    graph, model = mixed_batch(networks), model_of(networks, wide(name, **options))
    assert_used_and_same(lambda: model(graph), plain_answer(model, graph), model, name, monkeypatch)


@pytest.mark.parametrize("options", WIDE_OPTIONS[1:3])
@pytest.mark.parametrize("name", WIDE)
def test_shortcuts_of_wide_editors_are_the_plain_formula(
    name: str, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    networks = networks_named(name)
    graph, model = mixed_batch(networks), editor_of(networks, wide(name, **options))

    plain = plain_updates(model, graph)
    assert_used_and_same(lambda: updates_of(model, graph), plain, model, name, monkeypatch)


def test_narrow_models_take_no_shortcut(monkeypatch: pytest.MonkeyPatch) -> None:
    """This checks the counts: with a feature for each column, or less, products are multiplied at once."""
    networks, used = networks_named("relu cnn"), Used(monkeypatch)
    model_of(networks, wide("relu cnn", features=6))(mixed_batch(networks))
    assert (used.products, used.pairs) == (0, 0) and used.parts <= 3


def chain(kind: str = "tanh") -> Arrangement:
    """Layers of 2, 3, 4, 5 and 1 neurons: blocks of 6, 12, 20 and 5 edges."""
    architecture = mlp(widths=(2, 3, 4, 5, 1), activations=[Activation(kind)] * 3)
    return Arrangement(
        Structure.from_graph(to_graph(architecture, torch.ones(architecture.num_parameters))), symmetric=True
    )


def test_the_last_layers_of_a_forward_model_are_small() -> None:
    steps = steps_of(
        chain(), ReadoutNeeds(inputs=False, hidden=False, duals=False), layers=4, bidirectional=False
    )
    assert [step.at.num_edges for step in steps] == [43, 37, 25, 5]
    assert [step.written.at.num_edges for step in steps] == [37, 25, 5, 0]
    assert [step.written.at.num_nodes for step in steps] == [13, 10, 6, 1]
    assert [step.duals for step in steps] == [True, True, True, False]


def test_models_in_both_directions_need_both_ends() -> None:
    steps = steps_of(chain(), ReadoutNeeds(hidden=False, duals=True), layers=3, bidirectional=True)
    assert [step.at.num_edges for step in steps] == [43, 43, 11]
    assert steps[1].forward.at.num_edges == 6 + 20 + 5 and steps[1].backward is not None
    assert steps[1].backward.at.num_edges == 6 + 12 + 5
    assert steps[2].written.at.num_nodes == 3


def backward_parts(at: Arrangement, needs: ReadoutNeeds, layers: int) -> list[Part]:
    steps = steps_of(at, needs, layers=layers, bidirectional=True)
    return [step.backward for step in steps if step.backward is not None]


@pytest.mark.parametrize(
    ("kind", "edges"),
    [
        # From the output (5 edges), then from one layer further back each; always into the inputs (6 edges).
        ("relu", [5 + 6, 5 + 20 + 6, 5 + 20 + 12 + 6, 43]),
        ("identity", [11, 31, 43, 43]),
        # Dual features of these are not 0 at first.
        ("tanh", [43] * 4),
        ("sigmoid", [43] * 4),
    ],
)
def test_nothing_is_sent_backwards_before_it_has_come_so_far(kind: str, edges: list[int]) -> None:
    at = chain(kind)
    parts = backward_parts(at, ReadoutNeeds(edges=True), 4)
    assert [part.at.num_edges for part in parts] == edges
    for layer, part in enumerate(parts):
        # Layers of the senders: 4 is the output, hidden neurons that scale follow one by one; 1 meets inputs.
        senders = part.at.neurons.take(part.at.structure.node_layer)[part.at.target.index]
        reach = 1 if kind in ("tanh", "sigmoid") else 4 - layer
        assert set(senders.tolist()) == {1, *range(max(reach, 1), 5)}


def test_what_is_not_sent_need_not_be_read() -> None:
    needs = ReadoutNeeds(hidden=False, duals=True)
    steps = steps_of(chain("relu"), needs, layers=3, bidirectional=True)
    # In the second layer, the third block of edges is read forwards and the second block not at all.
    assert [step.at.num_edges for step in steps] == [43, 6 + 20 + 5, 6 + 5]
    assert [part.at.num_edges for part in backward_parts(chain("relu"), needs, 3)] == [6 + 5, 6 + 5, 6]
    assert [part.at.num_edges for part in backward_parts(chain("tanh"), needs, 3)] == [43, 6 + 12 + 5, 6]


@pytest.mark.parametrize("seed", range(3))
def test_messages_that_are_left_out_are_zero(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of networks of all kinds, with skips: before a layer the dual features of their senders are 0."""
    networks = networks_of(seed)
    model = model_of(networks, ModelConfig(features=6, layers=4, direction=BOTH, readout="full_graph"))
    seen: list[tuple[FastState, Step]] = []

    def see(layer: MessagePassingLayer, state: FastState, step: Step) -> FastState:
        seen.append((state, step))
        return execute_layer(layer, state, step)

    monkeypatch.setattr("scalegmn.models._backbone.execute_layer", see)
    model(mixed_batch(networks))
    assert len(seen) == 4
    left_out = 0
    for state, step in seen:
        assert state.dual is not None and step.backward is not None
        hidden, wanted = step.at.neurons.is_hidden.squeeze(1)[step.at.source.index], step.written.nodes.rows
        chosen = torch.isin(step.at.source.index, wanted) & hidden
        chosen[step.backward.edges.rows] = False
        left_out += int(chosen.sum())
        assert (state.dual[step.at.target.index[chosen]] == 0).all()
    assert left_out > 0


@pytest.mark.parametrize("bidirectional", [True, False])
def test_everything_is_wanted(bidirectional: bool) -> None:
    at = case_of(0).at
    for step in steps_of(at, ReadoutNeeds(edges=True), layers=3, bidirectional=bidirectional):
        assert step.at is at and step.forward.at is at and step.written.at is at


@pytest.mark.parametrize("seed", range(3))
def test_parts_hold_the_ends_of_their_edges(seed: int) -> None:
    at = case_of(seed).at
    for step in steps_of(at, ReadoutNeeds(inputs=False, hidden=False), layers=3, bidirectional=False):
        for whole, part in ((step.at, step.written), (step.at, step.forward)):
            for mine, all_of in ((part.at.source, whole.source), (part.at.target, whole.target)):
                found = part.at.neurons.order[mine.index]
                assert torch.equal(found, whole.neurons.order[part.edges.take(all_of.index)])
