"""``scalegmn copy``: a population to or from object storage."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from scalegmn.cli.exit_codes import OK
from scalegmn.cli.general_options import shows_progress
from scalegmn.cli.output import say
from scalegmn.cli.parsers import CommandParser
from scalegmn.errors import ConfigurationError
from scalegmn.populations import download_population, is_url, shown_url, upload_population

HELP = "copy a population to or from object storage"

EXAMPLES: Final = (
    "scalegmn copy populations/inrs s3://bucket/inrs # whole, checked before",
    "scalegmn copy s3://bucket/inrs populations/copy # whole, checked after",
)

_FLEETING: Final = "memory://"


def build_parser() -> CommandParser:
    """The options of the command."""
    parser = CommandParser(examples=EXAMPLES, prog="scalegmn copy", description=f"{HELP.capitalize()}.")
    parser.add_argument("source", type=str, help="folder of the population, or a URL that fsspec knows")
    parser.add_argument("target", type=str, help="new folder, or URL; one of the two is a URL")
    return parser


def run(argv: Sequence[str]) -> int:
    """Copy, and say how many networks there are."""
    options = build_parser().parse_args(list(argv))
    if is_url(options.source) == is_url(options.target):
        raise ConfigurationError(
            f"{shown_url(options.source)} and {shown_url(options.target)}: expected one folder and one URL, "
            "such as s3://bucket/inrs; copy folders as any other"
        )
    if options.target.startswith(_FLEETING):
        raise ConfigurationError(
            f"{shown_url(options.target)}: what is in memory ends with the command; choose a place that "
            "lasts, such as s3://bucket/inrs"
        )
    if is_url(options.target):
        population = upload_population(options.source, options.target, progress=shows_progress())
    else:
        population = download_population(options.source, Path(options.target), progress=shows_progress())
    say(f"{len(population)} networks are in {shown_url(options.target)}")
    return OK
