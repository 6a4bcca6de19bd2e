"""Layers compute what is read later and nothing else, and the answers are those of the plain formula."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from models.cases import mixed_batch, networks_of, spec_of
from nn.cases import case_of
from scalegmn.graph import NetworkGraph, to_graph
from scalegmn.graph.structure import Structure
from scalegmn.models import Direction, ModelConfig, ReadoutKind, ScaleGMN, ScaleGMNEditor
from scalegmn.networks.activations import Activation
from scalegmn.networks.factories import mlp
from scalegmn.nn.arrangement import Arrangement
from scalegmn.nn.steps import Wanted, steps_of
from scalegmn.seeding import generator
from scalegmn.testing import randomise
from scalegmn.testing.plain import plain_answer, plain_updates

FORWARD, BOTH = Direction.forward, Direction.bidirectional
OPTIONS: tuple[dict[str, Any], ...] = (
    {"direction": FORWARD},
    {"direction": FORWARD, "layers": 2, "skip": True, "sign_symmetrise": False},
    {"direction": FORWARD, "readout": ReadoutKind.full_graph, "plain_io": False},
    {"direction": BOTH},
    {"direction": BOTH, "layers": 1, "positional_in_messages": True, "edge_positional": False},
    {"direction": BOTH, "skip": True, "positional_in_messages": True, "positional_in_updates": True},
    {"direction": BOTH, "sign_symmetrise": False, "separate_io": False, "mlp_layer_norm": False},
)


def assert_same(fast: Tensor, plain: Tensor, model: nn.Module) -> None:
    """Values and gradients to 1e-10, each against the largest of all."""
    weights = torch.randn(fast.shape, generator=generator(1), dtype=torch.float64)
    parameters = list(model.parameters())
    found, expected = (
        torch.autograd.grad((answer * weights).sum(), parameters, materialize_grads=True)
        for answer in (fast, plain)
    )
    assert plain.abs().max() > 1e-3
    assert (fast - plain).abs().max() <= 1e-10 * plain.abs().max()
    largest = max(gradient.abs().max() for gradient in expected)
    for one, other in zip(found, expected, strict=True):
        assert (one - other).abs().max() <= 1e-10 * largest


def graph_and_config(seed: int, options: dict[str, Any]) -> tuple[NetworkGraph, Any, ModelConfig]:
    networks = networks_of(seed)
    config = ModelConfig(**({"features": 6, "mlp_hidden": 5, "layers": 3} | options))
    return mixed_batch(networks), spec_of(networks), config


@pytest.mark.parametrize("seed", [0, 3])
@pytest.mark.parametrize("options", OPTIONS)
def test_answers_and_gradients_of_the_plain_formula(seed: int, options: dict[str, Any]) -> None:
    graph, spec, config = graph_and_config(seed, options)
    model = randomise(ScaleGMN(spec=spec, outputs=3, config=config), generator=generator(0)).double()
    assert_same(model(graph), plain_answer(model, graph), model)


@pytest.mark.parametrize("seed", [0, 3])
@pytest.mark.parametrize("options", OPTIONS)
def test_updates_and_gradients_of_the_plain_formula(seed: int, options: dict[str, Any]) -> None:
    graph, spec, config = graph_and_config(seed, options)
    model = randomise(ScaleGMNEditor(spec=spec, config=config), generator=generator(0)).double()
    reading = model.backbone(graph)
    fast = torch.cat(model.head(reading.state, reading.at, reading.blocks))
    assert_same(fast, torch.cat(plain_updates(model, graph)), model)


def chain() -> Arrangement:
    """Layers of 2, 3, 4, 5 and 1 neurons: blocks of 6, 12, 20 and 5 edges."""
    architecture = mlp(widths=(2, 3, 4, 5, 1), activations=[Activation("tanh")] * 3)
    return Arrangement(
        Structure.of(to_graph(architecture, torch.ones(architecture.num_parameters))), symmetric=True
    )


def test_the_last_layers_of_a_forward_model_are_small() -> None:
    steps = steps_of(chain(), Wanted(inputs=False, hidden=False, duals=False), layers=4, bidirectional=False)
    assert [step.at.num_edges for step in steps] == [43, 37, 25, 5]
    assert [step.written.at.num_edges for step in steps] == [37, 25, 5, 0]
    assert [step.written.at.num_nodes for step in steps] == [13, 10, 6, 1]
    assert [step.duals for step in steps] == [True, True, True, False]


def test_models_in_both_directions_need_both_ends() -> None:
    steps = steps_of(chain(), Wanted(hidden=False, duals=True), layers=3, bidirectional=True)
    assert [step.at.num_edges for step in steps] == [43, 43, 11]
    assert steps[1].forward.at.num_edges == 6 + 20 + 5 and steps[1].backward is not None
    assert steps[1].backward.at.num_edges == 6 + 12 + 5
    assert steps[2].written.at.num_nodes == 3


@pytest.mark.parametrize("bidirectional", [True, False])
def test_everything_is_wanted(bidirectional: bool) -> None:
    at = case_of(0).at
    for step in steps_of(at, Wanted(edges=True), layers=3, bidirectional=bidirectional):
        assert step.at is at and step.forward.at is at and step.written.at is at


@pytest.mark.parametrize("seed", range(3))
def test_parts_hold_the_ends_of_their_edges(seed: int) -> None:
    at = case_of(seed).at
    for step in steps_of(at, Wanted(inputs=False, hidden=False), layers=3, bidirectional=False):
        for whole, part in ((step.at, step.written), (step.at, step.forward)):
            for mine, all_of in ((part.at.source, whole.source), (part.at.target, whole.target)):
                found = part.at.node_order[mine.index]
                assert torch.equal(found, whole.node_order[part.edges.take(all_of.index)])
