"""Modules as people write them, whose operations arrive in other forms than they were written in."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import final

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from scalegmn.seeding import generator
from scalegmn.symmetry.discovery import symmetries


@final
class Between(nn.Module):
    """A function between two linear layers of six channels."""

    def __init__(self, function: Callable[[Tensor], Tensor], *, out: int = 6) -> None:
        super().__init__()
        self.first = nn.Linear(4, 6)
        self.function = function
        self.second = nn.Linear(out, 3)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.second(self.function(self.first(x)))
        return y


def halves(x: Tensor) -> Tensor:
    """Three channels, let through where three others are positive: they go in pairs."""
    return torch.where(x[..., :3] > 0, x[..., 3:], 0.0)


def assigned(x: Tensor) -> Tensor:
    """The first channel is written over, and the others are moved on by one."""
    y = torch.zeros_like(x)
    y[:, 1:] = x[:, :5]
    return y


def looked_up(x: Tensor) -> Tensor:
    """The largest of each three channels, by its place."""
    y = x.unflatten(1, (2, 3))
    return y.gather(2, y.argmax(2, keepdim=True)).flatten(1)


CASES: list[tuple[Callable[[Tensor], Tensor], int, int, int, int]] = [
    (nn.RReLU(), 6, 6, 0, math.factorial(6)),
    (functional.normalize, 6, 0, 6, math.factorial(6)),
    (halves, 3, 6, 3, math.factorial(3)),
    # A channel that is not read is scaled and flipped as well; so are the three weights that read a zero.
    (assigned, 6, 6 + 3, 6 + 3, math.factorial(5)),
    # Scales of two groups of three, which change places; places within a group keep their order.
    (looked_up, 2, 2, 0, 2),
]


@pytest.mark.parametrize(("function", "out", "scales", "signs", "permutations"), CASES)
def test_their_groups(
    function: Callable[[Tensor], Tensor], out: int, scales: int, signs: int, permutations: int
) -> None:
    module = Between(function, out=out).double().eval()
    found = symmetries(module, [torch.randn(2, 4, generator=generator(0), dtype=torch.float64)])
    assert found.group.scales.dimension == scales
    assert found.group.signs.dimension == signs
    assert not found.group.refused
    assert found.group.permutations.log_order == pytest.approx(math.log(permutations))
    check = found.check(module.state_dict(), generator=generator(1))
    assert check.passed, str(check)
