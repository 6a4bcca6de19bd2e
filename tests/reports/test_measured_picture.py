from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from scalegmn.reports import MeasuredLine, draw_measured, save_figure
from scalegmn.reports._measured_picture import MeasuredLineError

LINE = MeasuredLine(places=[75.0, 150.0, 600.0], values=[0.6, None, 0.8], bars=[(0.5, 0.7), None, None])


@pytest.mark.parametrize("ratios", [False, True])
def test_values_stand_at_their_places_and_what_is_unknown_is_left_out(ratios: bool, tmp_path: Path) -> None:
    lines = {"a": LINE, "b" * 60: LINE}
    figure = draw_measured(lines, label="groups", figure_label="AUROC", title="t", ratios=ratios)
    (axes,) = figure.axes
    first, second = axes.lines
    assert list(first.get_ydata()) == [0.6, 0.8]
    # Lines stand beside each other, about at their places.
    assert list(first.get_xdata()) == pytest.approx([75.0, 600.0], rel=0.05)
    assert first.get_xdata()[0] < second.get_xdata()[0]
    (bar,) = axes.collections[0].get_segments()
    assert bar[:, 1].tolist() == [0.5, 0.7]
    if ratios:
        assert [tick.get_text() for tick in axes.get_xticklabels()] == ["75", "150", "600"]
    assert len(second.get_label()) == 40
    assert save_figure(figure, tmp_path / "a.png").stat().st_size > 1000


def test_one_place_is_drawn() -> None:
    line = MeasuredLine(places=[75.0], values=[0.6], bars=[None])
    for ratios in (False, True):
        figure = draw_measured({"a": line, "b": line}, label="", figure_label="", ratios=ratios)
        assert figure.axes[0].lines[0].get_xdata()[0] == 75.0


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (MeasuredLine(places=[1.0], values=[None], bars=[None]), "no line has a value"),
        (MeasuredLine(places=[1.0, 2.0], values=[0.5], bars=[None]), "2 places, 1 values and 1 bars"),
        (MeasuredLine(places=[float("nan")], values=[0.5], bars=[None]), "expected finite places"),
    ],
)
def test_what_cannot_be_drawn(line: MeasuredLine, message: str) -> None:
    with pytest.raises(MeasuredLineError, match=message):
        draw_measured({"a": line}, label="", figure_label="")


def test_names_of_many_lines_stand_beside_their_ends_and_apart() -> None:
    lines = {
        str(n): MeasuredLine(places=[1.0, 2.0], values=[0.5, 0.7 + n / 1000], bars=[None] * 2)
        for n in range(9)
    }
    figure = draw_measured(lines, label="", figure_label="")
    (axes,) = figure.axes
    heights = {text.get_text(): text.get_position()[1] for text in axes.texts}
    assert not figure.legends and sorted(heights, key=lambda name: heights[name]) == list(lines)
    ordered = sorted(heights.values())
    assert min(b - a for a, b in pairwise(ordered)) == pytest.approx(0.062)
