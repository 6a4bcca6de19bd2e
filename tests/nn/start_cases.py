"""Networks of one or two architectures, metanetworks that are wide beside them, and their first layer."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from torch import Tensor

from scalegmn.graph import NetworkGraph, Structure
from scalegmn.models import ModelConfig
from scalegmn.models._backbone import Backbone
from scalegmn.networks import CONSTANT, Activation, Architecture, cnn, mlp, siren, topology_of
from scalegmn.nn.fast._plans import Plan
from scalegmn.nn.fast._state import FastState
from scalegmn.nn.fast._steps import Step
from scalegmn.seeding import generator
from scalegmn.testing.parameters import random_parameters

RELU, TANH, SQUARED = (Activation(kind) for kind in ("relu", "tanh", "relu_squared"))
ARCHITECTURES = {
    "relu cnn": (cnn(channels=(1, 4, 5), classes=3, activations=[RELU] * 2),),
    "tanh cnn": (cnn(channels=(1, 4, 5), classes=3, activations=[TANH] * 2),),
    "sine": (siren(widths=(2, 5, 5, 1)),),
    "relu": (mlp(widths=(2, 5, 4, 2), activations=[RELU] * 2),),
    "mixed": (
        mlp(widths=(1, 6, 5, 2), activations=[RELU, TANH]),
        mlp(widths=(2, 7, 6, 1), activations=[RELU] * 2),
    ),
    "squared": (mlp(widths=(2, 5, 4, 2), activations=[SQUARED] * 2),),
}
WIDTH = 48


@lru_cache
def networks_named(name: str, *, count: int = 3) -> tuple[tuple[Architecture, Tensor], ...]:
    """Networks whose biases are 0, negative and positive in turn."""
    networks = []
    for number, architecture in enumerate(ARCHITECTURES[name]):
        theta = random_parameters(architecture, count, generator=generator(number, name))
        places = topology_of(architecture).bias_parameter
        places = places[places != CONSTANT]
        theta[:, places[::3]] = 0
        theta[:, places[1::3]] = -theta[:, places[1::3]].abs()
        theta[:, places[2::3]] = theta[:, places[2::3]].abs()
        networks.append((architecture, theta))
    return tuple(networks)


def wide(name: str, **options: Any) -> ModelConfig:
    """Options with which products of the first layer take few columns beside the features."""
    # A convolution has a column for every tap, and as many again for every layer that edges are told.
    usual = {"features": WIDTH, "mlp_hidden": 7, "layers": 3, "edge_positional": "cnn" not in name}
    return ModelConfig(**(usual | options))


def first_of(backbone: Backbone, graph: NetworkGraph) -> tuple[FastState, Step]:
    """What the first layer is given."""
    plan = Plan.from_structure(Structure.from_graph(graph), backbone.options)
    return backbone.fast_start(graph, plan), plan.steps[0]
