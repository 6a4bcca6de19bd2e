"""How far drawings are from images: mean squared error and PSNR per network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from torch import Tensor

from scalegmn.graph import Records

_LEAST_MSE = 1e-12
"""Below this error the PSNR says nothing more, and the logarithm of zero is avoided (as in makers)."""


def squared_errors(drawn: Tensor, wanted: Tensor) -> Tensor:
    """Mean squared error of every drawing ``(n,)``, over pixels and channels, from two ``(n, ...)``."""
    return (drawn.float() - wanted.float()).square().flatten(1).mean(1)


def decibels(errors: Tensor) -> Tensor:
    """The peak signal to noise ratio of mean squared errors, in dB, for a peak of 1."""
    return -10 * errors.clamp_min(_LEAST_MSE).log10()


@final
@dataclass(frozen=True, eq=False)
class ImageTargets(Records):
    """Two images per network, ``(n, H, W[, C])`` each, from 0 (black) to 1 (white).

    Attributes:
        edited: what the network should draw.
        before: what it draws before it is changed, which only reports need.
    """

    edited: Tensor
    before: Tensor
