from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scalegmn.reports import COLORS, CurvePanel, Metrics, draw_curves, save_figure
from scalegmn.reports._metrics import MetricsError

RUNS = {
    "first": Metrics("a", {"val/loss": {0: 2.0, 1: 1.0}, "train/loss": {0: 1.5, 1: 0.5}}),
    "second": Metrics("b", {"val/loss": {0: 3.0, 1: 2.5}, "train/loss": {0: 2.5, 1: 2.0}}),
}
LOSS = CurvePanel("Loss", {"val/loss": "validation", "train/loss": "training"})


def test_a_color_per_run_and_a_style_per_metric(tmp_path: Path) -> None:
    figure = draw_curves(RUNS, [LOSS])
    lines = figure.axes[0].get_lines()
    assert [line.get_color() for line in lines] == [COLORS[0], COLORS[0], COLORS[1], COLORS[1]]
    assert len({line.get_linestyle() for line in lines}) == 2
    # Epochs are counted from 1 in pictures.
    np.testing.assert_array_equal(lines[0].get_xdata(), [1, 2])
    np.testing.assert_array_equal(lines[3].get_ydata(), [2.5, 2.0])
    keys = [text.get_text() for text in figure.legends[0].get_texts()]
    assert keys == ["first", "second", "validation", "training"]
    assert save_figure(figure, tmp_path / "curves.png").stat().st_size > 1000


def test_shares_go_from_nothing_to_all() -> None:
    runs = {"run": Metrics("a", {"accuracy": {0: 0.25}})}
    figure = draw_curves(runs, [CurvePanel("Accuracy", {"accuracy": "test"}, percent=True)])
    assert figure.axes[0].get_ylim() == (0, 1)


def test_missing_metric_is_named() -> None:
    with pytest.raises(MetricsError, match="no metric 'val/accuracy'"):
        draw_curves(RUNS, [CurvePanel("Accuracy", {"val/accuracy": "validation"})])


def test_a_panel_has_metrics() -> None:
    with pytest.raises(MetricsError, match="has 0 metrics, expected 1 to 3"):
        CurvePanel("Nothing", {})
