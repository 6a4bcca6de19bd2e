"""Gathering and summing, against plain indexing."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from scalegmn.nn.fast._segments import Incidence
from scalegmn.seeding import generator


def plain_sum(e: torch.Tensor, index: torch.Tensor, size: int) -> torch.Tensor:
    return e.new_zeros(size, *e.shape[1:]).index_add(0, index, e)


INDEXES = st.integers(1, 12).flatmap(
    lambda size: st.tuples(st.just(size), st.lists(st.integers(0, size - 1), max_size=40), st.booleans())
)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(INDEXES)
def test_equal_plain_indexing(case: tuple[int, list[int], bool]) -> None:
    size, rows, in_order = case
    index = torch.tensor(sorted(rows) if in_order else rows, dtype=torch.long)
    incidence = Incidence(index, size)
    g = generator(0)
    x = torch.randn(size, 3, generator=g, dtype=torch.float64, requires_grad=True)
    e = torch.randn(index.numel(), 3, generator=g, dtype=torch.float64, requires_grad=True)
    assert torch.equal(incidence.gather(x), x[index])
    torch.testing.assert_close(incidence.sum(e), plain_sum(e, index, size))
    up_x, up_e = torch.randn_like(e), torch.randn_like(x)
    gradients = torch.autograd.grad([incidence.gather(x), incidence.sum(e)], [x, e], [up_x, up_e])
    expected = torch.autograd.grad([x[index], plain_sum(e, index, size)], [x, e], [up_x, up_e])
    for found, wanted in zip(gradients, expected, strict=True):
        torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize("entries", [0, 1, 7, 500])
def test_many_rows_of_different_lengths(entries: int) -> None:
    """More runs of equally long rows than are worth a loop."""
    index = torch.randint(0, 90, (entries,), generator=generator(1))
    e = torch.randn(entries, 2, generator=generator(2), dtype=torch.float64)
    torch.testing.assert_close(Incidence(index, 100).sum(e), plain_sum(e, index, 100))


@pytest.mark.parametrize(
    ("index", "other", "runs", "all_rows"),
    [
        # Two networks whose layers of 2 and 3 neurons are densely connected, as sources and as targets.
        (
            [0, 1] * 3 + [2, 3] * 3,
            [4] * 2 + [5] * 2 + [6] * 2 + [7] * 2 + [8] * 2 + [9] * 2,
            [(2, 3, 2)],
            True,
        ),
        ([0] * 2 + [1] * 2 + [2] * 2 + [3] * 2, [0, 1] * 4, [(1, 2, 4)], True),
        # Layers of different width after each other.
        ([0, 1] * 2 + [2, 3, 4] * 2, [5, 5, 6, 6, 7, 7, 7, 8, 8, 8], [(2, 2, 1), (3, 2, 1)], True),
        ([1, 2, 3], [0, 0, 0], [(1, 1, 3)], False),
    ],
)
def test_sums_of_dense_layers_are_sums_over_an_axis(
    index: list[int], other: list[int], runs: list[tuple[int, int, int]], all_rows: bool
) -> None:
    rows = torch.tensor(index)
    incidence = Incidence(rows, int(rows.max()) + 1, other=torch.tensor(other))
    found = incidence._sorted
    assert [(run.period, run.repeats, run.blocks) for run in found.runs] == runs
    assert found.order is None and found.distinct and found.all_rows == all_rows
    e = torch.randn(len(index), 2, generator=generator(3), dtype=torch.float64)
    torch.testing.assert_close(incidence.sum(e), plain_sum(e, rows, incidence.size))


def test_a_sum_is_never_its_argument() -> None:
    e = torch.ones(3, 2)
    summed = Incidence(torch.arange(3), 3).sum(e)
    summed += 1
    assert torch.equal(e, torch.ones(3, 2))


def test_gradcheck() -> None:
    index = torch.tensor([3, 0, 0, 2, 3, 3])
    incidence = Incidence(index, 5)
    x = torch.randn(5, 2, dtype=torch.float64, requires_grad=True)
    e = torch.randn(6, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(incidence.gather, (x,))
    assert torch.autograd.gradcheck(incidence.sum, (e,))
    assert torch.autograd.gradcheck(lambda e: incidence.gather(incidence.sum(e) ** 2), (e,))


def test_rows_without_entries_are_zero() -> None:
    incidence = Incidence(torch.tensor([4, 4]), 6)
    assert incidence.sum(torch.ones(2, 1)).flatten().tolist() == [0, 0, 0, 0, 2, 0]


def test_non_contiguous_gradients() -> None:
    incidence = Incidence(torch.tensor([1, 0, 1]), 2)
    e = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    incidence.sum(e).sum().backward()
    assert e.grad is not None and (e.grad == 1).all()
    assert torch.equal(incidence.sum(e.detach().T.contiguous().T), plain_sum(e.detach(), incidence.index, 2))


def test_each_is_the_adjoint_of_the_other() -> None:
    index = torch.randint(0, 7, (30,), generator=generator(3))
    incidence = Incidence(index, 7)
    x, e = torch.randn(7, 3, dtype=torch.float64), torch.randn(30, 3, dtype=torch.float64)
    torch.testing.assert_close((incidence.gather(x) * e).sum(), (x * incidence.sum(e)).sum())
