"""One step for all networks: the mean difference of clean and trojaned twins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import final

import torch
from torch import Tensor

from scalegmn.configuration import Configuration
from scalegmn.errors import ConfigurationError
from scalegmn.networks import Architecture, changed
from scalegmn.nn import of_ordinary_size
from scalegmn.trojans.repair.defenses._clean_images import CleanImages
from scalegmn.trojans.repair.defenses._method import RepairMethod


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class MeanDifference(Configuration, RepairMethod):
    """Adds the mean over training pairs of clean minus trojaned parameters, times a step.

    Twins start from the same network, so their neurons correspond; those of different pairs do not, which
    is what an equivariant editor is spared.  Deviations of batch norms stay positive.

    Attributes:
        differences: the mean difference ``(P,)`` of each architecture.
        step: how much of it is added.
        leaves_others: whether networks of other architectures are left as they are, and not refused.
    """

    differences: Mapping[Architecture, Tensor] = field(default_factory=lambda: MappingProxyType({}))
    step: float = 1.0
    leaves_others: bool = False

    @property
    def name(self) -> str:
        return "mean difference"

    def fit(self, architecture: Architecture, trojaned: Tensor, clean: Tensor) -> MeanDifference:
        """A method that also knows networks of this architecture.

        Args:
            architecture: of all pairs.
            trojaned: ``(N, P)``.
            clean: their clean twins, ``(N, P)``.

        Raises:
            ConfigurationError: there are no pairs, or not one twin each.
        """
        if trojaned.shape != clean.shape or not len(trojaned):
            raise ConfigurationError(
                f"trojaned networks of shape {tuple(trojaned.shape)} and clean twins of shape "
                f"{tuple(clean.shape)}; expected (N, P) for both, with one pair at least"
            )
        differences = clean.double() - trojaned.double()
        sizes = differences.norm(dim=1, keepdim=True)
        # A pair of which a twin diverged would decide the mean of all.
        ordinary = of_ordinary_size(sizes, torch.ones_like(sizes, dtype=torch.bool))[:, 0]
        mean = differences[ordinary].mean(dim=0).float()
        return replace(self, differences=MappingProxyType({**self.differences, architecture: mean}))

    def stepping(self, step: float) -> MeanDifference:
        """The same with another step."""
        return replace(self, step=step)

    def _repair(
        self, architecture: Architecture, theta: Tensor, *, images: CleanImages | None, seed: int
    ) -> Tensor:
        if architecture not in self.differences and self.leaves_others:
            return theta.clone()
        if architecture not in self.differences:
            raise ConfigurationError(
                f"no pair of twins {architecture.describe()} was seen; fit the mean difference of this "
                "architecture first"
            )
        return changed(
            architecture, theta, (self.step * self.differences[architecture]).to(theta).expand_as(theta)
        )
