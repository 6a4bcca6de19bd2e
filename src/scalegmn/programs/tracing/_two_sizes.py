"""Programs of one network at two sizes of its input."""

from __future__ import annotations

from collections.abc import Mapping

from scalegmn.errors import ProgramError
from scalegmn.programs import Folding, Program, ValueType


def check_one_network(first: Program, second: Program) -> None:
    """Refuse two programs whose findings cannot be compared by the names of parameters.

    Args:
        first: of a network.
        second: of the same one, traced with an example of another size.

    Raises:
        ProgramError: a parameter differs between the two, or the sizes of the inputs do not.
    """
    if [given.type for given in first.inputs] == [given.type for given in second.inputs]:
        shapes = ", ".join(str(given.type.shape) for given in first.inputs)
        raise ProgramError(
            f"both examples have the sizes {shapes}, expected another size in the second one, such as a "
            "longer sequence or a larger image"
        )
    for name, one, other in _differences(_types(first), _types(second)):
        raise ProgramError(
            f"the parameter {name} is {one or 'missing'} with the first example and {other or 'missing'} "
            "with the second one, expected the same parameters; trace networks whose parameters do not "
            "depend on the size of the input"
        )
    for name, one, other in _differences(_foldings(first), _foldings(second)):
        raise ProgramError(
            f"the parameter {name} is read as {one or 'it is'} with the first example and as "
            f"{other or 'it is'} with the second one, expected the same use of it; give examples of more "
            "than one entry along each axis"
        )


def _types(program: Program) -> dict[str, ValueType]:
    return {parameter.name: parameter.type for parameter in program.parameters}


def _foldings(program: Program) -> dict[str, Folding]:
    return {name: folding for folding in program.foldings for name in folding.effective}


def _differences(
    first: Mapping[str, object], second: Mapping[str, object]
) -> list[tuple[str, object | None, object | None]]:
    names = dict.fromkeys((*first, *second))
    return [(n, first.get(n), second.get(n)) for n in names if first.get(n) != second.get(n)]
