"""The group of an architecture, as matching needs it."""

from __future__ import annotations

import pytest
import torch

from scalegmn.alignment import readable_shape
from scalegmn.alignment._frames import frame_of
from scalegmn.networks import Activation, mlp, run
from scalegmn.seeding import generator

from .networks import FAMILIES, architecture_of, drawn


@pytest.mark.parametrize("family", FAMILIES)
def test_flips_and_scales_keep_the_function(family: str) -> None:
    architecture = architecture_of(family)
    frame, numbers = frame_of(architecture), generator(0, family)
    theta = drawn(architecture)
    flips = torch.randint(2, (frame.group.signs.dimension,), generator=numbers).numpy()
    scales = torch.randn(frame.group.scales.dimension, generator=numbers, dtype=torch.float64).numpy()
    element = frame.flips(flips).after(frame.scales.scaled(scales))
    moved = architecture.flatten(element.apply(architecture.unflatten(theta)))
    inputs = torch.randn(4, *readable_shape(architecture), generator=numbers, dtype=torch.float64)
    before, after = run(architecture, torch.stack([theta, moved]), inputs)
    torch.testing.assert_close(after, before, rtol=1e-10, atol=1e-10)
    assert not torch.allclose(theta, moved)


def test_frames_are_made_once() -> None:
    assert frame_of(architecture_of("relu")) is frame_of(architecture_of("relu"))
    assert frame_of(architecture_of("relu")) is not frame_of(architecture_of("tanh"))


def test_dimensions_by_hand() -> None:
    frame = frame_of(mlp(widths=(3, 5, 4, 2), activations=[Activation("relu"), Activation("tanh")]))
    assert (frame.group.scales.dimension, frame.group.signs.dimension) == (5, 4)
    assert [len(next(family.points())) for family in frame.families] == [5, 4]
