"""Edge features that are a product."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from scalegmn.nn.fast._factored import Factored, apply_affine, apply_linear, materialize, take
from scalegmn.nn.fast._segments import RowSubset
from scalegmn.nn.fast._tap_columns import one_hot_columns


def factored() -> Factored:
    return Factored(torch.randn(7, 3, dtype=torch.float64), torch.randn(3, 5, dtype=torch.float64))


def test_the_product_need_not_be_made() -> None:
    edges, weight = factored(), torch.randn(4, 5, dtype=torch.float64)
    torch.testing.assert_close(apply_linear(edges, weight), materialize(edges) @ weight.T)
    torch.testing.assert_close(apply_linear(materialize(edges), weight), apply_linear(edges, weight))


def test_some_edges() -> None:
    edges = factored()
    for mask in ([1, 0, 1, 0, 0, 1, 0], [0, 1, 1, 1, 0, 0, 0], [1] * 7, [0] * 7):
        chosen = RowSubset(torch.tensor(mask, dtype=torch.bool))
        # Fewer rows may be multiplied by another kernel, which sums in another order.
        torch.testing.assert_close(materialize(take(edges, chosen)), take(materialize(edges), chosen))
        assert take(materialize(edges), chosen).shape[0] == sum(mask)


def test_gradient_of_some_rows() -> None:
    x = torch.randn(4, 2, dtype=torch.float64, requires_grad=True)
    chosen = RowSubset(torch.tensor([True, False, True, True]))
    assert torch.autograd.gradcheck(chosen.take, (x,))


def test_columns_of_kinds() -> None:
    columns = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert one_hot_columns(columns, None, 1) is columns
    expected = torch.tensor([[0.0, 0.0, 1.0, 2.0], [3.0, 4.0, 0.0, 0.0]])
    assert torch.equal(one_hot_columns(columns, torch.tensor([1, 0]), 2), expected)


def test_rows_times_numbers() -> None:
    edges, numbers = factored(), torch.randn(7, 1, dtype=torch.float64)
    found = edges.times(numbers)
    torch.testing.assert_close(found.materialize(), edges.materialize() * numbers)
    assert found.vectors is edges.vectors


@pytest.mark.parametrize("part", [slice(0, 7), slice(2, 5), slice(4, 100), slice(3, 3)])
def test_rows_of_a_slice(part: slice) -> None:
    edges = factored()
    assert torch.equal(edges[part].columns, edges.columns[part])
    torch.testing.assert_close(edges[part].materialize(), edges.materialize()[part])


@pytest.mark.parametrize("single", [True, False])
def test_what_is_known_of_the_columns_stays_known(single: bool) -> None:
    edges = Factored(torch.randn(4, 2), torch.randn(2, 3), single=single)
    some = RowSubset(torch.tensor([True, False, False, True]))
    results = (
        edges.apply_linear(torch.randn(5, 3)),
        edges.times(torch.randn(4, 1)),
        edges[1:3],
        edges.take(some),
    )
    assert [made.single for made in results] == [single] * 4


@pytest.mark.parametrize("bias", [True, False])
def test_affine_map(bias: bool) -> None:
    layer, edges = nn.Linear(5, 4, bias=bias, dtype=torch.float64), factored()
    torch.testing.assert_close(apply_affine(layer, edges), layer(edges.materialize()))
    torch.testing.assert_close(apply_affine(layer, edges.materialize()), layer(edges.materialize()))


def test_gradients_are_those_of_the_multiplied_rows() -> None:
    layer, numbers = nn.Linear(5, 4, dtype=torch.float64), torch.randn(7, 1, dtype=torch.float64)
    given = [torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in ((7, 3), (3, 5))]
    fast = apply_affine(layer, Factored(*given).times(numbers)[1:6])
    slow = layer(((given[0] @ given[1]) * numbers)[1:6])
    upward, leaves = torch.randn_like(slow), [*given, *layer.parameters()]
    for one, other in zip(*(torch.autograd.grad(made, leaves, upward) for made in (fast, slow)), strict=True):
        torch.testing.assert_close(one, other)
