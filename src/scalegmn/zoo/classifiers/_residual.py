"""Residual networks of basic blocks with batch norm (He et al. 2016, "Deep Residual Learning")."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

from torch import Tensor, nn

from scalegmn.configuration import Count, Width, Widths

from ._design import ActivationName, Classifier, ClassifierDesign, activation_module


@final
@dataclass(frozen=True, kw_only=True)
class ResidualDesign(ClassifierDesign):
    """A convolution, stages of basic blocks of which all but the first halve the map, mean, linear map.

    Attributes:
        widths: channels of the stages.
        blocks: of every stage.
        kernel: height and width of the first convolution, odd; those of the blocks are 3 x 3.
        activation: everywhere.
        first_stride: of the first convolution; 2 takes a quarter of the time.
    """

    widths: Widths = (4, 8, 16)
    blocks: Count = 1
    kernel: Width = 3
    activation: ActivationName = "relu"
    first_stride: Width = 1
    family = "resnet"

    @property
    def label(self) -> str:
        parts = ["resnet", *map(str, self.widths), f"b{self.blocks}", f"k{self.kernel}", self.activation]
        return "-".join([*parts, *[f"s{self.first_stride}"] * (self.first_stride > 1)])

    def columns(self) -> Mapping[str, int | str]:
        return {
            "activation": self.activation,
            "normalization": "batch",
            "depth": 1 + 2 * self.blocks * len(self.widths),
            "width": max(self.widths),
        }

    def module(self, *, channels: int, size: int, classes: int) -> Classifier:
        return ResidualClassifier(self, channels=channels, classes=classes)


@final
class BasicBlock(nn.Module):
    """Two convolutions with batch norm, added to their input, or to its projection where shapes differ."""

    def __init__(self, inputs: int, outputs: int, *, stride: int, activation: ActivationName) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.first_norm = nn.BatchNorm2d(outputs)
        self.second = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.second_norm = nn.BatchNorm2d(outputs)
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or inputs != outputs:
            projection = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.shortcut = nn.Sequential(projection, nn.BatchNorm2d(outputs))
        self.activation = activation_module(activation)

    def forward(self, x: Tensor) -> Tensor:
        """``(n, outputs, H', W')`` for a map ``(n, inputs, H, W)``."""
        inner = self.activation(self.first_norm(self.first(x)))
        y: Tensor = self.activation(self.second_norm(self.second(inner)) + self.shortcut(x))
        return y


@final
class ResidualClassifier(Classifier):
    """The module of :class:`ResidualDesign`."""

    def __init__(self, design: ResidualDesign, *, channels: int, classes: int) -> None:
        super().__init__()
        width = design.widths[0]
        self.stem = nn.Conv2d(
            channels, width, design.kernel, design.first_stride, design.kernel // 2, bias=False
        )
        self.stem_norm = nn.BatchNorm2d(width)
        self.activation = activation_module(design.activation)
        blocks = []
        for stage, wanted in enumerate(design.widths):
            for number in range(design.blocks):
                stride = 2 if stage and not number else 1
                blocks.append(BasicBlock(width, wanted, stride=stride, activation=design.activation))
                width = wanted
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(width, classes)

    def features(self, images: Tensor) -> Tensor:
        features: Tensor = self.blocks(self.activation(self.stem_norm(self.stem(images))))
        return features.mean(dim=(2, 3))
