"""The tables of a comparison: one to read, and two of full precision for other programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from scalegmn.comparison._differences import DRAWS, PairedDifference
from scalegmn.comparison._finished import ModelResult, RunResult
from scalegmn.comparison._results import Comparison
from scalegmn.reports import ResultTable, in_words, seconds
from scalegmn.training import MEAN_OF_FOLDS

_NOTHING: Final = "-"
# Of what a training left: its name in CSV files, and in results.json.
_FACTS: Final = {
    "parameters": "parameters",
    "seconds": "seconds",
    "networks_per_second": "train_networks_per_second",
    "test_seconds_per_network": "test_seconds_per_network",
    "test_flop_per_network": "test_flop_per_network",
}
# Of those that runs of older versions do not state: heading, factor, and what it means.
_OF_PREDICTIONS: Final = {
    "test_seconds_per_network": (
        "ms/prediction",
        1e3,
        "milliseconds per test network from its parameters to what is evaluated, drawings of edited networks "
        "included",
    ),
    "test_flop_per_network": (
        "MFLOP/prediction",
        1e-6,
        "millions of multiplications and additions of matrix products and convolutions per test network; "
        "sums over edges and what trees do are not counted",
    ),
}


@dataclass(frozen=True)
class NumberFormat:
    """How the values of one figure are rounded, alike for all models.

    Attributes:
        specification: of Python's format language, without a sign.
    """

    specification: str

    @classmethod
    def from_comparison(cls, comparison: Comparison, metric: str) -> NumberFormat:
        """Four digits after the point; three that count where all values are tiny."""
        values = [abs(value) for model in comparison.models for value in model.defined_values(metric)]
        return cls(".4f" if max(values, default=0.0) >= 0.01 else ".2e")

    def __call__(self, value: float) -> str:
        return format(value, self.specification)

    def format_signed(self, value: float) -> str:
        """Format a difference, always with its sign."""
        return format(value, f"+{self.specification}")


def title_of(metric: str) -> str:
    """What a figure is called in headings."""
    plain = metric.removesuffix(f"_{MEAN_OF_FOLDS}")
    if plain != metric:
        return f"{title_of(plain)}, mean of folds"
    return in_words(metric)


def comparison_table(comparison: Comparison) -> ResultTable:
    """Everything to read in one table; rounded."""
    left, right = figures_table(comparison), costs_table(comparison)
    rows = [(*mine, *others[1:]) for mine, others in zip(left.rows, right.rows, strict=True)]
    return ResultTable.from_values((*left.columns, *right.columns[1:]), rows, title=left.title)


def figures_table(comparison: Comparison) -> ResultTable:
    """Per model mean and standard deviation over seeds."""
    formats = {metric: NumberFormat.from_comparison(comparison, metric) for metric in comparison.metrics}
    rows = [
        [
            model.name,
            *(spread_of(model, metric, number) for metric, number in formats.items()),
            _seeds(model, comparison),
        ]
        for model in comparison.models
    ]
    columns = ("model", *map(title_of, formats), "seeds")
    return ResultTable.from_values(columns, rows, title=caption(comparison))


def costs_table(comparison: Comparison) -> ResultTable:
    """Per model the difference from the reference, size and speed."""
    differences = comparison.differences
    with_interval = any(difference.interval is not None for difference in differences.values())
    number = NumberFormat.from_comparison(comparison, comparison.metrics[0])
    stated = _stated(comparison)
    rows = [
        [model.name, _difference(differences.get(model.name), number), *_costs(model, stated)]
        for model in comparison.models
    ]
    minus = f"minus {comparison.reference}" + (" (95 %)" if with_interval else "")
    headings = [_OF_PREDICTIONS[name][0] for name in stated]
    columns = ["model", minus, "parameters", "training", "networks/s", *headings]
    return ResultTable.from_values(columns, rows)


def notes(comparison: Comparison) -> list[str]:
    """What the table does not say by itself."""
    seeds = ", ".join(map(str, comparison.seeds))
    found = [
        f"Mean ± standard deviation over the seeds {seeds}; all models saw the same networks. Training: "
        "seconds of all epochs, mean over seeds."
    ]
    if comparison.folds is not None:
        found.append(
            f"Every network was predicted by a model that learned from the other {comparison.folds - 1} of "
            f"{comparison.folds} folds, and the figures are about all predictions together; "
            f"{title_of(comparison.metrics[-1])} is that of each fold by itself. Costs are those of a fold."
        )
    stated = [_OF_PREDICTIONS[name] for name in _stated(comparison)]
    found += [f"{heading}: {meaning}." for heading, _, meaning in stated]
    if any(not model.trained for model in comparison.models):
        names = ", ".join(model.name for model in comparison.models if not model.trained)
        found.append(f"Without any model: {names}.")
    if any(difference.interval is not None for difference in comparison.differences.values()):
        found.append(
            f"Differences are in {title_of(comparison.metrics[0])}, mean over seeds. Their 95 % intervals "
            f"come from a paired bootstrap over test networks ({DRAWS} resamples, in whole groups where "
            "networks belong together), with the training runs as they are; the spread over seeds is not "
            "in them."
        )
    elif comparison.differences:
        found.append(f"Differences are in {title_of(comparison.metrics[0])}, paired by seed.")
    return found


def caption(comparison: Comparison) -> str:
    """What was compared."""
    data = comparison.data
    tested = (data.test_population or data.population).name
    which = "test networks" if comparison.folds is None else "networks"
    how = "" if comparison.folds is None else f", each out of one of {comparison.folds} folds"
    size = "" if data.train_groups is None else f", {data.train_groups} groups to learn from"
    return f"{comparison.task.title}: {comparison.networks} {which} of {tested}{how}{size}"


def table_csv(comparison: Comparison) -> str:
    """A row per model, with full precision."""
    columns = ["model"]
    for metric in comparison.metrics:
        columns += [f"{metric}_mean", f"{metric}_sd"]
        columns += [f"{metric}_seed{seed}" for seed in comparison.seeds]
    columns += ["reference", "difference", "difference_sd", "difference_95_low", "difference_95_high"]
    columns += ["seeds", *_FACTS]
    rows = []
    for model in comparison.models:
        runs = {run.seed: run for run in model.runs}
        row: list[object] = [model.name]
        for metric in comparison.metrics:
            row += [model.mean(metric), model.deviation(metric)]
            row += [runs[seed].value(metric) if seed in runs else None for seed in comparison.seeds]
        difference = comparison.differences.get(model.name)
        row += [comparison.reference, *difference_ends(difference), len(model.runs)]
        rows.append([*row, *(_whole(model.fact(name)) for name in _FACTS.values())])
    return _csv(columns, rows)


def runs_csv(comparison: Comparison) -> str:
    """A row per training, with every number of its report, and full precision."""
    runs = [(model.name, run) for model in comparison.models if model.trained for run in model.runs]
    figures = list(dict.fromkeys([*comparison.metrics, *(name for _, run in runs for name in _numbers(run))]))
    intervals = [metric for metric in figures if any(run.interval(metric) is not None for _, run in runs)]
    facts = list(dict.fromkeys(name for _, run in runs for name in run.results if name != "test"))
    columns = ["model", "seed", "folder", *(f"test_{name}" for name in figures)]
    columns += [f"test_{name}_95_{end}" for name in intervals for end in ("low", "high")]
    rows = []
    for name, run in runs:
        row: list[object] = [name, run.seed, run.folder, *(run.test.get(figure) for figure in figures)]
        for metric in intervals:
            row += run.interval(metric) or (None, None)
        rows.append([*row, *(run.results.get(fact) for fact in facts)])
    return _csv([*columns, *facts], rows)


def _csv(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    # An empty cell is what other programs read as missing.
    cells = [["" if cell is None else cell for cell in row] for row in rows]
    return ResultTable.from_values(columns, cells).to_csv()


def _numbers(run: RunResult) -> list[str]:
    return [
        name
        for name, value in run.test.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    ]


def _whole(value: float | None) -> float | int | None:
    return int(value) if value is not None and value == int(value) else value


def difference_ends(difference: PairedDifference | None) -> tuple[float | None, ...]:
    """Mean, deviation over seeds, and the ends of the interval."""
    if difference is None:
        return (None,) * 4
    return (difference.mean, difference.deviation, *(difference.interval or (None, None)))


def spread_of(model: ModelResult, metric: str, number: NumberFormat) -> str:
    """Mean and standard deviation over seeds, in words where there are none."""
    mean, deviation = model.mean(metric), model.deviation(metric)
    if mean is None:
        # Some models do not address every question of a task.
        asked = any(metric in run.test for run in model.runs)
        return "undefined" if asked else _NOTHING
    text = number(mean) if deviation is None or not model.trained else f"{number(mean)} ± {number(deviation)}"
    missing = len(model.runs) - len(model.defined_values(metric))
    return f"{text} ({missing} undefined)" if missing else text


def _difference(difference: PairedDifference | None, number: NumberFormat) -> str:
    if difference is None:
        return _NOTHING
    mean = number.format_signed(difference.mean)
    if difference.interval is not None:
        low, high = map(number.format_signed, difference.interval)
        return f"{mean} ({low} to {high})"
    return mean if difference.deviation is None else f"{mean} ± {number(difference.deviation)}"


def _seeds(model: ModelResult, comparison: Comparison) -> str:
    if not model.trained:
        return _NOTHING
    done, all_of_them = len(model.runs), len(comparison.seeds)
    return str(done) if done == all_of_them else f"{done} of {all_of_them}"


def _stated(comparison: Comparison) -> list[str]:
    """What a prediction takes, as far as any training says it; older ones do not."""
    return [name for name in _OF_PREDICTIONS if any(model.fact(name) for model in comparison.models)]


def _costs(model: ModelResult, stated: Sequence[str]) -> list[str]:
    parameters, time, speed = (model.fact(name) for name in tuple(_FACTS.values())[:3])
    costs = [
        # Trees have none.
        f"{parameters:,.0f}" if parameters else _NOTHING,
        _NOTHING if time is None else seconds(time),
        _NOTHING if speed is None else f"{speed:,.0f}",
    ]
    for name in stated:
        value = model.fact(name)
        costs.append(f"{_OF_PREDICTIONS[name][1] * value:.3g}" if value else _NOTHING)
    return costs
