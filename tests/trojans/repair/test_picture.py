from __future__ import annotations

import pytest
from matplotlib.figure import Figure

from scalegmn.reports import BLUE, COLORS, GRAY, ORANGE
from scalegmn.trojans.repair import RepairPoint, draw_repairs
from scalegmn.trojans.repair._picture import RepairPictureError

POINTS = [
    RepairPoint("no repair", 0, 0.97, 0.8, reference=True),
    RepairPoint("editor", 0, 0.1, 0.78, (0.05, 0.2), (0.77, 0.79)),
    RepairPoint("fine-tuning", 500, 0.4, 0.79),
    RepairPoint("fine-tuning", 100, 0.6, 0.75),
]


def marks(figure: Figure) -> list[tuple[str, str, float, float]]:
    """Marker, color and place of every point."""
    lines = [line for line in figure.axes[0].lines if line.get_marker() not in ("None", "", "|", "_")]
    return [
        (
            str(line.get_marker()),
            str(line.get_color()),
            float(line.get_xdata()[0]),
            float(line.get_ydata()[0]),
        )
        for line in lines
        if len(line.get_xdata()) == 1
    ]


def test_points_are_where_their_figures_are() -> None:
    figure = draw_repairs(POINTS, title="all")
    found = marks(figure)
    assert [(shape, color) for shape, color, _, _ in found] == [
        ("D", GRAY),
        ("D", BLUE),
        ("o", ORANGE),
        ("o", ORANGE),
    ]
    # Points of one method stand in the order of their images.
    expected = [97, 80, 10, 78, 60, 75, 40, 79]
    assert [number for mark in found for number in mark[2:]] == pytest.approx(expected)
    joined = [line for line in figure.axes[0].lines if len(line.get_xdata()) == 2]
    assert [list(line.get_xdata()) for line in joined] == [pytest.approx([60, 40])]
    assert [text.get_text() for text in figure.axes[0].texts] == ["100", "500"]
    assert figure.axes[0].get_title(loc="left") == "all"
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "no repair",
        "editor",
        "fine-tuning",
    ]
    assert figure.axes[0].get_xlim()[0] <= 0


def test_more_methods_than_colors() -> None:
    points = [RepairPoint(f"method {number}", 0, 0.1 * number, 0.5) for number in range(len(COLORS) + 1)]
    figure = draw_repairs(points)
    assert len({color for _, color, _, _ in marks(figure)}) == len(COLORS)
    handles = figure.legends[0].legend_handles
    assert handles[0].get_markerfacecolor() != handles[-1].get_markerfacecolor() == "white"  # type: ignore[union-attr]


def test_nothing_to_draw() -> None:
    with pytest.raises(RepairPictureError, match="no repairs"):
        draw_repairs([])
