"""Options of commands that bring networks of files to each other by their symmetries."""

from __future__ import annotations

from typing import Final, Literal

from jsonargparse import ArgumentParser, Namespace

from scalegmn.alignment import Aligner, Matching, SavedNetwork, SavedReader
from scalegmn.cli.model_options import add_reading_options, reading_options
from scalegmn.cli.onnx_files import add_onnx_settings, onnx_size
from scalegmn.cli.output import say
from scalegmn.cli.program_options import add_program_options, own_programs
from scalegmn.errors import ConfigurationError
from scalegmn.networks import Architecture

STARTS: Final = Matching().starts


def add_alignment_options(parser: ArgumentParser, *, answering: bool = False) -> None:
    """How files are read, and how networks are matched.

    Args:
        parser: of the command.
        answering: whether networks can be asked about examples.
    """
    parser.add_argument(
        "--group",
        type=Literal["all", "permutations"],
        default="all",
        help="symmetries that may be used: all, or permutations of channels alone",
    )
    if answering:
        parser.add_argument(
            "--matching",
            type=Literal["weights", "activations"] | None,
            default=None,
            help="what channels are matched by; by default activations where there are images",
        )
    else:
        parser.add_argument(
            "--matching", type=Literal["weights"], default="weights", help="what channels are matched by"
        )
    parser.add_argument(
        "--starts",
        type=int,
        default=STARTS,
        help="searches for permutations; the first starts from invariant signatures, the second from the "
        "network as it is, others at random",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the search, and of random inputs")
    add_reading_options(parser)
    add_program_options(parser)
    add_onnx_settings(parser)


def saved_reader(options: Namespace) -> SavedReader:
    """How the files of the command are read.

    Raises:
        ConfigurationError: options contradict each other, or name nothing.
        ProgramError: the class cannot be traced, or a file holds no program.
    """
    reading = reading_options(options)
    return SavedReader(
        architectures=own_programs(options),
        activation=reading.activation,
        key=reading.key,
        max_bytes=reading.max_bytes,
        sizes=dict(map(onnx_size, options.size)),
        external_data=options.external_data,
    )


def matching_of(options: Namespace) -> Matching:
    """How networks are matched.

    Raises:
        ConfigurationError: a number is out of range.
    """
    for name, least in (("starts", 1), ("seed", 0)):
        if options[name] < least:
            raise ConfigurationError(f"--{name} is {options[name]}, expected {least} or more")
    every = options.group == "all"
    return Matching(scales=every, signs=every, phases=every, starts=options.starts, seed=options.seed)


def aligner_of(options: Namespace, architecture: Architecture) -> Aligner:
    """What brings networks of an architecture to each other."""
    return Aligner(architecture, matching=matching_of(options))


def say_notes(*networks: SavedNetwork) -> None:
    """What had to be assumed to read the files."""
    for network in networks:
        for note in network.notes:
            say(f"{network.path}: {note}")
