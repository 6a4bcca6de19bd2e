"""The pieces that graphs of programs are made of: sums, products, chains, laws, limits."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from scalegmn.errors import GraphError
from scalegmn.graph import layout_of
from scalegmn.graph.programs import _wiring
from scalegmn.graph.programs._algebra import GraphAlgebra
from scalegmn.graph.programs._collapsing import collapsed
from scalegmn.graph.programs._laws import Laws
from scalegmn.graph.programs._merging import merged
from scalegmn.graph.programs._products import gathered, multiplied, weighted
from scalegmn.graph.programs._program_layout import _layers
from scalegmn.graph.programs._sums import biased, summed
from scalegmn.graph.programs._values import Frame
from scalegmn.graph.programs._wiring import NOTHING, Wiring, distinct
from scalegmn.networks import EdgeType, Role
from scalegmn.programs import ProgramArchitecture, interpret

from .families import family

ONE = torch.tensor(0)


def wiring_of(nodes: int) -> Wiring:
    wiring = Wiring()
    wiring.reserve(nodes)
    return wiring


def along(ids: list[int], axis: int, *shape: int) -> Tensor:
    """Numbers that change along one axis only."""
    sizes = [len(ids) if other == axis else 1 for other in range(len(shape))]
    return torch.tensor(ids).reshape(sizes).expand(shape)


def test_a_bias_of_positions_is_taps_from_the_constant() -> None:
    """Two channels at three positions: six numbers, two nodes."""
    wiring = wiring_of(3)
    nodes, places = along([1, 2], 1, 3, 2), torch.arange(6).reshape(3, 2)
    made = biased(nodes, places, single=[False, False], wiring=wiring, one=ONE)
    assert made.tolist() == [[3, 4]] * 3
    (wires,) = wiring.wires
    assert wires.kind == EdgeType.flattened
    assert (wires.source.tolist(), wires.target.tolist()) == ([0, 0], [3, 4])
    assert (wires.counts.tolist(), wires.places.tolist()) == ([3, 3], [0, 2, 4, 1, 3, 5])
    assert not wiring.biases


def test_a_bias_of_channels_is_a_bias() -> None:
    wiring = wiring_of(3)
    made = biased(
        along([1, 2], 1, 3, 2), along([0, 1], 1, 3, 2), single=[False, False], wiring=wiring, one=ONE
    )
    assert made.tolist() == [[3, 4]] * 3
    assert not wiring.wires
    (found,) = wiring.biases
    assert [part.tolist() for part in found] == [[3, 4], [0, 1]]


def test_an_axis_that_was_broadcast_is_none_of_positions() -> None:
    """One node plus a vector is a vector of nodes."""
    wiring = wiring_of(2)
    made = biased(along([1], 0, 3), along([0, 1, 2], 0, 3), single=[True], wiring=wiring, one=ONE)
    assert made.tolist() == [2, 3, 4]
    assert not wiring.wires


def test_sums_of_nodes() -> None:
    wiring = wiring_of(4)
    first, second = torch.tensor([0, 1, NOTHING]), torch.tensor([2, NOTHING, 3])
    made = summed(first, second, single=[[False], [False]], wiring=wiring)
    assert made.tolist() == [4, 1, 3]  # 0 plus a node is this node
    linked = torch.cat([torch.stack(pair, dim=1) for pair in wiring.links]).tolist()
    assert sorted(linked) == [[0, 4], [2, 4]]


def test_positions_of_a_map_make_one_node() -> None:
    """Two inputs, three outputs, four positions."""
    wiring = wiring_of(2)
    frame = Frame((4, 3, 2), 2)
    nodes = along([0, 1], 2, 4, 3, 2)
    places = torch.arange(6).reshape(1, 3, 2).expand(4, 3, 2)
    made = weighted(nodes, places, frame, wiring=wiring, reciprocal=False)
    assert made.tolist() == [[2, 3, 4]] * 4
    (wires,) = wiring.wires
    assert wires.places.tolist() == list(range(6))
    assert wires.source.tolist() == [0, 1] * 3


def test_two_kinds_of_tokens_make_nodes_of_their_own() -> None:
    wiring = wiring_of(4)
    nodes = torch.tensor([[0, 1], [2, 3], [2, 3]])[:, None].expand(3, 1, 2)
    places = torch.arange(2).reshape(1, 1, 2).expand(3, 1, 2)
    made = weighted(nodes, places, Frame((3, 1, 2), 2), wiring=wiring, reciprocal=False)
    assert made[:, 0].tolist() == [4, 5, 5]
    assert wiring.taps == 4


def test_what_is_divided_is_told_back() -> None:
    wiring = wiring_of(1)
    weighted(torch.tensor([0]), torch.tensor([0]), Frame((1,), 1), wiring=wiring, reciprocal=True)
    there, back = wiring.wires
    assert (there.reciprocal, back.reciprocal) == (True, False)
    assert back.kind == EdgeType.divisor
    assert (back.source.tolist(), back.target.tolist()) == (there.target.tolist(), there.source.tolist())


def test_products_of_nodes() -> None:
    """Queries times keys of two channels: one node, of two products, for all pairs of tokens of a kind."""
    wiring = wiring_of(4)
    frame = Frame((3, 3, 2), 2)
    queries, keys = along([0, 1], 2, 3, 3, 2), along([2, 3], 2, 3, 3, 2)
    made = multiplied(queries, keys, frame, wiring=wiring)
    assert made.tolist() == [[4] * 3] * 3
    (triples,) = wiring.pairs
    assert torch.stack(triples, dim=1).tolist() == [[0, 2, 4], [1, 3, 4]]


def test_tokens_of_two_kinds_make_four_kinds_of_pairs() -> None:
    wiring = wiring_of(4)
    tokens = torch.tensor([0, 1, 1, 1])
    first, second = tokens[:, None, None].expand(4, 4, 1), (tokens + 2)[None, :, None].expand(4, 4, 1)
    made = multiplied(first, second, Frame((4, 4, 1), 2), wiring=wiring)
    assert made.tolist() == [[4, 5, 5, 5]] + [[6, 7, 7, 7]] * 3
    # Charged is what is made, not all pairs of tokens.
    assert wiring.taps == 4


def test_zeros_make_no_products() -> None:
    wiring = wiring_of(2)
    made = multiplied(torch.tensor([0, NOTHING]), torch.tensor([1, 1]), Frame((2,), 1), wiring=wiring)
    assert made.tolist() == [2, NOTHING]


def test_the_mean_of_one_node_is_this_node() -> None:
    wiring = wiring_of(3)
    made, start = gathered(torch.tensor([[0, 0, 0], [1, 2, 1], [NOTHING] * 3]), 1, wiring=wiring)
    assert (made.tolist(), start) == ([0, 3, NOTHING], 3)
    (links,) = wiring.links
    assert torch.stack(links, dim=1).tolist() == [[1, 3], [2, 3]]


def test_collapsed_positions_come_back() -> None:
    first = torch.tensor([5, 7, 5, 5])[:, None].expand(4, 3)
    second = torch.tensor([1, 1, 2])[None].expand(4, 3)
    small = collapsed(first, second, Frame((4, 3), 2))
    assert small.frame.shape == (2, 2)
    assert torch.equal(small.restored(small.first), first)
    assert torch.equal(small.restored(small.second), second)


@pytest.mark.parametrize("columns", [0, 1, 2, 5])
def test_distinct_rows(columns: int) -> None:
    rows = torch.randint(-1, 2, (50, columns), generator=torch.Generator().manual_seed(columns))
    first, kind = distinct(rows)
    assert torch.equal(rows[first][kind], rows)
    assert len({tuple(row) for row in rows.tolist()}) == len(first)
    assert torch.equal(first, first.sort().values)


def test_rows_whose_numbers_agree_by_chance_stay_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "randint", lambda low, high, shape, generator: torch.zeros(shape).long())
    first, kind = distinct(torch.tensor([[1, 2], [3, 4], [1, 2]]))
    assert (first.tolist(), kind.tolist()) == ([0, 1], [0, 1, 0])


def chain(*, ins: list[int], outs: list[int], bias: list[int], function: list[int]) -> list[int]:
    """Roots of a line of nodes."""
    count = len(bias)
    links = torch.stack([torch.arange(count - 1), torch.arange(1, count)], dim=1)
    movable = torch.ones(count, dtype=torch.bool)
    found = merged(
        links,
        ins=torch.tensor(ins),
        outs=torch.tensor(outs),
        bias=torch.tensor(bias),
        function=torch.tensor(function),
        movable=movable,
    )
    return found.root.tolist()


def test_sum_bias_function_are_one_neuron() -> None:
    no = NOTHING
    assert chain(ins=[1, 1, 1], outs=[1, 1, 0], bias=[no, 7, no], function=[no, no, 0]) == [0, 0, 0]
    # A bias behind a function is another neuron, and so is a second function.
    assert chain(ins=[1, 1, 1], outs=[1, 1, 0], bias=[no, no, 7], function=[no, 0, no]) == [0, 0, 2]
    assert chain(ins=[1, 1, 1], outs=[1, 1, 0], bias=[no, no, no], function=[no, 0, 1]) == [0, 0, 2]
    # Somebody else reads the first, or something else is added to the second.
    assert chain(ins=[1, 1], outs=[2, 0], bias=[no, 7], function=[no, no]) == [0, 1]
    assert chain(ins=[1, 2], outs=[1, 0], bias=[no, 7], function=[no, no]) == [0, 1]


def laws_of(name: str) -> tuple[GraphAlgebra, Laws]:
    program = family(name).architecture.program
    algebra = GraphAlgebra(program)
    interpret(program, algebra)
    return algebra, Laws.from_algebra(algebra)


@pytest.mark.parametrize(("name", "scales", "flips"), [("relu", True, False), ("tanh", False, True)])
def test_laws_of_activations(name: str, scales: bool, flips: bool) -> None:
    algebra, laws = laws_of(name)
    # Behind its activation, every hidden node may be scaled or flipped, no input and no output.
    after = torch.cat(
        [torch.arange(one.start, one.start + one.count) for one in algebra.wiring.batches if one.function]
    )
    assert len(after) == 9
    assert laws.scales[after].all() == scales
    assert laws.flips[after].all() == flips
    assert len(laws.scale[after].unique()) == (9 if scales else 1)
    assert len(laws.sign[after].unique()) == (9 if flips else 1)
    outer = torch.cat([*algebra.wiring.inputs, *algebra.wiring.outputs])
    assert not laws.scales[outer].any()
    assert not laws.flips[outer].any()


def test_squares_have_twice_the_law() -> None:
    laws = Laws(torch.tensor([0.5, 1.0, 0.5, 0.25]).double(), torch.tensor([3, 0, 3, 3]))
    pairs = torch.tensor([0, 0, 0]), torch.tensor([1, 2, 3])
    assert laws.doubled(*pairs).tolist() == [True, False, False]
    assert laws.alike(*pairs).tolist() == [False, True, False]


def test_layers_are_longest_ways() -> None:
    edges = torch.tensor([[0, 0, 1, 1, 2, 3], [1, 3, 2, 3, 3, 4]])
    hidden, given, output = int(Role.hidden), int(Role.input), int(Role.output)
    role = torch.tensor([given, hidden, hidden, hidden, output, hidden])
    # The last one depends on nothing: a parameter as a node.
    assert _layers(edges, role).tolist() == [0, 1, 2, 3, 4, 1]


class PerToken(nn.Module):
    """Weights of its own for every pair of positions."""

    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        return self.mix(x).relu()


def test_a_graph_that_is_too_large_is_refused_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    architecture = ProgramArchitecture.from_module(PerToken(), torch.zeros(1, 8))
    monkeypatch.setattr(_wiring, "MOST_TAPS", 63)
    with pytest.raises(GraphError, match=r"more than 63 weights, expected fewer .* smaller example") as error:
        layout_of(architecture)
    assert "\n" not in str(error.value)
    monkeypatch.setattr(_wiring, "MOST_TAPS", 64)
    assert layout_of(architecture).num_taps == 64
