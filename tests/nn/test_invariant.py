"""Functions that forget factors, over the whole range of floating point numbers."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from scalegmn.nn._group_rows import GroupRows
from scalegmn.nn._invariant import ScaleInvariant, length, unit
from scalegmn.nn._mlp import MLPStyle
from scalegmn.nn.fast._invariants import fast_unit, scale_invariant, without_scale
from scalegmn.seeding import generator
from scalegmn.symmetry import Group, NonZeroScale, PositiveScale, Sign, Trivial
from scalegmn.testing.parameters import randomize
from tests.nn.cases import assert_different, assert_equal

Unit = Callable[[torch.Tensor], torch.Tensor]
GROUPS: tuple[Group, ...] = (Trivial(), Sign(), PositiveScale(), NonZeroScale())
STYLE = MLPStyle(hidden=6)
DTYPES = (torch.float32, torch.float64)
SIZES = (1e-30, 1e-20, 1e-3, 1.0, 1e3, 1e20, 1e30)


def features(rows: int, dtype: torch.dtype = torch.float64, seed: int = 0) -> torch.Tensor:
    return torch.randn(rows, 4, generator=generator(seed), dtype=torch.float64).to(dtype)


@pytest.mark.parametrize("unit", [unit, fast_unit])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", SIZES)
def test_unit_and_length_at_any_size(size: float, dtype: torch.dtype, unit: Unit) -> None:
    x = features(10, dtype)
    eps = torch.finfo(dtype).eps
    scaled = x * torch.tensor(size, dtype=dtype)
    torch.testing.assert_close(unit(scaled), unit(x), rtol=0, atol=4 * eps)
    torch.testing.assert_close(unit(scaled).norm(dim=1), torch.ones(10, dtype=dtype), rtol=0, atol=4 * eps)
    exact = (scaled.double() / size).norm(dim=1, keepdim=True) * size
    torch.testing.assert_close(length(scaled).double(), exact, rtol=8 * eps, atol=0)
    torch.testing.assert_close(unit(scaled) * length(scaled), scaled, rtol=8 * eps, atol=0)


@pytest.mark.parametrize("unit", [unit, fast_unit])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", SIZES)
def test_gradients_are_finite_and_right_at_any_size(size: float, dtype: torch.dtype, unit: Unit) -> None:
    x = (features(6, dtype) * size).requires_grad_()
    upward = features(6, dtype, seed=1)
    found = torch.autograd.grad(unit(x), x, upward)[0]
    y = (x.detach().double() / size).requires_grad_()
    wanted = torch.autograd.grad(y / y.norm(dim=1, keepdim=True), y, upward.double())[0]
    torch.testing.assert_close(found.double() * size, wanted, rtol=1e-4, atol=1e-5)
    found = torch.autograd.grad(length(x).sum(), x)[0]
    torch.testing.assert_close(found.double(), unit(x.detach()).double(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("unit", [unit, fast_unit])
def test_gradcheck(unit: Unit) -> None:
    x = features(3).requires_grad_()
    assert torch.autograd.gradcheck(unit, (x,))
    assert torch.autograd.gradcheck(length, (x,))


@pytest.mark.parametrize("unit", [unit, fast_unit])
def test_zero_stays_zero_with_finite_gradients(unit: Unit) -> None:
    x = torch.zeros(3, 4, dtype=torch.float64)
    x[1] = features(1)[0]
    x.requires_grad_()
    assert (unit(x)[[0, 2]] == 0).all() and (length(x)[[0, 2]] == 0).all()
    for result in (unit(x), length(x)):
        gradient = torch.autograd.grad(result.sum(), x, retain_graph=True)[0]
        assert torch.isfinite(gradient).all()
    assert unit(torch.zeros(0, 4)).shape == (0, 4)


@pytest.mark.parametrize("unit", [unit, fast_unit])
def test_unit_knows_signs(unit: Unit) -> None:
    x = features(5)
    assert torch.equal(unit(-x), -unit(x))
    assert torch.equal(length(-x), length(x))


def test_only_rows_that_scale_are_divided() -> None:
    x = features(4)
    rows = GroupRows(torch.tensor([group.code for group in GROUPS]))
    found = without_scale(x, rows)
    assert torch.equal(found[:2], x[:2])
    torch.testing.assert_close(found[2:], unit(x)[2:])
    for group in GROUPS:
        alone = without_scale(x, GroupRows(torch.full((4,), group.code)))
        torch.testing.assert_close(alone, unit(x) if group.has_scale else x)


def function(
    *, symmetrize: bool, extras: int, layer_norm: bool = True, dtype: torch.dtype = torch.float64
) -> ScaleInvariant:
    style = MLPStyle(hidden=6, layer_norm=layer_norm)
    made = ScaleInvariant(4, 3, extras=extras, symmetrize=symmetrize, style=style)
    return randomize(made, generator=generator(0)).to(dtype)


@pytest.mark.slow
@settings(derandomize=True, deadline=None, max_examples=40)
@given(
    symmetrize=st.booleans(),
    extras=st.sampled_from([0, 2]),
    layer_norm=st.booleans(),
    seed=st.integers(0, 1000),
    pure=st.sampled_from([None, *GROUPS]),
)
def test_law(symmetrize: bool, extras: int, layer_norm: bool, seed: int, pure: Group | None) -> None:
    """Rows of mixed groups, or of one group."""
    g = generator(seed)
    groups = [pure or GROUPS[i] for i in torch.randint(0, 4, (12,), generator=g).tolist()]
    rows = GroupRows(torch.tensor([group.code for group in groups]))
    q = torch.cat([group.draw(1, generator=g, spread=1e6) for group in groups]).unsqueeze(1)
    x = features(12, seed=seed)
    x[seed % 12] = 0
    z = torch.randn(12, extras, generator=g, dtype=torch.float64) if extras else None
    f = function(symmetrize=symmetrize, extras=extras, layer_norm=layer_norm)
    assert_equal(f(q * x, rows, z), f(x, rows, z))
    assert_equal(scale_invariant(f, x, rows, z), f(x, rows, z))


@pytest.mark.parametrize("symmetrize", [True, False])
def test_mixed_rows_equal_rows_alone(symmetrize: bool) -> None:
    f = function(symmetrize=symmetrize, extras=2)
    x, z = features(8), torch.randn(8, 2, dtype=torch.float64)
    codes = torch.tensor([group.code for group in GROUPS] * 2)
    together = f(x, GroupRows(codes), z)
    alone = torch.cat([f(x[i : i + 1], GroupRows(codes[i : i + 1]), z[i : i + 1]) for i in range(8)])
    torch.testing.assert_close(together, alone)


@pytest.mark.parametrize("symmetrize", [True, False])
def test_it_forgets_no_more_than_the_group(symmetrize: bool) -> None:
    f = function(symmetrize=symmetrize, extras=0)
    x = features(6)
    signs, scales, none = (GroupRows(torch.full((6,), g.code)) for g in (Sign(), PositiveScale(), Trivial()))
    assert_different(f(2 * x, signs), f(x, signs))
    assert_different(f(-x, scales), f(x, scales))
    assert_different(f(-x, none), f(x, none))
    assert_different(f(2 * x, none), f(x, none))
    # Only symmetrization sees how the signs of the entries agree with each other.
    flipped = x * torch.tensor([1.0, -1.0, 1.0, 1.0])
    assert torch.equal(f(flipped, signs), f(x, signs)) != symmetrize


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", SIZES)
def test_features_of_any_size(size: float, dtype: torch.dtype) -> None:
    f = function(symmetrize=True, extras=0, dtype=dtype)
    x = features(6, dtype)
    rows = GroupRows(torch.full((6,), NonZeroScale().code))
    tolerance = 100 * torch.finfo(dtype).eps
    scaled = (x * size).requires_grad_()
    result = f(scaled, rows)
    torch.testing.assert_close(result, f(x, rows), rtol=tolerance, atol=tolerance)
    result.sum().backward()
    assert scaled.grad is not None and torch.isfinite(scaled.grad).all()


def test_extras_matter() -> None:
    f = function(symmetrize=True, extras=2)
    rows = GroupRows(torch.full((6,), Sign().code))
    x, z = features(6), torch.randn(6, 2, dtype=torch.float64)
    assert_different(f(x, rows, z + 1), f(x, rows, z))
    plain = function(symmetrize=True, extras=0)
    assert plain.extras is None
