"""``scalegmn same``: whether networks are the same up to symmetries of their function."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from jsonargparse import Namespace

from scalegmn.alignment import Aligner, Sameness, SavedNetwork, SavedReader, Tolerance, same
from scalegmn.cli.alignment_options import (
    add_alignment_options,
    aligner_of,
    matching_of,
    saved_reader,
    say_notes,
)
from scalegmn.cli.exit_codes import DATA, NEGATIVE, OK
from scalegmn.cli.json_results import add_json_option, check_free, give_json
from scalegmn.cli.output import complain, say
from scalegmn.cli.parsers import CommandParser
from scalegmn.cli.tables import print_tables
from scalegmn.errors import ConfigurationError, ScaleGMNError
from scalegmn.training import Table

HELP = "whether networks are the same up to permutations, scales and signs of their channels"

EXAMPLES: Final = (
    "scalegmn same a.pt b.pt --activation relu # are two files the same function up to symmetries?",
    "scalegmn same a.onnx b.onnx c.onnx --json - # several, as JSON",
)


def build_parser() -> CommandParser:
    """The options of the command."""
    parser = CommandParser(
        examples=EXAMPLES,
        prog="scalegmn same",
        description=f"Say {HELP}. Every file is compared with the first. Two are the same where every "
        "single parameter agrees after alignment, and the functions agree at random inputs. Exit codes: 0 "
        "all are, 1 one is not, 3 a file cannot be read.",
        default_env=False,
    )
    parser.add_argument("first", type=Path, help="a checkpoint file, or an ONNX file")
    parser.add_argument("others", type=Path, nargs="+", help="files that are compared with it")
    parser.add_argument(
        "--tolerance",
        type=float | None,
        default=None,
        help="largest relative difference of a parameter; by default 1e-5, 1e-10 where both files are in "
        "double precision, and what rounding explains where one is in half precision",
    )
    parser.add_argument(
        "--examples", type=int, default=8, help="random inputs that the functions are asked at"
    )
    add_json_option(parser, "what was found")
    add_alignment_options(parser)
    return parser


def run(argv: Sequence[str]) -> int:
    """Compare, and print a line for every file."""
    options = build_parser().parse_args(list(argv))
    check_free(options.json)
    matching_of(options)
    if options.tolerance is not None:
        Tolerance(exact=options.tolerance)
    if options.examples < 1:
        raise ConfigurationError(f"--examples is {options.examples}, expected 1 or more")
    reader = saved_reader(options)
    first = reader.read(options.first)
    say_notes(first)
    aligner = aligner_of(options, first.architecture)
    found: dict[Path, Sameness] = {}
    refused: dict[Path, str] = {}
    for path in options.others:
        try:
            found[path] = _compared(options, reader, first, path, aligner)
        except ConfigurationError:
            # The options are wrong, not the file.
            raise
        except ScaleGMNError as error:
            refused[path] = str(error)
    _print(options.first, found)
    for reason in refused.values():
        complain(f"scalegmn same: error: {reason}")
    give_json(options.json, _plain(options.first, found, refused))
    if refused:
        return DATA
    return OK if all(one.same for one in found.values()) else NEGATIVE


def _compared(
    options: Namespace, reader: SavedReader, first: SavedNetwork, path: Path, aligner: Aligner
) -> Sameness:
    network = reader.read(path, like=first)
    say_notes(network)
    tolerance = Tolerance.of(first.dtype, network.dtype)
    if options.tolerance is not None:
        tolerance = Tolerance(exact=options.tolerance)
    return same(
        first.architecture,
        first.theta,
        network.theta,
        tolerance=tolerance,
        examples=options.examples,
        seed=options.seed,
        aligner=aligner,
    )


def _print(first: Path, found: dict[Path, Sameness]) -> None:
    if len(found) > 1:
        rows = tuple(
            (
                str(path),
                "yes" if one.same else "no",
                f"{one.parameter_difference:.1e}",
                one.place,
                "" if one.function_difference is None else f"{one.function_difference:.1e}",
            )
            for path, one in found.items()
        )
        columns = ("file", "same", "largest difference", "at", "functions")
        print_tables([Table(f"Compared with {first}", columns, rows)])
    for path, one in found.items():
        say(f"{path}: {one}")


def _plain(first: Path, found: dict[Path, Sameness], refused: dict[Path, str]) -> dict[str, object]:
    return {
        "first": str(first),
        "others": [{"file": str(path), **one.to_dict()} for path, one in found.items()],
        "errors": [{"file": str(path), "error": reason} for path, reason in refused.items()],
    }
