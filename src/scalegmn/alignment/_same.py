"""Whether two networks are the same up to symmetries of their function."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal, NamedTuple, final

import torch

from scalegmn.errors import ConfigurationError
from scalegmn.networks import Architecture
from scalegmn.shapes import Parameters

from ._aligner import Aligner, aligner_for
from ._alignment import Alignment
from ._fitted_scales import align_closely, with_fitted_scales
from ._functions import Functions, answers_apart
from ._tolerance import Tolerance

_MARGIN: Final = 4.0
"""Random changes of parameters at the tolerance may move answers less than the worst ones do."""
_MORE_STARTS: Final = 8
"""Of another search, where the functions agree and the first has found nothing."""


class _Worst(NamedTuple):
    """The parameter that is furthest beyond what is allowed; `excess` is above 1 if it is beyond at all."""

    place: int
    difference: float
    excess: float


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class Sameness:
    """What was found about two networks.

    Attributes:
        alignment: of the second network to the first, or, where that was rounded less, the other way round.
        tolerance: of parameters.
        function_difference: largest difference of the outputs for random inputs by the largest output, in
            float64; None where the networks cannot be run.
        function_tolerance: what parameters within their tolerance may change of the answers.
    """

    alignment: Alignment
    tolerance: Tolerance
    function_difference: float | None
    function_tolerance: float

    @property
    def same(self) -> bool:
        """The verdict: the parameters agree, and so do the functions where they can be run."""
        return self.parameters_agree and self.functions_agree is not False

    @property
    def parameters_agree(self) -> bool:
        """Whether all parameters agree after alignment."""
        return self._worst.excess <= 1

    @property
    def functions_agree(self) -> bool | None:
        """Whether the outputs for random inputs agree; None where there are none."""
        difference = self.function_difference
        return None if difference is None else difference <= self.function_tolerance

    @property
    def parameter_difference(self) -> float:
        """The relative difference of the parameter that is furthest beyond what is allowed."""
        return self._worst.difference

    @property
    def reference(self) -> Literal["first", "second"]:
        """The network that stays as it is; :attr:`place` is a place in it."""
        return "second" if self.tolerance.coarser_second else "first"

    @property
    def place(self) -> str:
        """Where that is, in the reference, such as ``0.weight[3, 1]``."""
        index = self._worst.place
        for parameter in self.alignment.architecture.parameters:
            if parameter.start <= index < parameter.stop:
                inner = torch.unravel_index(torch.tensor(index - parameter.start), parameter.shape)
                return f"{parameter.name}{[int(one) for one in inner] if parameter.shape else ''}"
        return "no parameter"

    @cached_property
    def _worst(self) -> _Worst:
        difference, allowed = self.tolerance.differences(self.alignment)
        # A tolerance of 0 asks for equal numbers.
        excess = torch.where(difference > 0, difference / allowed, 0.0)
        if not len(excess):
            return _Worst(place=0, difference=0.0, excess=0.0)
        index = int(excess.argmax())
        return _Worst(place=index, difference=float(difference[index]), excess=float(excess[index]))

    def to_dict(self) -> dict[str, Any]:
        """Plain data, fit for JSON."""
        return {
            "same": self.same,
            "parameters_agree": self.parameters_agree,
            "parameter_difference": self.parameter_difference,
            "parameter": self.place,
            "reference": self.reference,
            "tolerance": self.tolerance.largest,
            "distance": self.alignment.distance,
            "distance_before": self.alignment.distance_before,
            "functions_agree": self.functions_agree,
            "function_difference": _finite(self.function_difference),
            "function_tolerance": _finite(self.function_tolerance),
        }

    def __str__(self) -> str:
        if self.same:
            rounded = " after rounding" if self.tolerance.rounding and self.parameter_difference else ""
            verdict = f"the same{rounded}"
        elif self.parameters_agree:
            verdict = "not the same: the parameters agree, but the functions do not"
        elif self.functions_agree:
            verdict = "not found to be the same: no alignment was found, though the functions agree"
        else:
            verdict = "not the same"
        return f"{verdict}; {self._parameters()}; {self._functions()}"

    def _parameters(self) -> str:
        difference = self.parameter_difference
        if not difference:
            return "all parameters are equal after alignment"
        return (
            f"after alignment parameters differ by up to {difference:.1e} of themselves, at {self.place} "
            f"of the {self.reference} ({self.tolerance})"
        )

    def _functions(self) -> str:
        if self.function_difference is None:
            return "the functions were not compared, since they cannot be run on random inputs"
        return (
            f"outputs for random inputs differ by up to {self.function_difference:.1e} of the largest "
            f"(tolerance {self.function_tolerance:.0e})"
        )


def same(
    architecture: Architecture,
    first: Parameters,
    second: Parameters,
    *,
    tolerance: Tolerance | None = None,
    examples: int = 8,
    seed: int = 0,
    aligner: Aligner | None = None,
) -> Sameness:
    """Whether two networks are the same up to symmetries of their function.

    They are where every single parameter agrees after alignment, and, as a check that knows nothing of the
    alignment, the functions of both agree at random inputs.  Networks whose functions agree without an
    alignment are not called the same; what was found says so.

    Args:
        architecture: of both.
        first, second: parameters, ``(P,)``.
        tolerance: of parameters; by default that of the dtypes of both.
        examples: how often the functions are asked.
        seed: of the inputs.
        aligner: of the architecture, where it is at hand.

    Raises:
        SymmetryError: parameters do not fit, or hold NaN or infinities.

    Example:
        >>> import torch
        >>> from scalegmn import Activation, mlp
        >>> from scalegmn.alignment import same
        >>> from scalegmn.symmetry import random_symmetry
        >>> network = mlp(widths=(2, 8, 8, 1), activations=[Activation("relu")] * 2)
        >>> theta = torch.randn(network.num_parameters)
        >>> moved = random_symmetry(network, generator=torch.Generator().manual_seed(0)).apply(theta)
        >>> same(network, theta, moved).same
        True
        >>> moved[5] *= 1.01
        >>> same(network, theta, moved).same
        False
    """
    if examples < 1:
        raise ConfigurationError(f"examples is {examples}, expected 1 or more, since the functions are asked")
    aligner = aligner_for(architecture, aligner)
    tolerance = tolerance or Tolerance.of(first.dtype, second.dtype)
    pair = (second, first) if tolerance.coarser_second else (first, second)
    alignment = align_closely(aligner, *pair, robust=not tolerance.rounding)
    functions = Functions(architecture, examples=examples, seed=seed)
    answers = functions.answers(first)
    others = None if answers is None else functions.answers(second)
    apart, allowed = None, tolerance.largest
    if answers is not None and others is not None:
        apart = answers_apart(answers, others)
        allowed = max(allowed, _MARGIN * functions.noise(first, answers, size=tolerance.largest))
    found = Sameness(
        alignment=alignment, tolerance=tolerance, function_difference=apart, function_tolerance=allowed
    )
    if found.parameters_agree:
        return _without_rounding(found, aligner)
    return _searched_again(found, aligner) if found.functions_agree else found


def _without_rounding(found: Sameness, aligner: Aligner) -> Sameness:
    """The same where rounding explains the differences; otherwise what is left at the exact tolerance."""
    tolerance = found.tolerance
    if not tolerance.rounding:
        return found
    alignment = with_fitted_scales(aligner, found.alignment, robust=True)
    if not tolerance.denies_rounding(alignment):
        return found
    exact = dataclasses.replace(tolerance, rounding=0.0)
    return dataclasses.replace(found, alignment=alignment, tolerance=exact)


def _searched_again(found: Sameness, aligner: Aligner) -> Sameness:
    """What more starts find where there must be something."""
    more = dataclasses.replace(aligner.matching, starts=max(aligner.matching.starts, _MORE_STARTS))
    pair = found.alignment.reference, found.alignment.other
    another = Aligner(aligner.architecture, matching=more)
    alignment = align_closely(another, *pair, robust=not found.tolerance.rounding)
    again = dataclasses.replace(found, alignment=alignment)
    return _without_rounding(again, another) if again.parameters_agree else found


def _finite(value: float | None) -> float | None:
    """JSON has no infinities; they are told by the verdict."""
    return value if value is not None and math.isfinite(value) else None
