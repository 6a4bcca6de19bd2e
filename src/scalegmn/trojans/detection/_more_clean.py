"""More clean networks for a detector to compare with, so that every architecture has enough of its own."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from scalegmn.errors import ConfigurationError, PopulationError
from scalegmn.populations import ARCHITECTURE_COLUMN, Population, rows_where
from scalegmn.training import Run, own_splits
from scalegmn.trojans.detection._calibrating import Calibration
from scalegmn.trojans.detection._task import TrojanDetection

LEARNED_FROM: Final = ("train", "val")


def with_more_clean(
    run: Run, calibration: Calibration, population: Population, *, where: Mapping[str, Any] | None = None
) -> Calibration:
    """The calibration with the logits of further clean networks, each among those of its architecture.

    P-values are conformal within an architecture (Mondrian: Vovk, "Conditional Validity of Inductive
    Conformal Predictors", 2012).

    Law: a clean network that is exchangeable with the n clean ones of its architecture has a p-value of at
    most α with a probability of at most α, and none below ``1 / (n + 1)``; 1 % needs 99.

    Args:
        run: of the detector.
        calibration: its own.
        population: networks that it has not learned from, with or without the column that says whether they
            are trojaned; without it all of them are taken to be clean.  Trojaned networks, networks of
            training and of validation, networks of unknown architectures, and those about which the detector
            returns no finite number are left out.
        where: by the name of a column, a value or a list of values.

    Raises:
        ConfigurationError: it cannot be known whether the detector learned from them.
        PopulationError: nothing is left.
    """
    rows = np.flatnonzero(rows_where(population, where or {}, option="where"))
    label = run.task.label if isinstance(run.task, TrojanDetection) else ""
    if label in population.columns:
        rows = rows[population.column(label)[rows] == 0]
    rows = rows[~np.isin(known_splits(run, population, rows), LEARNED_FROM)]
    found = _logits(run, calibration, population, rows)
    if not sum(map(len, found.values())):
        raise PopulationError(
            f"{population.folder}: holds no clean network of the architectures of the detector that it has "
            "not learned from; give others"
        )
    more = np.concatenate(list(found.values()))
    return dataclasses.replace(
        calibration,
        networks=calibration.networks + len(more),
        clean=np.sort(np.concatenate([calibration.clean, more])),
        by_architecture={
            name: np.sort(np.concatenate([own, found.get(name, np.empty(0))]))
            for name, own in calibration.by_architecture.items()
        },
    )


def known_splits(run: Run, population: Population, rows: np.ndarray) -> np.ndarray:
    """The split in which a detector has each of some networks, as :func:`own_splits` says.

    Raises:
        ConfigurationError: it cannot be known.
    """
    splits = own_splits(run, population, rows)
    if splits is None:
        raise ConfigurationError(
            f"{population.folder}: it is not known which of these networks the detector learned from; train "
            "it again, which leaves a list of them"
        )
    return splits


def _logits(
    run: Run, calibration: Calibration, population: Population, rows: np.ndarray
) -> dict[str, np.ndarray]:
    """Logits of the networks, by the fingerprint of their architecture."""
    found: dict[str, np.ndarray] = {}
    numbers = population.column(ARCHITECTURE_COLUMN)[rows]
    for number, architecture in enumerate(population.architectures):
        own = rows[numbers == number]
        if architecture.fingerprint in calibration.by_architecture and len(own):
            outputs = run.outputs(architecture, population.theta(own))[:, 0].double().cpu().numpy()
            found[architecture.fingerprint] = outputs[np.isfinite(outputs)]
    return found
