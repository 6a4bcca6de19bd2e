"""The group of a hidden neuron: by what it may be multiplied while the network's function stays.

A group is a value.  Which group a neuron has follows from the mathematics of its activation (odd,
homogeneous, periodic) and from what stands behind it; see :func:`group_of`.

Every group is a product of at most two parts, a sign and a positive scale, which is how graphs store it
(:attr:`Group.code`) and how metanetworks read it; a third bit tells the neurons whose phase may be shifted.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import log, nan
from typing import final

import torch
from torch import Tensor

from scalegmn.networks import Activation

SIGN_BIT = 1
SCALE_BIT = 2
PHASE_BIT = 4


class Group(ABC):
    """A group of factors ``q``; acts on a neuron by ``w_ij -> q_i w_ij`` and ``b_i -> q_i b_i``."""

    has_sign: bool
    has_scale: bool
    has_phase: bool = False

    @property
    def code(self) -> int:
        """Three bits: whether it holds -1, the positive reals, and shifts of the phase."""
        return SIGN_BIT * self.has_sign + SCALE_BIT * self.has_scale + PHASE_BIT * self.has_phase

    @property
    def degree(self) -> float:
        """The neuron's output is multiplied by ``sign(q) |q|**degree`` when its sum is multiplied by q."""
        return 1.0

    @abstractmethod
    def contains(self, q: Tensor) -> Tensor:
        """Which of the factors `q` are elements, a boolean tensor of the same shape."""

    @final
    def draw(self, count: int, *, generator: torch.Generator, spread: float = 1e3) -> Tensor:
        """`count` random elements in float64; scales are log-uniform in ``[1/spread, spread]``."""
        q = torch.ones(count, dtype=torch.float64)
        if self.has_scale:
            q = torch.exp(log(spread) * (2 * torch.rand(count, generator=generator, dtype=torch.float64) - 1))
        if self.has_sign:
            q = q * (2.0 * torch.randint(0, 2, (count,), generator=generator) - 1)
        return q


@final
@dataclass(frozen=True)
class Trivial(Group):
    """{1}: nothing but permutations (GELU, SiLU, sigmoid; every input and output neuron)."""

    has_sign = False
    has_scale = False

    def contains(self, q: Tensor) -> Tensor:
        """Whether q is 1."""
        return q == 1


@final
@dataclass(frozen=True)
class Sign(Group):
    """{+1, -1}: odd activations."""

    has_sign = True
    has_scale = False

    def contains(self, q: Tensor) -> Tensor:
        """Whether q is 1 or -1."""
        return q.abs() == 1


@final
@dataclass(frozen=True)
class PositiveScale(Group):
    """The positive reals: positively homogeneous activations.

    `power` is the degree of homogeneity: 1 for ReLU, 2 for its square, whose outgoing weights must be
    divided by ``q**2`` where its incoming ones are multiplied by ``q``.
    """

    power: float = 1.0
    has_sign = False
    has_scale = True

    @property
    def degree(self) -> float:
        """Degree of homogeneity."""
        return self.power

    def contains(self, q: Tensor) -> Tensor:
        """Whether q is positive and finite."""
        return (q > 0) & torch.isfinite(q)


@final
@dataclass(frozen=True)
class NonZeroScale(Group):
    """The non-zero reals: linear layers."""

    has_sign = True
    has_scale = True

    def contains(self, q: Tensor) -> Tensor:
        """Whether q is not zero and finite."""
        return (q != 0) & torch.isfinite(q)


@final
@dataclass(frozen=True)
class SinePhase(Group):
    """{+1, -1} and the phases of ``sin(frequency * z)``.

    Besides the sign, ``b -> b + k pi / frequency`` multiplies the neuron's output by ``(-1)**k``.
    """

    frequency: float
    has_sign = True
    has_scale = False
    has_phase = True

    @property
    def half_period(self) -> float:
        """``pi / frequency``, the shift of the bias that flips the sign of the output."""
        return torch.pi / self.frequency

    def contains(self, q: Tensor) -> Tensor:
        """Whether q is 1 or -1 (phases act on the bias, not as a factor)."""
        return q.abs() == 1


def group_of(activation: Activation, *, max_pooled: bool = False, biased: bool = True) -> Group:
    """The group of a neuron.

    Args:
        activation: its activation.
        max_pooled: its output passes through max pooling, which keeps positive scales and breaks signs.
        biased: it has a bias that reaches the activation as it is; without one a sine neuron has no phase
            to shift.
    """
    kind = activation.properties
    odd = kind.odd and not max_pooled
    if odd and kind.periodic and biased:
        return SinePhase(activation.value)
    if odd and kind.degree == 1:
        return NonZeroScale()
    if kind.degree is not None:
        return PositiveScale(kind.degree)
    return Sign() if odd else Trivial()


def activation_group(kind: str, value: float = nan) -> Group:
    """The group of a neuron with the activation called `kind`, with nothing behind it that shrinks it.

    `value` is the number of the activation; left out, it is the default of the kind.

    Example:
        >>> from scalegmn.symmetry import activation_group
        >>> activation_group("tanh"), activation_group("identity")
        (Sign(), NonZeroScale())
        >>> activation_group("relu").has_scale, activation_group("relu").has_sign
        (True, False)
        >>> activation_group("gelu")
        Trivial()
    """
    return group_of(Activation(kind, value))
