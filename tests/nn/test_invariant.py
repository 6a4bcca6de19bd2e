"""Functions that forget factors, over the whole range of floating point numbers."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from scalegmn.nn.factored import Factored, multiplied
from scalegmn.nn.invariant import ScaleInvariant, length, unit, without_scale, without_sign
from scalegmn.nn.mlp import MLPStyle
from scalegmn.nn.rows import GroupRows
from scalegmn.seeding import generator
from scalegmn.symmetry import Group, NonZeroScale, PositiveScale, Sign, Trivial
from scalegmn.testing.parameters import randomise
from tests.nn.cases import assert_different, assert_equal

GROUPS: tuple[Group, ...] = (Trivial(), Sign(), PositiveScale(), NonZeroScale())
STYLE = MLPStyle(hidden=6)
DTYPES = (torch.float32, torch.float64)
SIZES = (1e-30, 1e-20, 1e-3, 1.0, 1e3, 1e20, 1e30)


def features(rows: int, dtype: torch.dtype = torch.float64, seed: int = 0) -> torch.Tensor:
    return torch.randn(rows, 4, generator=generator(seed), dtype=torch.float64).to(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", SIZES)
def test_unit_and_length_at_any_size(size: float, dtype: torch.dtype) -> None:
    x = features(10, dtype)
    eps = torch.finfo(dtype).eps
    scaled = x * torch.tensor(size, dtype=dtype)
    torch.testing.assert_close(unit(scaled), unit(x), rtol=0, atol=4 * eps)
    torch.testing.assert_close(unit(scaled).norm(dim=1), torch.ones(10, dtype=dtype), rtol=0, atol=4 * eps)
    exact = (scaled.double() / size).norm(dim=1, keepdim=True) * size
    torch.testing.assert_close(length(scaled).double(), exact, rtol=8 * eps, atol=0)
    torch.testing.assert_close(unit(scaled) * length(scaled), scaled, rtol=8 * eps, atol=0)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", SIZES)
def test_gradients_are_finite_and_right_at_any_size(size: float, dtype: torch.dtype) -> None:
    x = (features(6, dtype) * size).requires_grad_()
    upward = features(6, dtype, seed=1)
    found = torch.autograd.grad(unit(x), x, upward)[0]
    y = (x.detach().double() / size).requires_grad_()
    wanted = torch.autograd.grad(y / y.norm(dim=1, keepdim=True), y, upward.double())[0]
    torch.testing.assert_close(found.double() * size, wanted, rtol=1e-4, atol=1e-5)
    found = torch.autograd.grad(length(x).sum(), x)[0]
    torch.testing.assert_close(found.double(), unit(x.detach()).double(), rtol=1e-5, atol=1e-6)


def test_gradcheck() -> None:
    x = features(3).requires_grad_()
    assert torch.autograd.gradcheck(unit, (x,))
    assert torch.autograd.gradcheck(length, (x,))


def test_zero_stays_zero_with_finite_gradients() -> None:
    x = torch.zeros(3, 4, dtype=torch.float64)
    x[1] = features(1)[0]
    x.requires_grad_()
    assert (unit(x)[[0, 2]] == 0).all() and (length(x)[[0, 2]] == 0).all()
    for result in (unit(x), length(x)):
        gradient = torch.autograd.grad(result.sum(), x, retain_graph=True)[0]
        assert torch.isfinite(gradient).all()
    assert unit(torch.zeros(0, 4)).shape == (0, 4)


def test_unit_knows_signs() -> None:
    x = features(5)
    assert torch.equal(unit(-x), -unit(x))
    assert torch.equal(length(-x), length(x))


def test_only_rows_that_scale_are_divided() -> None:
    x = features(4)
    rows = GroupRows(torch.tensor([group.code for group in GROUPS]))
    found = without_scale(x, rows)
    assert torch.equal(found[:2], x[:2])
    assert torch.equal(found[2:], unit(x)[2:])
    for group in GROUPS:
        alone = without_scale(x, GroupRows(torch.full((4,), group.code)))
        assert torch.equal(alone, unit(x) if group.has_scale else x)


def function(
    *, symmetrise: bool, extras: int, layer_norm: bool = True, dtype: torch.dtype = torch.float64
) -> ScaleInvariant:
    style = MLPStyle(hidden=6, layer_norm=layer_norm)
    made = ScaleInvariant(4, 3, extras=extras, symmetrise=symmetrise, style=style)
    return randomise(made, generator=generator(0)).to(dtype)


@settings(derandomize=True, deadline=None, max_examples=40)
@given(
    symmetrise=st.booleans(),
    extras=st.sampled_from([0, 2]),
    layer_norm=st.booleans(),
    seed=st.integers(0, 1000),
    pure=st.sampled_from([None, *GROUPS]),
)
def test_law(symmetrise: bool, extras: int, layer_norm: bool, seed: int, pure: Group | None) -> None:
    """Rows of mixed groups, or of one group."""
    g = generator(seed)
    groups = [pure or GROUPS[i] for i in torch.randint(0, 4, (12,), generator=g).tolist()]
    rows = GroupRows(torch.tensor([group.code for group in groups]))
    q = torch.cat([group.draw(1, generator=g, spread=1e6) for group in groups]).unsqueeze(1)
    x = features(12, seed=seed)
    x[seed % 12] = 0
    z = torch.randn(12, extras, generator=g, dtype=torch.float64) if extras else None
    f = function(symmetrise=symmetrise, extras=extras, layer_norm=layer_norm)
    assert_equal(f(q * x, rows, z), f(x, rows, z))


@pytest.mark.parametrize("symmetrise", [True, False])
def test_mixed_rows_equal_rows_alone(symmetrise: bool) -> None:
    f = function(symmetrise=symmetrise, extras=2)
    x, z = features(8), torch.randn(8, 2, dtype=torch.float64)
    codes = torch.tensor([group.code for group in GROUPS] * 2)
    together = f(x, GroupRows(codes), z)
    alone = torch.cat([f(x[i : i + 1], GroupRows(codes[i : i + 1]), z[i : i + 1]) for i in range(8)])
    torch.testing.assert_close(together, alone)


@pytest.mark.parametrize("symmetrise", [True, False])
def test_it_forgets_no_more_than_the_group(symmetrise: bool) -> None:
    f = function(symmetrise=symmetrise, extras=0)
    x = features(6)
    signs, scales, none = (GroupRows(torch.full((6,), g.code)) for g in (Sign(), PositiveScale(), Trivial()))
    assert_different(f(2 * x, signs), f(x, signs))
    assert_different(f(-x, scales), f(x, scales))
    assert_different(f(-x, none), f(x, none))
    assert_different(f(2 * x, none), f(x, none))
    # Only symmetrisation sees how the signs of the entries agree with each other.
    flipped = x * torch.tensor([1.0, -1.0, 1.0, 1.0])
    assert torch.equal(f(flipped, signs), f(x, signs)) != symmetrise


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", SIZES)
def test_features_of_any_size(size: float, dtype: torch.dtype) -> None:
    f = function(symmetrise=True, extras=0, dtype=dtype)
    x = features(6, dtype)
    rows = GroupRows(torch.full((6,), NonZeroScale().code))
    tolerance = 100 * torch.finfo(dtype).eps
    scaled = (x * size).requires_grad_()
    result = f(scaled, rows)
    torch.testing.assert_close(result, f(x, rows), rtol=tolerance, atol=tolerance)
    result.sum().backward()
    assert scaled.grad is not None and torch.isfinite(scaled.grad).all()


def test_extras_matter() -> None:
    f = function(symmetrise=True, extras=2)
    rows = GroupRows(torch.full((6,), Sign().code))
    x, z = features(6), torch.randn(6, 2, dtype=torch.float64)
    assert_different(f(x, rows, z + 1), f(x, rows, z))
    plain = function(symmetrise=True, extras=0)
    assert plain.extras is None


def rows_of(*groups: Group, count: int = 8) -> GroupRows:
    """Rows of these groups in turn."""
    return GroupRows(torch.tensor([groups[i % len(groups)].code for i in range(count)]))


def product(*, single: bool) -> tuple[torch.Tensor, torch.Tensor, list[torch.Tensor]]:
    """Columns ``(8, 3)`` and vectors ``(3, 4)``, and what both are made of; the rows 2 and 5 are 0."""
    numbers = torch.randn(8, 1 if single else 3, generator=generator(1), dtype=torch.float64)
    numbers[[2, 5]] = 0
    vectors = features(3, seed=2).requires_grad_()
    chosen = torch.nn.functional.one_hot(torch.arange(8) % 3, 3) if single else 1
    return numbers.requires_grad_() * chosen, vectors, [numbers, vectors]


def assert_same_with_gradients(
    found: torch.Tensor, expected: torch.Tensor, leaves: list[torch.Tensor]
) -> None:
    torch.testing.assert_close(found, expected)
    upward = torch.randn(found.shape, generator=generator(3), dtype=found.dtype)
    for one, other in zip(
        *(torch.autograd.grad(made, leaves, upward, retain_graph=True) for made in (found, expected)),
        strict=True,
    ):
        assert torch.isfinite(other).all()
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("single", [True, False])
@pytest.mark.parametrize("groups", [*((group,) for group in GROUPS), GROUPS])
def test_products_lose_scales_and_signs_as_their_rows_do(groups: tuple[Group, ...], single: bool) -> None:
    columns, vectors, leaves = product(single=single)
    rows, factored = rows_of(*groups), Factored(columns, vectors, single=single)
    for forget in (without_scale, without_sign):
        found = multiplied(forget(factored, rows))
        assert_same_with_gradients(found, multiplied(forget(columns @ vectors, rows)), leaves)
        assert (found[[2, 5]] == 0).all()


def test_products_stay_products() -> None:
    columns, vectors, _ = product(single=True)
    known, unknown = Factored(columns, vectors, single=True), Factored(columns, vectors)
    scaled, signed, mixed = rows_of(PositiveScale()), rows_of(Sign()), rows_of(*GROUPS)
    assert without_scale(known, signed) is known
    for rows in (scaled, mixed):
        divided = without_scale(known, rows)
        assert isinstance(divided, Factored) and divided.single
    positive = without_sign(known, signed)
    assert isinstance(positive, Factored) and positive.single and (positive.columns >= 0).all()
    # A sum of several numbers times vectors loses its sign only when it is made, and so do some rows of many.
    assert isinstance(without_sign(unknown, signed), torch.Tensor)
    assert isinstance(without_sign(known, mixed), torch.Tensor)
    several, its_vectors, _ = product(single=False)
    wrong = Factored(several.abs(), its_vectors.abs()).multiplied()
    assert_different(wrong, multiplied(without_sign(Factored(several, its_vectors), signed)))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [*SIZES, 1e-10, 1e15])
def test_products_of_any_size(size: float, dtype: torch.dtype) -> None:
    """Squares of some rows leave the range of numbers; rows of 0 and rows of usual size stand beside them."""
    columns, vectors, _ = product(single=False)
    exact = unit(columns @ vectors)
    sizes = torch.tensor([1.0, size] * 4, dtype=dtype).unsqueeze(1)
    columns = (columns.detach().to(dtype) * sizes).requires_grad_()
    vectors = vectors.detach().to(dtype).requires_grad_()
    found = multiplied(without_scale(Factored(columns, vectors), rows_of(PositiveScale())))
    tolerance = 30 * torch.finfo(dtype).eps
    torch.testing.assert_close(found.double(), exact, rtol=0, atol=tolerance)
    assert found.dtype == dtype
    upward = features(8, dtype, seed=4)
    for gradient in torch.autograd.grad(found, [columns, vectors], upward):
        assert torch.isfinite(gradient).all()
    # The norm alone, without a look at its size, would not do.
    squares = (columns @ vectors).square().sum(dim=1)[[1, 3, 7]]
    if dtype == torch.float32 and not 1e-22 < size < 1e19:
        assert ((squares == 0) | squares.isinf()).all()


@settings(derandomize=True, deadline=None, max_examples=30)
@given(
    symmetrise=st.booleans(),
    extras=st.sampled_from([0, 2]),
    single=st.booleans(),
    pure=st.sampled_from([None, *GROUPS]),
)
def test_functions_of_products_are_those_of_their_rows(
    symmetrise: bool, extras: int, single: bool, pure: Group | None
) -> None:
    columns, vectors, leaves = product(single=single)
    rows = rows_of(*(GROUPS if pure is None else (pure,)))
    f = function(symmetrise=symmetrise, extras=extras)
    z = torch.randn(8, extras, generator=generator(5), dtype=torch.float64) if extras else None
    found, expected = f(Factored(columns, vectors, single=single), rows, z), f(columns @ vectors, rows, z)
    assert_same_with_gradients(found, expected, [*leaves, *f.parameters()])
