"""``scalegmn trace``: a user's network as a program, a file that needs none of the user's code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from scalegmn.cli.exit_codes import OK
from scalegmn.cli.onnx_files import add_onnx_options, onnx_of
from scalegmn.cli.output import say
from scalegmn.cli.parsers import CommandParser
from scalegmn.cli.user_modules import MODULE_OPTIONS, add_module_options, example_of, module_of
from scalegmn.errors import ConfigurationError
from scalegmn.programs.files import fingerprint, save_program
from scalegmn.programs.tracing import trace

HELP = "write the operations of a network as a program, which commands read in place of its code"

EXAMPLES: Final = (
    "scalegmn trace network.onnx -o network.json # from an ONNX file",
    "scalegmn trace --module my_package:ResNet --example 2x3x32x32 -o resnet.json # from a class of yours",
)


def build_parser() -> CommandParser:
    """The options of the command."""
    parser = CommandParser(examples=EXAMPLES, prog="scalegmn trace", description=f"{HELP.capitalize()}.")
    add_onnx_options(parser)
    add_module_options(parser)
    parser.add_argument("-o", "--output", type=Path, required=True, help="the program, a JSON file")
    parser.add_argument("--replace", action="store_true", help="replace an older file")
    return parser


def run(argv: Sequence[str]) -> int:
    """Trace the network, and say what it is made of."""
    options = build_parser().parse_args(list(argv))
    if options.output.exists() and not options.replace:
        raise ConfigurationError(f"{options.output}: is there already; give another name or --replace")
    network = onnx_of(options, others=MODULE_OPTIONS)
    if network is None:
        program = trace(module_of(options), example_of(options.example) or ())
    else:
        program = network.program
    save_program(program, options.output)
    kinds = Counter(one.operation for one in program.instructions)
    say(
        f"{len(program.instructions)} operations of {len(kinds)} kinds and {len(program.parameters)} "
        f"parameters are in {options.output}, with fingerprint {fingerprint(program)[:16]}"
    )
    return OK
