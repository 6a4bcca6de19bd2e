"""How far the functions of two networks are apart at random inputs; knows nothing of alignments."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final, final

import torch
from torch import Tensor

from scalegmn.errors import ScaleGMNError, SymmetryError
from scalegmn.networks import Architecture
from scalegmn.programs import Program, run_program
from scalegmn.seeding import generator
from scalegmn.shapes import Parameters

from ._alignment import Alignment
from ._frames import frame_of

Answers = Sequence[Sequence[Tensor]]
_NOISES: Final = 3
_ROUNDINGS: Final = 100
"""Units in the last place that a parameter may have taken up on its way."""


@final
class Functions:
    """Networks of one architecture, asked in float64 at the same random inputs.

    Args:
        architecture: of the networks.
        examples: how often they are asked; each time at inputs of the size that the program was traced with.
        seed: of the inputs.
    """

    def __init__(self, architecture: Architecture, *, examples: int, seed: int) -> None:
        self._architecture, self._seed = architecture, seed
        self._program: Final[Program] = frame_of(architecture).group.program
        self._inputs: Final = [
            program_inputs(self._program, generator(seed, "inputs", number)) for number in range(examples)
        ]

    def answers(self, theta: Parameters) -> Answers | None:
        """What a network answers; None where it cannot be run."""
        parameters = self._architecture.unflatten(theta.detach().double())
        try:
            with torch.no_grad():
                return [run_program(self._program, parameters, inputs) for inputs in self._inputs]
        except (ScaleGMNError, RuntimeError):
            return None

    def noise(self, theta: Parameters, answers: Answers, *, size: float) -> float:
        """How far answers move if each parameter changes by as much as a fraction of itself.

        Args:
            theta: parameters.
            answers: of the network.
            size: the fraction.
        """
        found = [0.0]
        for number in range(_NOISES):
            random = generator(self._seed, "noise", number)
            factors = 1 + size * (2 * torch.rand(theta.shape, generator=random, dtype=torch.float64) - 1)
            moved = self.answers(theta.detach().double().cpu() * factors)
            if moved is not None:
                found.append(answers_apart(answers, moved))
        return max(found)


def answers_apart(first: Answers, second: Answers) -> float:
    """The largest difference of two networks' answers by the largest answer; infinite if one is no number."""
    apart, size = 0.0, 0.0
    for ours, theirs in _pairs(first, second):
        if not ours.is_floating_point():
            apart = apart if torch.equal(ours, theirs) else math.inf
            continue
        if not bool(torch.isfinite(ours).all() and torch.isfinite(theirs).all()):
            return math.inf
        apart = max(apart, float((ours - theirs).abs().max()))
        size = max(size, float(ours.abs().max()), float(theirs.abs().max()))
    return apart / size if size and math.isfinite(apart) else apart


def _pairs(first: Answers, second: Answers) -> Iterator[tuple[Tensor, Tensor]]:
    for ours, theirs in zip(first, second, strict=True):
        for one, other in zip(ours, theirs, strict=True):
            if one.numel():
                yield one, other


def program_inputs(program: Program, random: torch.Generator) -> list[Tensor]:
    """Normal numbers, and 0 and 1 where integers are read, at the sizes of the program."""
    return [
        torch.randn(one.type.shape, generator=random, dtype=torch.float64)
        if one.type.is_floating
        else torch.randint(2, one.type.shape, generator=random).to(getattr(torch, one.type.dtype))
        for one in program.inputs
    ]


def check_function_kept(alignment: Alignment, *, examples: int = 4, seed: int = 0) -> float | None:
    """Compare the functions of a network before and after it was aligned.

    Args:
        alignment: of any network.
        examples: how often both are asked.
        seed: of the inputs.

    Returns:
        The largest difference of the outputs for random inputs by the largest output, in float64; None where
        the network cannot be run.

    Raises:
        SymmetryError: the functions differ by more than rounding.
    """
    functions = Functions(alignment.architecture, examples=examples, seed=seed)
    before, after = functions.answers(alignment.other), functions.answers(alignment.aligned)
    if before is None or after is None:
        return None
    apart = answers_apart(before, after)
    size = _ROUNDINGS * torch.finfo(alignment.aligned.dtype).eps
    allowed = max(size, functions.noise(alignment.other, before, size=size))
    if not apart <= allowed:
        raise SymmetryError(
            f"the aligned network computes something else than before: outputs for random inputs differ by "
            f"{apart:.1e} of the largest, expected at most {allowed:.1e}; do not use it, and report the "
            "architecture"
        )
    return apart
