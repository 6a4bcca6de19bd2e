"""``scalegmn symmetries``: what can be done to a network's parameters without changing its function."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from jsonargparse import Namespace
from torch import Tensor

from scalegmn.checkpoints import read_state, write_like
from scalegmn.cli.exit_codes import NEGATIVE, OK
from scalegmn.cli.json_results import add_json_option, check_free, give_json
from scalegmn.cli.onnx_files import add_onnx_options, at_sizes, onnx_of
from scalegmn.cli.output import say, say_all, tell
from scalegmn.cli.parsers import CommandParser
from scalegmn.cli.user_modules import MODULE_OPTIONS, add_module_options, example_of, module_of
from scalegmn.errors import ConfigurationError
from scalegmn.programs.files import load_program
from scalegmn.programs.onnx import OnnxNetwork
from scalegmn.reports import draw_symmetries, save_figure
from scalegmn.seeding import generator
from scalegmn.symmetry.discovery import NetworkSymmetries, channel_families, program_symmetries, symmetries

HELP = "print and draw the symmetry group of a network: permutations, scales and signs of its channels"

EXAMPLES: Final = (
    "scalegmn symmetries network.onnx # print the group and check it at random",
    "scalegmn symmetries --module my_package:ResNet --example 2x3x32x32 --picture group.png # your own class",
)


def build_parser() -> CommandParser:
    """The options of the command."""
    parser = CommandParser(examples=EXAMPLES, prog="scalegmn symmetries", description=f"{HELP.capitalize()}.")
    add_onnx_options(parser)
    add_module_options(parser)
    parser.add_argument(
        "--program",
        type=Path | None,
        default=None,
        help="program in place of --module, as scalegmn trace writes it; no code of yours is run then",
    )
    parser.add_argument(
        "--second",
        type=str,
        action="append",
        default=[],
        help="shapes of inputs of another size, or for an ONNX file an axis such as sequence=24; what holds "
        "at one size only is not counted then",
    )
    parser.add_argument(
        "--checkpoint",
        type=Path | None,
        default=None,
        help="file with the weights; by default those that the class comes with",
    )
    parser.add_argument("--key", type=str | None, default=None, help="key of the network in the file")
    parser.add_argument(
        "--continuous",
        action="store_true",
        help="also find channels that may be mixed and biases that may be shifted; small networks only",
    )
    parser.add_argument("--picture", type=Path | None, default=None, help="draw the group into this PNG")
    add_json_option(parser, "the group")
    parser.add_argument(
        "-o",
        "--output",
        type=Path | None,
        default=None,
        help="write the weights moved by a random element, as another file with the same function",
    )
    parser.add_argument("--spread", type=float, default=1.0, help="of the free log-scales of random elements")
    parser.add_argument("--seed", type=int, default=0, help="of random elements")
    return parser


def run(argv: Sequence[str]) -> int:
    """Print the group, and whether random elements keep the function; exit code 1 if they do not."""
    options = build_parser().parse_args(list(argv))
    check_free(options.json)
    network = onnx_of(options, others=(*MODULE_OPTIONS, "program", "checkpoint", "key"))
    if options.output is not None and options.checkpoint is None and network is None:
        raise ConfigurationError("--output writes moved weights of a file; name that file with --checkpoint")
    checkpoint = None if options.checkpoint is None else read_state(options.checkpoint, key=options.key)
    name, found, own = _found(options, network)
    state = own if checkpoint is None else checkpoint.tensors
    say_all(str(found))
    if options.continuous:
        say_all(str(found.continuous(generator(options.seed, "continuous"))))
    passed = True
    if state is None:
        say("nothing was checked, since a program has no weights; name a file with --checkpoint")
    else:
        check = found.check(state, generator=generator(options.seed, "check"))
        say(str(check))
        passed = check.passed
    if options.picture is not None:
        names = [parameter.name for parameter in found.program.parameters]
        figure = draw_symmetries(channel_families(found.group), names, title=_title(name, found))
        save_figure(figure, options.picture)
        tell(f"the picture is {options.picture}")
    give_json(options.json, _as_json(found))
    if state is not None and options.output is not None:
        moved = found.apply(found.random(generator(options.seed, "move"), spread=options.spread), state)
        if network is not None:
            network.write(options.output, moved)
        elif checkpoint is not None:
            write_like(options.output, checkpoint, moved)
        tell(f"the same function with other weights is in {options.output}")
    return OK if passed else NEGATIVE


def _found(
    options: Namespace, network: OnnxNetwork | None
) -> tuple[str, NetworkSymmetries, Mapping[str, Tensor] | None]:
    """Name and group of the network, and the weights that it comes with."""
    if network is not None:
        second = at_sizes(options, options.second).program if options.second else None
        return options.onnx.name, program_symmetries(network.program, second=second), network.state
    return _of_program(options) if options.program is not None else _of_module(options)


def _of_module(options: Namespace) -> tuple[str, NetworkSymmetries, Mapping[str, Tensor] | None]:
    """Name, group and weights of the network that the user's code makes."""
    module = module_of(options)
    second = example_of(options.second)
    found = symmetries(module, example_of(options.example), second_example=second)
    return type(module).__name__, found, module.state_dict()


def _of_program(options: Namespace) -> tuple[str, NetworkSymmetries, Mapping[str, Tensor] | None]:
    """Name and group of a saved program, which has no weights."""
    if options.module is not None or options.example or options.second:
        raise ConfigurationError(
            "--program has its own operations and sizes; leave --module, --example and --second out"
        )
    return options.program.name, program_symmetries(load_program(options.program)), None


def _title(name: str, found: NetworkSymmetries) -> str:
    group = found.group
    return f"{name}: {group.scales.dimension:,} scales, {group.signs.dimension:,} signs"


def _as_json(found: NetworkSymmetries) -> dict[str, object]:
    group = found.group
    return {
        "scales": group.scales.dimension,
        "signs": group.signs.dimension,
        "unread": list(group.unread),
        "families": [
            {
                "module": family.origin,
                "scales": family.scales,
                "signs": family.signs,
                "permutations": family.permutations,
                "moves": [{"parameter": name, "axes": list(axes)} for name, axes in family.moved],
            }
            for family in channel_families(group)
        ],
    }
