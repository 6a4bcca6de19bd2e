"""What a trained model says about single networks: of checkpoint files, or of a population."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch

from scalegmn.errors import ConfigurationError, ScaleGMNError
from scalegmn.networks import Architecture
from scalegmn.populations import Population
from scalegmn.training._reading import ReadingOptions, read_network
from scalegmn.training._run_folder import Run
from scalegmn.training._run_predictor import (
    Advance,
    NetworkQuery,
    PredictionOutcome,
    RefusedNetwork,
    RunPredictor,
)

DEFAULT_LEVEL: Final = 0.9
"""Probability with which an interval covers the true number."""


def predict_files(
    run: Run,
    paths: Sequence[Path],
    *,
    reading: ReadingOptions | None = None,
    own: Sequence[Architecture] = (),
    level: float = DEFAULT_LEVEL,
    batch_size: int = 256,
    device: str | None = None,
    advance: Advance | None = None,
) -> list[PredictionOutcome]:
    """Predictions in the order of `paths`; what cannot be read is refused and the rest is done.

    Files are read one after the other and asked about in batches, so the memory that is needed does not grow
    with their number.

    Args:
        run: whose model predicts.
        paths: one network each.
        reading: what is known about the files.
        own: architectures that files may be of, beside those of the training.
        level: of intervals, where the task predicts a number.
        batch_size: networks at a time.
        device: where to compute, such as ``cpu`` or ``cuda:1``; by default a GPU if there is one.
        advance: is told how many networks were done.

    Raises:
        ConfigurationError: the model makes no predictions, the level is no probability, or there is no such
            device.
    """
    options, recognizer = reading or ReadingOptions(), run.recognizer_with(own)

    def networks() -> Iterator[NetworkQuery | RefusedNetwork]:
        for number, path in enumerate(paths):
            try:
                found = read_network(path, recognizer, options=options, dtype=torch.float32)
            except ConfigurationError:
                # The options are wrong, not the file.
                raise
            except (ScaleGMNError, MemoryError, RecursionError) as error:
                yield RefusedNetwork(path, str(error) or type(error).__name__, number)
            else:
                query = NetworkQuery(number, path, found.architecture, found.theta, found.notes)
                outside = run.outside_note(found.architecture) if found.architecture in own else None
                if outside is not None and run.task.only_known:
                    yield query.refuse(outside)
                else:
                    yield query.with_note(outside)

    asked = RunPredictor(run, level=level, device=device, batch_size=batch_size)
    return asked.predict(networks(), advance or _silent)


def predict_population(
    run: Run,
    population: Population,
    rows: np.ndarray,
    *,
    level: float = DEFAULT_LEVEL,
    batch_size: int = 256,
    device: str | None = None,
    advance: Advance | None = None,
) -> list[PredictionOutcome]:
    """Predictions for the networks `rows` of a population, in this order; see :func:`predict_files`."""
    recognizer = run.recognizer
    known = {a: recognizer.knows(a) for a in population.architectures}

    def networks() -> Iterator[NetworkQuery | RefusedNetwork]:
        for start in range(0, len(rows), batch_size):
            portion = rows[start : start + batch_size]
            found: dict[int, NetworkQuery] = {}
            for architecture, places, theta in population.groups(portion):
                notes = () if known[architecture] else (recognizer.outside_note(architecture),)
                for place, own in zip(places.tolist(), theta, strict=True):
                    number = int(portion[place])
                    found[place] = NetworkQuery(number, population.folder, architecture, own, notes)
            for place in range(len(portion)):
                one = found[place]
                if one.notes and run.task.only_known:
                    yield one.refuse(one.notes[0])
                else:
                    yield one

    asked = RunPredictor(run, level=level, device=device, batch_size=batch_size)
    return asked.predict(networks(), advance or _silent)


def _silent(amount: int | float) -> None:
    pass
