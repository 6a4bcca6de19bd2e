"""A small population of fitted sine networks, which the tests of editing share."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from scalegmn.images import load_images
from scalegmn.networks import Architecture
from scalegmn.populations import Population, PopulationWriter
from scalegmn.zoo.inrs import InrRecipe, fit_inrs

RECIPE = InrRecipe(hidden=(8, 8), frequency=10.0, steps=100, learning_rate=5e-3)
IMAGES = 30


def digit_networks(folder: Path, *, copies: int = 1) -> Population:
    """Networks of the first digits; every fifth is for testing."""
    images = load_images("digits").subset(range(IMAGES))
    fit_inrs(images, folder, recipe=RECIPE, copies=copies, workers=1, progress=False)
    return Population.open(folder)


def rewritten(
    population: Population,
    folder: Path,
    *,
    columns: Mapping[str, object],
    architecture: Architecture | None = None,
    theta: torch.Tensor | None = None,
    provenance: Mapping[str, object] | None = None,
) -> Population:
    """A copy with other columns, or other networks."""
    with PopulationWriter(folder, provenance=provenance or {"maker": "test"}) as writer:
        writer.append(
            architecture or population.architecture,
            population.theta(range(len(population))) if theta is None else theta,
            columns,  # type: ignore[arg-type]
        )
        writer.finish()
    return Population.open(folder)


def columns_of(population: Population, *names: str) -> dict[str, np.ndarray]:
    return {name: population.column(name) for name in names}
