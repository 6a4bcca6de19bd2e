"""Learning curves: the comparisons of several sizes of the training set beside each other."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping

from matplotlib.figure import Figure

from scalegmn.comparison._config import ComparisonConfig
from scalegmn.comparison._finished import ModelResult
from scalegmn.comparison._results import Comparison, collect
from scalegmn.comparison._table import NumberFormat, caption, difference_ends, spread_of, title_of
from scalegmn.csv_text import csv_text
from scalegmn.reports import MeasuredLine, ResultTable, draw_measured


def collect_sizes(config: ComparisonConfig) -> dict[int, Comparison]:
    """What is finished, by the number of groups that was learned from; sizes without anything are left out.

    Raises:
        ConfigurationError: a run folder is damaged.
    """
    found = {part.data.train_groups: collect(part) for part in config.parts}
    return {size: one for size, one in found.items() if size is not None and one is not None}


def sizes_table(sizes: Mapping[int, Comparison]) -> ResultTable:
    """Per model its first figure at every size; the models in the order of the largest."""
    largest = sizes[max(sizes)]
    metric = largest.metrics[0]
    # One format for all, so that columns can be compared.
    number = NumberFormat.from_comparison(largest, metric)
    rows = [
        [name, *("-" if model is None else spread_of(model, metric, number) for model in found.values())]
        for name, found in _by_model(sizes).items()
    ]
    columns = ("model", *(f"{size} groups" for size in sizes))
    return ResultTable.from_values(columns, rows, title=f"{title_of(metric)}. {_caption(largest)}")


def sizes_csv(sizes: Mapping[int, Comparison]) -> str:
    """A row per model and size, with full precision: figures over seeds, and the difference in the first."""
    metrics = sizes[max(sizes)].metrics
    columns = ["model", "groups", "seeds"]
    columns += [f"{metric}_{kind}" for metric in metrics for kind in ("mean", "sd")]
    columns += ["reference", "difference", "difference_sd", "difference_95_low", "difference_95_high"]
    rows = []
    for name, found in _by_model(sizes).items():
        for size, model in found.items():
            if model is not None:
                figures = [one for metric in metrics for one in (model.mean(metric), model.deviation(metric))]
                ends = difference_ends(sizes[size].differences.get(name))
                rows.append([name, size, len(model.runs), *figures, sizes[size].reference, *ends])
    return csv_text([columns, *([_cell(cell) for cell in row] for row in rows)])


def draw_sizes(sizes: Mapping[int, Comparison]) -> Figure | None:
    """The first figure of every model against the size; bars are one standard deviation over seeds.

    None where no model has a value.
    """
    largest = sizes[max(sizes)]
    metric = largest.metrics[0]
    lines = {name: line for name, line in _lines(sizes, metric) if any(v is not None for v in line.values)}
    if not lines:
        return None
    return draw_measured(
        lines,
        label="groups of networks to learn from",
        figure_label=f"{title_of(metric)}, mean over seeds",
        title=_caption(largest),
        ratios=True,
    )


def _lines(sizes: Mapping[int, Comparison], metric: str) -> Iterator[tuple[str, MeasuredLine]]:
    for name, found in _by_model(sizes).items():
        known = {size: model for size, model in found.items() if model is not None}
        means = [model.mean(metric) for model in known.values()]
        spreads = [model.deviation(metric) for model in known.values()]
        bars = [
            None if mean is None or spread is None else (mean - spread, mean + spread)
            for mean, spread in zip(means, spreads, strict=True)
        ]
        yield name, MeasuredLine(places=[float(size) for size in known], values=means, bars=bars)


def _by_model(sizes: Mapping[int, Comparison]) -> dict[str, dict[int, ModelResult | None]]:
    """Results by model and size, ascending; None where nothing is finished."""
    found = {size: {model.name: model for model in one.models if model.runs} for size, one in sizes.items()}
    names = [model.name for model in sizes[max(sizes)].models]
    return {name: {size: found[size].get(name) for size in sorted(sizes)} for name in names}


def _caption(comparison: Comparison) -> str:
    """What was compared, whatever the size."""
    data = dataclasses.replace(comparison.data, train_groups=None)
    return caption(dataclasses.replace(comparison, data=data))


def _cell(value: object) -> object:
    # An empty cell is what other programs read as missing.
    return "" if value is None else value
