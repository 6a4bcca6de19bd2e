"""Scales and named parts add up to the null space of the Jacobian, and random elements keep the function."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from scalegmn.errors import SymmetryError
from scalegmn.programs import Program, run_program
from scalegmn.programs.tracing import trace
from scalegmn.seeding import generator
from scalegmn.symmetry.discovery import jacobian_nullity, symmetry_group
from scalegmn.symmetry.discovery.continuous import ContinuousGroup, continuous_group

Forward = Callable[[nn.ModuleDict, Tensor], Tensor]


class Net(nn.Module):
    """Layers by name, and a function of them."""

    def __init__(self, forward: Forward, **layers: nn.Module) -> None:
        super().__init__()
        self.layers, self._function = nn.ModuleDict(layers), forward

    def forward(self, x: Tensor) -> Tensor:
        return self._function(self.layers, x)


class RootMeanSquare(nn.Module):
    """RMS norm with gains."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-2) * self.gain


def linear(inner: int, outer: int) -> nn.Linear:
    return nn.Linear(inner, outer, bias=False)


def residual(n: nn.ModuleDict, x: Tensor) -> Tensor:
    h = F.leaky_relu(n["a"](x))
    out: Tensor = n["c"](h + F.leaky_relu(n["b"](h)))
    return out


def norms_first(n: nn.ModuleDict, x: Tensor) -> Tensor:
    h = n["a"](x)
    h = h + n["c"](F.gelu(n["b"](n["norm"](h))))
    out: Tensor = n["d"](n["last"](h))
    return out


def attention(n: nn.ModuleDict, x: Tensor) -> Tensor:
    batch, length, _ = x.shape
    q, k, v = (n[name](x).view(batch, length, 2, 2).transpose(1, 2) for name in "qkv")
    mixed = (q @ k.transpose(2, 3)).softmax(-1) @ v
    out: Tensor = n["o"](mixed.transpose(1, 2).reshape(batch, length, 4))
    return out


def rotated(x: Tensor) -> Tensor:
    places = torch.arange(x.shape[1], dtype=x.dtype)
    angles = torch.outer(places, torch.tensor([1.0, 0.3], dtype=x.dtype)).repeat(1, 2)
    return x * angles.cos() + torch.cat([-x[..., 2:], x[..., :2]], -1) * angles.sin()


def rotary(n: nn.ModuleDict, x: Tensor) -> Tensor:
    q, k = rotated(n["q"](x)), rotated(n["k"](x))
    out: Tensor = n["o"]((q @ k.transpose(1, 2)).softmax(-1) @ n["v"](x))
    return out


def recurrent(n: nn.ModuleDict, x: Tensor) -> Tensor:
    out: Tensor = n["out"](n["cell"](x)[0])
    return out


def adapted(n: nn.ModuleDict, x: Tensor) -> Tensor:
    out: Tensor = n["out"](torch.tanh(n["whole"](x) + 0.5 * n["up"](n["down"](x))))
    return out


CASES: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...], int, list[tuple[str, int]]]] = {
    "relu": (
        lambda: nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 2)),
        (40, 3),
        9,
        [],
    ),
    "tanh": (lambda: nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 2)), (40, 3), 0, []),
    "a residual": (
        lambda: Net(residual, a=nn.Linear(3, 4), b=nn.Linear(4, 4), c=nn.Linear(4, 2)),
        (40, 3),
        4,
        [],
    ),
    # Its bias goes into the next one.
    "a linear bottleneck": (
        lambda: nn.Sequential(nn.Linear(4, 2), nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 2)),
        (40, 4),
        2,
        [("R^2", 2), ("GL(2)", 2)],
    ),
    # Key's bias, value's bias, and GL(2) for query-key and for value-output of both heads.
    "attention": (
        lambda: Net(attention, **{name: nn.Linear(4, 4) for name in "qkvo"}),
        (6, 5, 4),
        8,
        [("R^4", 4), ("R^4", 4), *[("GL(2)", 2)] * 4],
    ),
    # A complex number for each of two frequencies: a scale and a rotation.
    "rotary attention": (
        lambda: Net(rotary, q=linear(3, 4), k=linear(3, 4), v=linear(3, 2), o=linear(2, 3)),
        (6, 5, 3),
        4,
        [("O(2)", 1), ("O(2)", 1), ("GL(2)", 2)],
    ),
    "an RMS norm": (
        lambda: nn.Sequential(linear(5, 4), RootMeanSquare(4), linear(4, 3), nn.SiLU(), nn.Linear(3, 2)),
        (30, 5),
        4,
        [("O(4)", 6)],
    ),
    # Along (1, ..., 1): what writes the stream (3 + 1 twice), and what reads it behind norms (3 + 2 rows).
    "norms first": (
        lambda: Net(
            norms_first,
            a=nn.Linear(3, 4),
            norm=nn.LayerNorm(4),
            b=nn.Linear(4, 3),
            c=nn.Linear(3, 4),
            last=nn.LayerNorm(4),
            d=nn.Linear(4, 2),
        ),
        (40, 3),
        8,
        [("R^3", 3), ("R^1", 1), ("R^3", 3), ("R^1", 1), ("R^8", 8), ("O(3) and 5 shears of 4 channels", 8)],
    ),
    # The mean takes the bias before it, and the bias behind it takes the mean.
    "convolution and batch norm": (
        lambda: nn.Sequential(
            nn.Conv2d(2, 3, 2), nn.BatchNorm2d(3), nn.LeakyReLU(), nn.Flatten(), nn.Linear(12, 2)
        ),
        (20, 2, 3, 3),
        9,
        [("R^3", 3), ("R^3", 3)],
    ),
    "an LSTM": (
        lambda: Net(recurrent, cell=nn.LSTM(2, 2, batch_first=True), out=nn.Linear(2, 2)),
        (6, 4, 2),
        0,
        [("R^8", 8)],
    ),
    # The candidate's two biases are not added up.
    "a GRU": (
        lambda: Net(recurrent, cell=nn.GRU(2, 2, batch_first=True), out=nn.Linear(2, 2)),
        (6, 4, 2),
        0,
        [("R^4", 4)],
    ),
    "a low-rank adapter": (
        lambda: Net(adapted, whole=nn.Linear(3, 4), down=linear(3, 1), up=linear(1, 4), out=nn.Linear(4, 2)),
        (40, 3),
        1,
        [("an absorbed product", 6)],
    ),
}


@cache
def found_in(name: str) -> tuple[Program, Tensor, ContinuousGroup]:
    build, shape, _, _ = CASES[name]
    x = torch.randn(shape, generator=generator(0), dtype=torch.float64)
    program = trace(build().double().eval(), (x,))
    return program, x, continuous_group(symmetry_group(program), generator=generator(1))


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_parts_add_up_to_the_null_space_of_the_jacobian(name: str) -> None:
    _, _, scales, parts = CASES[name]
    program, _, group = found_in(name)
    assert group.scales == scales
    assert [(part.notation, part.dimension) for part in group.parts] == parts
    nullity = jacobian_nullity(program, generator=generator(2), draws=20)
    assert group.dimension == nullity.dimension, f"{group}\n{nullity}"
    assert nullity.gap > 1e3


@pytest.mark.parametrize("name", CASES)
def test_random_elements_keep_the_function(name: str) -> None:
    program, x, group = found_in(name)
    theta = {
        p.name: torch.randn(p.type.shape, generator=generator(3, p.name), dtype=torch.float64)
        for p in program.parameters
    }
    # Gains and deviations are above 0.
    theta = {name: 0.3 + value.abs() if value.dim() == 1 else value for name, value in theta.items()}
    (before,) = run_program(program, theta, [x])
    for part in group.parts:
        moved = part.move(theta, generator(4))
        (after,) = run_program(program, moved, [x])
        assert float((after - before).abs().max() / before.abs().max()) < 1e-10, str(part)
        changed = [name for name, value in theta.items() if not torch.allclose(moved[name], value, rtol=1e-3)]
        assert changed and set(changed) <= set(part.parameters)


def test_gains_below_zero_and_wide_networks_are_refused() -> None:
    program, _, group = found_in("an RMS norm")
    theta = {p.name: -torch.ones(p.type.shape, dtype=torch.float64) for p in program.parameters}
    with pytest.raises(SymmetryError, match="above 0"):
        group.parts[0].move(theta, generator(0))
    wide = trace(nn.Sequential(nn.Linear(100, 100)), (torch.zeros(1, 100),))
    with pytest.raises(SymmetryError, match="narrower"):
        continuous_group(symmetry_group(wide), generator=generator(0))
