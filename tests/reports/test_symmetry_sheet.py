"""The picture of a symmetry group has one column per family and one row per parameter."""

from __future__ import annotations

import numpy as np
from matplotlib.collections import PathCollection

from scalegmn.reports import draw_symmetries
from scalegmn.symmetry.discovery import ChannelFamily


def family(*names: str, scales: int = 0, signs: int = 0) -> ChannelFamily:
    return ChannelFamily(origin="", moved=tuple((name, (0,)) for name in names), scales=scales, signs=signs)


def test_marks_stand_where_a_family_acts() -> None:
    families = [family("a.weight", "b.weight", scales=5), family("b.weight", scales=2, signs=2)]
    axes = draw_symmetries(families, ["a.weight", "a.bias", "b.weight"]).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a.weight", "a.bias", "b.weight"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["5", "2"]
    marks = [collection for collection in axes.collections if isinstance(collection, PathCollection)]
    columns_and_rows = [
        (round(float(x)), int(y)) for mark in marks for x, y in np.asarray(mark.get_offsets())
    ]
    assert sorted(columns_and_rows) == [(0, 0), (0, 2), (1, 2), (1, 2)]


def test_what_is_left_out_is_named() -> None:
    families = [family(f"p{index}", scales=1) for index in range(130)]
    axes = draw_symmetries(families, [f"p{index}" for index in range(125)]).axes[0]
    assert axes.get_xlabel().endswith("10 families left out; 5 parameters left out")
