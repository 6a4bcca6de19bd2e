"""Scales that are fitted to what networks answer."""

from __future__ import annotations

from typing import Literal

import pytest
import torch
from torch import Tensor

from scalegmn.alignment import Aligner, Matching
from scalegmn.networks import Architecture, run
from scalegmn.seeding import generator

from .networks import architecture_of, drawn, moved


def distance(architecture: Architecture, first: Tensor, second: Tensor, inputs: Tensor) -> float:
    """Of the network halfway from the mean of both functions."""
    ends = run(architecture, torch.stack([first, second, (first + second) / 2]), inputs)
    return float((ends[2] - (ends[0] + ends[1]) / 2).square().mean())


def matching(steps: int, answers: Literal["numbers", "classes"] = "numbers") -> Matching:
    return Matching(fitting=steps, answers=answers)


@pytest.fixture
def inputs() -> Tensor:
    return torch.randn(200, 4, generator=generator(0, "inputs"), dtype=torch.float64)


def test_the_network_halfway_answers_more_like_the_mean_of_both(inputs: Tensor) -> None:
    architecture = architecture_of("relu")
    first, second = drawn(architecture, 1), drawn(architecture, 2)
    plain = Aligner(architecture).align(first, second).aligned
    fitted = Aligner(architecture, matching=matching(60)).align(first, second, examples=inputs).aligned
    assert distance(architecture, first, fitted, inputs) < 0.8 * distance(architecture, first, plain, inputs)
    functions = run(architecture, torch.stack([second, fitted]), inputs)
    torch.testing.assert_close(functions[0], functions[1])


@pytest.mark.parametrize("answers", ["numbers", "classes"])
def test_what_was_moved_is_brought_back_exactly(
    inputs: Tensor, answers: Literal["numbers", "classes"]
) -> None:
    architecture = architecture_of("relu")
    theta = drawn(architecture, 1)
    aligner = Aligner(architecture, matching=matching(20, answers))
    found = aligner.align(theta, moved(architecture, theta), examples=inputs)
    assert float(found.difference.max()) < 1e-10


def test_classes_are_fitted_by_their_probabilities(inputs: Tensor) -> None:
    architecture = architecture_of("relu")
    first, second = 3 * drawn(architecture, 1), 3 * drawn(architecture, 2)

    def loss(other: Tensor) -> float:
        ends = run(architecture, torch.stack([first, other, (first + other) / 2]), inputs)
        wanted = ends[:2].softmax(dim=-1).mean(dim=0)
        return float(torch.nn.functional.cross_entropy(ends[2], wanted))

    losses = []
    for steps in (0, 60):
        aligner = Aligner(architecture, matching=matching(steps, "classes"))
        losses.append(loss(aligner.align(first, second, examples=inputs).aligned))
    assert losses[1] < 0.9 * losses[0]


def test_networks_without_scales_are_left_alone(inputs: Tensor) -> None:
    architecture = architecture_of("tanh")
    first, second = drawn(architecture, 1), drawn(architecture, 2)
    found = [
        Aligner(architecture, matching=matching(steps)).align(first, second, examples=inputs).aligned
        for steps in (0, 5)
    ]
    assert torch.equal(found[0], found[1])
