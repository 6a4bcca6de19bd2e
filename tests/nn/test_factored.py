"""Edge features that are a product."""

from __future__ import annotations

import torch

from scalegmn.nn.factored import Factored, mapped, multiplied, taken
from scalegmn.nn.segments import Selection
from scalegmn.nn.taps import one_hot_columns


def factored() -> Factored:
    return Factored(torch.randn(7, 3, dtype=torch.float64), torch.randn(3, 5, dtype=torch.float64))


def test_the_product_need_not_be_made() -> None:
    edges, weight = factored(), torch.randn(4, 5, dtype=torch.float64)
    torch.testing.assert_close(mapped(edges, weight), multiplied(edges) @ weight.T)
    torch.testing.assert_close(mapped(multiplied(edges), weight), mapped(edges, weight))


def test_some_edges() -> None:
    edges = factored()
    for mask in ([1, 0, 1, 0, 0, 1, 0], [0, 1, 1, 1, 0, 0, 0], [1] * 7, [0] * 7):
        chosen = Selection(torch.tensor(mask, dtype=torch.bool))
        assert torch.equal(multiplied(taken(edges, chosen)), taken(multiplied(edges), chosen))
        assert taken(multiplied(edges), chosen).shape[0] == sum(mask)


def test_gradient_of_some_rows() -> None:
    x = torch.randn(4, 2, dtype=torch.float64, requires_grad=True)
    chosen = Selection(torch.tensor([True, False, True, True]))
    assert torch.autograd.gradcheck(chosen.take, (x,))


def test_columns_of_kinds() -> None:
    columns = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert one_hot_columns(columns, None, 1) is columns
    expected = torch.tensor([[0.0, 0.0, 1.0, 2.0], [3.0, 4.0, 0.0, 0.0]])
    assert torch.equal(one_hot_columns(columns, torch.tensor([1, 0]), 2), expected)
