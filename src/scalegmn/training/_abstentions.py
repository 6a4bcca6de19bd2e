"""What a test says about the networks that a model does not abstain on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from scalegmn.graph import Records
from scalegmn.training._breakdown import table_line
from scalegmn.training._task import AnyTask, Report, Table

ABSTENTIONS: Final = "abstentions"
"""Entry of a summary with the figures of answered networks, by the rule that chooses them."""


def with_abstentions(
    task: AnyTask,
    report: Report,
    outputs: Tensor | Records,
    targets: Tensor | Records,
    *,
    answered: Mapping[str, np.ndarray],
    groups: np.ndarray | None,
) -> Report:
    """A report that also says what holds of answered networks alone, and how many are not answered.

    Args:
        task: what is evaluated.
        report: about all n networks.
        outputs: about all n.
        targets: of all n.
        answered: which networks are, ``(n,)``, by the name of the rule; without any, nothing changes.
        groups: which networks belong together, ``(n,)``; see :meth:`Task.report`.
    """
    if not answered:
        return report
    names = task.headline or (task.monitor,)
    entries: dict[str, Any] = {}
    lines = [("all networks", len(targets), 0.0, *table_line("", 0, report.summary, names)[2:])]
    for rule, kept in answered.items():
        count, left = int(kept.sum()), int((~kept).sum())
        figures: dict[str, Any] | None = report.summary if not left else None
        if count and left:
            chosen = np.flatnonzero(kept)
            index = torch.from_numpy(chosen)
            part = None if groups is None else groups[chosen]
            figures = task.report(outputs[index], targets[index], groups=part).summary
        entries[rule] = {
            "networks": count,
            "abstained": left,
            "fraction_abstained": left / len(kept),
            "figures": None if figures is None else {**figures},
        }
        shown = table_line("", 0, figures or {}, names)[2:]
        lines.append((rule.replace("_", " "), count, left / len(kept), *shown))
    columns = (
        "answered",
        "networks",
        "fraction abstained",
        *(one for name in names for one in (name, "95 % from", "to")),
    )
    table = Table("With abstentions", columns, tuple(lines))
    return Report({**report.summary, ABSTENTIONS: entries}, (*report.tables, table), report.arrays)
