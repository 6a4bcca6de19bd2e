"""Primal and dual features, and activations of other degrees."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from scalegmn.nn._group_rows import GroupRows
from scalegmn.nn._scale_layer import carry, emit, receive
from scalegmn.nn._start import dual_start
from scalegmn.nn.fast._invariants import fast_carry
from scalegmn.seeding import generator
from scalegmn.symmetry import Group, NonZeroScale, PositiveScale, Sign, Trivial
from tests.nn.cases import WIDTH, assert_different, assert_equal

GROUPS: tuple[Group, ...] = (Trivial(), Sign(), PositiveScale(), NonZeroScale(), PositiveScale(2.0))
CASES = (None, *GROUPS)
ROWS = 20


class Rows:
    """Rows of mixed groups or of one group, with factors from them."""

    def __init__(self, pure: Group | None, seed: int = 0) -> None:
        g = generator(seed)
        self.groups = [pure or GROUPS[i % len(GROUPS)] for i in range(ROWS)]
        self.rows = GroupRows(torch.tensor([group.code for group in self.groups]))
        factors = [group.draw(1, generator=g) for group in self.groups]
        self.q = torch.cat(factors).unsqueeze(1)
        degrees = torch.tensor([group.degree for group in self.groups], dtype=torch.float64).unsqueeze(1)
        self.sent = self.q.sign() * self.q.abs() ** degrees
        self.excess = degrees - 1
        self.x, self.m = torch.randn(2, ROWS, WIDTH, generator=g, dtype=torch.float64)
        self.x[3] = 0
        self.m[4] = 0


@pytest.mark.parametrize("pure", CASES, ids=str)
def test_dual_start(pure: Group | None) -> None:
    case = Rows(pure)
    dual = dual_start(case.x, case.rows)
    assert_equal(dual_start(case.q * case.x, case.rows), dual / case.q)
    scaled = torch.tensor([group.has_scale for group in case.groups])
    assert (dual[scaled] == 0).all()
    assert torch.equal(dual[~scaled], case.x[~scaled])


@pytest.mark.parametrize("carry", [carry, fast_carry])
@pytest.mark.parametrize("pure", CASES, ids=str)
def test_carry_both_ways(pure: Group | None, carry: Callable[[Tensor, Tensor, GroupRows], Tensor]) -> None:
    case = Rows(pure)
    dual, primal = case.m, case.x
    to_primal = carry(dual, primal, case.rows)
    assert_equal(carry(dual / case.q, case.q * primal, case.rows), case.q * to_primal)
    to_dual = carry(primal, dual, case.rows)
    assert_equal(carry(case.q * primal, dual / case.q, case.rows), to_dual / case.q)


@pytest.mark.parametrize("pure", CASES, ids=str)
def test_emitted_and_receive(pure: Group | None) -> None:
    case = Rows(pure)
    sent = emit(case.x, case.excess)
    assert_equal(emit(case.q * case.x, case.excess), case.sent * sent)
    back = receive(case.m, case.x, case.excess)
    assert_equal(receive(case.m / case.sent, case.q * case.x, case.excess), back / case.q)


def test_degree_one_sends_what_it_is() -> None:
    case = Rows(PositiveScale())
    assert emit(case.x, None) is case.x
    assert receive(case.m, case.x, None) is case.m
    assert torch.equal(emit(case.x, case.excess), case.x)


def test_without_duality_the_law_breaks() -> None:
    """Primal features sent backwards have law ``q_i**2 / q_j``, which is none."""
    case = Rows(PositiveScale())
    assert_different(case.q * case.x, case.x / case.q)


@pytest.mark.parametrize("size", [1e-30, 1e30])
def test_sizes(size: float) -> None:
    """In single precision a primal feature of size 1e+30 stands beside a dual one of size 1e-30."""
    case = Rows(PositiveScale())
    primal, dual = (case.x * size).float(), (case.m / size).float()
    assert_equal_single(carry(dual, primal, case.rows).double() / size, carry(case.m, case.x, case.rows))
    assert_equal_single(carry(primal, dual, case.rows).double() * size, carry(case.x, case.m, case.rows))


def assert_equal_single(found: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


def test_gradients_at_zero_are_finite() -> None:
    case = Rows(None)
    for function in (
        lambda x: dual_start(x, case.rows),
        lambda x: carry(case.m, x, case.rows),
        lambda x: carry(x, case.m, case.rows),
        lambda x: fast_carry(case.m, x, case.rows),
        lambda x: fast_carry(x, case.m, case.rows),
        lambda x: emit(x, case.excess),
        lambda x: receive(case.m, x, case.excess),
    ):
        x = case.x.clone().requires_grad_()
        gradient = torch.autograd.grad(function(x).sum(), x, allow_unused=True)[0]
        assert gradient is None or torch.isfinite(gradient).all()
