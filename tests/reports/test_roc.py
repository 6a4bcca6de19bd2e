from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scalegmn.metrics import auroc, calibration_bins, roc_points
from scalegmn.reports import draw_roc, save_figure
from scalegmn.reports._roc import MARKED, RocError, area_under
from scalegmn.trojans.detection import draw_calibration
from scalegmn.trojans.detection._calibration_diagram import CalibrationDiagramError


def curve(seed: int, shift: float) -> tuple[np.ndarray, float]:
    random = np.random.default_rng(seed)
    truth = random.integers(2, size=60)
    scores = np.round(random.normal(size=60) + shift * truth, 1)
    points, area = roc_points(truth, scores), auroc(truth, scores)
    assert points is not None and area is not None
    return points, area


def test_curves_are_drawn_with_their_areas(tmp_path: Path) -> None:
    (good, area), (bad, other) = curve(0, 2.0), curve(1, 0.2)
    figure = draw_roc({"good": good, "bad": bad}, title="Detectors")
    left, right = figure.axes
    for axes in (left, right):
        drawn = [line.get_xydata() for line in axes.lines]
        for points in (good, bad):
            assert any(len(line) == len(points) and np.allclose(line, points[:, :2]) for line in drawn)
        marks = [line.get_xdata()[0] for line in axes.lines if len(set(np.asarray(line.get_xdata()))) == 1]
        assert set(MARKED) <= set(marks)
    assert right.get_xlim()[1] < 0.2 < left.get_xlim()[1]
    (key,) = figure.legends
    assert [text.get_text() for text in key.get_texts()] == [
        f"good: AUROC {area:.3f}",
        f"bad: AUROC {other:.3f}",
    ]
    assert area_under(good) == pytest.approx(area)
    assert save_figure(figure, tmp_path / "roc.png").stat().st_size > 1000


def test_many_curves_look_different() -> None:
    figure = draw_roc({str(number): curve(number, 1.0)[0] for number in range(15)})
    (key,) = figure.legends
    looks = {(line.get_color(), str(line.get_linestyle())) for line in key.get_lines()}
    assert len(looks) == 15


def test_what_is_no_curve_is_refused() -> None:
    with pytest.raises(RocError, match="no curves"):
        draw_roc({})
    with pytest.raises(RocError, match=r"'a' has the ends \[\[0.0, 0.0\], \[0.5, 1.0\]\]"):
        draw_roc({"a": np.array([[0.0, 0.0], [0.5, 1.0]])})


def test_calibration_shows_filled_bins() -> None:
    truth = np.array([0, 0, 1, 1, 1])
    bins = calibration_bins(truth, np.array([0.1, 0.12, 0.95, 0.97, 0.13]))
    figure = draw_calibration(bins, title="Probabilities")
    above, below = figure.axes
    points = above.lines[1].get_xydata()
    np.testing.assert_allclose(points, bins[bins[:, 1] > 0][:, 2:])
    assert [bar.get_height() for bar in below.patches] == bins[:, 1].tolist()
    assert above.get_title(loc="left").startswith("Probabilities\nexpected calibration error 0.")
    assert not above.texts, "the points may lie anywhere"


@pytest.mark.parametrize("bins", [np.zeros((15, 4)), np.zeros((3, 2)), np.zeros(4)])
def test_empty_bins_are_refused(bins: np.ndarray) -> None:
    with pytest.raises(CalibrationDiagramError, match="at least one network"):
        draw_calibration(bins)
