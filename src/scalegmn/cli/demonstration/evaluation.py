"""How good the two models are, and how much symmetries disturb them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scalegmn.cli.demonstration.settings import DemoSettings
from scalegmn.metrics import clustered_interval
from scalegmn.populations import Population
from scalegmn.seeding import numpy_generator
from scalegmn.symmetry import canonicalize_sine_phase
from scalegmn.training import Invariance, Run, measure_invariance


@dataclass(frozen=True, eq=False)
class DemoEvaluation:
    """What is said about one model.

    Attributes:
        accuracy: fraction of test networks whose image was told right.
        interval: its 95 % interval, over images.
        confusion: ``(C, C)``, true class by prediction.
        invariance: change of predictions under random symmetries.
        networks: in the test.
        images: that they draw.
        parameters: of the model.
    """

    accuracy: float
    interval: tuple[float, float]
    confusion: np.ndarray
    invariance: Invariance
    networks: int
    images: int
    parameters: int

    def to_dict(self) -> dict[str, Any]:
        """Plain data, fit for JSON."""
        return {
            "test_accuracy": self.accuracy,
            "test_accuracy_interval_95": list(self.interval),
            "test_networks": self.networks,
            "test_images": self.images,
            "parameters": self.parameters,
            "invariance": {
                "largest_error": self.invariance.largest,
                "median_error": self.invariance.median,
                "answers_changed": self.invariance.changed,
                "comparisons": self.invariance.comparisons,
            },
            "confusion": self.confusion.tolist(),
        }


def evaluate_model(folder: Path, population: Population, settings: DemoSettings) -> DemoEvaluation:
    """Test the model of a run on the test networks of a population."""
    run = Run.open(folder)
    rows = np.flatnonzero(population.column("split") == "test")
    labels, images = population.column("label")[rows], population.column("image")[rows]
    theta = population.theta(rows)
    answers = run.outputs(population.architecture, theta).argmax(dim=1).numpy()
    confusion = np.zeros((run.task.outputs, run.task.outputs), np.int64)
    np.add.at(confusion, (labels, answers), 1)
    count = min(settings.invariance_networks, len(rows))
    chosen = np.sort(
        numpy_generator(settings.seed, "demo", "invariance").choice(len(rows), count, replace=False)
    )
    return DemoEvaluation(
        accuracy=float(np.mean(answers == labels)),
        interval=clustered_interval(answers == labels, images),
        confusion=confusion,
        invariance=measure_invariance(
            run.predictor,
            population.architecture,
            canonicalize_sine_phase(population.architecture, theta[chosen]),
            draws=settings.invariance_draws,
            seed=settings.seed,
            shift_phase=True,
        ),
        networks=len(rows),
        images=len(np.unique(images)),
        parameters=sum(parameter.numel() for parameter in run.model.parameters()),
    )
