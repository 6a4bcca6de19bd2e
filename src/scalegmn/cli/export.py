"""``scalegmn export``: a population becomes checkpoint files, or files of a published format."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jsonargparse import ArgumentParser, Namespace

from scalegmn.cli.exit_codes import OK
from scalegmn.cli.output import say
from scalegmn.cli.parsers import CommandParser
from scalegmn.cli.published import collection_called
from scalegmn.collections import TABLE, export_population, write_checkpoints
from scalegmn.collections.small_cnn_zoo import write_zoo
from scalegmn.errors import ConfigurationError
from scalegmn.populations import Population, rows_where

HELP = "write a population as checkpoint files, or in a published format"

FormatName = Literal[
    "checkpoints", "small_cnn_zoo", "mnist_inrs", "fashion_mnist_inrs", "cifar10_inrs", "npz_inrs"
]


def build_parser() -> ArgumentParser:
    """The options of the command."""
    parser = CommandParser(prog="scalegmn export", description=f"{HELP.capitalize()}.")
    parser.add_argument("population", type=Path, help="folder of the population")
    parser.add_argument("--format", type=FormatName, required=True, help="format of the files")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for the files, new or empty")
    parser.add_argument(
        "--suffix",
        type=str,
        default="",
        help="small_cnn_zoo: suffix of the file names, _new for the trojaned zoo",
    )
    parser.add_argument(
        "--where",
        type=dict[str, Any],
        default={},
        help="checkpoints: only networks with these values: a column and its value, or a list of values",
    )
    parser.add_argument(
        "--limit",
        type=int | None,
        default=None,
        help="checkpoints: export only the first networks, at most this many",
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    return parser


def run(argv: Sequence[str]) -> int:
    """Write the files, and say how many networks are in them."""
    options = build_parser().parse_args(list(argv))
    population = Population.open(options.population)
    progress = not options.quiet
    if options.suffix and options.format != "small_cnn_zoo":
        raise ConfigurationError(f"--suffix was given, but {options.format} has no such option; leave it out")
    if options.format == "checkpoints":
        return _checkpoints(population, options)
    if options.where or options.limit is not None:
        raise ConfigurationError(
            f"--where and --limit are for checkpoints, not {options.format}; leave them out"
        )
    if options.format != "small_cnn_zoo":
        collection = collection_called(options.format)
        files = export_population(population, collection, options.output, progress=progress)
        say(f"{len(population)} networks are in {options.output}, in {files} files of {collection.title}")
        return OK
    report = write_zoo(population, options.output, suffix=options.suffix, progress=progress)
    say(f"{report.networks} networks are in {report.folder}, as a Small CNN Zoo")
    say(f"their convolutions have padding {report.padding}, which no file says; tell who reads them")
    if report.diverged:
        say(f"{report.diverged} networks that diverged were left out")
    return OK


def _checkpoints(population: Population, options: Namespace) -> int:
    if options.limit is not None and options.limit < 1:
        raise ConfigurationError(f"--limit is {options.limit}, expected 1 or more")
    rows = np.flatnonzero(rows_where(population, options.where, option="--where"))[: options.limit]
    count = write_checkpoints(population, options.output, rows=rows, progress=not options.quiet)
    say(f"{count} networks are in {options.output}, one file each; {TABLE} says what is known of them")
    return OK
