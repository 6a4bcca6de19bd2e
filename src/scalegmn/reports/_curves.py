"""Learning curves of one or several runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, PercentFormatter

from scalegmn.reports._figures import TEXT, new_figure, tidy
from scalegmn.reports._metrics import Metrics, MetricsError
from scalegmn.reports._palette import COLORS, GRAY

# Of the lines of a panel, in the order of its metrics.
_STYLES: Final[tuple[Any, ...]] = ("-", (0, (4, 2)), (0, (1, 1.5)))
# Up to so many epochs each of them gets a dot.
_MARKED: Final = 30


@dataclass(frozen=True)
class CurvePanel:
    """One pair of axes.

    Attributes:
        title: what is shown.
        metrics: per metric what it is called, three at most; the first has a solid line, the next a dashed
            and the third a dotted one.
        percent: the values are fractions of 1 and are shown in percent.
    """

    title: str
    metrics: Mapping[str, str]
    percent: bool = False

    def __post_init__(self) -> None:
        if not 1 <= len(self.metrics) <= len(_STYLES):
            raise MetricsError(
                f"the panel {self.title!r} has {len(self.metrics)} metrics, expected 1 to {len(_STYLES)}"
            )


def draw_curves(runs: Mapping[str, Metrics], panels: Sequence[CurvePanel]) -> Figure:
    """Panels side by side; a color per run, a style of line per metric.

    Args:
        runs: metrics by the name of the run.
        panels: what to show.

    Raises:
        MetricsError: a run lacks a metric of a panel.
    """
    figure = new_figure(width=5.4 * len(panels), height=4.4)
    colors = {run: COLORS[number % len(COLORS)] for number, run in enumerate(runs)}
    for number, panel in enumerate(panels):
        axes = figure.add_subplot(1, len(panels), number + 1)
        _draw_panel(axes, runs, panel, colors)
    keys = {run: Line2D([], [], color=color, linewidth=3) for run, color in colors.items()}
    for panel in panels:
        for place, name in enumerate(panel.metrics.values()):
            if len(panel.metrics) > 1 and name not in keys:
                keys[name] = Line2D([], [], color=GRAY, linestyle=_STYLES[place], linewidth=1.8)
    figure.legend(
        keys.values(),
        keys.keys(),
        loc="outside lower center",
        ncols=len(keys) if len(keys) <= 5 else 4,
        frameon=False,
        fontsize=TEXT,
        handlelength=2.4,
        columnspacing=2.4,
    )
    return figure


def _draw_panel(
    axes: Axes, runs: Mapping[str, Metrics], panel: CurvePanel, colors: Mapping[str, str]
) -> None:
    largest = 0.0
    for run, metrics in runs.items():
        for place, metric in enumerate(panel.metrics):
            epochs, values = metrics.series(metric)
            largest = max(largest, *values)
            few = len(epochs) <= _MARKED and place == 0
            axes.plot(
                [epoch + 1 for epoch in epochs],
                values,
                color=colors[run],
                linestyle=_STYLES[place],
                linewidth=2 if place == 0 else 1.4,
                marker="o" if few else None,
                markersize=4,
                clip_on=False,
            )
    tidy(axes, title=panel.title)
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if panel.percent:
        axes.yaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=0))
        axes.set_ylim(0, 1)
    else:
        axes.set_ylim(0, 1.05 * largest or 1)
