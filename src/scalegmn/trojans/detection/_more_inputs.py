"""Reference inputs for a detector that was trained without."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from scalegmn.errors import PopulationError
from scalegmn.graph import NetworkBatch
from scalegmn.models.baselines.features import read_inputs
from scalegmn.populations import ARCHITECTURE_COLUMN, Population
from scalegmn.training import Run
from scalegmn.trojans.detection._calibrating import Calibration
from scalegmn.trojans.detection._more_clean import LEARNED_FROM, known_splits
from scalegmn.trojans.detection._reference_inputs import check_inputs, measure_answers

_PORTION: Final = 256


def with_reference_inputs(
    run: Run, calibration: Calibration, population: Population, *, inputs: Path
) -> Calibration:
    """The calibration with how networks of the training and of validation answer some inputs.

    Args:
        run: of the detector.
        calibration: its own.
        population: that it learned from; networks of neither training nor validation are left out.
        inputs: file of tensors ``(n, *shape)``, inputs as the networks take them, like those that they were
            trained on.

    Raises:
        ConfigurationError: the inputs are none for these networks, or it cannot be known which networks the
            detector learned from.
        CheckpointError: the file of inputs cannot be read.
        PopulationError: the networks of the training, or of validation, are not among these.
    """
    sets = read_inputs(inputs, origin=str(inputs))
    check_inputs(sets, run.architectures, origin=str(inputs))
    splits = known_splits(run, population, np.arange(len(population)))
    train, validation = (_batches(population, np.flatnonzero(splits == name)) for name in LEARNED_FROM)
    found = measure_answers(sets, train=train, validation=validation)
    if not found:
        raise PopulationError(
            f"{population.folder}: holds too few networks that the detector was trained and validated with, "
            "expected two and one of each kind; give the population of its training"
        )
    return dataclasses.replace(calibration, inputs=found)


def _batches(population: Population, rows: np.ndarray) -> Iterator[NetworkBatch]:
    numbers = population.column(ARCHITECTURE_COLUMN)[rows]
    for number, architecture in enumerate(population.architectures):
        own = rows[numbers == number]
        for start in range(0, len(own), _PORTION):
            theta = population.theta(own[start : start + _PORTION])
            yield NetworkBatch.from_parameters(architecture, theta)
