"""How well trojaned networks were told from clean ones: figures with their intervals, and what to print."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from scalegmn.errors import PopulationError
from scalegmn.metrics import (
    BINS,
    auroc,
    bootstrap_interval,
    brier_score,
    calibration_bins,
    expected_calibration_error,
    rate_at,
    roc_points,
    wilson_interval,
)
from scalegmn.training import Report, Table

SCORES: Final = "scores"
ROC: Final = "roc"
RELIABILITY: Final = "calibration"
"""Names of the arrays of a report about detection."""

_UNDEFINED: Final = "-"


def detection_report(
    truth: np.ndarray,
    logits: np.ndarray,
    *,
    suspects: np.ndarray,
    guesses: np.ndarray | None,
    label: str,
    loss: float,
    groups: np.ndarray | None = None,
) -> Report:
    """Figures about a detector.

    ``auroc``; ``tpr_at_1_fpr`` and ``tpr_at_5_fpr``, the fraction of trojaned networks that are found when at
    most 1 or 5 % of the clean ones raise an alarm; these with 95 % bootstrap intervals.  ``brier``; ``ece``,
    the expected calibration error of the probability of "trojaned" in 15 bins of equal width; ``accuracy`` at
    a probability of 0.5.  ``target_accuracy``, the fraction of trojaned networks with a known target whose
    suspected class is the right one, with Wilson's interval; absent where the model does not predict it.
    What is undefined is None, and ``remarks`` says why.

    The arrays: ``scores`` ``(n, 2)``, truth and logit of every network; ``roc`` and ``calibration``, see
    :func:`~scalegmn.metrics.roc_points` and
    :func:`~scalegmn.metrics.calibration_bins`.

    Args:
        truth: ``(n,)``, 1 for trojaned networks.
        logits: ``(n,)``, of "trojaned".
        suspects: ``(n,)``, the attacker's class, or -1 where there is none or it is unknown.
        guesses: ``(n,)``, the suspected classes; None from a model that predicts none.
        label: the column that says what is trojaned.
        loss: as it was learned from.
        groups: ``(n,)``, which networks come from one base network; intervals resample whole groups.

    Raises:
        PopulationError: there are no networks to evaluate, or a prediction is not finite.
    """
    count = len(truth)
    _refuse(logits)
    probabilities = _sigmoid(logits)
    bins = calibration_bins(truth, probabilities)
    figures: dict[str, Any] = {"networks": count, "trojaned": int(truth.sum())}
    for name, statistic in _STATISTICS.items():
        figures[name] = statistic(truth, logits)
        figures[f"{name}_interval_95"] = _interval(statistic, truth, logits, groups)
    figures |= {
        "brier": brier_score(truth, probabilities),
        "ece": expected_calibration_error(bins),
        "accuracy": float(((logits >= 0) == (truth == 1)).mean()),
        "loss": loss,
    }
    if guesses is not None:
        figures |= _target_figures(suspects, guesses)
    figures |= {"label": label, "remarks": _remarks(truth, logits)}
    arrays = {SCORES: np.stack([truth.astype(np.float64), logits], axis=1), RELIABILITY: bins}
    curve = roc_points(truth, logits)
    if curve is not None:
        arrays[ROC] = curve
    return Report(figures, _tables(figures), arrays)


def _refuse(logits: np.ndarray) -> None:
    if not len(logits):
        raise PopulationError("there are no networks to evaluate; choose a split that has some")
    wrong = np.flatnonzero(~np.isfinite(logits))
    if len(wrong):
        raise PopulationError(
            f"the model predicts {logits[wrong[0]]} about network {wrong[0]} (and {len(wrong) - 1} more of "
            f"the {len(logits)} that it was asked about), expected finite numbers; look for huge parameters "
            "in these networks, or for a training that diverged"
        )


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    # Of numbers below 0 in either case, whose exponential cannot overflow.
    small = np.exp(-np.abs(logits))
    return np.where(logits >= 0, 1 / (1 + small), small / (1 + small))


def _rate_1(truth: np.ndarray, scores: np.ndarray) -> float | None:
    return rate_at(truth, scores, false_positives=0.01)


def _rate_5(truth: np.ndarray, scores: np.ndarray) -> float | None:
    return rate_at(truth, scores, false_positives=0.05)


_STATISTICS: Final[dict[str, Callable[[np.ndarray, np.ndarray], float | None]]] = {
    "auroc": auroc,
    "tpr_at_1_fpr": _rate_1,
    "tpr_at_5_fpr": _rate_5,
}


def _interval(
    statistic: Callable[[np.ndarray, np.ndarray], float | None],
    truth: np.ndarray,
    logits: np.ndarray,
    groups: np.ndarray | None,
) -> list[float] | None:
    found = bootstrap_interval(
        lambda rows: statistic(truth[rows], logits[rows]), count=len(truth), groups=groups
    )
    return None if found is None else list(found)


def _target_figures(suspects: np.ndarray, guesses: np.ndarray) -> dict[str, Any]:
    known = suspects >= 0
    hits, total = int((guesses == suspects)[known].sum()), int(known.sum())
    return {
        "target_accuracy": hits / total if total else None,
        "target_accuracy_interval_95": list(wilson_interval(hits=hits, total=total)) if total else None,
        "targets_known": total,
    }


def _remarks(truth: np.ndarray, logits: np.ndarray) -> list[str]:
    """Why figures are undefined, or coarse."""
    positive, clean = int(truth.sum()), int((truth == 0).sum())
    if not positive or not clean:
        kind = "trojaned" if positive else "clean"
        return [f"All {len(truth)} networks are {kind}, so AUROC and rates are undefined."]
    remarks = []
    if (logits == logits[0]).all():
        remarks.append("The model outputs the same for all networks.")
    if clean < 100:
        remarks.append(
            f"There are {clean} clean networks, so at 1 % false positives none of them may raise an alarm."
        )
    return remarks


def _tables(figures: dict[str, Any]) -> tuple[Table, ...]:
    names = {
        "auroc": "AUROC",
        "tpr_at_1_fpr": "TPR at 1 % FPR",
        "tpr_at_5_fpr": "TPR at 5 % FPR",
        "target_accuracy": "accuracy of the suspected target",
        "brier": "Brier score",
        "ece": f"expected calibration error, {BINS} bins",
        "accuracy": "accuracy at 0.5",
        "loss": "loss",
    }
    rows = []
    for name, title in names.items():
        if name in figures:
            value = figures[name]
            missing = (_UNDEFINED, _UNDEFINED) if f"{name}_interval_95" in figures else ("", "")
            low, high = figures.get(f"{name}_interval_95") or missing
            rows.append((title, _UNDEFINED if value is None else float(value), low, high))
    count, trojaned = figures["networks"], figures["trojaned"]
    title = f"Detection of {figures['label']} networks: {trojaned} of {count}"
    tables = [Table(title, ("figure", "value", "95 % from", "to"), tuple(rows))]
    if figures["remarks"]:
        tables.append(Table("Remarks", ("remark",), tuple((remark,) for remark in figures["remarks"])))
    return tuple(tables)
