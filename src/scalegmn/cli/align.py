"""``scalegmn align``: a network brought to another one by the symmetries of its function."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import torch

from scalegmn.alignment import Alignment, NetworkDifference, Tolerance, check_function_kept, difference_of
from scalegmn.cli.alignment_options import (
    add_alignment_options,
    aligner_of,
    saved_reader,
    say_notes,
)
from scalegmn.cli.exit_codes import OK
from scalegmn.cli.json_results import add_json_option, check_free, give_json
from scalegmn.cli.output import say, tell
from scalegmn.cli.parsers import CommandParser
from scalegmn.cli.tables import print_tables
from scalegmn.training import Table

HELP = "bring a network to another one: its function with other weights, as near to the other as it goes"

EXAMPLES: Final = (
    "scalegmn align a.pt b.pt -o aligned.pt --activation relu # bring b to a",
    "scalegmn align a.onnx b.onnx -o aligned.onnx --group permutations # by permutations alone",
)

_SHOWN = 60


def build_parser() -> CommandParser:
    """The options of the command."""
    parser = CommandParser(
        examples=EXAMPLES,
        prog="scalegmn align",
        description=f"{HELP.capitalize()}. Channels are matched by linear assignment, and scales, signs and "
        "phases are solved for. The new file has the format and the precision of the second.",
        default_env=False,
    )
    parser.add_argument("reference", type=Path, help="the network that stays: a checkpoint or ONNX file")
    parser.add_argument("other", type=Path, help="the network that is brought to it")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the new file")
    parser.add_argument("--replace", action="store_true", help="replace an older file")
    add_json_option(parser, "the differences")
    add_alignment_options(parser)
    return parser


def run(argv: Sequence[str]) -> int:
    """Align, check the function, write the file, and say what is left between the two."""
    options = build_parser().parse_args(list(argv))
    check_free(options.json)
    reference, other = saved_reader(options).read_all([options.reference, options.other])
    other.check_target(options.output, overwrite=options.replace)
    say_notes(reference, other)
    aligner = aligner_of(options, reference.architecture)
    found = aligner.align(reference.theta, other.theta)
    change = check_function_kept(found, seed=options.seed)
    other.write(options.output, found.aligned, overwrite=options.replace)
    left = difference_of(found, tolerance=Tolerance.of(reference.dtype, other.dtype))
    _print(found, left)
    if change is not None:
        say(f"the function of {options.other} stayed: outputs for random inputs changed by {change:.1e}")
    give_json(options.json, left.to_dict())
    tell(f"{options.other} brought to {options.reference} is {options.output}")
    return OK


def _print(found: Alignment, left: NetworkDifference) -> None:
    moved = _moved(found)
    rows = tuple(
        (one.name, " x ".join(map(str, one.shape)), f"{moved[one.name]:.0%}", one.before, one.relative)
        for one in left.parameters
    )
    columns = ("parameter", "shape", "moved", "before", "after")
    print_tables([Table("Differences, relative", columns, rows[:_SHOWN])])
    if len(rows) > _SHOWN:
        say(f"and {len(rows) - _SHOWN} more parameters; --json writes all of them")
    say(f"relative distance {found.distance_before:.4g} before, {found.distance:.4g} after")


def _moved(found: Alignment) -> dict[str, float]:
    """The share of numbers that are others than before, beyond rounding, by parameter."""
    other, aligned = found.other.double(), found.aligned.double()
    still = torch.isclose(aligned, other, rtol=1e-6, atol=0.0)
    parts = found.architecture.unflatten((~still).double())
    return {name: float(value.mean()) for name, value in parts.items()}
