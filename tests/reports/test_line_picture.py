"""Pictures of the line between two networks."""

from __future__ import annotations

import numpy as np
import pytest

from scalegmn.reports import LineCurve, draw_lines
from scalegmn.reports._line_picture import LineError

WAY = (0.0, 0.5, 1.0)


def test_losses_and_errors_have_a_panel_each() -> None:
    before = LineCurve(fractions=WAY, losses=(0.3, 2.0, 0.4), errors=(0.1, 0.8, 0.1))
    after = LineCurve(fractions=WAY, losses=(0.3, 0.4, 0.4), errors=(0.1, 0.2, 0.1))
    figure = draw_lines({"as they are": before, "aligned": after}, title="Two networks")
    losses, errors = figure.axes
    for axes, middles in ((losses, [2.0, 0.4]), (errors, [0.8, 0.2])):
        drawn = [np.asarray(line.get_ydata()) for line in axes.lines]
        assert [values[1] for values in drawn if len(values) == len(WAY)] == middles
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["as they are", "aligned"]


def test_without_classes_there_is_one_panel() -> None:
    figure = draw_lines({"aligned": LineCurve(fractions=WAY, losses=(0.0, 0.2, 0.0))})
    assert len(figure.axes) == 1


@pytest.mark.parametrize(
    "line",
    [
        LineCurve(fractions=(0.0, 1.0), losses=(0.0, 0.0)),
        LineCurve(fractions=WAY, losses=(0.0, 0.0)),
        LineCurve(fractions=WAY, losses=(0.0, 0.0, 0.0), errors=(0.0,)),
    ],
)
def test_numbers_that_do_not_fit_are_refused(line: LineCurve) -> None:
    with pytest.raises(LineError, match="expected three points or more"):
        draw_lines({"aligned": line})


def test_no_lines_are_refused() -> None:
    with pytest.raises(LineError, match="no lines to draw"):
        draw_lines({})
