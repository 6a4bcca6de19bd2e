"""Which networks a detector says something about, and on which it abstains."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from scalegmn.errors import ConfigurationError
from scalegmn.graph import GraphSpec
from scalegmn.networks import Architecture
from scalegmn.populations import ARCHITECTURE_COLUMN
from scalegmn.training import InvariantStatistics, NetworkDataset, Run
from scalegmn.trojans.detection._calibrating import CALIBRATION, TYPICALITY, Calibration
from scalegmn.trojans.detection._reference_inputs import compare_answers

TYPICAL: Final = "typical"
"""The rule that leaves out networks far from those of the training, whatever their architecture: by their
weights and, with reference inputs, by their answers, or by these alone if the model is of any width."""
SCANNED: Final = "typical_of_a_known_architecture"
"""The rule of ``scalegmn scan``, which also leaves out architectures that are not those of the training."""

_PORTION: Final = 256


def answered_networks(
    networks: NetworkDataset, *, folder: Path, known: Sequence[Architecture]
) -> dict[str, np.ndarray]:
    """For each rule by name, whether a detector decides about each network, ``(n,)``.

    Nothing where the training was not calibrated, because its logits were not finite.

    Args:
        networks: to be evaluated.
        folder: the run folder of the detector.
        known: architectures of the networks of the training.

    Raises:
        ConfigurationError: the calibration is damaged.
    """
    if not (folder / CALIBRATION).is_file():
        return {}
    calibration, statistics = Calibration.load(folder), InvariantStatistics(known)
    if calibration.inputs and Run.open(folder).predictor.any_width:
        return _by_answers(networks, calibration)
    if len(calibration.typicality.mean) != statistics.size:
        raise ConfigurationError(
            f"{folder / TYPICALITY}: holds {len(calibration.typicality.mean)} statistics of a network, "
            f"expected {statistics.size}; restore it or train again"
        )
    population, limits = networks.population, dataclasses.asdict(GraphSpec.from_architectures(known))
    numbers = population.column(ARCHITECTURE_COLUMN)[networks.rows]
    typical, calibrated = (np.zeros(len(networks), bool) for _ in range(2))
    for number in np.unique(numbers).tolist():
        architecture = population.architectures[number]
        places = np.flatnonzero(numbers == number)
        calibrated[places] = architecture.fingerprint in calibration.by_architecture
        needed = dataclasses.asdict(GraphSpec.from_architectures([architecture]))
        if any(needed[name] > limits[name] for name in limits):
            # It has layers of which nothing is known.
            continue
        for start in range(0, len(places), _PORTION):
            batch = networks[places[start : start + _PORTION]]
            distances = calibration.typicality.distance(statistics.compute(batch)).numpy()
            # NaN is not at most anything.
            near = distances <= calibration.threshold
            if calibration.inputs:
                near &= [not one.unlike for one in compare_answers(calibration.inputs, batch)]
            typical[batch.positions.numpy()] = near
    return {TYPICAL: typical, SCANNED: typical & calibrated}


def _by_answers(networks: NetworkDataset, calibration: Calibration) -> dict[str, np.ndarray]:
    """For a detector of any width with reference inputs, which looks at no weights."""
    typical, calibrated = (np.zeros(len(networks), bool) for _ in range(2))
    for start in range(0, len(networks), _PORTION):
        batch = networks[np.arange(start, min(start + _PORTION, len(networks)))]
        known = [
            (architecture.fingerprint in calibration.by_architecture)
            for architecture, theta in batch.parts
            for _ in range(len(theta))
        ]
        places = batch.positions.numpy()
        calibrated[places] = known
        typical[places] = [not one.unlike for one in compare_answers(calibration.inputs, batch)]
    return {TYPICAL: typical, SCANNED: typical & calibrated}
