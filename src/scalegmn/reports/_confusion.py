"""A confusion matrix as a heat map."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from scalegmn.errors import ScaleGMNError
from scalegmn.reports._figures import SEQUENTIAL, SMALL, TEXT, TITLE, blank, new_figure
from scalegmn.reports._palette import INK


class ConfusionError(ScaleGMNError, ValueError):
    """Counts are no square matrix, or names do not fit it."""


def draw_confusion(counts: np.ndarray, names: Sequence[str], *, title: str = "") -> Figure:
    """Counts in cells, colored by the fraction of the row: rows are what is true, columns the predictions.

    Args:
        counts: ``(C, C)``, ``counts[true, predicted]``.
        names: of the C classes.
        title: above the picture.

    Raises:
        ConfusionError: `counts` is not ``(C, C)`` for C names.
    """
    counts = np.asarray(counts)
    classes = len(names)
    if counts.shape != (classes, classes):
        raise ConfusionError(
            f"counts of shape {counts.shape} for {classes} names {list(names)}, expected {(classes,) * 2}"
        )
    totals = counts.sum(axis=1, keepdims=True)
    shares = counts / np.maximum(totals, 1)
    size = max(4.6, 1.6 + 0.55 * classes)
    figure = new_figure(width=size + 0.6, height=size)
    axes = figure.add_subplot()
    axes.imshow(shares, cmap=SEQUENTIAL, vmin=0, vmax=1, aspect="equal")
    blank(axes)
    fontsize = SMALL if classes <= 12 else 7
    for row, column in np.argwhere(counts > 0):
        color = "white" if shares[row, column] > 0.45 else INK
        axes.text(
            column, row, str(counts[row, column]), ha="center", va="center", color=color, fontsize=fontsize
        )
    # White lines between cells.
    edges = np.arange(classes + 1) - 0.5
    axes.hlines(edges, -0.5, classes - 0.5, color="#E8E8E8", linewidth=0.8)
    axes.vlines(edges, -0.5, classes - 0.5, color="#E8E8E8", linewidth=0.8)
    long = max((len(name) for name in names), default=0) > 3
    axes.set_xticks(
        range(classes), names, fontsize=TEXT, rotation=45 if long else 0, ha="right" if long else "center"
    )
    axes.set_yticks(range(classes), names, fontsize=TEXT)
    axes.tick_params(length=0, colors=INK)
    axes.set_xlabel("prediction", fontsize=TEXT, color=INK, labelpad=8)
    axes.set_ylabel("true class", fontsize=TEXT, color=INK, labelpad=8)
    axes.set_title(title, fontsize=TITLE, color=INK, loc="left", pad=12)
    right = axes.secondary_yaxis("right")
    right.set_yticks(
        range(classes),
        [f"{share:.0%}" if total else "" for share, total in zip(np.diag(shares), totals[:, 0], strict=True)],
    )
    right.tick_params(length=0, labelsize=SMALL, colors=INK)
    right.spines["right"].set_visible(False)
    right.set_ylabel("correct predictions", fontsize=SMALL, color=INK, labelpad=10)
    return figure
