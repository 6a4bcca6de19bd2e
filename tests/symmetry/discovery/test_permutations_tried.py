"""Permutations of tiny networks: all that could be are tried on the function, and the group has the same."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import exp

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from scalegmn.programs import Program, run_program, run_programs
from scalegmn.programs.tracing import trace
from scalegmn.seeding import generator
from scalegmn.symmetry.discovery import permutations

Orders = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Tried:
    """A network, and the axes of its parameters that are permuted in all ways."""

    module: nn.Module
    shape: tuple[int, ...]
    axes: tuple[tuple[str, int], ...]


class _TiedResidual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Linear(2, 3, bias=False)
        self.b = nn.Linear(3, 3, bias=False)
        self.c = nn.Linear(3, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        h = self.a(x).tanh()
        return self.c(h + self.b(h).tanh())  # type: ignore[no-any-return]


class _OneChannel(nn.Module):
    """One channel is added to another: it stays, and all others of its layer change places."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(2, 4, bias=False), nn.Linear(4, 3, bias=False)
        self.c = nn.Linear(3, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        h = self.a(x).tanh()
        y = self.b(h)
        return self.c(torch.cat([y[:, :1] + h[:, :1], y[:, 1:]], dim=1).tanh())  # type: ignore[no-any-return]


class _Picked(nn.Module):
    """One channel is a gate of all others."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(2, 4, bias=False), nn.Linear(4, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = self.a(x).tanh()
        return self.b(h * h[:, 2].unsqueeze(-1))  # type: ignore[no-any-return]


class _Gated(nn.Module):
    """The halves of one linear map multiply each other: they move together."""

    def __init__(self) -> None:
        super().__init__()
        self.up = nn.Linear(2, 4, bias=False)
        self.down = nn.Linear(2, 2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.down(functional.glu(self.up(x)))  # type: ignore[no-any-return]


class _Heads(nn.Module):
    """Two heads of two channels; queries and keys, or values and outputs, are fixed from outside."""

    def __init__(self) -> None:
        super().__init__()
        self.q, self.k, self.v, self.o = (nn.Linear(4, 4, bias=False) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (w(x).unflatten(-1, (2, 2)).transpose(1, 2) for w in (self.q, self.k, self.v))
        y = (q @ k.transpose(-1, -2)).softmax(-1) @ v
        return self.o(y.transpose(1, 2).flatten(2))  # type: ignore[no-any-return]


class _Colored(nn.Module):
    """A constant varies along the channels: only those beside equal numbers change places."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(2, 4, bias=False), nn.Linear(4, 1)
        self.register_buffer("c", torch.tensor([1.0, 2.0, 1.0, 2.0]), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.b(self.a(x).tanh() * self.c)  # type: ignore[no-any-return]


class _Ordered(nn.Module):
    """A cumulative sum keeps the order of its channels."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(2, 3), nn.Linear(3, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.b(self.a(x).tanh().cumsum(-1))  # type: ignore[no-any-return]


class _Twice(nn.Module):
    """One map is used twice: what it reads and what it writes are tied."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Linear(2, 3), nn.Linear(3, 3), nn.Linear(3, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.c(self.b(self.b(self.a(x).tanh()).tanh()).tanh())  # type: ignore[no-any-return]


class _Recurrent(nn.Module):
    """A state that starts with zeros, beside the input."""

    def __init__(self) -> None:
        super().__init__()
        self.w, self.o = nn.Linear(4, 3), nn.Linear(3, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = x.new_zeros(x.shape[0], 3)
        for step in range(x.shape[1]):
            h = self.w(torch.cat([x[:, step], h], dim=-1)).tanh()
        return self.o(h)  # type: ignore[no-any-return]


class _Joined(nn.Module):
    """Two families one after the other, as in a DenseNet."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Linear(2, 2), nn.Linear(2, 2), nn.Linear(4, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = self.a(x).tanh()
        return self.c(torch.cat([h, self.b(h).tanh()], dim=-1))  # type: ignore[no-any-return]


class _Rotated(nn.Module):
    """Halves change places with one sign, as in a rotary embedding: a swap of the two would flip it."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(2, 4, bias=False), nn.Linear(4, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        h = self.a(x)
        first, second = h.chunk(2, dim=-1)
        return self.b((h + torch.cat([-second, first], dim=-1)).tanh())  # type: ignore[no-any-return]


CASES = {
    "mlp": Tried(
        nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 2)),
        (5, 2),
        (("0.weight", 0), ("0.weight", 1), ("0.bias", 0), ("2.weight", 0), ("2.weight", 1)),
    ),
    "tied residual": Tried(
        _TiedResidual(), (5, 2), (("a.weight", 0), ("b.weight", 0), ("b.weight", 1), ("c.weight", 1))
    ),
    "one channel is added": Tried(_OneChannel(), (5, 2), (("a.weight", 0), ("b.weight", 1))),
    "one channel is a gate": Tried(_Picked(), (5, 2), (("a.weight", 0), ("b.weight", 1))),
    "gated": Tried(_Gated(), (5, 2), (("up.weight", 0), ("up.weight", 1), ("down.weight", 1))),
    "queries and keys": Tried(_Heads(), (2, 3, 4), (("q.weight", 0), ("k.weight", 0))),
    "values and outputs": Tried(_Heads(), (2, 3, 4), (("v.weight", 0), ("o.weight", 1))),
    "colored": Tried(_Colored(), (5, 2), (("a.weight", 0), ("b.weight", 1))),
    "ordered": Tried(_Ordered(), (5, 2), (("a.weight", 0), ("a.bias", 0), ("b.weight", 1))),
    "used twice": Tried(_Twice(), (5, 2), (("a.weight", 0), ("a.bias", 0), ("b.weight", 1), ("c.weight", 1))),
    "joined": Tried(_Joined(), (5, 2), (("a.weight", 0), ("a.bias", 0), ("b.weight", 1), ("c.weight", 1))),
    "rotated": Tried(_Rotated(), (5, 2), (("a.weight", 0), ("b.weight", 1))),
    "zeros at first": Tried(
        _Recurrent(), (3, 2, 1), (("w.weight", 0), ("w.weight", 1), ("w.bias", 0), ("o.weight", 1))
    ),
    "layer norm": Tried(
        nn.Sequential(nn.Linear(2, 3, bias=False), nn.LayerNorm(3), nn.Linear(3, 1)),
        (5, 2),
        (("0.weight", 0), ("1.weight", 0), ("1.bias", 0), ("2.weight", 1)),
    ),
    "group norm": Tried(
        nn.Sequential(nn.Linear(2, 4, bias=False), nn.GroupNorm(2, 4, affine=False), nn.Linear(4, 1)),
        (5, 2),
        (("0.weight", 0), ("2.weight", 1)),
    ),
    "convolution": Tried(
        nn.Sequential(nn.Conv1d(1, 3, 3, bias=False), nn.Tanh(), nn.Conv1d(3, 1, 2)),
        (2, 1, 7),
        (("0.weight", 0), ("0.weight", 2), ("2.weight", 1), ("2.weight", 2)),
    ),
    "depthwise": Tried(
        nn.Sequential(
            nn.Conv1d(1, 3, 1, bias=False), nn.Conv1d(3, 3, 2, groups=3), nn.Tanh(), nn.Conv1d(3, 1, 1)
        ),
        (2, 1, 5),
        (("0.weight", 0), ("1.weight", 0), ("1.bias", 0), ("3.weight", 1)),
    ),
    "flattened": Tried(
        nn.Sequential(nn.Conv1d(1, 2, 2), nn.Tanh(), nn.Flatten(), nn.Linear(4, 1)),
        (4, 1, 3),
        (("0.weight", 0), ("0.weight", 2), ("0.bias", 0), ("3.weight", 1)),
    ),
}


def _program(tried: Tried) -> tuple[Program, dict[str, Tensor], list[Tensor]]:
    numbers = generator(0, "tried")
    program = trace(tried.module.eval(), (torch.randn(*tried.shape, generator=numbers),))
    parameters = {
        parameter.name: torch.randn(*parameter.type.shape, generator=numbers, dtype=torch.float64)
        for parameter in program.parameters
    }
    return program, parameters, [torch.randn(*tried.shape, generator=numbers, dtype=torch.float64)]


def _candidates(parameters: dict[str, Tensor], axes: Sequence[tuple[str, int]]) -> Iterator[Orders]:
    sizes = (parameters[name].shape[axis] for name, axis in axes)
    return itertools.product(*(itertools.permutations(range(size)) for size in sizes))


def _moved(
    parameters: dict[str, Tensor], axes: Sequence[tuple[str, int]], candidates: Sequence[Orders]
) -> dict[str, Tensor]:
    """All candidates at once, along a new first axis."""
    stacked = {name: value.expand(len(candidates), *value.shape) for name, value in parameters.items()}
    for place, (name, axis) in enumerate(axes):
        value = stacked[name].movedim(axis + 1, 1)
        order = torch.tensor([orders[place] for orders in candidates])
        index = order.reshape(*order.shape, *(1 for _ in value.shape[2:])).expand(
            *order.shape, *value.shape[2:]
        )
        stacked[name] = value.gather(1, index).movedim(1, axis + 1)
    return stacked


def _found(tried: Tried, program: Program) -> set[Orders]:
    """The elements of the group that move nothing but the axes that are tried, as orders of these."""
    numbers = generator(1, "tried")
    group = permutations(program)
    orders = set()
    shapes = {parameter.name: parameter.type.shape for parameter in program.parameters}
    for _ in range(int(12 * exp(group.log_order))):
        element = group.random(numbers)
        moves = {
            (name, axis): tuple(source.tolist())
            for name, rearrangement in element.items()
            for axis, source in rearrangement.axes.items()
            if source.tolist() != sorted(source.tolist())
        }
        if set(moves) <= set(tried.axes):
            orders.add(
                tuple(moves.get((name, axis), tuple(range(shapes[name][axis]))) for name, axis in tried.axes)
            )
    return orders


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_the_group_has_all_permutations_that_keep_the_function_and_no_others(name: str) -> None:
    tried = CASES[name]
    program, parameters, inputs = _program(tried)
    candidates = list(_candidates(parameters, tried.axes))
    before = run_program(program, parameters, inputs)[0]
    after = run_programs(program, _moved(parameters, tried.axes, candidates), inputs)[0]
    change = (after - before).flatten(1).abs().amax(dim=1)
    keeping = {orders for orders, kept in zip(candidates, change < 1e-9, strict=True) if kept}
    assert _found(tried, program) == keeping
