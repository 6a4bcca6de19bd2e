"""Messages over edges, in both directions."""

from __future__ import annotations

import itertools

import pytest
from torch import Tensor

from scalegmn.nn.duality import emitted, received
from scalegmn.nn.edge_maps import EdgeMap
from scalegmn.nn.messages import Messages
from scalegmn.seeding import generator
from scalegmn.symmetry import Law
from scalegmn.testing.parameters import randomise
from tests.nn.cases import Case, assert_different, assert_equal, case_of, style_of

OPTIONS = list(itertools.product([True, False], [True, False]))


def messages(*, backward: bool, symmetrise: bool = True, positional: bool = True) -> Messages:
    made = Messages(style=style_of(symmetrise=symmetrise, positional=positional), backward=backward)
    return randomise(made, generator=generator(0)).double()


def both(case: Case, passing: Messages, x: Tensor, law: Law, *, as_sent: Law) -> tuple[Tensor, Tensor]:
    """Messages of the moved networks, and moved messages of the networks; `x` has the law `law`."""
    e, z = case.random_edges(), case.random_nodes()
    primal = case.random_nodes(zeros=0)
    moved_primal = case.move_nodes(primal, Law.PRIMAL)
    moved_x = case.move_nodes(x, law)
    sent, moved_sent = x, moved_x
    if as_sent is Law.PRIMAL:
        sent, moved_sent = emitted(x, case.at.degree), emitted(moved_x, case.moved_at.degree)
    before = passing(sent, EdgeMap(e), z, case.at)
    after = passing(moved_sent, EdgeMap(case.move_edges(e)), case.move_nodes(z, Law.INVARIANT), case.moved_at)
    if as_sent is Law.DUAL:
        before = received(before, primal, case.at.degree)
        after = received(after, moved_primal, case.moved_at.degree)
    return after, case.move_nodes(before, as_sent)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("symmetrise", "positional"), OPTIONS)
def test_forward_messages_are_primal(seed: int, symmetrise: bool, positional: bool) -> None:
    case = case_of(seed)
    passing = messages(backward=False, symmetrise=symmetrise, positional=positional)
    assert_equal(*both(case, passing, case.random_nodes(), Law.PRIMAL, as_sent=Law.PRIMAL))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("symmetrise", "positional"), OPTIONS)
def test_backward_messages_of_dual_features_are_dual(seed: int, symmetrise: bool, positional: bool) -> None:
    case = case_of(seed)
    passing = messages(backward=True, symmetrise=symmetrise, positional=positional)
    assert_equal(*both(case, passing, case.random_nodes(), Law.DUAL, as_sent=Law.DUAL))


def test_backward_messages_of_primal_features_have_no_law() -> None:
    """Reusing forward edges for primal features is wrong for positive scales, and right for signs."""
    scales, signs = case_of(0, kinds=("relu",)), case_of(0, kinds=("tanh",))
    passing = messages(backward=True)
    for law in (Law.PRIMAL, Law.DUAL):
        after, expected = both(scales, passing, scales.random_nodes(), Law.PRIMAL, as_sent=Law.DUAL)
        assert_different(after, expected)
        assert_equal(*both(signs, passing, signs.random_nodes(), law, as_sent=Law.DUAL))


def test_messages_arrive_where_edges_end() -> None:
    case = case_of(1)
    x, e, z = case.random_nodes(zeros=0), case.random_edges(zeros=0), case.random_nodes(zeros=0)
    at = case.at
    for backward, receivers in ((False, at.target), (True, at.source)):
        received_by = messages(backward=backward)(x, EdgeMap(e), z, at).abs().sum(dim=1) > 0
        assert set(received_by.nonzero().flatten().tolist()) == set(receivers.index.tolist())


def test_only_the_target_and_its_encoding_matter() -> None:
    case = case_of(1)
    x, e, z = case.random_nodes(zeros=0), case.random_edges(zeros=0), case.random_nodes(zeros=0)
    passing = messages(backward=False)
    before = passing(x, EdgeMap(e), z, case.at)
    changed = x.clone()
    node = int(case.at.source.index[0])
    changed[node] *= -2
    differs = (passing(changed, EdgeMap(e), z, case.at) != before).any(dim=1)
    neighbours = set(case.at.target.index[case.at.source.index == node].tolist())
    assert set(differs.nonzero().flatten().tolist()) == neighbours
