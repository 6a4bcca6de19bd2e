from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from scalegmn.errors import GraphError
from scalegmn.graph import Records, join


@dataclass(frozen=True, eq=False)
class Measured(Records):
    width: Tensor
    names: tuple[str, ...]
    weights: tuple[Tensor, ...] | None = None


def measured(count: int = 3, *, start: int = 0) -> Measured:
    numbers = range(start, start + count)
    return Measured(
        torch.arange(start, start + count) * 10,
        tuple(f"network {n}" for n in numbers),
        tuple(torch.full((n + 1,), float(n), requires_grad=True) for n in numbers),
    )


@pytest.mark.parametrize(
    "rows", [torch.tensor([2, 0]), torch.tensor([], dtype=torch.long), torch.tensor([True, False, True])]
)
def test_rows_are_chosen_in_all_fields(rows: Tensor) -> None:
    expected = torch.arange(3)[rows].tolist()
    found = measured()[rows]
    assert found.width.tolist() == [10 * n for n in expected] and len(found) == len(expected)
    assert found.names == tuple(f"network {n}" for n in expected)
    assert found.weights is not None and [len(one) for one in found.weights] == [n + 1 for n in expected]


def test_slices() -> None:
    assert measured()[1:].names == ("network 1", "network 2")


def test_joined_in_order_whatever_they_are() -> None:
    both = join([measured(2), measured(1, start=2)])
    assert both.width.tolist() == [0, 10, 20] and both.names == measured().names
    assert join([torch.ones(2), torch.zeros(1)]).tolist() == [1, 1, 0]


def test_what_is_not_known_stays_so() -> None:
    bare = Measured(torch.arange(2), ("a", "b"))
    assert join([bare, bare])[torch.tensor([3])].weights is None and bare.cpu().weights is None


def test_moved_and_detached() -> None:
    moved = measured().to("meta")
    assert moved.width.device.type == "meta" and moved.names == measured().names
    assert moved.weights is not None and {one.device.type for one in moved.weights} == {"meta"}
    one = Measured(torch.ones(1, requires_grad=True), ("a",))
    assert not one.detach().width.requires_grad and one.width.requires_grad


@pytest.mark.parametrize("names", [("a",), ("a", "b", "c")])
def test_fields_are_about_the_same_networks(names: tuple[str, ...]) -> None:
    with pytest.raises(GraphError, match=r"Measured about .*'width': 2.* networks, expected the same number"):
        Measured(torch.ones(2), names)
