"""The heat map of differences has a row per parameter and a cell per channel."""

from __future__ import annotations

import numpy as np

from scalegmn.reports import draw_differences


def test_cells_are_darker_where_channels_differ() -> None:
    channels = {"a.weight": [0.0, 1.0, 0.001], "a.bias": [0.5]}
    axes = draw_differences(channels, title="two networks").axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a.weight", "a.bias"]
    first, second = axes.images
    cells = np.asarray(first.get_array())
    assert cells.shape == (1, 3) and cells[0, 1] == 1.0 and cells[0, 0] < cells[0, 2] < cells[0, 1]
    assert np.asarray(second.get_array()).shape == (1, 1)
    assert [text.get_text() for text in axes.texts] == ["3", "1"]


def test_rows_that_differ_most_are_shown() -> None:
    channels = {f"p{number}": [number / 100] for number in range(100)}
    axes = draw_differences(channels).axes[0]
    shown = [label.get_text() for label in axes.get_yticklabels()]
    assert shown == [f"p{number}" for number in range(20, 100)]
    assert "80 of 100" in axes.get_xlabel()


def test_a_wide_row_keeps_its_largest_channel() -> None:
    values = np.zeros(5000)
    values[1234] = 1.0
    image = draw_differences({"wide": values.tolist()}).axes[0].images[0]
    cells = np.asarray(image.get_array())
    assert cells.shape[1] < 1000 and cells.max() == 1.0


def test_nothing_is_a_picture_too() -> None:
    assert draw_differences({}).axes
    assert draw_differences({"empty": []}).axes
