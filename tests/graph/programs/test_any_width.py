"""Programs of any width: norms, shortcuts, gates and attention with channels that are split or unread."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from scalegmn.graph import GraphSpec, NetworkGraph, to_graph
from scalegmn.models import Direction, ModelConfig, ScaleGMN, Symmetry
from scalegmn.networks import Role
from scalegmn.programs import ProgramArchitecture
from scalegmn.seeding import generator
from scalegmn.testing import randomize

from .families import family
from .measures import EXACT, VISIBLE, apart

KINDS = [(Direction.forward, "last_layer"), (Direction.bidirectional, "full_graph")]


def metanetwork(
    architecture: ProgramArchitecture, symmetry: Symmetry, kind: tuple[Direction, str]
) -> ScaleGMN:
    config = ModelConfig(features=6, layers=3, symmetry=symmetry, direction=kind[0], readout=kind[1])
    model = ScaleGMN(spec=GraphSpec.from_architectures([architecture]), outputs=4, config=config)
    return randomize(model, generator=generator(0, "model")).double().eval().requires_grad_(False)


def covered(graph: NetworkGraph, numbers: torch.Generator) -> NetworkGraph:
    """The graph with a copy of some hidden nodes.

    What a node reads of another one, it reads of all its copies together; a sum of products is read off any
    copies of the factors.
    """
    count = len(graph.node_role)
    hidden = torch.nonzero(graph.node_role == int(Role.hidden)).squeeze(1)
    chosen = hidden[torch.rand(len(hidden), generator=numbers) < 0.4]
    node = torch.cat([torch.arange(count), chosen])
    fibers = [torch.nonzero(node == number).squeeze(1).tolist() for number in range(count)]
    ends, taps, edges = [], [], []
    weights = graph.tap_weight.split(graph.edge_taps.tolist())
    for number, (source, target) in enumerate(graph.edge_index.T.tolist()):
        for i in fibers[target]:
            parts = _shares(weights[number], len(fibers[source]), numbers)
            for j, part in zip(fibers[source], parts, strict=True):
                ends.append((j, i))
                taps.append(part)
                edges.append(number)
    triples = []
    for first, second, product in graph.product_index.T.tolist():
        for s in fibers[product]:
            triples.append((fibers[first][-1], fibers[second][s % len(fibers[second])], s))
    new = copy.copy(graph)
    for name in ("bias", "role", "layer", "position", "group", "degree", "activation", "value"):
        new[f"node_{name}"] = graph[f"node_{name}"][node]
    new.edge_index = torch.tensor(ends).T
    new.edge_type, new.edge_kernel = graph.edge_type[edges], graph.edge_kernel[edges]
    new.tap_weight = torch.cat(taps)
    new.product_index = torch.tensor(triples, dtype=torch.int64).reshape(-1, 3).T
    return new


def _shares(weight: Tensor, count: int, numbers: torch.Generator) -> list[Tensor]:
    others = [torch.randn(weight.shape, generator=numbers, dtype=torch.float64) for _ in range(count - 1)]
    return [weight - sum(others, torch.zeros_like(weight)), *others]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["residual", "dense", "encoder", "llama", "lstm"])
def test_covers_are_read_alike(name: str) -> None:
    network = family(name)
    for number, kind in enumerate(KINDS):
        graph = to_graph(network.architecture, network.theta)
        cover = covered(graph, generator(number, name))
        cover.check()
        model = metanetwork(network.architecture, Symmetry.any_width, kind)
        assert apart(model(cover), model(graph)) < EXACT
        # This checks the test.
        usual = metanetwork(network.architecture, Symmetry.scaling, kind)
        assert apart(usual(cover), usual(graph)) > VISIBLE


class Block(nn.Module):
    """A convolution with a batch norm, and one that reads it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.norm = nn.Conv2d(1, width, 3), nn.BatchNorm2d(width)
        self.second, self.head = nn.Conv2d(width, 2, 3), nn.Linear(2, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.second(self.norm(self.first(x)).relu()).relu()
        answer: Tensor = self.head(x.mean((2, 3)))
        return answer


@pytest.mark.slow
def test_channels_behind_a_batch_norm() -> None:
    """Split in two with a share for each weight, and with one that nobody reads, in the module itself."""
    numbers = generator(0)
    narrow, wide = randomize(Block(3), generator=numbers).double(), Block(5).double()
    for norm in (narrow.norm.running_mean, narrow.norm.running_var):
        assert norm is not None
        norm.copy_(torch.rand(3, generator=numbers) + 0.5)
    order, state = [0, 1, 2, 1, 2], wide.state_dict()
    for name, value in narrow.state_dict().items():
        if name.startswith(("first.", "norm.")) and value.ndim:
            state[name] = value[order].clone()
        elif name != "second.weight":
            state[name] = value
    weight = narrow.second.weight.detach()
    part = torch.randn(weight[:, 1].shape, generator=numbers, dtype=torch.float64)
    nothing = torch.zeros_like(part)
    state["second.weight"] = torch.stack(
        [weight[:, 0], weight[:, 1] - part, weight[:, 2], part, nothing], dim=1
    )
    for name in ("first.weight", "norm.weight", "norm.running_var"):
        state[name][4] *= 3.0
    wide.load_state_dict(state)
    x = torch.randn(2, 1, 8, 8, generator=numbers, dtype=torch.float64)
    torch.testing.assert_close(wide.eval()(x), narrow.eval()(x), rtol=1e-12, atol=1e-12)
    said = {}
    for symmetry in (Symmetry.any_width, Symmetry.scaling):
        for kind in KINDS:
            model = metanetwork(ProgramArchitecture.from_module(narrow, x), symmetry, kind)
            answers = [model(to_graph(one, example_inputs=x)) for one in (narrow, wide)]
            said[symmetry, kind] = apart(answers[1], answers[0])
    assert max(said[Symmetry.any_width, kind] for kind in KINDS) < EXACT
    assert min(said[Symmetry.scaling, kind] for kind in KINDS) > VISIBLE
