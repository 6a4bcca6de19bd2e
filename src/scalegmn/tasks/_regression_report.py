"""How well numbers were predicted: figures with their intervals, and what to print of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from scalegmn.errors import PopulationError
from scalegmn.metrics import bootstrap_interval, kendall_tau, r_squared, spearman_rho
from scalegmn.training import Report, Table

Statistic = Callable[[np.ndarray, np.ndarray], float | None]

_UNDEFINED: Final = "-"


def regression_report(
    true: np.ndarray,
    predicted: np.ndarray,
    *,
    label: str,
    log: bool,
    loss: float,
    groups: np.ndarray | None = None,
) -> Report:
    """Figures about predictions of one number per network.

    ``kendall_tau`` (tau-b, see :func:`~scalegmn.metrics.kendall_tau`), ``r2``, ``mae``,
    ``rmse``, ``spearman``, and 95 % bootstrap intervals of the first three.  What is undefined is None, and
    ``remarks`` says why: order needs different true values and different predictions.  With `log` all figures
    are about logarithms to base 10, which ``scale`` says.  The array ``predictions`` ``(n, 2)`` holds true
    and predicted numbers in the unit of the column.

    Args:
        true: ``(n,)``; logarithms where `log` is true.
        predicted: ``(n,)``, likewise.
        label: the column that was predicted.
        log: whether logarithms were.
        loss: as it was learned from, without the part about order.
        groups: ``(n,)``, which networks belong together; intervals come from resampling whole groups.

    Raises:
        PopulationError: there are no networks to evaluate, or a prediction is not finite.
    """
    count = len(true)
    if count == 0:
        raise PopulationError("there are no networks to evaluate; choose a split that has some")
    wrong = np.flatnonzero(~np.isfinite(predicted))
    if len(wrong):
        raise PopulationError(
            f"the model predicts {predicted[wrong[0]]} about network {wrong[0]} (and {len(wrong) - 1} more "
            f"of the {count} that it was asked about), expected finite numbers; look for huge parameters in "
            "these networks, or for a training that diverged"
        )

    def interval(statistic: Statistic) -> list[float] | None:
        found = bootstrap_interval(
            lambda rows: statistic(true[rows], predicted[rows]), count=count, groups=groups
        )
        return None if found is None else list(found)

    figures: dict[str, Any] = {"networks": count}
    statistics: dict[str, Statistic] = {"kendall_tau": kendall_tau, "r2": r_squared, "mae": _mae}
    for name, statistic in statistics.items():
        figures |= {name: statistic(true, predicted), f"{name}_interval_95": interval(statistic)}
    figures |= {
        "rmse": float(np.sqrt(np.square(true - predicted).mean())),
        "spearman": spearman_rho(true, predicted),
        "loss": loss,
        "label": label,
        "scale": "log10" if log else "linear",
        "remarks": _remarks(true, predicted, label),
    }
    both = np.stack([true, predicted], axis=1)
    return Report(figures, _tables(figures), {"predictions": 10**both if log else both})


def _mae(true: np.ndarray, predicted: np.ndarray) -> float:
    return float(np.abs(true - predicted).mean())


def _remarks(true: np.ndarray, predicted: np.ndarray, label: str) -> list[str]:
    """Why figures are undefined."""
    if len(true) == 1:
        return ["There is one network only, so Kendall's tau, Spearman's rho and R2 are undefined."]
    remarks = []
    if (true == true[0]).all():
        remarks.append(
            f"The column {label!r} is the same for all networks, so Kendall's tau, Spearman's rho and R2 are "
            "undefined."
        )
    if (predicted == predicted[0]).all():
        remarks.append(
            "The model outputs the same for all networks, so Kendall's tau and Spearman's rho are undefined."
        )
    return remarks


def _tables(figures: dict[str, Any]) -> tuple[Table, ...]:
    def shown(name: str) -> str | float:
        return _UNDEFINED if figures[name] is None else float(figures[name])

    def ends(name: str) -> tuple[str | float, str | float]:
        low, high = figures[f"{name}_interval_95"] or (_UNDEFINED, _UNDEFINED)
        return low, high

    names = {"kendall_tau": "Kendall tau", "r2": "R2", "mae": "mean absolute error"}
    rows = [(title, shown(name), *ends(name)) for name, title in names.items()]
    others = {"rmse": "root mean square error", "spearman": "Spearman rho", "loss": "loss"}
    rows += [(title, shown(name), "", "") for name, title in others.items()]
    scale = "log10 of " if figures["scale"] == "log10" else ""
    title = f"Prediction of {scale}{figures['label']}, {figures['networks']} networks"
    tables = [Table(title, ("figure", "value", "95 % from", "to"), tuple(rows))]
    if figures["remarks"]:
        tables.append(Table("Remarks", ("remark",), tuple((remark,) for remark in figures["remarks"])))
    return tuple(tables)
