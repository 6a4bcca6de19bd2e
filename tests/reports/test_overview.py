from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from scalegmn.networks import siren
from scalegmn.reports import Overview, draw_overview, save_figure
from scalegmn.reports._overview import OverviewError


def overview(**changes: object) -> Overview:
    architecture = siren(widths=(2, 4, 1))
    arguments: dict[str, object] = {
        "images": np.random.default_rng(0).random((3, 8, 8)),
        "drawings": np.random.default_rng(1).random((3, 16, 16)),
        "captions": ["a", "b", "c"],
        "shown": 1,
        "architecture": architecture,
        "theta": torch.ones(architecture.num_parameters),
    }
    return Overview(**arguments | changes)  # type: ignore[arg-type]


def test_images_stand_above_drawings(tmp_path: Path) -> None:
    given = overview()
    figure = draw_overview(given, title="Three")
    pictures = [axes for axes in figure.subfigs[0].axes if axes.images]
    assert len(pictures) == 6
    np.testing.assert_array_equal(pictures[2].images[0].get_array(), given.images[2])
    np.testing.assert_array_equal(pictures[3].images[0].get_array(), given.drawings[0])
    framed = [any(spine.get_visible() for spine in axes.spines.values()) for axes in pictures]
    assert framed == [False, True, False] * 2
    assert save_figure(figure, tmp_path / "overview.png").stat().st_size > 10_000


def test_color_images(tmp_path: Path) -> None:
    architecture = siren(widths=(2, 4, 3), shift=0.0)
    given = overview(
        images=np.zeros((3, 8, 8, 3)),
        drawings=np.full((3, 8, 8, 3), 1.5),
        architecture=architecture,
        theta=torch.ones(architecture.num_parameters),
        channels=("red", "green", "blue"),
    )
    save_figure(draw_overview(given), tmp_path / "overview.png")


@pytest.mark.parametrize("changes", [{"captions": ["a"]}, {"shown": 3}, {"drawings": np.zeros((2, 8, 8))}])
def test_parts_must_fit(changes: dict[str, object]) -> None:
    with pytest.raises(OverviewError, match="3 images"):
        overview(**changes)
