"""Learned inputs for networks, made from learned codes by maps that are linear but deep.

Paper: Kahana, Horwitz, Shuval, Hoshen, "Deep Linear Probe Generators for Weight Space Learning", ICLR 2025:
several linear maps in a row can do no more than one, but what they learn is more regular, and convolutions
among them make images that are smooth.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from scalegmn.networks import Size

_MOST_DOUBLINGS = 3
_SMALLEST_MAP = 4


@final
class VectorProbes(nn.Module):
    """Two linear maps from codes to vectors of `features` numbers."""

    def __init__(self, *, probes: int, latent: int, features: int) -> None:
        super().__init__()
        self.codes = nn.Parameter(torch.randn(probes, latent))
        self.maps = nn.Sequential(nn.Linear(latent, latent), nn.Linear(latent, features))

    def forward(self) -> Float[Tensor, "n F"]:
        """All probes."""
        probes: Tensor = self.maps(self.codes)
        return probes


@final
class ImageProbes(nn.Module):
    """Transposed convolutions from codes to images with values between -1 and 1.

    Every map but the first and the last doubles height and width and halves the channels; what stands over
    at the right and at the bottom is cut off.  Only a tanh at the end is not linear.

    Args:
        probes: how many images.
        latent: length of a code.
        width: channels of the largest maps.
        channels: of the images.
        size: height and width of the images.
    """

    def __init__(self, *, probes: int, latent: int, width: int, channels: int, size: Size) -> None:
        super().__init__()
        self.size = size
        doublings = min(_MOST_DOUBLINGS, max(0, int(math.log2(min(size) / _SMALLEST_MAP))))
        start = tuple(math.ceil(side / 2**doublings) for side in size)
        self.codes = nn.Parameter(torch.randn(probes, latent, 1, 1))
        widths = [width * 2**number for number in range(doublings, -1, -1)]
        maps = [nn.ConvTranspose2d(latent, widths[0], start)]
        maps += [
            nn.ConvTranspose2d(before, after, 4, stride=2, padding=1) for before, after in pairwise(widths)
        ]
        maps += [nn.ConvTranspose2d(width, channels, 3, padding=1)]
        # Values of size 1 stay of size 1, however deep: a value of a map is a sum over this many weights
        # per channel.  PyTorch's own start would leave all probes near zero, and so the same.
        reach = [1, *[4] * doublings, 9]
        for layer, taps in zip(maps, reach, strict=True):
            nn.init.normal_(layer.weight, std=(layer.in_channels * taps) ** -0.5)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        self.maps = nn.Sequential(*maps)

    def forward(self) -> Float[Tensor, "n C H W"]:
        """All probes."""
        height, width = self.size
        probes: Tensor = torch.tanh(self.maps(self.codes)[:, :, :height, :width])
        return probes
