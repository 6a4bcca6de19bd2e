"""Groups as values, and which activation has which."""

from __future__ import annotations

import math

import pytest
import torch

from scalegmn.networks import Activation, activation_kinds
from scalegmn.seeding import generator
from scalegmn.symmetry import (
    Group,
    NonZeroScale,
    PositiveScale,
    Sign,
    SinePhase,
    Trivial,
    activation_group,
    group_of,
)
from scalegmn.testing.architectures import ELEMENTWISE

GROUPS = (Trivial(), Sign(), PositiveScale(), PositiveScale(2.0), NonZeroScale(), SinePhase(30.0))

TABLE: dict[str, Group] = {
    "identity": NonZeroScale(),
    "relu": PositiveScale(),
    "leaky_relu": PositiveScale(),
    "prelu": PositiveScale(),
    "relu_squared": PositiveScale(2.0),
    "tanh": Sign(),
    "softsign": Sign(),
    "arctan": Sign(),
    "erf": Sign(),
    "tanhshrink": Sign(),
    "sine": SinePhase(30.0),
    "sigmoid": Trivial(),
    "gelu": Trivial(),
    "silu": Trivial(),
    "elu": Trivial(),
    "selu": Trivial(),
    "softplus": Trivial(),
    "softmax": Trivial(),
    "log_softmax": Trivial(),
}

POOLED: dict[str, Group] = TABLE | {
    "identity": PositiveScale(),
    **dict.fromkeys(["tanh", "softsign", "arctan", "erf", "tanhshrink", "sine"], Trivial()),
}


def test_the_table_is_complete() -> None:
    assert set(TABLE) == {kind.name for kind in activation_kinds()}


@pytest.mark.parametrize("kind", TABLE)
def test_group_of_an_activation(kind: str) -> None:
    assert activation_group(kind) == TABLE[kind]
    assert group_of(Activation(kind), max_pooled=True) == POOLED[kind]


def test_group_of_a_sine() -> None:
    assert activation_group("sine", 7.0) == SinePhase(7.0)
    assert SinePhase(7.0).half_period == math.pi / 7
    # Without a bias there is no phase to shift, but the sign stays.
    assert group_of(Activation("sine", 7.0), biased=False) == Sign()


@pytest.mark.parametrize("group", GROUPS, ids=str)
def test_draws_are_elements(group: Group) -> None:
    q = group.draw(2000, generator=generator(0), spread=100.0)
    assert q.dtype == torch.float64
    assert group.contains(q).all()
    assert group.contains(1 / q).all() and group.contains(q * q.flip(0)).all()
    assert (q < 0).any() == group.has_sign
    assert (q.abs() != 1).any() == group.has_scale
    assert q.abs().max() <= 100 and q.abs().min() >= 0.01
    if group.has_scale:
        assert q.abs().log10().min() < -1.9 and q.abs().log10().max() > 1.9
        assert q.abs().log10().mean().abs() < 0.1
    if group.has_sign:
        assert 0.4 < (q < 0).double().mean() < 0.6


@pytest.mark.parametrize(
    ("group", "inside", "outside"),
    [
        (Trivial(), [1.0], [-1.0, 2.0, 0.0]),
        (Sign(), [1.0, -1.0], [0.5, -2.0, 0.0]),
        (SinePhase(30.0), [1.0, -1.0], [0.5, 0.0]),
        (PositiveScale(), [1e-30, 1.0, 1e30], [-1.0, 0.0, math.inf, math.nan]),
        (NonZeroScale(), [-1e-30, 1.0, 1e30], [0.0, math.inf, -math.inf, math.nan]),
    ],
    ids=str,
)
def test_contains(group: Group, inside: list[float], outside: list[float]) -> None:
    assert group.contains(torch.tensor(inside)).all()
    assert not group.contains(torch.tensor(outside)).any()


@pytest.mark.parametrize("kind", [kind for kind in ELEMENTWISE if kind != "softmax"])
@pytest.mark.parametrize("pooled", [False, True])
def test_the_group_is_that_of_the_function(kind: str, pooled: bool) -> None:
    """``f(q x) = sign(q) |q|**d f(x)`` for exactly the q of the group, with max pooling behind or not."""
    activation = Activation(kind)
    group = group_of(activation, max_pooled=pooled)
    x = torch.randn(50, 4, generator=generator(0), dtype=torch.float64)

    def f(z: torch.Tensor) -> torch.Tensor:
        y = activation(z)
        return y.amax(dim=1) if pooled else y

    for q in (-1.0, 0.5, 3.0, -2.0):
        expected = math.copysign(abs(q) ** group.degree, q) * f(x)
        holds = torch.allclose(f(q * x), expected, rtol=1e-9, atol=1e-12)
        assert holds == bool(group.contains(torch.tensor(q))), (q, group)


def test_codes() -> None:
    assert [group.code for group in GROUPS] == [0, 1, 2, 2, 3, 5]
    assert [group.degree for group in GROUPS] == [1, 1, 1, 2, 1, 1]
