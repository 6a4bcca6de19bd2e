"""Random symmetries of architectures of any kind."""

from __future__ import annotations

import functools

import pytest
import torch
from torch import Tensor, nn

from scalegmn.errors import SymmetryError
from scalegmn.networks import Activation, Architecture, mlp, run, siren
from scalegmn.programs import ProgramArchitecture
from scalegmn.seeding import generator
from scalegmn.symmetry import random_symmetry
from scalegmn.testing import random_inputs, random_parameters


@functools.lru_cache
def normalized() -> ProgramArchitecture:
    module = nn.Sequential(
        nn.Conv2d(1, 4, 3, bias=False),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Conv2d(4, 3, 2),
        nn.Tanh(),
        nn.Flatten(),
    )
    module.append(nn.Linear(12, 2))
    return ProgramArchitecture.from_module(module.eval(), torch.zeros(1, 1, 5, 5))


def networks(kind: str) -> tuple[Architecture, Tensor, Tensor]:
    """An architecture, parameters of three networks, and inputs for them."""
    if kind == "program":
        program = normalized()
        theta = torch.randn(3, program.num_parameters, generator=generator(0), dtype=torch.float64)
        return (
            program,
            theta.abs() + 0.1,
            torch.randn(5, 1, 5, 5, generator=generator(1), dtype=torch.float64),
        )
    relu = [Activation("relu")] * 2
    architecture = (
        siren(widths=(2, 5, 4, 1)) if kind == "siren" else mlp(widths=(2, 5, 4, 1), activations=relu)
    )
    theta = random_parameters(architecture, 3, generator=generator(0))
    return architecture, theta, random_inputs(architecture, 5, generator=generator(1))


KINDS = ["program", "siren", "mlp"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shift_phase", [False, True])
def test_the_function_stays(kind: str, shift_phase: bool) -> None:
    architecture, theta, inputs = networks(kind)
    symmetry = random_symmetry(architecture, generator=generator(2), shift_phase=shift_phase)
    moved = symmetry.apply(theta)
    before, after = run(architecture, theta, inputs), run(architecture, moved, inputs)
    assert (before - after).abs().max() < 1e-9 * before.abs().max()
    assert not torch.equal(moved, theta)
    assert not symmetry.is_identity


@pytest.mark.parametrize("kind", KINDS)
def test_rows_move_as_one_by_one(kind: str) -> None:
    architecture, theta, _ = networks(kind)
    symmetry = random_symmetry(architecture, generator=generator(2), shift_phase=True)
    assert torch.equal(symmetry.apply(theta), torch.stack([symmetry.apply(row) for row in theta]))
    assert symmetry.apply(theta.float()).dtype is torch.float32


@pytest.mark.parametrize("kind", KINDS)
def test_updates_move_linearly(kind: str) -> None:
    architecture, theta, _ = networks(kind)
    symmetry = random_symmetry(architecture, generator=generator(2), shift_phase=True)
    difference = symmetry.apply(theta + 1) - symmetry.apply(theta)
    assert torch.allclose(symmetry.apply_update(torch.ones_like(theta)), difference)
    still = symmetry.without_phase()
    assert torch.allclose(still.apply(theta), still.apply_update(theta))


@pytest.mark.parametrize("kind", KINDS)
def test_parts_of_the_group(kind: str) -> None:
    architecture, theta, _ = networks(kind)
    permuting = random_symmetry(architecture, generator=generator(3), rescale=False)
    assert torch.equal(permuting.apply(theta).sort().values, theta.sort().values)
    assert permuting.permuted.any()
    scaling = random_symmetry(architecture, generator=generator(3), permute=False)
    assert not scaling.permuted.any()
    assert not scaling.is_identity
    nothing = random_symmetry(architecture, generator=generator(3), permute=False, rescale=False)
    assert nothing.is_identity
    assert torch.equal(nothing.apply(theta), theta)


def test_scales_lie_in_their_range() -> None:
    architecture, theta, _ = networks("program")
    near = random_symmetry(architecture, generator=generator(3), spread=1.001, permute=False)
    assert ((near.apply(theta) / theta).abs() - 1).abs().max() < 0.01


def test_parameters_of_another_network_are_refused() -> None:
    with pytest.raises(SymmetryError, match=r"theta has shape \(3, 7\), expected \(\*batch, \d+\)"):
        random_symmetry(normalized(), generator=generator(0)).apply(torch.zeros(3, 7))


class Unknown(Architecture):
    """A kind that nobody has registered."""


def test_an_unknown_kind_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Unknown, "__abstractmethods__", frozenset())
    with pytest.raises(SymmetryError, match="no symmetries are known of architectures of the kind Unknown"):
        random_symmetry(Unknown(), generator=generator(0))
