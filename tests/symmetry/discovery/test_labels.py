"""Broadcast tensors of unknowns stay small, and say the same as full ones."""

from __future__ import annotations

from fractions import Fraction

import torch

from scalegmn.symmetry.discovery._labels import Labels, Term, aligned, compressed, simplified, varies


def test_compression_keeps_entries_and_finds_what_repeats() -> None:
    ids = torch.arange(3).reshape(1, 3, 1).expand(2, 3, 4).contiguous()
    small = compressed(ids)
    assert torch.equal(small, ids)
    assert [step == 0 for step in small.stride()] == [True, False, True]
    assert varies(small, (1,)) and not varies(small, (0, 2))


def test_a_view_that_torch_refuses_on_broadcast_entries_is_taken_of_a_copy() -> None:
    ids = torch.arange(3).reshape(1, 3, 1).expand(2, 3, 4)
    labels = Labels((2, 3, 4), (Term(Fraction(1), ids),))
    flat = labels.mapped(lambda entries: torch.ops.aten.view.default(entries, [2, 12]))
    assert flat.shape == (2, 12)
    assert torch.equal(flat.terms[0].ids, ids.reshape(2, 12))
    assert flat.terms[0].ids.stride(0) == 0


def test_equal_terms_are_collected_and_opposite_ones_vanish() -> None:
    a, b = torch.tensor([1, 2]), torch.tensor([3, 4])
    one = Fraction(1)
    terms = simplified([Term(one, a), Term(one, b), Term(-one, a), Term(one, b)])
    assert [(term.coefficient, term.ids.tolist()) for term in terms] == [(2, [3, 4])]


def test_zeros_are_not_forgotten() -> None:
    masked = torch.tensor([1, -1])
    labels = Labels((2,), simplified([Term(Fraction(1), masked), Term(Fraction(-1), masked)]))
    nothing = labels.anything()
    assert nothing is not None and nothing.tolist() == [False, True]


def test_terms_are_put_side_by_side_by_their_coefficients() -> None:
    one, two = torch.tensor([1]), torch.tensor([2])
    first = Labels((1,), (Term(Fraction(1), one), Term(Fraction(1), two)))
    second = Labels((1,), (Term(Fraction(-1), one), Term(Fraction(1), two)))
    table = [(int(c), [ids.tolist() for ids in columns]) for c, columns in aligned([first, second])]
    assert table == [(1, [[1], [2]]), (1, [[2], [0]]), (-1, [[0], [1]])]
