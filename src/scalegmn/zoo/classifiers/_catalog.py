"""Designs: of small modern classifiers for 14 x 14 pixels, and of base networks for trojans."""

from __future__ import annotations

from typing import Final

from ._convolutional import ConvolutionalDesign
from ._design import ClassifierDesign
from ._residual import ResidualDesign
from ._transformer import TransformerDesign

_RESIDUAL: Final = (
    ResidualDesign(widths=(4, 8, 16)),
    ResidualDesign(widths=(6, 12)),
    ResidualDesign(widths=(4, 8), blocks=2),
    ResidualDesign(widths=(8, 12), activation="leaky_relu"),
    ResidualDesign(widths=(4, 8, 8), activation="gelu"),
    ResidualDesign(widths=(6, 6, 12), kernel=5),
    ResidualDesign(widths=(8, 8), activation="silu"),
    ResidualDesign(widths=(4, 8, 12), kernel=5, activation="tanh"),
)
_CONVOLUTIONAL: Final = (
    ConvolutionalDesign(channels=(8, 16, 16)),
    ConvolutionalDesign(channels=(8, 16, 16), batch_norm=False),
    ConvolutionalDesign(channels=(6, 12, 12), batch_norm=False, activation="tanh"),
    ConvolutionalDesign(channels=(6, 8, 12), activation="gelu", shrink="max"),
    ConvolutionalDesign(channels=(8, 8, 16), batch_norm=False, activation="gelu", shrink="mean"),
    ConvolutionalDesign(channels=(6, 8), kernel=5, shrink="max"),
    ConvolutionalDesign(channels=(6, 8), kernel=5, batch_norm=False, activation="leaky_relu"),
    ConvolutionalDesign(channels=(4, 8), shrink="max", batch_norm=False, flatten=True),
    ConvolutionalDesign(channels=(4, 6, 8), activation="tanh", flatten=True),
    ConvolutionalDesign(channels=(6, 8, 10, 12), activation="leaky_relu"),
    ConvolutionalDesign(channels=(8, 8, 12, 12), batch_norm=False, activation="silu"),
)
_TRANSFORMERS: Final = (
    TransformerDesign(),
    TransformerDesign(width=16, depth=1, heads=4, class_token=True),
    TransformerDesign(width=12, depth=2, heads=2, patch=6, stride=4, hidden=24),
    TransformerDesign(width=12, depth=2, heads=3, patch=5, stride=3, hidden=24, class_token=True),
    TransformerDesign(width=16, depth=1, heads=2, patch=5, stride=3, hidden=32, activation="relu"),
    TransformerDesign(width=16, depth=2, heads=1, patch=6, stride=4, hidden=16, class_token=True),
    TransformerDesign(width=8, depth=3, heads=2, patch=5, stride=3, hidden=16),
    TransformerDesign(width=20, depth=1, heads=4, patch=6, stride=4, hidden=40, activation="silu"),
    TransformerDesign(width=12, depth=1, heads=2, patch=2, stride=2, hidden=24, activation="relu"),
)

# Families take turns, so that the first networks of a population are of all of them.
MODERN_DESIGNS: Final[tuple[ClassifierDesign, ...]] = tuple(
    designs[number]
    for number in range(max(map(len, (_RESIDUAL, _CONVOLUTIONAL, _TRANSFORMERS))))
    for designs in (_RESIDUAL, _CONVOLUTIONAL, _TRANSFORMERS)
    if number < len(designs)
)
"""8 residual networks, 11 convolutional networks and 9 transformers, in turns."""

_PLAIN_BASES: Final = (
    ConvolutionalDesign(channels=(8, 16, 16), batch_norm=False, flatten=True, first_stride=2),
    ConvolutionalDesign(
        channels=(8, 8, 12), batch_norm=False, activation="tanh", flatten=True, first_stride=2
    ),
    ConvolutionalDesign(channels=(8, 12, 16, 16), batch_norm=False, activation="gelu", first_stride=2),
    ConvolutionalDesign(
        channels=(6, 10, 10),
        kernel=5,
        batch_norm=False,
        activation="leaky_relu",
        flatten=True,
        first_stride=2,
    ),
    ConvolutionalDesign(channels=(8, 8), batch_norm=False, shrink="max", flatten=True, first_stride=2),
    ConvolutionalDesign(channels=(16, 16, 16), batch_norm=False, first_stride=2),
)
_NORMALIZED_BASES: Final = (
    ConvolutionalDesign(channels=(8, 16, 16), flatten=True, first_stride=2),
    ConvolutionalDesign(channels=(8, 12, 20), activation="gelu", first_stride=2),
    ConvolutionalDesign(channels=(8, 8), activation="tanh", shrink="mean", flatten=True, first_stride=2),
    ConvolutionalDesign(channels=(6, 10, 14, 18), activation="leaky_relu", first_stride=2),
)
_RESIDUAL_BASES: Final = (
    ResidualDesign(widths=(6, 10, 14), first_stride=2),
    ResidualDesign(widths=(4, 8, 12), activation="leaky_relu", kernel=5, first_stride=2),
    ResidualDesign(widths=(6, 6, 12), activation="gelu", first_stride=2),
    ResidualDesign(widths=(4, 8, 8), activation="tanh", first_stride=2),
)

TROJAN_DESIGNS: Final[tuple[ClassifierDesign, ...]] = tuple(
    designs[number]
    for number in range(max(map(len, (_PLAIN_BASES, _NORMALIZED_BASES, _RESIDUAL_BASES))))
    for designs in (_PLAIN_BASES, _NORMALIZED_BASES, _RESIDUAL_BASES)
    if number < len(designs)
)
"""6 plain networks, 4 with batch norm and 4 residual ones, in turns: for images of 28 or 32 pixels, which
the first convolution halves; below 7,000 parameters."""
