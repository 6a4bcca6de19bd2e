"""The pictures of a comparison: every training as a dot, and predictions beside the truth."""

from __future__ import annotations

from typing import Final

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from scalegmn.comparison._finished import ModelResult, mean_of
from scalegmn.comparison._results import Comparison
from scalegmn.comparison._table import NumberFormat, caption, title_of
from scalegmn.errors import ScaleGMNError
from scalegmn.reports import (
    BLUE,
    INK,
    SKY,
    SMALL,
    TEXT,
    MeasuredLine,
    ScatterPanel,
    draw_measured,
    draw_roc,
    draw_scatter,
    in_words,
    new_figure,
    tidy,
)
from scalegmn.training import CURVE

# Half of the height in a row over which the dots of several seeds are spread.
_SPREAD: Final = 0.16


class ComparisonError(ScaleGMNError, ValueError):
    """There is nothing to draw."""


def draw_comparison(comparison: Comparison) -> Figure:
    """The first figure of every model: a dot per seed, a line at the mean, the best model on top.

    A pale bar is the 95 % interval over test networks of the first seed that is finished, where the task
    gives one.

    Raises:
        ComparisonError: no model has a value.
    """
    metric = comparison.metrics[0]
    models = [model for model in comparison.models if model.defined_values(metric)]
    if not models:
        raise ComparisonError(f"no training has a value of {metric!r}; nothing can be drawn")
    figure = new_figure(width=9.2, height=1.9 + 0.5 * len(models))
    axes = figure.add_subplot()
    tidy(axes, title=caption(comparison))
    axes.grid(visible=False, axis="y")
    for row, model in enumerate(models):
        values = model.defined_values(metric)
        interval = model.runs[0].interval(metric)
        if interval is not None:
            axes.hlines(row, *interval, color=SKY, linewidth=9, alpha=0.4, zorder=1)
        offsets = np.linspace(-_SPREAD, _SPREAD, len(values)) if len(values) > 1 else np.zeros(1)
        axes.scatter(values, row + offsets, s=42, color=BLUE, edgecolor="white", linewidth=0.8, zorder=3)
        axes.vlines(_mean(model, metric), row - 0.33, row + 0.33, color=INK, linewidth=2, zorder=2)
    axes.set_ylim(len(models) - 0.45, -0.55)
    axes.set_yticks(range(len(models)), [model.name for model in models], fontsize=TEXT)
    where = "on test networks" if comparison.folds is None else "out of fold"
    better = "larger" if comparison.task.larger_is_better else "smaller"
    axes.set_xlabel(f"{title_of(metric)} {where} ({better} is better)", color=INK)
    number = NumberFormat.from_comparison(comparison, metric)
    right = axes.secondary_yaxis("right")
    right.set_yticks(range(len(models)), [number(_mean(model, metric)) for model in models])
    right.tick_params(length=0, labelsize=SMALL, colors=INK)
    right.spines["right"].set_visible(False)
    right.set_ylabel("mean", fontsize=SMALL, color=INK, labelpad=8)
    _draw_key(figure, interval=any(model.runs[0].interval(metric) is not None for model in models))
    return figure


def draw_predictions(comparison: Comparison) -> Figure | None:
    """Predicted against true numbers, a panel per model with its first seed.

    None where the task does not predict numbers.
    """
    panels, log = [], False
    for model in comparison.models:
        numbers = model.runs[0].predictions if model.runs else None
        if numbers is not None:
            seed = f", seed {model.runs[0].seed}" if len(comparison.seeds) > 1 else ""
            panels.append(ScatterPanel(model.name + seed, numbers[:, 0], numbers[:, 1]))
            log = model.runs[0].test.get("scale") == "log10"
    if not panels:
        return None
    return draw_scatter(panels, label=in_words(comparison.data.label), log=log, title=caption(comparison))


def draw_comparison_curves(comparison: Comparison) -> Figure | None:
    """The ROC curves of all models with their first seeds; None where the task does not detect anything."""
    curves = {}
    for model in comparison.models:
        points = model.runs[0].curve if model.runs else None
        if points is not None:
            curves[model.name] = points
    seeds = {model.runs[0].seed for model in comparison.models if model.name in curves}
    which = f", seed {seeds.pop()}" if len(seeds) == 1 and len(comparison.seeds) > 1 else ""
    return draw_roc(curves, title=caption(comparison) + which) if curves else None


def draw_bins(comparison: Comparison, column: str) -> Figure | None:
    """The first figure of every model over the bins of a column; bars are 95 % intervals of the first seed.

    None where no model has a value.
    """
    metric, lines = comparison.metrics[0], {}
    for model in comparison.models:
        bins = [run.test[f"{CURVE}_{column}"] for run in model.runs if f"{CURVE}_{column}" in run.test]
        # Bins are those of the networks, and so the same for all models and seeds.
        parts = [part for part in zip(*bins, strict=True) if part[0]["figures"] is not None]
        values = [
            mean_of([v for one in part if (v := one["figures"].get(metric)) is not None]) for part in parts
        ]
        ends = [part[0]["figures"].get(f"{metric}_interval_95") for part in parts]
        if any(value is not None for value in values):
            bars = [None if pair is None else (float(pair[0]), float(pair[1])) for pair in ends]
            places = [float(part[0]["median"]) for part in parts]
            lines[model.name] = MeasuredLine(places=places, values=values, bars=bars)
    if not lines:
        return None
    label = f"{title_of(metric)} out of fold, mean over seeds"
    return draw_measured(lines, label=in_words(column), figure_label=label, title=caption(comparison))


def _mean(model: ModelResult, metric: str) -> float:
    mean = model.mean(metric)
    assert mean is not None, "models without a value are not drawn"
    return mean


def _draw_key(figure: Figure, *, interval: bool) -> None:
    keys = {
        "one seed": Line2D([], [], linestyle="none", marker="o", color=BLUE, markersize=7),
        "mean over seeds": Line2D([], [], linestyle="none", marker="|", color=INK, markersize=11, mew=2),
    }
    if interval:
        keys["95 % interval of the first seed, over test networks"] = Line2D(
            [], [], color=SKY, alpha=0.4, linewidth=9
        )
    figure.legend(
        keys.values(),
        keys.keys(),
        loc="outside lower center",
        ncols=len(keys),
        frameon=False,
        fontsize=SMALL,
        columnspacing=2.2,
    )
