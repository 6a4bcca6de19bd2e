"""Settings of repairs that are chosen on the networks a trained editor learns from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from scalegmn.errors import ConfigurationError
from scalegmn.trojans.repair._report import Repairs, defense_rates
from scalegmn.trojans.repair.defenses import RepairMethod

_Method = TypeVar("_Method", bound=RepairMethod)


def score_of(repairs: Repairs) -> float:
    """What repairs are chosen by: mean DER of trojaned networks, less half of what others lose in accuracy.

    Half, because that is what a loss of accuracy costs in DER; so a repair must not hurt clean networks.

    Raises:
        ConfigurationError: no network is trojaned.
    """
    if not repairs.trojaned.any():
        raise ConfigurationError("no trojaned network to choose a repair by; give more training networks")
    rates = defense_rates(repairs.before, repairs.after)[repairs.trojaned]
    lost = np.maximum(0, repairs.before[:, 0] - repairs.after[:, 0])[~repairs.trojaned]
    return float(rates.mean() - (lost.mean() / 2 if len(lost) else 0.0))


def best_of(
    candidates: Sequence[_Method], judge: Callable[[Sequence[_Method]], Sequence[Repairs]]
) -> tuple[_Method, list[float]]:
    """The candidate with the largest score, the first of equals, and all scores.

    Args:
        candidates: one method with several settings.
        judge: repairs training networks with all of them, and returns the figures of each.

    Raises:
        ConfigurationError: there are no candidates.
    """
    if not candidates:
        raise ConfigurationError("no candidates to choose from; give one repair at least")
    scores = [score_of(repairs) for repairs in judge(candidates)]
    return candidates[max(range(len(scores)), key=scores.__getitem__)], scores
