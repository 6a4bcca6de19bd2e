"""ScaleEq carries a row's factor through."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from scalegmn.nn._equivariant import ScaleEquivariant
from scalegmn.nn._group_rows import GroupRows
from scalegmn.nn._mlp import MLPStyle
from scalegmn.nn.fast._invariants import scale_equivariant
from scalegmn.seeding import generator
from scalegmn.symmetry import NonZeroScale, PositiveScale, Sign, Trivial
from scalegmn.testing.parameters import randomize
from tests.nn.cases import assert_different, assert_equal

GROUPS = (Trivial(), Sign(), PositiveScale(), NonZeroScale())


@settings(derandomize=True, deadline=None, max_examples=40)
@given(symmetrize=st.booleans(), extras=st.sampled_from([0, 2]), seed=st.integers(0, 1000))
def test_law(symmetrize: bool, extras: int, seed: int) -> None:
    """Primal and dual features alike: ``f(q x) = q f(x)`` for every q of the row's group."""
    g = generator(seed)
    groups = [GROUPS[i] for i in torch.randint(0, 4, (12,), generator=g).tolist()]
    rows = GroupRows(torch.tensor([group.code for group in groups]))
    q = torch.cat([group.draw(1, generator=g, spread=1e6) for group in groups]).unsqueeze(1)
    x = torch.randn(12, 4, generator=g, dtype=torch.float64)
    x[seed % 12] = 0
    z = torch.randn(12, extras, generator=g, dtype=torch.float64) if extras else None
    f = ScaleEquivariant(4, 3, extras=extras, symmetrize=symmetrize, style=MLPStyle(hidden=6))
    f = randomize(f, generator=g).double()
    result = f(x, rows, z)
    assert_equal(f(q * x, rows, z), q * result)
    assert_equal(f(x / q, rows, z), result / q)
    assert (result[seed % 12] == 0).all()
    assert result.abs().max() > 1e-3
    assert_equal(scale_equivariant(f, x, rows, z), result)
    assert_equal(scale_equivariant(f, q * x, rows, z), q * result)


def test_not_linear() -> None:
    """It sees directions: only the factor goes through linearly."""
    f = ScaleEquivariant(4, 3, symmetrize=True, style=MLPStyle(hidden=6))
    f = randomize(f, generator=generator(0)).double()
    rows = GroupRows(torch.full((5,), PositiveScale().code))
    x, y = torch.randn(2, 5, 4, generator=generator(1), dtype=torch.float64)
    assert_different(f(x + y, rows), f(x, rows) + f(y, rows))
    assert f.linear.bias is None
