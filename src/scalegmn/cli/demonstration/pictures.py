"""The pictures of the demonstration."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from scalegmn.cli.demonstration.evaluation import DemoEvaluation
from scalegmn.cli.demonstration.settings import DemoSettings
from scalegmn.images import ImageSet
from scalegmn.populations import Population
from scalegmn.reports import (
    CurvePanel,
    Overview,
    draw_confusion,
    draw_curves,
    draw_overview,
    percent,
    read_metrics,
    save_figure,
)
from scalegmn.training import METRICS
from scalegmn.zoo.inrs import draw_images


def draw_population(path: Path, *, images: ImageSet, population: Population, settings: DemoSettings) -> None:
    """A test image of each class, what a network of each draws, and one of these networks."""
    columns = {name: population.column(name) for name in ("label", "image", "split", "copy", "psnr")}
    candidates = np.flatnonzero((columns["split"] == "test") & (columns["copy"] == 0))
    # The first of each class.
    _, first = np.unique(columns["label"][candidates], return_index=True)
    rows = candidates[first]
    tests = np.flatnonzero(images.split == "test")
    place = {int(images.index[position]): int(position) for position in tests}
    shown = images.subset([place[int(image)] for image in columns["image"][rows]])
    theta = population.theta(rows)
    height, width = images.size
    drawings = draw_images(
        population.architecture, theta, height=height, width=width, order=settings.recipe.order
    )
    number = min(3, len(rows) - 1)
    overview = Overview(
        images=shown.unit().numpy(),
        drawings=drawings.numpy(),
        captions=[f"{psnr:.0f} dB" for psnr in columns["psnr"][rows]],
        shown=number,
        architecture=population.architecture,
        theta=theta[number],
    )
    title = (
        f"Test images, each drawn by a sine network of {population.architecture.num_parameters} parameters"
    )
    save_figure(draw_overview(overview, title=title), path)


def draw_learning(path: Path, runs: dict[str, Path]) -> None:
    """Loss and accuracy by epoch of every run."""
    panels = (
        CurvePanel("Loss", {"val/loss": "validation", "train/loss": "training"}),
        CurvePanel("Accuracy", {"val/accuracy": "validation", "train/accuracy": "training"}, percent=True),
    )
    metrics = {name: read_metrics(folder / METRICS) for name, folder in runs.items()}
    save_figure(draw_curves(metrics, panels), path)


def draw_errors(path: Path, *, name: str, evaluation: DemoEvaluation, classes: tuple[str, ...]) -> None:
    """The confusion matrix of one model."""
    title = f"{name} on networks of {evaluation.images} test images: {percent(evaluation.accuracy)}"
    save_figure(draw_confusion(evaluation.confusion, classes, title=title), path)
