"""Networks that no list of families has: scalars, masks, squares, norms of weights, several answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from scalegmn.graph import batch_graphs, layout_of, to_parameters
from scalegmn.models import Direction

from .families import network_of
from .measures import EXACT, edit_moves, prediction_moves


class Odd(nn.Module):
    """Parts with names, and what is made of them.

    Args:
        forward: of the module itself and its inputs.
        parts: modules and parameters.
    """

    def __init__(self, forward: Callable[..., object], **parts: Any) -> None:
        super().__init__()
        for name, part in parts.items():
            setattr(self, name, part)
        self._forward = forward

    def forward(self, *inputs: Tensor) -> object:
        return self._forward(self, *inputs)


def number(*shape: int) -> nn.Parameter:
    return nn.Parameter(torch.rand(shape) + 0.5)


def squeeze(m: Any, x: Tensor) -> Tensor:
    x = m.conv(x).relu()
    gate = m.b(m.a(x.mean((2, 3))).relu()).sigmoid()
    return m.out((x * gate[:, :, None, None]).mean((2, 3)))


def standardized(m: Any, x: Tensor) -> Tensor:
    weight = m.conv.weight - m.conv.weight.mean((1, 2, 3), keepdim=True)
    return m.out(functional.conv2d(x, weight / weight.square().mean((1, 2, 3), keepdim=True).sqrt()).relu())


def rezero(m: Any, x: Tensor) -> Tensor:
    x = m.a(x)
    return m.out(x + m.gate * m.c(m.b(x).relu()))


def cosine(m: Any, x: Tensor) -> Tensor:
    x = functional.normalize(m.b(m.a(x).relu()), dim=-1)
    return m.gate * functional.linear(x, functional.normalize(m.weight, dim=-1))


def masked_attention(m: Any, x: Tensor, mask: Tensor) -> Tensor:
    q, k, v = (f(x).unflatten(-1, (2, 2)).transpose(1, 2) for f in (m.q, m.k, m.v))
    weights = (q @ k.transpose(-1, -2)).masked_fill(~mask[:, None, None], float("-inf")).softmax(-1)
    return m.out((weights @ v).transpose(1, 2).flatten(2))


def class_token(m: Any, x: Tensor) -> Tensor:
    x = torch.cat([m.token, m.a(x)], 1) + m.position
    q, k, v = m.q(x), m.k(x), m.v(x)
    return m.out(((q @ k.transpose(1, 2)).softmax(-1) @ v)[:, 0])


def dictionary(m: Any, x: Tensor, y: Tensor) -> dict[str, object]:
    hidden = m.a(x).relu() + m.b(y)
    return {"first": m.out(hidden), "others": (hidden.abs().sum(-1), m.a(x))}


def cosines(m: Any, x: Tensor) -> Tensor:
    hidden = m.b(m.a(x).abs())
    return m.out(torch.cat([hidden.cos(), hidden.abs()], -1))


def rotated(m: Any, x: Tensor) -> Tensor:
    both = torch.view_as_complex(m.a(x).unflatten(-1, (2, 2))) * torch.view_as_complex(m.weight)
    return m.out(torch.view_as_real(both).flatten(-2).relu())


L: Final = nn.Linear
IMAGE: Final = torch.zeros(1, 2, 5, 5)
X: Final = torch.zeros(1, 3)
ODD: Final[Mapping[str, tuple[Callable[[], nn.Module], object]]] = {
    "squeeze and excitation": (
        lambda: Odd(squeeze, conv=nn.Conv2d(2, 4, 3), a=L(4, 3), b=L(3, 4), out=L(4, 2)),
        IMAGE,
    ),
    "standardized weights": (
        lambda: Odd(standardized, conv=nn.Conv2d(2, 3, 2, bias=False), out=nn.Conv2d(3, 2, 1)),
        IMAGE,
    ),
    "two groups": (
        lambda: nn.Sequential(nn.Conv2d(2, 4, 3), nn.GroupNorm(2, 4), nn.ReLU(), nn.Conv2d(4, 2, 1)),
        IMAGE,
    ),
    "scalar gate": (lambda: Odd(rezero, a=L(3, 4), b=L(4, 5), c=L(5, 4), gate=number(), out=L(4, 2)), X),
    "cosine head": (lambda: Odd(cosine, a=L(3, 5), b=L(5, 4), weight=number(6, 4), gate=number()), X),
    "mask of attention": (
        lambda: Odd(masked_attention, q=L(3, 4), k=L(3, 4), v=L(3, 4), out=L(4, 2)),
        (torch.zeros(1, 3, 3), torch.tensor([[True, True, False]])),
    ),
    "class token": (
        lambda: Odd(
            class_token,
            token=number(1, 1, 4),
            position=number(1, 5, 4),
            **{name: L(size, 4) for name, size in (("a", 3), ("q", 4), ("k", 4), ("v", 4))},
            out=L(4, 2),
        ),
        torch.zeros(1, 4, 3),
    ),
    "several inputs and answers": (
        lambda: Odd(dictionary, a=L(3, 4), b=L(2, 4), out=L(4, 2)),
        (X, torch.zeros(1, 2)),
    ),
    "squares": (
        lambda: Odd(lambda m, x: m.out(m.b(m.a(x).relu() ** 2)), a=L(3, 5), b=L(5, 4), out=L(4, 2)),
        X,
    ),
    "cosines": (lambda: Odd(cosines, a=L(3, 5), b=L(5, 4), out=L(8, 2)), X),
    "complex": (lambda: Odd(rotated, a=L(3, 4), weight=number(2, 2), out=L(4, 2)), X),
    "bilinear": (
        lambda: Odd(lambda m, x, y: m.out(m.a(x, y).relu()), a=nn.Bilinear(3, 2, 4), out=L(4, 2)),
        (X, torch.zeros(1, 2)),
    ),
    "slopes": (lambda: nn.Sequential(L(3, 5), nn.PReLU(5), L(5, 4), nn.PReLU(), L(4, 2)), X),
    "largest of two": (
        lambda: Odd(lambda m, x: m.out(m.a(x).unflatten(-1, (4, 2)).amax(-1)), a=L(3, 8), out=L(4, 2)),
        X,
    ),
    "product of branches": (
        lambda: Odd(lambda m, x: m.out(m.a(x) * m.b(x)), a=L(3, 5), b=L(3, 5), out=L(5, 2)),
        X,
    ),
    "statistics of the batch": (
        lambda: nn.Sequential(L(3, 5), nn.BatchNorm1d(5, track_running_stats=False), nn.ReLU(), L(5, 2)),
        torch.zeros(4, 3),
    ),
    "mixture of experts": (
        lambda: Odd(
            lambda m, x: (m.gate(x).softmax(-1)[..., None] * torch.einsum("bi,epi->bep", x, m.weight)).sum(1),
            gate=L(3, 3),
            weight=number(3, 2, 3),
        ),
        X,
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", ODD)
def test_symmetries_are_kept(name: str) -> None:
    build, example = ODD[name]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = network_of(build(), example)
    elements = network.elements(2)
    move = partial(prediction_moves, network, elements, readout="full_graph")
    assert move(direction=Direction.forward) < EXACT
    assert move(direction=Direction.bidirectional) < EXACT
    assert edit_moves(network, elements) < EXACT
    back = to_parameters(batch_graphs(network.architecture, network.theta[None]), network.architecture)[0]
    # All numbers are read, and stand in the graph.
    assert torch.equal(back, network.theta)
    assert layout_of(network.architecture).owned.all()
