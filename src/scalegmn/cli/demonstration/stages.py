"""From images to a table: all stages of the demonstration in their order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from scalegmn import __version__
from scalegmn.cli.demonstration.evaluation import DemoEvaluation, evaluate_model
from scalegmn.cli.demonstration.folder import (
    NETWORKS,
    PERMUTATION,
    PICTURES,
    RESULTS,
    SCALEGMN,
    TRAININGS,
    DemoFolder,
)
from scalegmn.cli.demonstration.pictures import draw_errors, draw_learning, draw_population
from scalegmn.cli.demonstration.settings import DemoSettings
from scalegmn.cli.demonstration.training_runs import train_in_turn, train_side_by_side
from scalegmn.images import ImageSet, load_images
from scalegmn.models import Symmetry
from scalegmn.populations import Population
from scalegmn.reports import ResultTable, percent, seconds
from scalegmn.training import write_json
from scalegmn.zoo.inrs import fit_inrs

MODELS = {
    SCALEGMN: ("ScaleGMN", Symmetry.scaling),
    PERMUTATION: ("permutation-only GMN", Symmetry.permutation),
}
"""Per folder: what the model in it is called, and the symmetry it respects."""


def demonstrate(
    folder: Path, *, settings: DemoSettings, resume: bool = False, progress: bool = True
) -> ResultTable:
    """Run all stages that are not done yet.

    Args:
        folder: where everything goes.
        settings: what to do.
        resume: go on in a folder where an earlier demonstration was interrupted.
        progress: show progress on the standard error stream.

    Returns:
        The table of results.

    Raises:
        ConfigurationError: the folder holds something else.
    """
    here = DemoFolder(folder, settings=settings, resume=resume)
    images = load_images("digits")
    if settings.images is not None:
        images = images.subset(np.arange(settings.images))
    if not here.is_done(NETWORKS):
        with here.stage(NETWORKS):
            fit_inrs(
                images,
                here / NETWORKS,
                recipe=settings.recipe,
                copies=settings.copies,
                seed=settings.seed,
                resume=True,
                progress=progress,
            )
    if not here.is_done(TRAININGS):
        with here.stage(TRAININGS):
            _train(here, settings, progress=progress)
    population = Population.open(here / NETWORKS)
    with here.stage("test"):
        evaluations = {name: evaluate_model(here / name, population, settings) for name in MODELS}
    with here.stage("pictures"):
        _draw(here, images, population, evaluations, settings)
    write_json(here / RESULTS, _results(here, settings, population, evaluations))
    return summary(evaluations, here.seconds, networks=len(population))


def _train(here: DemoFolder, settings: DemoSettings, *, progress: bool) -> None:
    runs = {
        name: settings.run(
            symmetry,
            population=here / NETWORKS,
            output=here / name,
            resume=True,
            progress=progress and not settings.side_by_side,
        )
        for name, (_, symmetry) in MODELS.items()
        if not here.is_done(name)
    }
    if settings.side_by_side:
        titles = {MODELS[name][0]: run for name, run in runs.items()}
        seconds_of = dict(zip(runs, train_side_by_side(titles, progress=progress).values(), strict=True))
    else:
        seconds_of = train_in_turn(runs)
    for name, time in seconds_of.items():
        here.record(name, time)


def _draw(
    here: DemoFolder,
    images: ImageSet,
    population: Population,
    evaluations: dict[str, DemoEvaluation],
    settings: DemoSettings,
) -> None:
    overview, curves, confusion = (here / name for name in PICTURES)
    draw_population(overview, images=images, population=population, settings=settings)
    draw_learning(curves, {title: here / name for name, (title, _) in MODELS.items()})
    classes = tuple(str(number) for number in range(len(evaluations[SCALEGMN].confusion)))
    draw_errors(confusion, name=MODELS[SCALEGMN][0], evaluation=evaluations[SCALEGMN], classes=classes)


def _results(
    here: DemoFolder, settings: DemoSettings, population: Population, evaluations: dict[str, DemoEvaluation]
) -> dict[str, Any]:
    psnr = population.column("psnr")
    return {
        "scalegmn_version": __version__,
        "settings": settings.to_plain(),
        "networks": {
            "count": len(population),
            "architecture": population.architecture.describe(),
            "checksum": population.checksum,
            "median_psnr": float(np.median(psnr)),
        },
        "models": {name: evaluation.to_dict() for name, evaluation in evaluations.items()},
        "seconds": here.seconds,
    }


def summary(evaluations: dict[str, DemoEvaluation], times: dict[str, float], *, networks: int) -> ResultTable:
    """The table that the demonstration prints."""
    first = evaluations[SCALEGMN]
    models = [evaluations[name] for name in MODELS]
    shared = {
        f"fitting {networks} networks": times[NETWORKS],
        "both training runs": times[TRAININGS],
        "testing both models": times["test"],
        "pictures": times["pictures"],
    }
    rows: list[list[str]] = [
        ["test accuracy", *(percent(model.accuracy) for model in models)],
        ["  95 % interval", *(" to ".join(percent(end) for end in model.interval) for model in models)],
        ["invariance error, largest", *(f"{model.invariance.largest:.1e}" for model in models)],
        ["  median", *(f"{model.invariance.median:.1e}" for model in models)],
        ["  predictions changed", *(percent(model.invariance.changed) for model in models)],
        ["parameters", *(f"{model.parameters:,}" for model in models)],
        ["training", *(seconds(times[name]) for name in MODELS)],
        *([name, seconds(time), "same"] for name, time in shared.items()),
        ["everything", seconds(sum(time for name, time in times.items() if name not in MODELS)), "same"],
    ]
    title = f"Which digit does a network draw? {first.networks} networks of {first.images} test images"
    return ResultTable.from_values(["", *(title for title, _ in MODELS.values())], rows, title=title)
