"""The scores of scanned files beside those of clean networks of the calibration."""

from __future__ import annotations

from typing import Final

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from scalegmn.printable import how_many
from scalegmn.reports import GRAY, INK, ORANGE, SKY, SMALL, new_figure, tidy
from scalegmn.trojans.scanning._results import ScanReport, Verdict

_BINS: Final = 30
_COLORS: Final = {Verdict.suspect: ORANGE, Verdict.clean: GRAY}


def draw_scores(report: ScanReport) -> Figure:
    """A histogram of the clean networks' logits, and under it a mark for every evaluated file."""
    figure = new_figure(width=9.0, height=3.4)
    axes = figure.add_subplot()
    tidy(axes, title="Scores of the files, and of clean networks of the calibration")
    heights, _, _ = axes.hist(
        report.clean_logits,
        bins=_BINS,
        color=SKY,
        alpha=0.7,
        label=how_many(len(report.clean_logits), "clean network"),
    )
    top = max(1.0, float(np.max(heights)))
    for level, (verdict, color) in enumerate(_COLORS.items(), start=1):
        logits = [one.logit for one in report.files if one.verdict is verdict and one.logit is not None]
        if logits:
            height = np.full(len(logits), -0.07 * top * level)
            axes.plot(
                logits,
                height,
                linestyle="none",
                marker="|",
                markersize=13,
                markeredgewidth=1.6,
                color=color,
                label=how_many(len(logits), f"{verdict.value} file"),
            )
    axes.axhline(0, color=INK, linewidth=0.8)
    # Below 0 are marks, not numbers of networks.
    axes.set_yticks([tick for tick in MaxNLocator(integer=True).tick_values(0, top) if tick >= 0])
    axes.set_ylim(-0.24 * top, 1.08 * top)
    axes.set_xlabel("logit of the detector (larger is more suspicious)", color=INK)
    axes.set_ylabel("clean networks", color=INK)
    axes.legend(frameon=False, fontsize=SMALL, loc="upper right")
    return figure
