"""The null space of the Jacobian has the dimension that the parts of the group add up to."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from scalegmn.errors import SymmetryError
from scalegmn.programs.tracing import trace
from scalegmn.seeding import generator
from scalegmn.symmetry.discovery import jacobian_nullity, symmetry_group


class RootMeanSquare(nn.Module):
    """linear(5, 4), RMS norm with gains, linear, silu, linear."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(5, 4, bias=False)
        self.gain = nn.Parameter(torch.ones(4))
        self.second = nn.Linear(4, 3, bias=False)
        self.last = nn.Linear(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        h = self.first(x)
        h = h * torch.rsqrt(h.pow(2).mean(-1, keepdim=True) + 1e-2) * self.gain
        out: Tensor = self.last(nn.functional.silu(self.second(h)))
        return out


class Bottleneck(nn.Module):
    """Two linear maps without anything between: GL(2)."""

    def __init__(self) -> None:
        super().__init__()
        self.down, self.up = nn.Linear(4, 2, bias=False), nn.Linear(2, 3, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = torch.tanh(self.up(self.down(x)))
        return out


@pytest.mark.slow
def test_a_relu_network_has_its_scales_and_nothing_else() -> None:
    network = nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 2))
    program = trace(network, (torch.zeros(40, 3),))
    found = jacobian_nullity(program, generator=generator(0))
    assert found.dimension == symmetry_group(program).scales.dimension == 5 + 4
    # Relus that are never or always on add to it in some draws; no draw has less.
    assert len(found.dimensions) == 20 and max(found.dimensions) > found.dimension
    assert found.gap > 1e4


@pytest.mark.parametrize(
    ("network", "width", "scales", "more"),
    [
        # 4 gains; and the rotations of the 4 channels that the norm does not see, O(4).
        (RootMeanSquare(), 5, 4, 6),
        # 2 of the 4 dimensions of GL(2) are scales.
        (Bottleneck(), 4, 2, 2),
    ],
)
def test_what_is_not_diagonal_adds_to_the_scales(
    network: nn.Module, width: int, scales: int, more: int
) -> None:
    program = trace(network, (torch.zeros(30, width),))
    assert symmetry_group(program).scales.dimension == scales
    assert jacobian_nullity(program, generator=generator(1), draws=3).dimension == scales + more


def test_buffers_are_counted_only_where_they_should_be() -> None:
    network = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2), nn.Tanh(), nn.Linear(2, 2))
    program = trace(network, (torch.zeros(30, 3),))
    # Per channel: the scale of what the norm reads, its deviation against its gain; and the shifts of the
    # bias against the mean, and of the mean against the bias behind it.
    assert symmetry_group(program).scales.dimension == 2 * 2
    assert jacobian_nullity(program, generator=generator(2), draws=3).dimension == 2 * 2 + 2 * 2
    # Without them: weight and bias before against gain and bias behind.
    found = jacobian_nullity(program, generator=generator(3), draws=3, buffers=False)
    assert found.dimension == 2 + 2


def test_large_networks_and_integers_are_refused() -> None:
    program = trace(nn.Sequential(nn.Linear(100, 100)), (torch.zeros(1, 100),))
    with pytest.raises(SymmetryError, match="narrower"):
        jacobian_nullity(program, generator=generator(0))
