"""A calibration diagram: whether probabilities can be believed."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from scalegmn.errors import ScaleGMNError
from scalegmn.metrics import expected_calibration_error, wilson_interval
from scalegmn.reports import BLUE, GRAY, INK, SKY, new_figure, tidy


class CalibrationDiagramError(ScaleGMNError, ValueError):
    """The bins are empty, or are no bins."""


def draw_calibration(bins: np.ndarray, *, title: str = "") -> Figure:
    """The fraction of trojaned networks in every bin against its mean probability, above the bins' sizes.

    Points on the diagonal can be believed; below it the detector says too much, above it too little.  Bars
    are Wilson's 95 % intervals.

    Args:
        bins: lower end, networks, mean probability and fraction of trojaned ones, ``(k, 4)``
            (:func:`scalegmn.metrics.calibration_bins`).
        title: above the picture.

    Raises:
        CalibrationDiagramError: the bins are none, or no rows of three numbers.
    """
    bins = np.asarray(bins, dtype=np.float64)
    if bins.ndim != 2 or bins.shape[1] != 4 or not bins[:, 1].sum() > 0:
        raise CalibrationDiagramError(
            f"bins of shape {bins.shape}, expected (k, 4) with at least one network in them"
        )
    filled = bins[bins[:, 1] > 0]
    counts, means, shares = filled[:, 1], filled[:, 2], filled[:, 3]
    figure = new_figure(width=5.4, height=6.4)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[4, 1])
    error = f"expected calibration error {expected_calibration_error(bins):.3f}"
    tidy(above, title=f"{title}\n{error}" if title else error)
    above.plot([0, 1], [0, 1], color=GRAY, linewidth=1.2, linestyle=(0, (4, 3)), zorder=1)
    ends = np.array(
        [
            wilson_interval(hits=round(share * count), total=int(count))
            for share, count in zip(shares, counts, strict=True)
        ]
    )
    above.vlines(means, ends[:, 0], ends[:, 1], color=SKY, linewidth=4, alpha=0.6, zorder=2)
    above.plot(means, shares, color=BLUE, marker="o", markersize=6, linewidth=1.2, zorder=3)
    above.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    above.set_ylabel("fraction that is trojaned", color=INK)
    tidy(below)
    width = 1 / len(bins)
    below.bar(bins[:, 0], bins[:, 1], width=0.92 * width, align="edge", color=SKY)
    below.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
    below.set_ylabel("networks", color=INK)
    below.set_xlabel("probability of being trojaned", color=INK)
    return figure
