"""An operation from outside: an operator of PyTorch that nobody here has heard of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar, final

import pytest
import torch
from torch import Tensor, nn

from scalegmn.errors import UnsupportedOperationError
from scalegmn.programs import RELU, Algebra, HasShape, Instruction
from scalegmn.programs.operations import OPERATIONS, Operation, register_operation
from scalegmn.seeding import generator
from scalegmn.symmetry.discovery import symmetries

L = TypeVar("L", bound=HasShape)


@torch.library.custom_op("scalegmn_tests::paired_maximum", mutates_args=())
def paired_maximum(x: Tensor) -> Tensor:
    """The larger of each two neighbors."""
    return x.unflatten(-1, (-1, 2)).amax(-1)


@paired_maximum.register_fake
def _(x: Tensor) -> Tensor:
    return x.new_empty((*x.shape[:-1], x.shape[-1] // 2))


@final
class PairedMaximum(Operation):
    """The larger of each two neighbors."""

    def interpret(
        self, algebra: Algebra[L], arguments: Sequence[Any], instruction: Instruction
    ) -> tuple[L, ...]:
        pairs = algebra.view(arguments[0], lambda t: t.unflatten(-1, (-1, 2)))
        return (algebra.reduce(pairs, axes=(-1,), keepdim=False, behavior=RELU),)


class Maxout(nn.Module):
    """Two linear layers with maxout between them."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(3, 8)
        self.second = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.second(paired_maximum(self.first(x)))
        return y


@pytest.fixture
def operation(monkeypatch: pytest.MonkeyPatch) -> Iterator[Operation]:
    monkeypatch.setattr(OPERATIONS, "_entries", dict(OPERATIONS._entries))
    added = PairedMaximum("scalegmn_tests.paired_maximum.default")
    register_operation(added)
    yield added


def test_it_is_refused_by_name_before_it_is_registered() -> None:
    with pytest.raises(UnsupportedOperationError, match=r"scalegmn_tests\.paired_maximum\.default"):
        symmetries(Maxout(), [torch.zeros(2, 3)])


@pytest.mark.usefixtures("operation")
def test_its_symmetries_are_found_and_exact() -> None:
    found = symmetries(Maxout(), [torch.randn(2, 3, generator=generator(0))])
    assert found.group.scales.dimension == 4
    assert found.group.signs.dimension == 0
    check = found.check(Maxout().state_dict(), generator=generator(1))
    assert check.passed, str(check)
    assert max(check.moved) > 0.1


def test_a_name_is_given_once(operation: Operation) -> None:
    with pytest.raises(UnsupportedOperationError, match=r"paired_maximum"):
        register_operation(PairedMaximum(operation.name))
