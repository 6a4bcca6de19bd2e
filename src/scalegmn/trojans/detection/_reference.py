"""Networks of one architecture, all aligned with one reference network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, final

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from scalegmn.alignment import Aligner, Matching, PreparedNetwork
from scalegmn.networks import Architecture
from scalegmn.shapes import ParameterRows


@final
class ReferenceAligner:
    """Aligns networks with a reference network, and subtracts it.

    Args:
        architecture: of all.
        matching: by which symmetries; None for networks as they are.

    Raises:
        SymmetryError, ProgramError: the group of the architecture cannot be computed.

    Law: with a matching, differences do not change when a network is moved by symmetries that the matching
    uses, up to rounding and as far as the aligner brings it back.
    """

    def __init__(self, architecture: Architecture, *, matching: Matching | None) -> None:
        self._aligner: Final = None if matching is None else Aligner(architecture, matching=matching)
        self._reference: Tensor | None = None
        self._prepared: PreparedNetwork | None = None

    @property
    def has_reference(self) -> bool:
        """Whether there is one yet."""
        return self._reference is not None

    @property
    def reference(self) -> Float[Tensor, "P"]:
        """The network that all are aligned with, float64."""
        assert self._reference is not None, "a reference is taken from training networks, or given, first"
        return self._reference

    def refer_to(self, reference: Float[Tensor, "P"]) -> None:
        """Take this network as the reference."""
        self._reference = reference.detach().double().cpu()
        if self._aligner is not None:
            self._prepared = self._aligner.prepare(self._reference)

    def fit(self, theta: ParameterRows, *, clean: Bool[Tensor, "n"], rounds: int) -> Float[Tensor, "n P"]:
        """Take the reference from training networks, and return the differences of all of them.

        Args:
            theta: their parameters.
            clean: which of them have no trojan, at least one.
            rounds: how often the mean of aligned clean networks becomes the reference, at first the first of
                them.

        Raises:
            SymmetryError: a network cannot be aligned.
        """
        exact = theta.detach().double().cpu()
        prepared = self._all_prepared(exact)
        own = [row for row in range(len(exact)) if clean[row]]
        self.refer_to(exact[own[0]])
        for _ in range(rounds):
            self.refer_to(self._aligned(exact[own], [prepared[row] for row in own]).mean(0))
        return self._aligned(exact, prepared) - self.reference

    def differences(self, theta: ParameterRows) -> Float[Tensor, "n P"]:
        """Aligned networks minus the reference, float64.

        Raises:
            SymmetryError: a network cannot be aligned.
        """
        exact = theta.detach().double().cpu()
        return self._aligned(exact, self._all_prepared(exact)) - self.reference

    def _all_prepared(self, theta: ParameterRows) -> Sequence[PreparedNetwork | None]:
        # Once for all rounds.
        return [None if self._aligner is None else self._aligner.prepare(row) for row in theta]

    def _aligned(
        self, theta: ParameterRows, prepared: Sequence[PreparedNetwork | None]
    ) -> Float[Tensor, "n P"]:
        if self._aligner is None or self._prepared is None:
            return theta
        rows = [
            self._aligner.align_prepared(self._prepared, one).aligned for one in prepared if one is not None
        ]
        return torch.stack(rows)
