"""``scalegmn canonicalize``: sine networks with their phases in one range, computing what they computed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from scalegmn.cli.exit_codes import OK
from scalegmn.cli.general_options import shows_progress
from scalegmn.cli.output import say
from scalegmn.cli.parsers import CommandParser
from scalegmn.cli.published import format_called, names_of, print_refusals
from scalegmn.collections import CanonicalizeReport, PublishedFormat, canonicalize_population
from scalegmn.errors import ConfigurationError
from scalegmn.populations import INDEX, JOURNAL, Population

HELP = "bring the phases of sine networks into one range; the functions they compute do not change"

EXAMPLES: Final = (
    "scalegmn canonicalize populations/digits_inrs -o populations/canonical # phases made unique",
    "scalegmn canonicalize downloads/mnist --collection mnist_inrs -o downloads/canonical # files stay files",
)


def build_parser() -> CommandParser:
    """The options of the command."""
    parser = CommandParser(
        examples=EXAMPLES, prog="scalegmn canonicalize", description=f"{HELP.capitalize()}."
    )
    parser.add_argument("input", type=Path, help="a population, or the folder of a published collection")
    parser.add_argument(
        "-o", "--output", type=Path, required=True, help="folder of the copy, in the same format"
    )
    parser.add_argument(
        "--collection",
        type=str | None,
        default=None,
        help=f"format of a published collection: {', '.join(_names())}",
    )
    parser.add_argument(
        "--workers", type=int | None, default=None, help="worker processes; chosen automatically by default"
    )
    parser.add_argument("--resume", action="store_true", help="populations: continue an interrupted run")
    return parser


def run(argv: Sequence[str]) -> int:
    """Canonicalize a copy, and say how many networks it has."""
    parser = build_parser()
    options = parser.parse_args(list(argv))
    chosen = options.collection
    if chosen is not None:
        chosen = format_called(chosen, option="--collection", names=_names(), parser=parser)
    report = _canonicalize(
        options.input,
        options.output,
        collection=chosen,
        workers=options.workers,
        resume=options.resume,
        progress=shows_progress(),
    )
    say(f"{report.networks} networks are in {report.folder}")
    if report.refused:
        say(f"{len(report.refused)} files were refused")
        print_refusals(report.refused)
    return OK


def _names() -> tuple[str, ...]:
    return names_of(lambda known: known.canonicalizes)


def _canonicalize(
    source: Path,
    folder: Path,
    *,
    collection: PublishedFormat | None,
    workers: int | None,
    resume: bool,
    progress: bool,
) -> CanonicalizeReport:
    packed = any((source / name).exists() for name in (INDEX, JOURNAL))
    if collection is None:
        if source.is_dir() and not packed:
            raise ConfigurationError(
                f"{source}: is not a population; if it is a published collection, name its format with "
                f"--collection ({', '.join(_names())})"
            )
        return canonicalize_population(Population.open(source), folder, resume=resume, progress=progress)
    if packed:
        raise ConfigurationError(f"{source}: is a population; leave --collection out")
    if resume:
        raise ConfigurationError(
            "--resume works for populations only; remove the unfinished copy and start again"
        )
    return collection.canonicalize(source, folder, workers=workers, progress=progress)
