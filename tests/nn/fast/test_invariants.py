"""Invariants of low-rank features, and both signs in one pass."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from scalegmn.nn._group_rows import GroupRows
from scalegmn.nn._invariant import unit
from scalegmn.nn.fast._factored import Factored, materialize
from scalegmn.nn.fast._invariants import scale_invariant, without_scale, without_sign
from scalegmn.seeding import generator
from scalegmn.symmetry import Group, PositiveScale, Sign
from tests.nn.cases import assert_different
from tests.nn.test_invariant import DTYPES, GROUPS, SIZES, features, function


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
        found = materialize(forget(factored, rows))
        assert_same_with_gradients(found, materialize(forget(columns @ vectors, rows)), leaves)
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
    wrong = Factored(several.abs(), its_vectors.abs()).materialize()
    assert_different(wrong, materialize(without_sign(Factored(several, its_vectors), signed)))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [*SIZES, 1e-10, 1e15])
def test_products_of_any_size(size: float, dtype: torch.dtype) -> None:
    """Squares of some rows leave the range of numbers; rows of 0 and rows of usual size stand beside them."""
    columns, vectors, _ = product(single=False)
    exact = unit(columns @ vectors)
    sizes = torch.tensor([1.0, size] * 4, dtype=dtype).unsqueeze(1)
    columns = (columns.detach().to(dtype) * sizes).requires_grad_()
    vectors = vectors.detach().to(dtype).requires_grad_()
    found = materialize(without_scale(Factored(columns, vectors), rows_of(PositiveScale())))
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
    symmetrize=st.booleans(),
    extras=st.sampled_from([0, 2]),
    single=st.booleans(),
    pure=st.sampled_from([None, *GROUPS]),
)
def test_functions_of_products_are_those_of_their_rows(
    symmetrize: bool, extras: int, single: bool, pure: Group | None
) -> None:
    columns, vectors, leaves = product(single=single)
    rows = rows_of(*(GROUPS if pure is None else (pure,)))
    f = function(symmetrize=symmetrize, extras=extras)
    z = torch.randn(8, extras, generator=generator(5), dtype=torch.float64) if extras else None
    found = scale_invariant(f, Factored(columns, vectors, single=single), rows, z)
    expected = f(columns @ vectors, rows, z)
    assert_same_with_gradients(found, expected, [*leaves, *f.parameters()])
