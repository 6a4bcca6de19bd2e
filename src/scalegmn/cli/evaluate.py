"""``scalegmn evaluate``: evaluate a trained metanetwork on a population."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal

from jsonargparse import ArgumentParser, Namespace

from scalegmn.cli.evaluate_rewrites import (
    REWRITES,
    add_rewrites_options,
    check_rewrites,
    evaluate_rewrites,
    models_of,
)
from scalegmn.cli.exit_codes import OK
from scalegmn.cli.model_options import add_model_options, check_batch_size
from scalegmn.cli.output import say, tell
from scalegmn.cli.parsers import CommandParser
from scalegmn.cli.pictures import write_curve, write_pictures
from scalegmn.cli.tables import print_tables
from scalegmn.errors import ConfigurationError
from scalegmn.shipped import folder_name, is_shipped
from scalegmn.training import Bins, Run, evaluate, write_arrays, write_json, write_rows

HELP = "evaluate a trained metanetwork on the same or another population"

EXAMPLES: Final = (
    "scalegmn evaluate runs/first # on the test networks of its population",
    "scalegmn evaluate runs/first --population populations/other --split all # on other networks",
)


def build_parser() -> ArgumentParser:
    """The options of the command."""
    parser = CommandParser(
        examples=EXAMPLES, prog="scalegmn evaluate", description=f"{HELP.capitalize()}.", default_env=False
    )
    parser.add_argument(
        "run", type=Path, help="run folder of a trained model, or the name of one that comes with scalegmn"
    )
    parser.add_argument(
        "--population", type=Path | None, default=None, help="networks other than those of the training run"
    )
    parser.add_argument(
        "--split",
        type=Literal["train", "val", "test", "all"],
        default="test",
        help="split to evaluate; test means all networks of a population without splits",
    )
    parser.add_argument(
        "--output",
        type=Path | None,
        default=None,
        help="JSON file to write; by default one in the run folder",
    )
    parser.add_argument(
        "--by",
        type=str | None,
        default=None,
        help="column: report the metrics for each of its values as well",
    )
    parser.add_argument(
        "--curve",
        type=str | None,
        default=None,
        help="column of numbers, such as asr: report the metrics over its bins, and draw them",
    )
    parser.add_argument(
        "--edges",
        type=list[float],
        default=[],
        help="edges of the bins of --curve, such as [0.5, 0.8, 0.95, 1]; by default bins hold about the "
        "same number of networks",
    )
    parser.add_argument("--bins", type=int, default=4, help="how many bins of --curve without --edges")
    add_model_options(parser, batch_size=256)
    add_rewrites_options(parser)
    return parser


def run(argv: Sequence[str]) -> int:
    """Evaluate, print the tables, and write them as JSON beside pictures and one row per network."""
    options = build_parser().parse_args(list(argv))
    check_batch_size(options)
    check_rewrites(options)
    if options.rewrites is not None and (models := models_of(options.run)) is not None:
        evaluate_rewrites(options, models, target=options.output or options.run / REWRITES, argv=argv)
        return OK
    _evaluate(options, Run.open(options.run), argv)
    return OK


def _evaluate(options: Namespace, trained: Run, argv: Sequence[str]) -> None:
    if options.output is None and is_shipped(trained.folder):
        raise ConfigurationError(
            f"{folder_name(trained.folder)}: comes with scalegmn, and nothing is written beside it; give "
            "--output, the JSON file to write"
        )
    found = evaluate(
        trained,
        population=options.population,
        split=options.split,
        by=options.by,
        curve=_bins(options),
        batch_size=options.batch_size,
        device=options.device,
    )
    name = options.population.resolve().name if options.population is not None else "same"
    path = options.output or trained.folder / f"evaluation-{name}-{options.split}.json"
    command = shlex.join(["scalegmn", "evaluate", *argv])
    write_json(path, {**found.facts, "command": command, **found.report.summary})
    write_arrays(path.parent, found.report, prefix=f"{path.stem}-")
    write_pictures(
        trained.task,
        found.report.arrays,
        path.parent,
        prefix=f"{path.stem}-",
        title=f"{options.split} networks",
    )
    if options.curve is not None:
        write_curve(
            trained.task, found.report.summary, options.curve, path.with_name(f"{path.stem}-curve.png")
        )
    if found.rows:
        write_rows(path.with_name(f"{path.stem}-networks.csv"), found.rows)
    print_tables(found.report.tables)
    for note in found.notes:
        say(f"Note: {note}")
    tell(f"Written to {path}")
    if options.rewrites is not None:
        target = path.with_name(f"{path.stem}-{REWRITES}")
        evaluate_rewrites(options, {trained.folder.name: [trained]}, target=target, argv=argv)


def _bins(options: Namespace) -> Bins | None:
    if options.curve is None:
        if options.edges:
            raise ConfigurationError("--edges are those of the bins of a column; name it with --curve")
        return None
    return Bins(column=options.curve, edges=tuple(options.edges), count=options.bins)
