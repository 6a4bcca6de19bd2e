"""Scales and signs as tables of rows, against the exponents of every single number."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from scalegmn.programs.tracing import trace
from scalegmn.seeding import generator
from scalegmn.symmetry.discovery import ExponentRows, Exponents, GroupElement, SymmetryGroup, symmetry_group


class Spare(nn.Module):
    """Some numbers are never read, and a sign is shared by a sum."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.last = nn.Linear(2, 4), nn.Linear(2, 4), nn.Linear(4, 1)
        self.table, self.spare = nn.Embedding(5, 2), nn.Parameter(torch.ones(3))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.table.weight[:2].sum(0)
        answer: Tensor = self.last(torch.tanh(self.first(x) + self.second(x)))
        return answer


NETWORKS: dict[str, tuple[nn.Module, tuple[int, ...]]] = {
    "cnn": (
        nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Conv2d(3, 2, 2), nn.Tanh()),
        (1, 1, 6, 6),
    ),
    "flattened": (nn.Sequential(nn.Conv1d(1, 3, 2), nn.ReLU(), nn.Flatten(), nn.Linear(9, 2)), (1, 1, 4)),
    "spare": (Spare(), (3, 2)),
    "no scales": (nn.Sequential(nn.Linear(2, 3), nn.GELU(), nn.Linear(3, 1)), (1, 2)),
    "one layer": (nn.Linear(2, 1), (1, 2)),
}


@cache
def group_of(name: str) -> SymmetryGroup:
    module, shape = NETWORKS[name]
    return symmetry_group(trace(module.eval(), (torch.zeros(shape),)))


def kinds(name: str) -> tuple[Exponents, Exponents]:
    group = group_of(name)
    return group.scales, group.signs


@pytest.mark.parametrize("name", NETWORKS)
def test_rows_are_the_exponents_of_every_number(name: str) -> None:
    scales, signs = kinds(name)
    numbers = generator(0, name)
    for exponents, modulus in ((scales, None), (signs, 2)):
        rows = ExponentRows(exponents)
        coordinates = torch.randn(exponents.dimension, generator=numbers, dtype=torch.float64)
        if modulus:
            coordinates = (coordinates > 0).double()
        found = rows.expand(rows.matrix @ coordinates.numpy())
        expected = exponents.evaluate(coordinates)
        assert set(found) == set(expected)
        for key, value in expected.items():
            difference = found[key] - value
            difference = difference if modulus is None else torch.remainder(difference.round(), modulus)
            assert difference.abs().max() < 1e-9
        assert rows.matrix.shape[1] == exponents.dimension


def test_signs_are_zeros_and_ones() -> None:
    for name in NETWORKS:
        assert set(ExponentRows(kinds(name)[1]).matrix.data.tolist()) <= {1.0}


@pytest.mark.parametrize("name", NETWORKS)
def test_sums_are_adjoint_to_expansion(name: str) -> None:
    """The sum of products with expanded rows is that of the sums with the rows."""
    rows = ExponentRows(kinds(name)[0])
    values = {
        key: torch.randn(value.shape, generator=generator(1, key), dtype=torch.float64)
        for key, value in rows.expand(np.zeros(rows.matrix.shape[0])).items()
    }
    weights = torch.randn(rows.matrix.shape[0], generator=generator(2), dtype=torch.float64).numpy()
    expanded = rows.expand(weights)
    expected = sum(float((values[key] * expanded[key]).sum()) for key in expanded)
    assert abs(float(rows.sums(values) @ weights) - expected) < 1e-9


def test_taps_of_a_kernel_share_a_row() -> None:
    rows = ExponentRows(kinds("cnn")[0])
    # Kernels, bias and the four numbers of a norm of each channel; then 2 x 3 kernels and 2 biases.
    assert rows.matrix.shape[0] == 3 * (1 + 1 + 4) + 2 * 3 + 2


def test_what_is_never_read_stays() -> None:
    scales, signs = kinds("spare")
    for exponents in (scales, signs):
        rows = ExponentRows(exponents)
        found = rows.expand(rows.matrix @ np.ones(exponents.dimension))
        assert "spare" not in found
        if "table.weight" in found:
            assert bool((found["table.weight"][2:] == 0).all())


def test_flips_by_rows_keep_the_function() -> None:
    module, shape = NETWORKS["spare"]
    rows = ExponentRows(kinds("spare")[1])
    assert rows.matrix.shape[1] == 4
    flips = 1 - 2 * np.mod(rows.matrix @ np.array([1.0, 0, 1, 1]), 2)
    state = {key: value.detach().double() for key, value in module.state_dict().items()}
    moved = GroupElement(factors=rows.expand(flips)).apply(state)
    x = torch.randn(shape, generator=generator(3), dtype=torch.float64)
    before, after = (torch.func.functional_call(module, own, (x,)) for own in (state, moved))
    torch.testing.assert_close(after, before, rtol=1e-12, atol=1e-12)
    assert not torch.equal(moved["last.weight"], state["last.weight"])
