"""``scalegmn rewrite``: a network written anew, so that its function stays."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import torch
from jsonargparse import Namespace
from torch import Tensor

from scalegmn.alignment import SavedNetwork, SavedReader
from scalegmn.alignment.rewriting import change_of_function, kinds_for, reduce, rewrite
from scalegmn.checkpoints import write_state
from scalegmn.cli.alignment_options import saved_reader, say_notes
from scalegmn.cli.exit_codes import OK
from scalegmn.cli.model_options import add_reading_options
from scalegmn.cli.onnx_files import add_onnx_settings
from scalegmn.cli.output import say, tell
from scalegmn.cli.parsers import CommandParser
from scalegmn.cli.program_options import add_program_options
from scalegmn.cli.rewriting_options import add_rewriting_options, rewriting_of
from scalegmn.cli.tables import print_tables
from scalegmn.errors import ConfigurationError
from scalegmn.networks import Architecture
from scalegmn.networks.recognition import architecture_entries
from scalegmn.training import Table

HELP = "write a network anew: its function with other weights and more neurons, or without needless ones"

EXAMPLES: Final = (
    "scalegmn rewrite network.pt -o other.safetensors --activation relu # same function, more neurons",
    "scalegmn rewrite other.safetensors -o small.safetensors --reduce # take needless neurons away",
)

_SHOWN = 60
_NEW = ".safetensors"


def build_parser() -> CommandParser:
    """The options of the command."""
    parser = CommandParser(
        examples=EXAMPLES,
        prog="scalegmn rewrite",
        description=f"{HELP.capitalize()}. Where neurons are added or left out, the new file is a "
        "safetensors file that says its architecture; otherwise it has the format and the precision of the "
        "first.",
        default_env=False,
    )
    parser.add_argument("network", type=Path, help="a checkpoint or ONNX file")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the new file")
    parser.add_argument("--replace", action="store_true", help="replace an older file")
    parser.add_argument(
        "--kinds",
        type=str | None,
        default=None,
        help="joined by commas, in this order: unread, split and cancel add neurons, gains and group move "
        "weights, rounding rounds to bfloat16; by default all that keep the function of the network",
    )
    parser.add_argument(
        "--reduce",
        action="store_true",
        help="the opposite: leave out unread neurons, merge copies, and fold constants into biases",
    )
    parser.add_argument(
        "--tolerance",
        type=float | None,
        default=None,
        help="of --reduce: relative difference of weights that count as the same; by default rounding",
    )
    add_rewriting_options(parser)
    add_reading_options(parser)
    add_program_options(parser)
    add_onnx_settings(parser)
    return parser


def run(argv: Sequence[str]) -> int:
    """Rewrite, check the function, write the file, and read it again for what it answers."""
    options = build_parser().parse_args(list(argv))
    _check(options)
    reader = saved_reader(options)
    network = reader.read(options.network)
    say_notes(network)
    architecture, theta = _rewritten(options, network)
    written = _write(options, network, architecture, theta)
    print_tables([_table(network, architecture, written)])
    change = change_of_function((network.architecture, network.theta), (architecture, written))
    say(f"outputs for random inputs changed by {change:.1e} of the largest, rounding of the file included")
    tell(f"{options.network} written anew is {options.output}")
    return OK


def _check(options: Namespace) -> None:
    """Before anything is read: options that exclude each other, and files that would be lost."""
    if options.tolerance is not None and not options.reduce:
        raise ConfigurationError("--tolerance is for --reduce, which is missing; leave it out")
    if options.tolerance is not None and not 0 <= options.tolerance < 1:
        raise ConfigurationError(f"--tolerance is {options.tolerance}, expected a number from 0 to 1")
    if options.reduce and (options.kinds is not None or options.neurons is not None):
        raise ConfigurationError("--reduce takes neurons away, so that --kinds and --neurons say nothing")
    rewriting_of(options, kinds=options.kinds)
    if options.output.exists() and options.network.exists() and options.output.samefile(options.network):
        raise ConfigurationError(f"{options.output}: is the network itself; give the new file another name")


def _rewritten(options: Namespace, network: SavedNetwork) -> tuple[Architecture, Tensor]:
    """The network anew, in float64."""
    if options.reduce:
        kept = network.theta.to(torch.float32 if network.dtype != torch.float64 else torch.float64)
        found, theta = reduce(network.architecture, kept, tolerance=options.tolerance)
        return found, theta.double()
    rewriting = rewriting_of(options, kinds=options.kinds)
    kinds = kinds_for(network.architecture, rewriting)
    found, theta = rewrite(network.architecture, network.theta, rewriting=rewriting)
    if found == network.architecture and options.neurons is not None:
        raise ConfigurationError(
            f"--neurons is {options.neurons}, but none are added to {network.architecture.describe()} by the "
            f"kinds {', '.join(kinds)}; leave it out"
        )
    say(f"kinds: {', '.join(kinds)}")
    return found, theta


def _write(options: Namespace, network: SavedNetwork, architecture: Architecture, theta: Tensor) -> Tensor:
    """Write the file; the parameters as they can be read from it, in float64."""
    target = options.output
    same = architecture == network.architecture
    if same and target.suffix.lower() == network.path.suffix.lower():
        network.write(target, theta, overwrite=options.replace)
        reader = SavedReader(architectures=() if target.suffix == ".onnx" else (architecture,))
        return reader.read(target, like=network).theta
    if target.suffix.lower() != _NEW:
        raise ConfigurationError(
            f"{target}: a network of another architecture or format is a safetensors file; expected "
            f"a name that ends with {_NEW}, or --kinds that add no neurons, such as group"
        )
    # Half precision would change the function by more than all that is written here.
    dtype = torch.float64 if network.dtype == torch.float64 else torch.float32
    stored = theta.to(dtype)
    entries = architecture_entries(architecture)
    write_state(target, architecture.unflatten(stored), extras=entries, overwrite=options.replace)
    return SavedReader().read(target).theta


def _table(network: SavedNetwork, architecture: Architecture, theta: Tensor) -> Table:
    """What is in the network before and after, parameter by parameter."""
    before = network.architecture.unflatten(network.theta)
    after = architecture.unflatten(theta)
    rows = tuple(
        (name, _shape(before[name]), _shape(value), _size(before[name]), _size(value))
        for name, value in list(after.items())[:_SHOWN]
    )
    columns = ("parameter", "shape before", "shape after", "size before", "size after")
    return Table(f"{network.architecture.describe()} is {architecture.describe()}", columns, rows)


def _shape(value: Tensor) -> str:
    return " x ".join(map(str, value.shape)) or "1"


def _size(value: Tensor) -> float:
    return float(value.double().square().mean().sqrt()) if value.numel() else 0.0
