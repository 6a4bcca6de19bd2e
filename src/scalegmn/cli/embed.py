"""``scalegmn embed``: networks as vectors, and as points in the plane, found without labels."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, final

import numpy as np
from jsonargparse import ArgumentParser, Namespace

from scalegmn.cli.embed_neighbors import add_neighbor_options, check_neighbor_options, show_neighbors
from scalegmn.cli.exit_codes import DATA, OK
from scalegmn.cli.general_options import shows_progress
from scalegmn.cli.model_options import (
    add_model_options,
    add_reading_options,
    check_batch_size,
    reading_options,
)
from scalegmn.cli.output import complain, say
from scalegmn.cli.parsers import CommandParser
from scalegmn.cli.program_options import add_program_options, own_programs
from scalegmn.errors import ConfigurationError
from scalegmn.models import Embedder
from scalegmn.networks import Architecture
from scalegmn.networks.recognition import Recognizer
from scalegmn.populations import Population, progress_bar
from scalegmn.reports import draw_embedding, in_words, save_figure
from scalegmn.seeding import numpy_generator
from scalegmn.training import (
    FILE,
    NUMBER,
    EmbeddedNetworks,
    Files,
    ProjectedPoints,
    Projection,
    RefusedNetwork,
    Run,
    SeenNetworks,
    device_called,
    find_sources,
    gather,
    own_splits,
    project,
    trained_model,
    training_networks_note,
    untrained_model,
    vectors_of,
)

HELP = "embed networks as vectors and plot them in the plane, with similar networks close together"

EXAMPLES: Final = (
    "scalegmn embed populations/digits_inrs --color label -o map.png # weights as they are",
    "scalegmn embed populations/digits_inrs --run runs/first --color label -o map.png # as a model sees them",
)

_ABOUT = (
    f"{HELP.capitalize()}. A vector is what a ScaleGMN, with random weights or trained, makes of a network; "
    "symmetries of a network do not move its point. The vectors are written as .npz and .parquet beside the "
    "picture, the coordinates as .csv. With --neighbors the share of nearest networks of the same class is "
    "printed as well. A file that cannot be read is a row with an error; the exit code is "
    "then 3."
)


def build_parser() -> ArgumentParser:
    """The options of the command."""
    parser = CommandParser(examples=EXAMPLES, prog="scalegmn embed", description=_ABOUT, default_env=False)
    parser.add_argument(
        "networks", type=Path, nargs="+", help="one population, or checkpoint files and folders of such files"
    )
    parser.add_argument("-o", "--output", type=Path, required=True, help="PNG file to write")
    parser.add_argument(
        "--run",
        type=Path | None,
        default=None,
        help="run folder of a ScaleGMN; random weights without it",
    )
    parser.add_argument(
        "--color", type=str | None, default=None, help="column that colors the points, such as activation"
    )
    parser.add_argument(
        "--method",
        type=Projection,
        default=Projection.pca,
        help="pca preserves distances, tsne preserves neighborhoods",
    )
    parser.add_argument(
        "--where",
        type=dict[str, Any],
        default={},
        help="only networks with these column values, such as --where.optimizer sgd",
    )
    parser.add_argument(
        "--limit",
        type=int | None,
        default=2000,
        help="use at most this many networks, chosen at random; null for all",
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="seed of the choice of networks, of random weights and of t-SNE"
    )
    parser.add_argument("--title", type=str, default="", help="title of the figure")
    add_neighbor_options(parser)
    add_model_options(parser, batch_size=128)
    add_reading_options(parser)
    add_program_options(parser)
    return parser


def run(argv: Sequence[str]) -> int:
    """Draw the networks, write vectors and coordinates, and say where they are."""
    options = build_parser().parse_args(list(argv))
    if options.output.suffix.lower() != ".png":
        raise ConfigurationError(f"--output {options.output}: expected a file that ends in .png")
    check_batch_size(options)
    if options.limit is not None and options.limit < 1:
        raise ConfigurationError(f"--limit is {options.limit}, expected 1 or more")
    check_neighbor_options(options)
    device_called(options.device)
    trained = None if options.run is None else Run.open(options.run)
    found = find_sources(options.networks, where=options.where)
    if not isinstance(found, Files):
        return _draw(options, trained, _DrawnNetworks(found.population, _limited(found.rows, options)))
    with tempfile.TemporaryDirectory(prefix="scalegmn-embed-") as folder:
        return _draw(options, trained, _gathered(options, trained, found, Path(folder) / "networks"))


@final
@dataclass(frozen=True, eq=False)
class _DrawnNetworks:
    """Networks to be drawn.

    Attributes:
        population: where they are.
        rows: which ones.
        files: number and name of the file of each, and its notes, where they come from files.
        refused: files that were not read.
    """

    population: Population
    rows: np.ndarray
    files: tuple[tuple[int, str, tuple[str, ...]], ...] | None = None
    refused: tuple[RefusedNetwork, ...] = ()


def _gathered(options: Namespace, trained: Run | None, found: Files, folder: Path) -> _DrawnNetworks:
    """The networks of files, in the order of the files."""
    places = _limited(np.arange(len(found.paths)), options).tolist()
    own = own_programs(options)
    recognizer = Recognizer(own, beyond=True) if trained is None else trained.recognizer_with(own)

    def check(architecture: Architecture) -> None:
        if trained is not None:
            trained.check(architecture)

    with progress_bar("Reading", total=len(places), show=shows_progress()) as advance:
        read = gather(
            [found.paths[place] for place in places],
            folder,
            recognizer=recognizer,
            options=reading_options(options),
            check=check,
            advance=advance,
        )
    numbers = read.population.column(NUMBER)
    rows = np.argsort(numbers, kind="stable")
    names = read.population.column(FILE)[rows].tolist()
    files = [
        (number, name, read.notes[number]) for number, name in zip(numbers[rows].tolist(), names, strict=True)
    ]
    return _DrawnNetworks(read.population, rows, tuple(files), (*read.refused, *found.problems))


def _limited(rows: np.ndarray, options: Namespace) -> np.ndarray:
    if options.limit is None or options.limit >= len(rows):
        return rows
    return np.sort(numpy_generator(options.seed, "limit").permutation(rows)[: options.limit])


def _draw(options: Namespace, trained: Run | None, chosen: _DrawnNetworks) -> int:
    population, rows = chosen.population, chosen.rows
    values = None if options.color is None else population.column(options.color)
    model, canonicalize = _model(trained, population, rows, seed=options.seed)
    vectors = vectors_of(
        model.to(device_called(options.device)),
        population,
        rows,
        canonicalize=canonicalize,
        batch_size=options.batch_size,
    )
    finite = vectors.isfinite().all(dim=1).numpy()
    kept = np.flatnonzero(finite)
    found = project(vectors[kept], method=options.method, seed=options.seed)
    colors = None if values is None else values[rows[kept]]
    seer = f"the model of {trained.folder.resolve().name}" if trained else "an untrained ScaleGMN"
    where = "files" if chosen.files is not None else population.folder.resolve().name
    figure = draw_embedding(
        found.points,
        colors,
        name=in_words(options.color or ""),
        title=options.title or f"{len(kept)} networks of {where}, seen by {seer}",
        axis_names=_axis_names(found),
    )
    picture = save_figure(figure, options.output)
    errors = _errors(chosen, np.flatnonzero(~finite))
    files = chosen.files
    written = EmbeddedNetworks(
        rows=rows[kept] if files is None else np.array([files[place][0] for place in kept]),
        files=None if files is None else tuple(files[place][1] for place in kept),
        vectors=vectors[kept].numpy(),
        points=found.points,
        column=None if colors is None else (options.color, colors),
        notes=tuple(() if files is None else files[place][2] for place in kept),
        errors=tuple(errors),
    )
    table, arrays, parquet = written.write(picture)
    say(
        f"{len(kept)} networks are in {picture}, their coordinates in {table}, their vectors in {arrays} "
        f"and {parquet}"
    )
    show_neighbors(options, trained, SeenNetworks(population, rows, options.color or ""), picture)
    learned = None if trained is None else training_networks_note(own_splits(trained, population, rows))
    if learned is not None:
        say(f"Note: {learned}")
    for error in errors:
        complain(f"scalegmn embed: {error['error']}")
    return DATA if errors else OK


def _errors(chosen: _DrawnNetworks, infinite: np.ndarray) -> list[dict[str, Any]]:
    """Rows about networks without a vector."""
    why = "its vector is not finite; look for huge parameters"
    found: list[dict[str, Any]] = []
    for place in infinite.tolist():
        if chosen.files is None:
            number = int(chosen.rows[place])
            found.append({"row": number, "error": f"{chosen.population.folder}: network {number}: {why}"})
        else:
            number, name, _ = chosen.files[place]
            found.append({"row": number, "file": name, "error": f"{name}: {why}"})
    refused = [{"row": one.index, "file": str(one.path), "error": one.reason} for one in chosen.refused]
    return found + refused


def _model(
    trained: Run | None, population: Population, rows: np.ndarray, *, seed: int
) -> tuple[Embedder, bool]:
    """The model, and whether networks are canonicalized before it sees them."""
    if trained is None:
        return untrained_model(population, rows, seed=seed), True
    return trained_model(trained, population, rows), trained.canonicalize


def _axis_names(found: ProjectedPoints) -> tuple[str, str]:
    if found.explained_variance is None:
        return "", ""
    first, second = (f"{share:.0%} of the variance" for share in found.explained_variance)
    return f"direction 1 ({first})", f"direction 2 ({second})"
