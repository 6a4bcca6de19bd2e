"""One small detector for all tests that only need any."""

from __future__ import annotations

import pytest

from scalegmn.trojans.scanning import Detector
from tests.trojans.scanning.cases import detector_population, train_detector


@pytest.fixture(scope="session")
def small_detector(tmp_path_factory: pytest.TempPathFactory) -> Detector:
    """Of networks with ReLU; its scores are of no interest."""
    folder = tmp_path_factory.mktemp("small_detector")
    detector_population(folder / "population", activations=("relu",))
    run = train_detector(folder / "run", folder / "population", training__epochs=1)
    return Detector.open(run, device="cpu")
