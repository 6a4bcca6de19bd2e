"""Graphs of small programs, derived by hand."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from torch import Tensor, nn

from scalegmn.graph import GraphLayout, layout_of
from scalegmn.networks import CONSTANT, Architecture, EdgeType, Role, activation_kind
from scalegmn.networks.modules import read_module
from scalegmn.programs import ProgramArchitecture
from scalegmn.symmetry import SCALE_BIT, SIGN_BIT

from .families import relu_mlp, tanh_mlp


def graph_of(module: nn.Module, *shape: int) -> tuple[ProgramArchitecture, GraphLayout]:
    architecture = ProgramArchitecture.from_module(module.eval(), torch.zeros(shape))
    return architecture, layout_of(architecture)


def numbers(architecture: Architecture) -> list[str]:
    """A name for every number, and at the end one for what is none."""
    return [
        *(f"{one.name}[{k}]" for one in architecture.parameters for k in range(one.stop - one.start)),
        "constant",
    ]


def nodes_of(architecture: Architecture, layout: GraphLayout) -> list[tuple[object, ...]]:
    """All that is said of every node, in the names of parameters."""
    fields, names = layout.structure, numbers(architecture)
    found = []
    for node, bias in enumerate(layout.bias_parameter.tolist()):
        role = Role(int(fields["node_role"][node]))
        facts = [int(fields[name][node]) for name in ("node_layer", "node_group", "node_activation")]
        place = int(fields["node_position"][node]) if role is not Role.hidden else None
        found.append((role, *facts, place, names[bias]))
    return found


def edges_of(architecture: Architecture, layout: GraphLayout) -> Counter[tuple[object, ...]]:
    """All edges, by their ends, their kinds and the names of their taps."""
    nodes, names = nodes_of(architecture, layout), numbers(architecture)
    sizes = layout.structure["edge_kernel"].prod(dim=1).tolist()
    taps = iter(layout.tap_parameter.tolist())
    found: Counter[tuple[object, ...]] = Counter()
    for source, target, kind, size in zip(
        *layout.structure["edge_index"].tolist(), layout.structure["edge_type"].tolist(), sizes, strict=True
    ):
        weights = tuple(names[next(taps)] for _ in range(size))
        found[(nodes[source], nodes[target], EdgeType(kind), weights)] += 1
    return found


def convolutional() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(2, 3, 3), nn.ReLU(), nn.Conv2d(3, 4, 2), nn.ReLU(), nn.Flatten(), nn.Linear(16, 2)
    )


@pytest.mark.parametrize(
    ("module", "shape"), [(relu_mlp(), (1, 3)), (tanh_mlp(), (1, 3)), (convolutional(), (1, 2, 5, 5))]
)
def test_a_list_of_layers_has_the_graph_of_its_layers(module: nn.Module, shape: tuple[int, ...]) -> None:
    architecture, layout = graph_of(module, *shape)
    layered = read_module(module)[0]
    assert Counter(nodes_of(architecture, layout)) == Counter(nodes_of(layered, layout_of(layered)))
    assert edges_of(architecture, layout) == edges_of(layered, layout_of(layered))


def test_batch_norm() -> None:
    """Divided by the deviation, from which an edge runs back; the mean is the bias before, and the gain a
    weight."""
    module = nn.Sequential(nn.Conv2d(1, 1, 2, bias=False), nn.BatchNorm2d(1), nn.ReLU(), nn.Conv2d(1, 1, 1))
    architecture, layout = graph_of(module, 1, 1, 4, 4)
    both, relu, none = SIGN_BIT | SCALE_BIT, activation_kind("relu").code, activation_kind("identity").code
    given = (Role.input, 0, 0, none, 0, "constant")
    convolved = (Role.hidden, 1, both, none, None, "constant")
    centered = (Role.hidden, 2, both, none, None, "1.running_mean[0]")
    divided = (Role.hidden, 3, both, none, None, "constant")
    normal = (Role.hidden, 4, SCALE_BIT, relu, None, "1.bias[0]")
    output = (Role.output, 5, 0, none, 0, "3.bias[0]")
    expected = [
        (given, convolved, EdgeType.convolution, tuple(f"0.weight[{k}]" for k in range(4))),
        (convolved, centered, EdgeType.skip, ("constant",)),
        (centered, divided, EdgeType.dense, ("1.running_deviation[0]",)),
        (divided, centered, EdgeType.divisor, ("1.running_deviation[0]",)),
        (divided, normal, EdgeType.dense, ("1.weight[0]",)),
        (normal, output, EdgeType.dense, ("3.weight[0]",)),
    ]
    assert edges_of(architecture, layout) == Counter(expected)
    assert layout.tap_reciprocal is not None
    assert layout.tap_reciprocal.sum() == 1


class Attention(nn.Module):
    """Two heads of two channels."""

    def __init__(self) -> None:
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(3, 4) for _ in range(3))
        self.out = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (f(x).unflatten(-1, (2, 2)).transpose(1, 2) for f in (self.query, self.key, self.value))
        weights = (q @ k.transpose(-1, -2)).softmax(-1)
        return self.out((weights @ v).transpose(1, 2).flatten(2))


@pytest.mark.slow
@pytest.mark.parametrize("tokens", [3, 5])
def test_attention(tokens: int) -> None:
    """Whatever the number of tokens: a node for every channel, one for the weights of each head."""
    architecture, layout = graph_of(Attention(), 1, tokens, 3)
    nodes = nodes_of(architecture, layout)
    named = {node[-1]: number for number, node in enumerate(nodes) if node[-1] != "constant"}
    assert len(nodes) == 3 + 3 * 4 + 2 + 4 + 2
    triples = set(zip(*layout.structure["product_index"].tolist(), strict=True))
    softmax = activation_kind("softmax").code
    scores = [number for number, node in enumerate(nodes) if node[3] == softmax]
    assert len(scores) == 2
    for head, score in enumerate(scores):
        for channel in (2 * head, 2 * head + 1):
            assert (named[f"query.bias[{channel}]"], named[f"key.bias[{channel}]"], score) in triples
            (made,) = (c for a, b, c in triples if (a, b) == (score, named[f"value.bias[{channel}]"]))
            assert nodes[made] == (Role.hidden, 3, SIGN_BIT | SCALE_BIT, 0, None, "constant")
    assert len(triples) == 8
    # Queries, keys, values and the last layer, and four channels that the weights of heads only average.
    assert Counter(layout.structure["edge_type"].tolist()) == {EdgeType.dense: 44, EdgeType.skip: 4}


def test_numbers_of_the_graph_are_those_of_parameters() -> None:
    architecture, layout = graph_of(Attention(), 1, 3, 3)
    places = torch.cat([layout.tap_parameter, layout.bias_parameter])
    places = places[places != CONSTANT]
    assert torch.equal(places.sort().values, torch.arange(architecture.num_parameters))
