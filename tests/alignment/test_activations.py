"""Channels are matched by what they answer."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from scalegmn.alignment import Aligner, Matching
from scalegmn.alignment._frames import frame_of
from scalegmn.errors import SymmetryError
from scalegmn.seeding import generator

from .networks import architecture_of, drawn, moved

BY_ANSWERS = Matching(by="activations")


def examples(family: str) -> Tensor:
    shape = {"cnn": (1, 20, 20), "resnet": (1, 14, 14), "siren": (2,)}.get(family, (4,))
    return torch.randn(60, *shape, generator=generator(0, "examples"), dtype=torch.float64)


@pytest.mark.slow
@pytest.mark.parametrize("family", ["relu", "tanh", "cnn", "resnet"])
def test_what_was_moved_is_brought_back(family: str) -> None:
    architecture, given = architecture_of(family), examples(family)
    theta = drawn(architecture)
    aligner = Aligner(architecture, matching=BY_ANSWERS, shape=tuple(given.shape[1:]))
    found = aligner.align(theta, moved(architecture, theta), examples=given)
    assert found.distance < 1e-9 < found.distance_before


def test_correlations_do_not_depend_on_scales() -> None:
    architecture = architecture_of("relu")
    frame = frame_of(architecture)
    theta = drawn(architecture)
    state = architecture.unflatten(theta)
    scaled = dict(state)
    weight, bias, following = list(state)[:3]
    factors = torch.arange(1.0, 1 + len(state[bias]), dtype=torch.float64)
    scaled[weight] = state[weight] * factors[:, None]
    scaled[bias] = state[bias] * factors
    scaled[following] = state[following] / factors
    answers = [frame.activations.answers(one, examples("relu")) for one in (state, scaled)]
    for family in frame.families:
        points = np.concatenate(list(family.points()))
        same, other = (
            frame.activations.gains(family, answers[0], one, signed=False).between(points, points)
            for one in answers
        )
        # Answers are taken in single precision.
        assert abs(same - other).max() < 1e-4 < abs(same).max()


def test_examples_are_needed() -> None:
    architecture = architecture_of("relu")
    theta = drawn(architecture)
    with pytest.raises(SymmetryError, match="examples are missing"):
        Aligner(architecture, matching=BY_ANSWERS).align(theta, theta)
