"""Examples as a program reads them."""

from __future__ import annotations

from torch import Tensor

from scalegmn.errors import SymmetryError
from scalegmn.programs import Program


def in_batches(program: Program, examples: Tensor) -> Tensor:
    """Examples in batches of the size that a program was traced with.

    Args:
        program: that reads one thing, examples along its first axis.
        examples: ``(n, *features)``.

    Returns:
        ``(batches, *input)``; examples that fill no batch are left out.

    Raises:
        SymmetryError: the program reads several things, or other examples, or there are too few.
    """
    shapes = [one.type.shape for one in program.inputs]
    if len(shapes) != 1 or not shapes[0]:
        raise SymmetryError(
            f"the network reads inputs of the shapes {shapes}, expected one, of examples along its first "
            "axis; use what asks no examples, such as matching by weights"
        )
    size, *features = shapes[0]
    if list(examples.shape[1:]) != features or len(examples) < size:
        raise SymmetryError(
            f"examples have the shape {tuple(examples.shape)}, expected "
            f"(n, {', '.join(map(str, features))}), with n at least {size}"
        )
    return examples[: len(examples) // size * size].unflatten(0, (-1, size))
