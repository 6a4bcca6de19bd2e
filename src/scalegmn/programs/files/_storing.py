"""Programs in files."""

from __future__ import annotations

from pathlib import Path

from scalegmn.disk import replace_file
from scalegmn.errors import ProgramError
from scalegmn.programs import Program

from ._limits import BYTES
from ._reading import program_from_json
from ._writing import program_to_json


def save_program(program: Program, path: Path | str) -> None:
    """Write a program to a file, which is whole or not there at every moment.

    Args:
        program: of registered operations.
        path: of the file; one that is there is replaced.

    Raises:
        DiskError: it cannot be written.
    """
    replace_file(path, program_to_json(program).encode() + b"\n")


def load_program(path: Path | str) -> Program:
    """Read a program from a file, which may be anybody's.

    Args:
        path: of the file.

    Raises:
        ProgramError: it cannot be read, or holds no program.
        UnsupportedOperationError: it names an operation that is not registered.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            content = file.read(BYTES + 1)
    except OSError as error:
        raise ProgramError(
            f"{path}: no program can be read here: {error.strerror}, expected what save_program wrote"
        ) from error
    if len(content) > BYTES:
        raise ProgramError(f"{path} has more than {BYTES:,} bytes, expected a program, which is smaller")
    try:
        return program_from_json(content)
    except ProgramError as error:
        raise type(error)(f"{path}: {error}") from error
