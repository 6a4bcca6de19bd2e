"""Rows of features are computed once, and forgotten when there are too many."""

from __future__ import annotations

import torch
from torch import Tensor

from scalegmn.models.baselines.features._remembered import RememberedRows


class Doubling:
    """Doubles rows, and says which it was asked for."""

    def __init__(self) -> None:
        self.asked: list[Tensor] = []

    def __call__(self, theta: Tensor) -> Tensor:
        self.asked += list(theta)
        return 2 * theta


def test_each_row_is_computed_once_and_in_its_place() -> None:
    remembered, compute = RememberedRows(most=10), Doubling()
    theta = torch.arange(6.0).reshape(3, 2)
    assert torch.equal(remembered.rows("a", theta, compute), 2 * theta)
    order = torch.tensor([2, 0, 1])
    more = torch.cat([theta[order], torch.full((1, 2), 9.0)])
    assert torch.equal(remembered.rows("a", more, compute), 2 * more)
    assert torch.equal(torch.stack(compute.asked), torch.cat([theta, more[3:]]))


def test_other_kinds_and_precisions_are_others() -> None:
    remembered, compute = RememberedRows(most=10), Doubling()
    theta = torch.ones(1, 2)
    for kind, rows in (
        ("a", theta),
        ("b", theta),
        ("a", theta.double()),
        ("a", -0.0 * theta),
        ("a", 0 * theta),
    ):
        found = remembered.rows(kind, rows, compute)
        assert torch.equal(found, 2 * rows) and found.dtype == rows.dtype
    assert len(compute.asked) == 5


def test_the_least_wanted_rows_are_forgotten() -> None:
    remembered, compute = RememberedRows(most=2), Doubling()
    first, second, third = (torch.full((1, 2), value) for value in (1.0, 2.0, 3.0))
    for rows in (first, second, first, third, first, second):
        remembered.rows("a", rows, compute)
    assert [float(row[0]) for row in compute.asked] == [1, 2, 3, 2]
