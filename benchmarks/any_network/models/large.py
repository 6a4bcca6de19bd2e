"""A network of the size that people have."""

from __future__ import annotations

from ._entry import Entry, Expected, normals, seeded
from .hand_written_cnns import BasicBlock, ResNet

NORMALIZED = 64 * 5 + 128 * 5 + 256 * 5 + 512 * 5
WIDTHS = 64 + 128 + 256 + 512

RESNET18 = Entry(
    "resnet18",
    "resnet",
    seeded(lambda: ResNet(BasicBlock, (64, 128, 256, 512), (2, 2, 2, 2), 1000, large_stem=True)),
    normals((2, 3, 224, 224), (1, 3, 192, 192)),
    # Channels that are normalized, one relu within each of two blocks per stage, and the streams.
    Expected(2 * NORMALIZED + 2 * WIDTHS + WIDTHS, NORMALIZED),
)
"""11.7 million parameters, as torchvision's."""
