"""The continuous group is complete: its parts add up to the null space of the Jacobian.

Scales come from rules, mixtures and shifts from linear algebra on the function; nothing is counted twice.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from scalegmn.programs import run_program
from scalegmn.programs.tracing import trace
from scalegmn.seeding import generator
from scalegmn.symmetry.discovery import (
    MixtureFamily,
    ShiftFamily,
    jacobian_nullity,
    mix,
    mixed_families,
    shift,
    shift_families,
    symmetry_group,
)
from scalegmn.symmetry.discovery._nullity import random_parameters


class Normed(nn.Module):
    """linear, norm, linear, silu, linear."""

    def __init__(self, norm: Callable[[Tensor, Tensor], Tensor] | None) -> None:
        super().__init__()
        self.first = nn.Linear(5, 4, bias=False)
        self.norm = nn.LayerNorm(4)
        self.gain = nn.Parameter(torch.ones(4)) if norm is not None else None
        if norm is not None:
            self.norm = nn.Identity()  # type: ignore[assignment]
        self._function = norm
        self.second, self.last = nn.Linear(4, 3, bias=False), nn.Linear(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        h = self.first(x)
        h = self.norm(h) if self._function is None or self.gain is None else self._function(h, self.gain)
        out: Tensor = self.last(functional.silu(self.second(h)))
        return out


class Attention(nn.Module):
    """Two heads of two channels."""

    def __init__(self) -> None:
        super().__init__()
        self.heads = nn.MultiheadAttention(4, 2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.heads(x, x, x, need_weights=False)[0]
        return out


class Recurrent(nn.Module):
    def __init__(self, kind: type[nn.RNNBase]) -> None:
        super().__init__()
        self.cell = kind(2, 3, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.cell(x)[0]
        return out


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.last = nn.Linear(3, 4), nn.Linear(4, 4), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.relu(self.first(x))
        out: Tensor = self.last(h + torch.relu(self.second(h)))
        return out


class LowRank(nn.Module):
    """A weight with a low-rank adapter: GL of what is between the two small maps."""

    def __init__(self) -> None:
        super().__init__()
        self.down, self.up, self.last = nn.Linear(4, 2, bias=False), nn.Linear(2, 3), nn.Linear(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.last(torch.tanh(self.up(self.down(x))))
        return out


def rms(h: Tensor, gain: Tensor) -> Tensor:
    return h * torch.rsqrt(h.pow(2).mean(-1, keepdim=True) + 1e-2) * gain


Parts = tuple[int, list[tuple[str, int]], list[tuple[tuple[str, ...], int]]]
"""Scales; mixtures; shifts."""

NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...], Parts]] = {
    "mlp, relu": (
        lambda: nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 2)),
        (40, 3),
        (9, [], []),
    ),
    "mlp, tanh": (
        lambda: nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 2)),
        (40, 3),
        (0, [], []),
    ),
    "residual mlp": (Residual, (40, 3), (4, [], [])),
    "low-rank map": (LowRank, (40, 4), (2, [("GL(2)", 2)], [])),
    "linear bottleneck": (
        lambda: nn.Sequential(nn.Linear(5, 3), nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)),
        (30, 5),
        (3, [("GL(3)", 6)], [(("0.bias", "1.bias"), 3)]),
    ),
    # GL(2) twice per head, 16 in all; the keys' biases; the values' biases into the output's.
    "attention": (
        Attention,
        (8, 5, 4),
        (
            8,
            [("GL(2) x 2", 4), ("GL(2) x 2", 4)],
            [
                (("heads.in_proj_bias",), 4),
                (("heads.in_proj_bias", "heads.out_proj.bias"), 4),
            ],
        ),
    ),
    # 4 gains, and the rotations O(4) of what the norm reads.
    "root mean square": (lambda: Normed(rms), (20, 5), (4, [("O(4)", 6)], [])),
    # Rotations that keep the mean, O(3); constants of the 5 inputs before and the 3 outputs behind; and since
    # the second map reads 4 channels and writes 3, one direction of the norm's bias is lost.
    "layer norm": (lambda: Normed(None), (20, 5), (4, [("O(3)", 3 + 5 + 3)], [(("norm.bias",), 1)])),
    "batch norm": (
        lambda: nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2), nn.Tanh(), nn.Linear(2, 2)),
        (30, 3),
        (4, [], [(("0.bias", "1.bias"), 2), (("0.bias", "1.running_mean"), 2)]),
    ),
    "lstm": (
        lambda: Recurrent(nn.LSTM),
        (6, 4, 2),
        (0, [], [(("cell.bias_ih_l0", "cell.bias_hh_l0"), 12)]),
    ),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_the_parts_add_up_to_the_null_space(name: str) -> None:
    build, shape, (scales, mixtures, shifts) = NETWORKS[name]
    program = trace(build().eval(), (torch.zeros(shape),))
    group = symmetry_group(program)
    mixed = mixed_families(group, generator=generator(0))
    shifted = shift_families(program, generator=generator(1))
    assert group.scales.dimension == scales
    assert [(family.notation, family.dimension) for family in mixed] == mixtures
    assert [(family.parameters, family.dimension) for family in shifted] == shifts
    total = scales + sum(number for _, number in mixtures) + sum(number for _, number in shifts)
    draws = 20 if "relu" in name or "residual" in name else 4
    assert jacobian_nullity(program, generator=generator(2), draws=draws).dimension == total
    assert all(isinstance(family, MixtureFamily) for family in mixed)
    assert all(isinstance(family, ShiftFamily) for family in shifted)


@pytest.mark.parametrize(
    "name", [name for name, network in NETWORKS.items() if network[2][1] or network[2][2]]
)
def test_random_mixtures_and_shifts_keep_the_function(name: str) -> None:
    build, shape, _ = NETWORKS[name]
    program = trace(build().eval(), (torch.zeros(shape),))
    group = symmetry_group(program)
    parameters = random_parameters(program, generator(3))
    x = torch.randn(shape, generator=generator(4), dtype=torch.float64)
    (before, *_) = run_program(program, parameters, [x])
    moved = shift(program, parameters, generator=generator(5))
    for family in mixed_families(group, generator=generator(6)):
        mixed = mix(group, family, moved, generator=generator(7))
        assert max(float((mixed[n] - moved[n]).abs().max()) for n in family.parameters) > 0.05
        moved = mixed
    (after, *_) = run_program(program, moved, [x])
    assert (after - before).abs().max() <= 1e-10 * before.abs().max()
    assert any(not torch.equal(moved[n], value) for n, value in parameters.items())


class Gated(nn.Module):
    """A product of two linear maps: biases of both are free together to first order at some of them only."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right, self.last = nn.Linear(3, 4), nn.Linear(3, 4), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.last(self.left(x) * self.right(x))
        return out


def test_shifts_are_exact_and_not_only_to_first_order() -> None:
    program = trace(Gated(), (torch.zeros(30, 3),))
    theta = random_parameters(program, generator(0))
    x = torch.randn(30, 3, generator=generator(1), dtype=torch.float64)
    (before,) = run_program(program, theta, [x])
    (after,) = run_program(program, shift(program, theta, generator=generator(2)), [x])
    assert float((after - before).abs().max()) < 1e-10 * float(before.abs().max())
    assert not any(family.dimension for family in shift_families(program, generator=generator(3)))
