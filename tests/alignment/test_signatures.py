"""Signatures of channels: they move as the channels do, and know no signs."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from scalegmn.alignment._frames import frame_of
from scalegmn.seeding import generator
from scalegmn.symmetry.discovery import GroupElement

from .networks import FAMILIES, architecture_of, drawn


@pytest.mark.parametrize("family", FAMILIES)
def test_they_move_with_channels_and_know_no_signs(family: str) -> None:
    architecture = architecture_of(family)
    frame, numbers = frame_of(architecture), generator(0, family)
    state = architecture.unflatten(drawn(architecture))
    moves: dict[int, int] = {}
    for one in frame.families:
        moves.update(one.group.random(numbers))
    flips = torch.randint(2, (frame.group.signs.dimension,), generator=numbers).numpy()
    moved = GroupElement(rearrangements=frame.group.permutations.rearrangements(moves)).apply(
        frame.flips(flips).apply(state)
    )
    before, after = frame.signatures.of(state), frame.signatures.of(moved)
    size = before.abs().amax(dim=0)
    points, places = (torch.tensor(list(side)) for side in (moves.keys(), moves.values()))
    assert ((after[places] - before[points]).abs() / size).max() < 1e-9
    assert ((after[points] - before[points]).abs() / size).max() > 0.1


@pytest.mark.parametrize("family", FAMILIES)
def test_they_tell_all_channels_of_a_family_apart(family: str) -> None:
    architecture = architecture_of(family)
    frame = frame_of(architecture)
    found = frame.signatures.of(architecture.unflatten(drawn(architecture)))
    for one in frame.families:
        varied = 0
        for points in one.points():
            own = found[torch.from_numpy(points)]
            # Heads own no numbers; the channels within them do.
            if (spread := own.std(dim=0, correction=0)).any():
                varied += 1
                own = own[:, spread > 0] / spread[spread > 0]
                assert torch.cdist(own, own)[~torch.eye(len(own), dtype=torch.bool)].min() > 1e-3
        assert varied


def test_scales_are_left_to_the_representative() -> None:
    architecture = architecture_of("relu")
    frame = frame_of(architecture)
    state = architecture.unflatten(drawn(architecture))
    moved = frame.scales.scaled(np.linspace(-1, 1, frame.group.scales.dimension)).apply(state)
    own, others = (frame.signatures.of(frame.balance.element(one).apply(one)) for one in (state, moved))
    torch.testing.assert_close(own, others, rtol=1e-9, atol=1e-9)
    assert not torch.allclose(frame.signatures.of(state), frame.signatures.of(moved))


@pytest.mark.parametrize("value", [0.0, 0.5])
def test_networks_of_equal_numbers_have_finite_ones(value: float) -> None:
    architecture = architecture_of("siren")
    theta = torch.full((architecture.num_parameters,), value, dtype=torch.float64)
    assert torch.isfinite(frame_of(architecture).signatures.of(architecture.unflatten(theta))).all()
