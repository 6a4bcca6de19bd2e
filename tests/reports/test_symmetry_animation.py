from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image

from scalegmn.networks import Activation, mlp, run
from scalegmn.reports import animate_symmetry
from scalegmn.reports._symmetry_animation import _part_of
from scalegmn.reports._twin_picture import TwinPictureError
from scalegmn.seeding import generator
from scalegmn.symmetry import SymmetryAction

NETWORK = mlp(widths=(1, 3, 3, 1), activations=[Activation("relu"), Activation("tanh")])
THETA = torch.randn(NETWORK.num_parameters, generator=generator(0, "way"), dtype=torch.float64)
ELEMENT = SymmetryAction(NETWORK).draw(generator=generator(1, "way"), spread=4.0)


def test_frames_stand_at_both_ends_and_move_between(tmp_path: Path) -> None:
    path = animate_symmetry(NETWORK, THETA, ELEMENT, tmp_path / "way.gif", frames=2)
    with Image.open(path) as picture:
        assert picture.n_frames == 5  # type: ignore[attr-defined]
        durations = []
        for number in range(5):
            picture.seek(number)
            durations.append(picture.info["duration"])
    assert durations[1] < durations[0] == durations[2] == durations[4]


@pytest.mark.parametrize("part", [0.0, 0.3, 0.5, 0.9, 1.0])
def test_every_part_of_the_way_keeps_the_function(part: float) -> None:
    action = SymmetryAction(NETWORK)
    moved = action.apply(THETA, _part_of(ELEMENT, part))
    points = torch.linspace(-2, 2, 9, dtype=torch.float64)[:, None]
    before, after = run(NETWORK, torch.stack([THETA, moved]), points)
    torch.testing.assert_close(after, before, rtol=1e-12, atol=1e-12)


def test_the_whole_way_is_the_element_without_its_moves() -> None:
    whole = _part_of(ELEMENT, 1.0)
    torch.testing.assert_close(whole.scale, ELEMENT.scale)
    assert torch.equal(_part_of(ELEMENT, 0.0).scale, torch.ones_like(ELEMENT.scale))


@pytest.mark.parametrize(("frames", "name"), [(1, "way.gif"), (4, "way.png")])
def test_wrong_files_and_frames_are_refused(frames: int, name: str, tmp_path: Path) -> None:
    with pytest.raises(TwinPictureError, match=r"ends in \.gif"):
        animate_symmetry(NETWORK, THETA, ELEMENT, tmp_path / name, frames=frames)
    assert not list(tmp_path.iterdir())
