"""``scalegmn embed``: a population as points in the plane, found without labels."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jsonargparse import ArgumentParser

from scalegmn.cli.exit_codes import OK
from scalegmn.cli.model_options import add_model_options, check_batch_size
from scalegmn.cli.output import say
from scalegmn.errors import ConfigurationError
from scalegmn.models.scalegmn import ScaleGMN
from scalegmn.populations.store import Population
from scalegmn.reports.embedding_picture import draw_embedding
from scalegmn.reports.figures import save_figure
from scalegmn.seeding import numpy_generator
from scalegmn.training.embedding import (
    Points,
    Projection,
    embed_networks,
    project,
    trained_model,
    untrained_model,
)
from scalegmn.training.files import write_text
from scalegmn.training.inference import device_called
from scalegmn.training.run_folder import Run
from scalegmn.training.selection import kept_by

HELP = "draw a population: its networks as points, near each other where they are alike"

_ABOUT = (
    f"{HELP.capitalize()}. Points come from the invariant vector that a ScaleGMN, with random weights or "
    "trained, makes of every network; symmetries of a network do not move its point. The coordinates are "
    "written as CSV beside the picture."
)


def build_parser() -> ArgumentParser:
    """The options of the command."""
    parser = ArgumentParser(prog="scalegmn embed", description=_ABOUT, default_env=False)
    parser.add_argument("population", type=Path, help="folder of the networks")
    parser.add_argument("-o", "--output", type=Path, required=True, help="PNG file to write")
    parser.add_argument(
        "--run",
        type=Path | None,
        default=None,
        help="run folder of a ScaleGMN; without it weights are random",
    )
    parser.add_argument(
        "--colour", type=str | None, default=None, help="column that colours the points, such as activation"
    )
    parser.add_argument(
        "--method",
        type=Projection,
        default=Projection.pca,
        help="pca shows distances, tsne shows neighbourhoods",
    )
    parser.add_argument(
        "--where",
        type=dict[str, Any],
        default={},
        help="only networks with these values, such as --where.optimizer sgd",
    )
    parser.add_argument(
        "--limit",
        type=int | None,
        default=2000,
        help="at most so many networks, chosen at random; null for all",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the choice, of random weights and of t-SNE")
    parser.add_argument("--title", type=str, default="", help="above the picture")
    add_model_options(parser, batch_size=128)
    return parser


def run(argv: Sequence[str]) -> int:
    """Draw the population, write the coordinates, and say where they are."""
    options = build_parser().parse_args(list(argv))
    if options.output.suffix.lower() != ".png":
        raise ConfigurationError(f"--output {options.output}: expected a file that ends in .png")
    check_batch_size(options)
    device = device_called(options.device)
    population = Population.open(options.population)
    values = None if options.colour is None else population.column(options.colour)
    rows = _chosen(population, options.where, limit=options.limit, seed=options.seed)
    model, canonicalize = _model(options.run, population, rows, seed=options.seed)
    vectors = embed_networks(
        model.to(device), population, rows, canonicalize=canonicalize, batch_size=options.batch_size
    )
    found = project(vectors, method=options.method, seed=options.seed)
    figure = draw_embedding(
        found.points,
        None if values is None else values[rows],
        name=options.colour or "",
        title=options.title or _title(population, rows, options.run),
        axis_names=_axis_names(found),
    )
    picture = save_figure(figure, options.output)
    table = options.output.with_suffix(".csv")
    write_text(table, _csv(found, rows, options.colour, values))
    say(f"{len(rows)} networks are in {picture}, their coordinates in {table}")
    return OK


def _chosen(population: Population, where: dict[str, Any], *, limit: int | None, seed: int) -> np.ndarray:
    if limit is not None and limit < 1:
        raise ConfigurationError(f"--limit is {limit}, expected 1 or more")
    rows = np.flatnonzero(kept_by(population, where))
    if limit is None or limit >= len(rows):
        return rows
    return np.sort(numpy_generator(seed, "limit").permutation(rows)[:limit])


def _model(
    folder: Path | None, population: Population, rows: np.ndarray, *, seed: int
) -> tuple[ScaleGMN, bool]:
    """The model, and whether networks are canonicalised before it sees them."""
    if folder is None:
        return untrained_model(population, rows, seed=seed), True
    trained = Run.open(folder)
    return trained_model(trained, population, rows), trained.canonicalize


def _title(population: Population, rows: np.ndarray, run_folder: Path | None) -> str:
    model = "an untrained ScaleGMN" if run_folder is None else run_folder.resolve().name
    return f"{len(rows)} networks of {population.folder.resolve().name}, seen by {model}"


def _axis_names(found: Points) -> tuple[str, str]:
    if found.shares is None:
        return "", ""
    first, second = (f"{share:.0%} of the variance" for share in found.shares)
    return f"direction 1 ({first})", f"direction 2 ({second})"


def _csv(found: Points, rows: np.ndarray, colour: str | None, values: np.ndarray | None) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["row", "x", "y", *([] if colour is None else [colour])])
    for row, (x, y) in zip(rows.tolist(), found.points.tolist(), strict=True):
        writer.writerow([row, f"{x:.6g}", f"{y:.6g}", *([] if values is None else [values[row]])])
    return text.getvalue()
