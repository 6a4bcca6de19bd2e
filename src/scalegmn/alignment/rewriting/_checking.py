"""Whether a network that was written anew computes the same: computed, not believed."""

from __future__ import annotations

from functools import lru_cache, singledispatch

import torch
from torch import Tensor

from scalegmn.alignment import answers_apart, program_inputs, readable_shape
from scalegmn.networks import Architecture
from scalegmn.programs import ProgramArchitecture, run_program
from scalegmn.seeding import generator

_EXAMPLES = 8

Network = tuple[Architecture, Tensor]


def change_of_function(before: Network, after: Network, *, seed: int = 0) -> float:
    """How far the answers of two networks are apart, in float64 at the same random inputs.

    Args:
        before: architecture and parameters ``(P,)``.
        after: others that read the same inputs.
        seed: of the inputs.

    Returns:
        The largest difference of the answers by the largest answer; infinite where an answer is no number.

    Raises:
        ArchitectureError: it is not known what the networks read.
        ProgramError: they cannot be run.
    """
    inputs = inputs_of(before[0], seed)
    found = [answers_of(network, theta.detach().double().cpu(), inputs) for network, theta in (before, after)]
    return answers_apart([found[0]], [found[1]])


@singledispatch
def inputs_of(architecture: Architecture, seed: int) -> list[Tensor]:
    """What a network is asked: normal numbers, and 0 and 1 where integers are read."""
    random = generator(seed, "rewriting", "inputs")
    return [torch.randn(_EXAMPLES, *_shape(architecture), generator=random, dtype=torch.float64)]


@inputs_of.register
def _(architecture: ProgramArchitecture, seed: int) -> list[Tensor]:
    return program_inputs(architecture.program, generator(seed, "rewriting", "inputs"))


@lru_cache(maxsize=64)
def _shape(architecture: Architecture) -> tuple[int, ...]:
    return readable_shape(architecture)


@singledispatch
def answers_of(architecture: Architecture, theta: Tensor, inputs: list[Tensor]) -> list[Tensor]:
    """All that a network answers."""
    with torch.no_grad():
        return [architecture.run(theta[None], inputs[0])[0]]


@answers_of.register
def _(architecture: ProgramArchitecture, theta: Tensor, inputs: list[Tensor]) -> list[Tensor]:
    with torch.no_grad():
        return list(run_program(architecture.program, architecture.unflatten(theta), inputs))
