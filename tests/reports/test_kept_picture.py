from __future__ import annotations

from pathlib import Path

import pytest
import torch

from scalegmn.reports import draw_function_kept, save_figure
from scalegmn.reports._kept_picture import KeptPictureError


def test_a_panel_for_each_pair(tmp_path: Path) -> None:
    before = torch.linspace(-1, 1, 12).reshape(3, 4)
    figure = draw_function_kept(
        {"weights": (before, 2 * before), "outputs": (before, before)}, title="A twin"
    )
    first, second = figure.get_axes()
    assert first.texts[0].get_text() == "largest change 1"
    assert second.texts[0].get_text() == "largest change 0"
    assert len(first.collections[0].get_offsets()) == 12
    assert save_figure(figure, tmp_path / "kept.png").stat().st_size > 1000


def test_of_many_numbers_some_are_drawn() -> None:
    many = torch.zeros(5000)
    (axes,) = draw_function_kept({"weights": (many, many)}).get_axes()
    assert len(axes.collections[0].get_offsets()) == 3000


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ({}, "no pairs"),
        ({"a": (torch.zeros(2), torch.zeros(3))}, "one shape"),
        ({"a": (torch.zeros(0), torch.zeros(0))}, "at least one"),
        ({"a": (torch.zeros(1), torch.tensor([torch.nan]))}, "not finite"),
    ],
)
def test_what_cannot_be_drawn_is_refused(
    pairs: dict[str, tuple[torch.Tensor, torch.Tensor]], message: str
) -> None:
    with pytest.raises(KeptPictureError, match=message):
        draw_function_kept(pairs)
