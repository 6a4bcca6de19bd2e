"""Messages over edges, in both directions."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor

from scalegmn.nn._message import Message, ReScaleEquivariant
from scalegmn.nn._scale_layer import emit, receive
from scalegmn.nn.fast._arrangement import Arrangement
from scalegmn.nn.fast._edge_maps import EdgeMap
from scalegmn.nn.fast._execute import message_sums
from scalegmn.seeding import generator
from scalegmn.symmetry import Law
from scalegmn.testing.parameters import randomize
from tests.nn.cases import Case, assert_different, assert_equal, case_of, style_of

OPTIONS = list(itertools.product([True, False], [True, False]))


WAYS = ["plain", "fast"]


class Passing:
    """A message in one direction, by its forward or by a plan; edges are mapped by the unit matrix.

    Attributes:
        way: one of WAYS.
    """

    def __init__(self, way: str, *, backward: bool, symmetrize: bool = True, positional: bool = True) -> None:
        made = Message(style=style_of(symmetrize=symmetrize, positional=positional))
        self.message = randomize(made, generator=generator(0)).double()
        self.way, self.backward = way, backward

    def __call__(self, x: Tensor, e: Tensor, z: Tensor, at: Arrangement) -> Tensor:
        if self.way == "fast":
            return message_sums(self.message, x, EdgeMap(e), z, at, backward=self.backward)
        ends = at.source.index, at.target.index
        sender, receiver = reversed(ends) if self.backward else ends
        weight = torch.eye(x.shape[1], dtype=x.dtype)
        sums: Tensor = self.message(x, e, weight, z, sender=sender, receiver=receiver, neurons=at.neurons)
        return sums


def both(case: Case, passing: Passing, x: Tensor, law: Law, *, as_sent: Law) -> tuple[Tensor, Tensor]:
    """Messages of the moved networks, and moved messages of the networks; `x` has the law `law`."""
    e, z = case.random_edges(), case.random_nodes()
    primal = case.random_nodes(zeros=0)
    moved_primal = case.move_nodes(primal, Law.primal)
    moved_x = case.move_nodes(x, law)
    excess, moved_excess = case.at.neurons.excess, case.moved_at.neurons.excess
    sent, moved_sent = x, moved_x
    if as_sent is Law.primal:
        sent, moved_sent = emit(x, excess), emit(moved_x, moved_excess)
    before = passing(sent, e, z, case.at)
    after = passing(moved_sent, case.move_edges(e), case.move_nodes(z, Law.invariant), case.moved_at)
    if as_sent is Law.dual:
        before, after = receive(before, primal, excess), receive(after, moved_primal, moved_excess)
    return after, case.move_nodes(before, as_sent)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("symmetrize", "positional"), OPTIONS)
def test_forward_messages_are_primal(seed: int, symmetrize: bool, positional: bool, way: str) -> None:
    case = case_of(seed)
    passing = Passing(way, backward=False, symmetrize=symmetrize, positional=positional)
    assert_equal(*both(case, passing, case.random_nodes(), Law.primal, as_sent=Law.primal))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("symmetrize", "positional"), OPTIONS)
def test_backward_messages_of_dual_features_are_dual(
    seed: int, symmetrize: bool, positional: bool, way: str
) -> None:
    case = case_of(seed)
    passing = Passing(way, backward=True, symmetrize=symmetrize, positional=positional)
    assert_equal(*both(case, passing, case.random_nodes(), Law.dual, as_sent=Law.dual))


@pytest.mark.parametrize("way", WAYS)
def test_backward_messages_of_primal_features_have_no_law(way: str) -> None:
    """Reusing forward edges for primal features is wrong for positive scales, and right for signs."""
    scales, signs = case_of(0, kinds=("relu",)), case_of(0, kinds=("tanh",))
    passing = Passing(way, backward=True)
    for law in (Law.primal, Law.dual):
        after, expected = both(scales, passing, scales.random_nodes(), Law.primal, as_sent=Law.dual)
        assert_different(after, expected)
        assert_equal(*both(signs, passing, signs.random_nodes(), law, as_sent=Law.dual))


@pytest.mark.parametrize("way", WAYS)
def test_messages_arrive_where_edges_end(way: str) -> None:
    case = case_of(1)
    x, e, z = case.random_nodes(zeros=0), case.random_edges(zeros=0), case.random_nodes(zeros=0)
    at = case.at
    for backward, receivers in ((False, at.target), (True, at.source)):
        received_by = Passing(way, backward=backward)(x, e, z, at).abs().sum(dim=1) > 0
        assert set(received_by.nonzero().flatten().tolist()) == set(receivers.index.tolist())


@pytest.mark.parametrize("way", WAYS)
def test_only_the_target_and_its_encoding_matter(way: str) -> None:
    case = case_of(1)
    x, e, z = case.random_nodes(zeros=0), case.random_edges(zeros=0), case.random_nodes(zeros=0)
    passing = Passing(way, backward=False)
    before = passing(x, e, z, case.at)
    changed = x.clone()
    node = int(case.at.source.index[0])
    changed[node] *= -2
    differs = (passing(changed, e, z, case.at) != before).any(dim=1)
    neighbors = set(case.at.target.index[case.at.source.index == node].tolist())
    assert set(differs.nonzero().flatten().tolist()) == neighbors


def test_the_product_multiplies_laws() -> None:
    """Each factor goes through, whichever argument has it; there is no other dependence."""
    product = randomize(ReScaleEquivariant(features=3), generator=generator(0)).double()
    g = generator(1)
    x, e, weight = (
        torch.randn(shape, generator=g, dtype=torch.float64) for shape in ((4, 3), (4, 3), (3, 3))
    )
    p, q = torch.randn(2, 4, 1, generator=g, dtype=torch.float64).exp()
    found = product(x, e, weight)
    torch.testing.assert_close(found, (x @ product.sender.weight.T) * (e @ weight.T))
    torch.testing.assert_close(product(p * x, q / p * e, weight), q * found)
