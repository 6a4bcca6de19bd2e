"""How well networks were repaired: figures before and after, over trojaned and over clean networks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
from jaxtyping import Bool, Float

from scalegmn.errors import PopulationError
from scalegmn.metrics import bootstrap_interval
from scalegmn.training import Report, Table

LIMITS: Final = (0.1, 0.2)
"""An attack success rate below these counts as a trigger that no longer works."""
DROP: Final = 0.02
"""A loss of accuracy below this counts as none."""

Figures = Float[np.ndarray, "n 3"]
"""C-Acc, ASR and RA of every network."""


def defense_rates(before: Figures, after: Figures) -> Float[np.ndarray, " n"]:
    """The defense effectiveness rating of every network, 0 to 1; 0.5 for a network that was left alone.

    ``(max(0, ASR_before - ASR_after) - max(0, C-Acc_before - C-Acc_after) + 1) / 2``, as BackdoorBench has it
    (Wu et al. 2022; Zhu et al. 2023).
    """
    gained = np.maximum(0, before[:, 1] - after[:, 1])
    lost = np.maximum(0, before[:, 0] - after[:, 0])
    rates: np.ndarray = (gained - lost + 1) / 2
    return rates


@final
@dataclass(frozen=True, eq=False)
class Repairs:
    """Networks before and after repair.

    Attributes:
        before, after: figures, ``(n, 3)``; for networks that are not trojaned, with the trigger and target of
            their sibling.
        trojaned: which networks are, ``(n,)``.
        groups: what each network belongs to, such as its base network, ``(n,)``; intervals come from
            resampling whole groups.

    Raises:
        PopulationError: there are no networks.
    """

    before: Figures
    after: Figures
    trojaned: Bool[np.ndarray, " n"]
    groups: np.ndarray | None = None

    def __post_init__(self) -> None:
        if not len(self.before):
            raise PopulationError("there are no networks to evaluate; choose a split that has some")

    def summary(self) -> dict[str, Any]:
        """Figures by name, and 95 % intervals under ``NAME_interval_95``; None where no network has one."""
        found: dict[str, Any] = {"networks": len(self.before), "trojaned": int(self.trojaned.sum())}
        for name, (values, chosen) in self._values().items():
            found[name] = float(values[chosen].mean()) if chosen.any() else None
            found[f"{name}_interval_95"] = self._interval(values, chosen)
        return found

    def _values(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Per figure: a value of every network, and the networks that the mean is over."""
        before, after, bad = self.before, self.after, self.trojaned
        kept = before[:, 0] - after[:, 0] < DROP
        return {
            "der": (defense_rates(before, after), bad),
            "c_acc": (after[:, 0], bad),
            "asr": (after[:, 1], bad),
            "ra": (after[:, 2], bad),
            "c_acc_before": (before[:, 0], bad),
            "asr_before": (before[:, 1], bad),
            "ra_before": (before[:, 2], bad),
            **{f"share_asr_below_{limit:g}": (after[:, 1] < limit, bad) for limit in LIMITS},
            "share_c_acc_kept": (kept, bad),
            "share_mended": ((after[:, 1] < LIMITS[1]) & kept, bad),
            "c_acc_change_of_clean": (after[:, 0] - before[:, 0], ~bad),
            "share_c_acc_kept_of_clean": (kept, ~bad),
        }

    def _interval(self, values: np.ndarray, chosen: np.ndarray) -> list[float] | None:
        places = np.flatnonzero(chosen)
        groups = None if self.groups is None else self.groups[places]
        mean: Callable[[np.ndarray], float] = lambda rows: float(values[places[rows]].mean())  # noqa: E731
        found = bootstrap_interval(mean, count=len(places), groups=groups) if len(places) else None
        return None if found is None else list(found)


def repair_report(
    *,
    before: Figures,
    after: Figures,
    trojaned: Bool[np.ndarray, " n"],
    groups: np.ndarray | None = None,
) -> Report:
    """Means with 95 % intervals, fractions of mended networks, and what became of clean ones.

    The entry ``no_repair`` holds the same figures of networks that were left as they were.  The arrays
    `before` and `after`, ``(n, 3)``, are the figures of every network.

    Raises:
        PopulationError: there are no networks.
    """
    done = Repairs(before, after, trojaned, groups).summary()
    nothing = Repairs(before, before, trojaned, groups).summary()
    rows = {"repaired": done, "left alone": nothing}
    columns = ("der", "c_acc", "asr", "ra", "share_asr_below_0.1", "share_asr_below_0.2", "share_c_acc_kept")
    tables = (
        Table(
            "Trojaned networks",
            ("networks", "DER", "C-Acc", "ASR", "RA", "ASR < 10 %", "ASR < 20 %", "C-Acc kept"),
            tuple((name, *(_cell(summary[column]) for column in columns)) for name, summary in rows.items()),
        ),
        Table(
            "Clean networks",
            ("networks", "change of C-Acc", "95 % from", "to", "C-Acc kept"),
            (
                (
                    str(len(before) - done["trojaned"]),
                    _cell(done["c_acc_change_of_clean"]),
                    *(done["c_acc_change_of_clean_interval_95"] or ("", "")),
                    _cell(done["share_c_acc_kept_of_clean"]),
                ),
            ),
        ),
    )
    return Report({**done, "no_repair": nothing}, tables, {"before": before, "after": after})


def _cell(figure: float | None) -> float | str:
    return "" if figure is None else figure
