"""Options of commands that read files of networks that the user has code, or a program, for."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from jsonargparse import ArgumentParser, Namespace

from scalegmn.cli.user_modules import add_module_options, example_of, module_of
from scalegmn.errors import ConfigurationError
from scalegmn.programs import ProgramArchitecture
from scalegmn.programs.files import load_program

PROGRAM_OPTIONS: Final = ("module", "module_path", "arguments", "example", "program")
"""Names of the options."""


def add_program_options(parser: ArgumentParser, *, prefix: str = "") -> None:
    """The options that name a class, or programs, whose state dicts files hold.

    Args:
        parser: of the command.
        prefix: what stands before the help of an option of some uses only.
    """
    add_module_options(parser)
    parser.add_argument(
        "--program",
        type=str,
        action="append",
        default=[],
        help=f"{prefix}program that the files are networks of, as scalegmn trace writes it, in place of "
        "--module; once for each",
    )


def own_programs(options: Namespace) -> tuple[ProgramArchitecture, ...]:
    """What the options name; nothing if they name nothing.

    Raises:
        ConfigurationError: both a class and programs, or an option for a class without one.
        ProgramError: the class cannot be traced, or a file holds no program.
    """
    if options.module is not None and options.program:
        raise ConfigurationError("--module and --program each say what the files hold; leave all but one out")
    if options.module is not None:
        example = example_of(options.example) or ()
        return (ProgramArchitecture.from_module(module_of(options), example),)
    if left := [name for name in ("module_path", "arguments", "example") if options[name]]:
        raise ConfigurationError(f"--{left[0].replace('_', '-')} is for --module, which is missing")
    return tuple(ProgramArchitecture(load_program(Path(name))) for name in options.program)
