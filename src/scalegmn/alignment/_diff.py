"""Where two related networks differ: what is left between them after alignment."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor

from scalegmn.networks import Architecture, Parameter
from scalegmn.shapes import Parameters

from ._aligner import Aligner, aligner_for
from ._alignment import Alignment
from ._fitted_scales import align_closely
from ._tolerance import Tolerance


@final
@dataclass(frozen=True, kw_only=True)
class ParameterDifference:
    """Where two networks differ in one parameter.

    Attributes:
        name: of the parameter.
        shape: of the parameter.
        before: distance by the larger norm before alignment.
        relative: the same after alignment.
        changed: share of numbers that differ by more than rounding.
        largest: relative difference of the number that differs most.
        channels: as `relative`, for each entry of the first axis, such as an output channel of a weight.
    """

    name: str
    shape: tuple[int, ...]
    before: float
    relative: float
    changed: float
    largest: float
    channels: tuple[float, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain data, fit for JSON."""
        return {
            "name": self.name,
            "shape": list(self.shape),
            "before": self.before,
            "relative": self.relative,
            "changed": self.changed,
            "largest": self.largest,
            "channels": list(self.channels),
        }


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class NetworkDifference:
    """Where two networks differ after alignment.

    Attributes:
        alignment: of the second network to the first.
        tolerance: differences within it are rounding.
        parameters: in the order of the network.
    """

    alignment: Alignment
    tolerance: Tolerance
    parameters: tuple[ParameterDifference, ...]

    @property
    def changed(self) -> float:
        """Share of all numbers that differ by more than rounding."""
        sizes = [math.prod(one.shape) for one in self.parameters]
        total = sum(size * one.changed for size, one in zip(sizes, self.parameters, strict=True))
        return total / max(sum(sizes), 1)

    def to_dict(self) -> dict[str, Any]:
        """Plain data, fit for JSON."""
        return {
            "distance": self.alignment.distance,
            "distance_before": self.alignment.distance_before,
            "changed": self.changed,
            "tolerance": self.tolerance.largest,
            "parameters": [one.to_dict() for one in self.parameters],
        }

    def __str__(self) -> str:
        return (
            f"{self.changed:.2%} of {self.alignment.architecture.num_parameters:,} numbers differ; relative "
            f"distance {self.alignment.distance:.2e}, {self.alignment.distance_before:.2e} before alignment"
        )


def diff(
    architecture: Architecture,
    first: Parameters,
    second: Parameters,
    *,
    tolerance: Tolerance | None = None,
    aligner: Aligner | None = None,
) -> NetworkDifference:
    """Where two related networks differ, such as a network and what became of it by fine-tuning.

    The second network is brought to the first; what differs then is no rewriting of the same function.  Sizes
    are measured in the representative of the first network under scales, so that no scale of either changes
    them.

    Args:
        architecture: of both.
        first, second: parameters, ``(P,)``.
        tolerance: differences within it are rounding; by default that of the dtypes of both.
        aligner: of the architecture, where it is at hand.

    Raises:
        SymmetryError: parameters do not fit, or hold NaN or infinities.

    Example:
        >>> import torch
        >>> from scalegmn import Activation, mlp
        >>> from scalegmn.alignment import diff
        >>> from scalegmn.symmetry import random_symmetry
        >>> network = mlp(widths=(2, 8, 8, 1), activations=[Activation("relu")] * 2)
        >>> theta = torch.randn(network.num_parameters)
        >>> tuned = theta.clone()
        >>> tuned[-9:] *= 1.1
        >>> tuned = random_symmetry(network, generator=torch.Generator().manual_seed(0)).apply(tuned)
        >>> [one.name for one in diff(network, theta, tuned).parameters if one.changed]
        ['4.weight', '4.bias']
    """
    aligner = aligner_for(architecture, aligner)
    tolerance = tolerance or Tolerance.of(first.dtype, second.dtype)
    return difference_of(align_closely(aligner, first, second, robust=True), tolerance=tolerance)


def difference_of(alignment: Alignment, *, tolerance: Tolerance) -> NetworkDifference:
    """Where two networks differ that are aligned."""
    gauge = alignment.gauge
    reference, aligned, other = (
        gauge * theta.double() for theta in (alignment.reference, alignment.aligned, alignment.other)
    )
    differences, allowed = tolerance.differences(alignment)
    found = []
    for parameter in alignment.architecture.parameters:
        part = slice(parameter.start, parameter.stop)
        found.append(
            ParameterDifference(
                name=parameter.name,
                shape=parameter.shape,
                before=float(_relative(reference[part], other[part])),
                relative=float(_relative(reference[part], aligned[part])),
                changed=float((differences[part] > allowed[part]).double().mean()),
                largest=float(alignment.difference[part].max()),
                channels=tuple(_relative(_rows(reference, parameter), _rows(aligned, parameter)).tolist()),
            )
        )
    return NetworkDifference(alignment=alignment, tolerance=tolerance, parameters=tuple(found))


def _rows(theta: Tensor, parameter: Parameter) -> Tensor:
    """``(channels, numbers)``: one row for each entry of the first axis."""
    value = theta[parameter.start : parameter.stop]
    return value.reshape(parameter.shape[0] if parameter.shape else 1, -1)


def _relative(first: Tensor, second: Tensor) -> Tensor:
    """Distance along the last axis by the larger norm; 0 where both are 0."""
    size = torch.maximum(first.norm(dim=-1), second.norm(dim=-1))
    return torch.where(size > 0, (first - second).norm(dim=-1) / size, 0.0)
