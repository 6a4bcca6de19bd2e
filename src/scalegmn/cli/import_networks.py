"""``scalegmn import``: a published collection of networks becomes a packed population."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jsonargparse import ArgumentParser, Namespace

from scalegmn.cli.exit_codes import OK
from scalegmn.cli.published import CollectionName, collection_called, print_refusals
from scalegmn.errors import ConfigurationError
from scalegmn.populations.importing import import_collection
from scalegmn.populations.readers.collection import Collection
from scalegmn.populations.readers.split_collection import VALIDATION, SplitCollection, generate_splits

HELP = "read a published collection of networks into a packed population"


def build_parser() -> ArgumentParser:
    """The options of the command."""
    parser = ArgumentParser(prog="scalegmn import", description=f"{HELP.capitalize()}.")
    parser.add_argument("collection", type=CollectionName, help="format of the folder")
    parser.add_argument("folder", type=Path, help="folder of the collection")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder of the new population")
    parser.add_argument(
        "--splits", type=Path | None, default=None, help="splits file, if it is not in the folder"
    )
    parser.add_argument(
        "--generate_splits",
        type=int | None,
        default=None,
        metavar="SEED",
        help="write the splits file into the folder first, with validation networks chosen by this seed",
    )
    parser.add_argument(
        "--validation",
        type=int,
        default=VALIDATION,
        help="validation networks in a splits file that is written",
    )
    parser.add_argument(
        "--augmented", action="store_true", help="CIFAR-10: read augmented copies of training images too"
    )
    parser.add_argument(
        "--workers", type=int | None, default=None, help="processes that read; by default as many as pay"
    )
    parser.add_argument("--resume", action="store_true", help="go on where an interrupted import stopped")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    return parser


def run(argv: Sequence[str]) -> int:
    """Import, and say how many networks were read and which files were refused and why."""
    options = build_parser().parse_args(list(argv))
    collection = collection_called(options.collection, splits=options.splits, augmented=options.augmented)
    if options.generate_splits is not None:
        _generate_splits(collection, options)
    report = import_collection(
        collection,
        options.folder,
        options.output,
        workers=options.workers,
        resume=options.resume,
        progress=not options.quiet,
    )
    print(f"{report.networks} networks of {collection.title} are in {report.folder}")
    for reason, count in report.left_out.items():
        print(f"{count} files were left out: {reason}")
    print(f"{len(report.refused)} files were refused")
    print_refusals(report.refused)
    return OK


def _generate_splits(collection: Collection, options: Namespace) -> None:
    if not isinstance(collection, SplitCollection):
        raise ConfigurationError(
            f"--generate_splits was given, but {options.collection} has no splits file; leave it out"
        )
    if options.splits is not None:
        raise ConfigurationError(
            "--splits names a splits file and --generate_splits writes one; give one of them"
        )
    path = generate_splits(
        collection, options.folder, seed=options.generate_splits, validation=options.validation
    )
    print(f"the splits are in {path}")
