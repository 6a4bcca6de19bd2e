"""Values in a cache for the very tensors that they were computed from."""

from __future__ import annotations

from collections.abc import Callable, Hashable

import pytest
import torch
from torch import Tensor

from scalegmn.graph import Cache


class Counted:
    """Sums of tensors through a cache.

    Attributes:
        made: how many sums were computed.
    """

    def __init__(self, *, limit: int = 100) -> None:
        self.cache: Cache[Tensor] = Cache(limit=limit)
        self.made = 0

    def __call__(self, *tensors: Tensor, options: Hashable = None) -> Tensor:
        def make() -> Tensor:
            self.made += 1
            return torch.stack([tensor.sum() for tensor in tensors]).sum()

        return self.cache.get(tensors, options, make)


def test_the_same_tensors_find_the_same_object() -> None:
    total, x, y = Counted(), torch.ones(3), torch.ones(2)
    first = total(x, y)
    assert total(x, y) is first and total.made == 1
    assert first == 5


def test_equal_tensors_are_other_ones() -> None:
    total, x = Counted(), torch.ones(3)
    first = total(x)
    for other in (x.clone(), x.view(3), x[:]):
        assert total(other) is not first and total(other) == 3
    assert total.made == 4 and total(x) is first


def test_the_order_of_tensors_counts() -> None:
    total, x, y = Counted(), torch.ones(3), torch.ones(2)
    total(x, y), total(y, x), total(x), total(x, x)
    assert total.made == 4


WRITERS: tuple[Callable[[Tensor], object], ...] = (
    lambda x: x.add_(1),
    lambda x: x.__setitem__(0, 2.0),
    lambda x: x.view(-1)[1:].mul_(2),
    lambda x: x.detach().fill_(7),
)


@pytest.mark.parametrize("write", WRITERS)
def test_a_tensor_that_was_written_into_is_another_one(write: Callable[[Tensor], object]) -> None:
    total, whole, other = Counted(), torch.ones(4), torch.ones(1)
    x = whole[:3]
    assert total(other, x) == 4
    write(x)
    assert total(other, x) == 1 + x.sum() and total.made == 2
    # Views see what is written into the tensor that they are views of.
    write(whole)
    assert total(other, x) == 1 + x.sum() and total.made == 3


def test_writing_in_inference_mode_counts() -> None:
    total, x = Counted(), torch.ones(3)
    total(x)
    with torch.inference_mode():
        x.add_(1)
    assert total(x) == 6


def test_options_count() -> None:
    total, x = Counted(), torch.ones(3)
    first, second = total(x, options=(1, True)), total(x, options=(1, False))
    assert first is not second and total.made == 2
    assert total(x, options=(1, True)) is first and total(x, options=(1, False)) is second


def test_what_was_not_asked_for_the_longest_goes_first() -> None:
    total = Counted(limit=10)
    x, y, z = torch.ones(4), torch.ones(4), torch.ones(2)
    first, second = total(x), total(y)
    assert total(x) is first
    third = total(z)
    assert total.made == 3 and total(y) is second, "10 numbers are within the limit"
    # Two more numbers: of x, y and z, x was asked for last but one and y last.
    total(x), total(y), total(torch.ones(2))
    assert total.made == 4 and total(x) is first and total(y) is second
    assert total(z) is not third and total.made == 5


def test_several_go_for_a_large_one() -> None:
    total = Counted(limit=10)
    small, large = [torch.ones(3) for _ in range(3)], torch.ones(7)
    for x in (*small, large):
        total(x)
    assert total.made == 4
    total(large), total(small[2])
    assert total.made == 4
    total(small[1])
    assert total.made == 5


def test_what_is_larger_than_the_limit_is_not_kept() -> None:
    total, small, large = Counted(limit=10), torch.ones(10), torch.ones(11)
    first = total(small)
    assert total(large) == total(large) == 11 and total.made == 3
    assert total(small) is first, "nothing was dropped for it"


def test_nothing_is_kept_without_room() -> None:
    total, x = Counted(limit=0), torch.ones(1)
    total(x), total(x)
    assert total.made == 2


@pytest.mark.parametrize("inside_first", [True, False])
def test_inference_mode_has_entries_of_its_own(inside_first: bool) -> None:
    total, x = Counted(), torch.ones(3)
    found = {}
    for inside in (inside_first, not inside_first):
        with torch.inference_mode(inside):
            found[inside] = total(x)
            assert total(x) is found[inside]
    assert total.made == 2
    assert found[True].is_inference() and not found[False].is_inference()
    assert total(x) is found[False]
    # A value that was made in inference mode would be refused here.
    (torch.ones((), requires_grad=True) * found[False]).backward()


def test_tensors_made_in_inference_mode_are_never_kept() -> None:
    total, x = Counted(), torch.ones(3)
    with torch.inference_mode():
        made = torch.ones(3)
        total(x, made), total(x, made)
        assert total.made == 2
        # Nothing tells that it was written into.
        made.add_(1)
        assert total(x, made) == 9
    total(made), total(made)
    assert total.made == 5


def test_no_gradient_is_not_inference_mode() -> None:
    total, x = Counted(), torch.ones(3)
    with torch.no_grad():
        first = total(x)
    assert total(x) is first


def test_a_kept_tensor_stays_alive() -> None:
    """The number of an object that is gone may be given to another one."""
    total = Counted()
    for number in range(20):
        assert total(torch.full((2,), float(number))) == 2 * number
    assert total.made == 20
