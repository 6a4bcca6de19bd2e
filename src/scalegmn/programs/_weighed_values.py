"""Where in a program a matrix of parameters acts on what came from the inputs."""

from __future__ import annotations

from ._program import Operand, Program


def weighed_values(program: Program) -> tuple[int, ...]:
    """Real values that are written from activations by a matrix of parameters, in order of their making.

    These are sums of linear maps and of convolutions, and what a table of positions is added to.  A gain of a
    norm is a vector, and is no such matrix.

    Args:
        program: a network.

    Returns:
        Their indices, without values that the network returns.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from scalegmn.programs import ProgramArchitecture, weighed_values
        >>> module = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 2))
        >>> program = ProgramArchitecture.from_module(module, torch.zeros(1, 3)).program
        >>> [program.types()[index].shape for index in weighed_values(program)]
        [(1, 4), (1, 5)]
    """
    types = program.types()
    asked = set(range(len(program.inputs)))
    matrices = {
        len(program.inputs) + place for place, one in enumerate(program.parameters) if len(one.type.shape) > 1
    }
    index = len(program.inputs) + len(program.parameters) + len(program.constants)
    found = []
    for instruction in program.instructions:
        read = {operand.index for operand in instruction.operands()}
        written = range(index, index + len(instruction.outputs))
        index = written.stop
        if read & asked:
            asked.update(written)
            if read & matrices and types[written.start].is_floating:
                found.append(written.start)
        elif read & matrices:
            matrices.update(written)
    return tuple(value for value in found if Operand(value) not in program.outputs)
