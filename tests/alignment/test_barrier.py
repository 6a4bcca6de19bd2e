"""The line between two networks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from scalegmn.alignment import Barrier, align, barrier
from scalegmn.errors import SymmetryError
from scalegmn.networks import run
from scalegmn.seeding import generator

from .networks import architecture_of, drawn, moved


@pytest.fixture
def inputs() -> Tensor:
    return torch.randn(700, 4, generator=generator(0, "inputs"), dtype=torch.float64)


def test_heights_are_above_the_straight_line_between_the_ends() -> None:
    fractions = np.array([0.0, 0.25, 0.5, 1.0])
    found = Barrier(fractions=fractions, losses=np.array([1.0, 2.0, 1.0, 3.0]), errors=None)
    assert found.loss == 0.5 and found.error is None
    level = Barrier(
        fractions=fractions, losses=np.array([1.0, 1.0, 1.0, 1.0]), errors=np.array([0.5, 0.2, 0.1, 0.5])
    )
    assert level.loss == level.error == 0.0


def test_alignment_takes_the_barrier_to_a_copy_away(inputs: Tensor) -> None:
    architecture = architecture_of("relu")
    theta = drawn(architecture)
    copy = moved(architecture, theta)
    answers = run(architecture, theta[None], inputs)[0]
    for targets in (answers, answers.argmax(dim=1)):
        before = barrier(architecture, theta, copy, inputs=inputs, targets=targets, points=5)
        aligned = align(architecture, theta, copy).aligned
        after = barrier(
            architecture, theta, aligned, inputs=inputs, targets=targets, points=5, restore=inputs
        )
        assert after.loss < 1e-9 < 1e-2 < before.loss
        assert np.ptp(after.losses) < 1e-9
        assert (before.errors is None) == targets.is_floating_point()


def test_losses_are_those_of_the_networks(inputs: Tensor) -> None:
    architecture = architecture_of("relu")
    first, second = drawn(architecture), drawn(architecture, 1)
    labels = torch.arange(len(inputs)) % 3
    found = barrier(architecture, first, second, inputs=inputs, targets=labels, points=3)
    middle = run(architecture, ((first + second) / 2)[None], inputs)[0]
    assert found.losses[1] == pytest.approx(float(torch.nn.functional.cross_entropy(middle, labels)))
    assert found.errors is not None
    assert found.errors[1] == pytest.approx(float((middle.argmax(dim=1) != labels).double().mean()))


def test_what_does_not_fit_is_refused(inputs: Tensor) -> None:
    architecture = architecture_of("relu")
    theta = drawn(architecture)
    labels = torch.zeros(len(inputs), dtype=torch.long)
    for points, targets in ((2, labels), (5, labels[1:])):
        with pytest.raises(SymmetryError, match="expected 3 points or more and a target"):
            barrier(architecture, theta, theta, inputs=inputs, targets=targets, points=points)
    with pytest.raises(SymmetryError, match="NaN or infinite"):
        barrier(architecture, theta, theta, inputs=inputs * torch.nan, targets=labels, points=3)
