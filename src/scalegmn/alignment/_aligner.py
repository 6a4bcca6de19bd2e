"""Bringing one network to another by the symmetries of its function."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, final

import torch
from torch import Tensor

from scalegmn.errors import SymmetryError
from scalegmn.networks import Architecture
from scalegmn.shapes import Parameters
from scalegmn.symmetry import canonicalize_sine_phase
from scalegmn.symmetry.discovery import GroupElement

from ._alignment import Alignment
from ._answering_scales import AnsweringScales
from ._frames import MatchingFrame, frame_of
from ._matching import Matching
from ._phases import half_periods, has_phases, nearest_phases
from ._scales import balancing_scales
from ._search import Search

_SIZES: Final = (1e-100, 1e100)
"""Of the largest number of a representative; products of others would be 0 or infinite in float64."""


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class PreparedNetwork:
    """A network at its representative under scales and phases.

    Attributes:
        theta: parameters as they were given, ``(P,)``.
        parameters: of the representative, by name, float64.
        gauge: by what they were multiplied, by name.
        signatures: of its channels, ``(points, features)``; nothing if no channels move.
        answers: of its channels to examples, by the index of a value; nothing if it is not asked.
    """

    theta: Parameters
    parameters: Mapping[str, Tensor]
    gauge: Mapping[str, Tensor]
    signatures: Tensor
    answers: Mapping[int, Tensor]


@final
class Aligner:
    r"""Brings networks of one architecture to each other by the symmetries of their function.

    Scales are taken out first: each network is brought to its representative under them
    (:func:`scalegmn.symmetry.discovery.canonical_scales`), and the phases of sines into one period.  Channels
    are matched by invariant signatures, and from there by linear assignment, one family of channels after
    another, as long as the inner product of the two networks grows (weight matching: Ainsworth et al., "Git
    Re-Basin", 2023), each channel at its best sign.  Then all signs are solved for, and scales and phases
    are brought to those of the reference.

    Args:
        architecture: of any kind.
        matching: parts of the group, effort, and what channels are matched by.
        shape: of one example, for networks that read images of any size and are matched by their answers.

    Raises:
        SymmetryError, ProgramError: its group cannot be computed.

    Law: a network that was moved by an element of the group is brought back, up to rounding and to neurons
    that are dead or have a twin.  The function of a network stays the same.

    Example:
        >>> import torch
        >>> from scalegmn import Activation, mlp
        >>> from scalegmn.alignment import Aligner
        >>> from scalegmn.symmetry import random_symmetry
        >>> network = mlp(widths=(2, 8, 8, 1), activations=[Activation("relu"), Activation("tanh")])
        >>> theta = torch.randn(network.num_parameters, dtype=torch.float64)
        >>> moved = random_symmetry(network, generator=torch.Generator().manual_seed(0)).apply(theta)
        >>> found = Aligner(network).align(theta, moved)
        >>> found.distance < 1e-12 < found.distance_before
        True
    """

    def __init__(
        self,
        architecture: Architecture,
        *,
        matching: Matching | None = None,
        shape: tuple[int, ...] | None = None,
    ) -> None:
        self.architecture: Final = architecture
        self.matching: Final = Matching() if matching is None else matching
        self._frame: Final[MatchingFrame] = frame_of(architecture, shape=shape)
        self._phases: Final = self.matching.phases and has_phases(architecture)

    def prepare(self, theta: Parameters, *, examples: Tensor | None = None) -> PreparedNetwork:
        """What alignment needs of one network, so that it is computed once for many pairs.

        Args:
            theta: parameters, ``(P,)``.
            examples: ``(n, *features)``, where channels are matched by their answers.

        Raises:
            SymmetryError: they do not fit, are no floating-point numbers, or are not finite or of such a size
                that their products are not; or examples are missing.
        """
        theta = theta.detach()
        exact = self._checked(theta)
        asked = self.matching.by == "activations"
        if asked and examples is None:
            raise SymmetryError(
                "examples are missing, expected some that networks are asked about, since channels are "
                "matched by activations"
            )
        if self._phases:
            exact = canonicalize_sine_phase(self.architecture, exact)
        given = self.architecture.unflatten(exact)
        element = self._frame.balance.element(given) if self.matching.scales else GroupElement()
        canonical = element.apply(given)
        self._check_sizes(canonical)
        answers: Mapping[int, Tensor] = {}
        if asked and examples is not None:
            answers = self._frame.activations.answers(canonical, examples)
        moving = self.matching.permutations and self._frame.families
        signatures = self._frame.signatures.of(canonical) if moving else torch.zeros(0, 0)
        return PreparedNetwork(
            theta=theta,
            parameters=canonical,
            gauge=element.factors,
            signatures=signatures,
            answers=answers,
        )

    def canonical(self, theta: Parameters) -> Parameters:
        """The representative of a network under scales and phases, ``(P,)`` float64."""
        return self.architecture.flatten(self.prepare(theta).parameters)

    def align(self, reference: Parameters, other: Parameters, *, examples: Tensor | None = None) -> Alignment:
        """Bring a network to another one.

        Args:
            reference: parameters of the network that stays, ``(P,)``.
            other: of the network that is moved, ``(P,)``.
            examples: ``(n, *features)``, where channels are matched by their answers.

        Returns:
            Both, and the moved network, in the dtype and on the device of `other`.

        Raises:
            SymmetryError: parameters do not fit, are no floating-point numbers, or are not finite or of such
                a size that their products are not; the dtype of `other` cannot hold the moved network; or
                examples are missing.
        """
        found = self.align_prepared(*(self.prepare(one, examples=examples) for one in (reference, other)))
        return found if examples is None else self.fitted(found, examples)

    def fitted(self, found: Alignment, examples: Tensor) -> Alignment:
        """An alignment whose scales are fitted to examples, as many steps as the matching asks for.

        Args:
            found: any alignment of this architecture.
            examples: ``(n, *features)``.
        """
        if not (self.matching.scales and self.matching.fitting):
            return found
        fitting = AnsweringScales(
            self.architecture,
            self._frame.scales.rows,
            examples,
            answers=self.matching.answers,
            steps=self.matching.fitting,
            seed=self.matching.seed,
        )
        return replace(found, aligned=fitting.fitted(found.reference, found.aligned))

    def align_prepared(self, reference: PreparedNetwork, other: PreparedNetwork) -> Alignment:
        """Align networks that this aligner has prepared; otherwise as :meth:`align`."""
        search = Search(self._frame, matching=self.matching)
        if self.matching.by == "activations":
            best = search.by_answers(
                reference.parameters, other.parameters, answers=(reference.answers, other.answers)
            )
        else:
            best = search.run(
                reference.parameters, other.parameters, signatures=(reference.signatures, other.signatures)
            )
        if self.matching.scales:
            solved = balancing_scales(self._frame.scales.rows, reference.parameters, best)
            best = self._frame.scales.scaled(solved).apply(best)
        gauge = self._flat(reference.gauge)
        aligned = self.architecture.flatten(best) / gauge
        if self._phases:
            # The reference may lie anywhere, and not in the canonical range.
            aligned = nearest_phases(self.architecture, reference.theta.double().cpu(), aligned)
        cast = aligned.to(other.theta)
        if not bool(torch.isfinite(cast.double()).all()):
            raise SymmetryError(
                f"the moved network has numbers up to {float(aligned.abs().max()):.1e}, too large for "
                f"{other.theta.dtype}; convert it to torch.float32 first"
            )
        return Alignment(
            architecture=self.architecture,
            reference=reference.theta,
            other=other.theta,
            aligned=cast,
            gauge=gauge,
            floor=half_periods(self.architecture) if self._phases else torch.zeros_like(gauge),
        )

    def _flat(self, factors: Mapping[str, Tensor]) -> Tensor:
        ones = self.architecture.unflatten(torch.ones(self.architecture.num_parameters, dtype=torch.float64))
        return self.architecture.flatten(GroupElement(factors=factors).apply(ones))

    def _checked(self, theta: Tensor) -> Parameters:
        """The same in float64 on the processor."""
        expected = (self.architecture.num_parameters,)
        if tuple(theta.shape) != expected:
            raise SymmetryError(
                f"theta has shape {tuple(theta.shape)}, expected {expected}, one network "
                f"{self.architecture.describe()}"
            )
        if not theta.is_floating_point():
            raise SymmetryError(
                f"theta has the dtype {theta.dtype}, expected a floating-point one; convert it first"
            )
        exact = theta.double().cpu()
        if not bool(torch.isfinite(exact).all()):
            raise SymmetryError("theta holds NaN or infinities, expected finite numbers; nothing is aligned")
        return exact

    def _check_sizes(self, canonical: Mapping[str, Tensor]) -> None:
        largest = max((float(value.abs().max()) for value in canonical.values() if value.numel()), default=0)
        low, high = _SIZES
        if not (largest == 0 or low <= largest <= high):
            raise SymmetryError(
                f"the largest parameter, scales taken out, is {largest:.1e}, expected one from {low:.0e} to "
                f"{high:.0e}, or zeros; nothing is aligned"
            )


def aligner_for(architecture: Architecture, given: Aligner | None) -> Aligner:
    """The aligner that was given, or a new one.

    Raises:
        SymmetryError: the given one is for other networks.
    """
    aligner = given or Aligner(architecture)
    if aligner.architecture != architecture:
        raise SymmetryError(
            f"the aligner is for {aligner.architecture.describe()}, expected one for "
            f"{architecture.describe()}"
        )
    return aligner


def align(
    architecture: Architecture,
    reference: Parameters,
    other: Parameters,
    *,
    matching: Matching | None = None,
    examples: Tensor | None = None,
) -> Alignment:
    """Bring a network to another one by the symmetries of its function; see :class:`Aligner`.

    Args:
        architecture: of both.
        reference: parameters of the network that stays, ``(P,)``.
        other: of the network that is moved, ``(P,)``.
        matching: parts of the group, effort, and what channels are matched by.
        examples: ``(n, *features)``, where channels are matched by their answers.

    Example:
        >>> import torch
        >>> from scalegmn import align, siren
        >>> from scalegmn.symmetry import random_symmetry
        >>> network = siren(widths=(2, 16, 16, 1))
        >>> theta = torch.randn(network.num_parameters, dtype=torch.float64)
        >>> moved = random_symmetry(
        ...     network, generator=torch.Generator().manual_seed(0), shift_phase=True
        ... ).apply(theta)
        >>> found = align(network, theta, moved)
        >>> torch.allclose(found.aligned, theta)
        True
    """
    shape = None if examples is None else tuple(examples.shape[1:])
    return Aligner(architecture, matching=matching, shape=shape).align(reference, other, examples=examples)
