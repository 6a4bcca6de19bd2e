"""Small networks with batch norm, as programs, that tests of several rooms share."""

from __future__ import annotations

import functools

import torch
from torch import Tensor, nn

from scalegmn.programs import ProgramArchitecture
from scalegmn.seeding import generator

CLASSES = 3
IMAGE = (1, 6, 6)


class NormalizedBlock(nn.Module):
    """A residual convolution with batch norm."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.norm(self.conv(x)))


def normalized(*, channels: int = 3, blocks: int = 1, seed: int = 0) -> nn.Module:
    """A classifier of images with random parameters and statistics, in float32."""
    numbers = generator(seed, "normalized")
    module = nn.Sequential(
        nn.Conv2d(1, channels, 3, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(),
        *(NormalizedBlock(channels) for _ in range(blocks)),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(channels, CLASSES),
    )
    with torch.no_grad():
        for name, value in [*module.named_parameters(), *module.named_buffers()]:
            if value.is_floating_point():
                drawn = torch.randn(value.shape, generator=numbers)
                value.copy_(drawn.abs() + 0.5 if name.endswith("var") else drawn)
    return module.eval()


@functools.cache
def normalized_architecture(*, channels: int = 3, blocks: int = 1) -> ProgramArchitecture:
    """The program of such a network."""
    return ProgramArchitecture.from_module(
        normalized(channels=channels, blocks=blocks), torch.zeros(1, *IMAGE)
    )


def normalized_networks(*, channels: int = 3, blocks: int = 1, count: int = 4, first: int = 0) -> Tensor:
    """Parameters ``(count, P)`` of such networks."""
    architecture = normalized_architecture(channels=channels, blocks=blocks)
    modules = [normalized(channels=channels, blocks=blocks, seed=first + one) for one in range(count)]
    return torch.stack([architecture.read_state(module.state_dict()) for module in modules])
