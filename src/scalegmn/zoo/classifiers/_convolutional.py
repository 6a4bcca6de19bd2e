"""Plain convolutional networks, with and without batch norm."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, final

from torch import Tensor, nn

from scalegmn.configuration import Width, Widths

from ._design import ActivationName, Classifier, ClassifierDesign, activation_module

Shrinking = Literal["stride", "max", "mean"]


@final
@dataclass(frozen=True, kw_only=True)
class ConvolutionalDesign(ClassifierDesign):
    """Convolutions of which all but the first halve the map, with or without batch norm; then a linear map.

    Attributes:
        channels: outputs of the convolutions.
        kernel: their height and width, odd.
        activation: behind each of them.
        batch_norm: whether one stands before each activation.
        shrink: how maps are halved.
        flatten: the linear map reads all places of the last map; otherwise their mean.
        first_stride: of the first convolution; 2 takes a quarter of the time.
    """

    channels: Widths = (8, 16, 16)
    kernel: Width = 3
    activation: ActivationName = "relu"
    batch_norm: bool = True
    shrink: Shrinking = "stride"
    flatten: bool = False
    first_stride: Width = 1
    family = "cnn"

    @property
    def label(self) -> str:
        parts = ["cnn", *map(str, self.channels), f"k{self.kernel}", self.shrink, self.activation]
        parts += ["bn"] * self.batch_norm + ["flat"] * self.flatten
        return "-".join([*parts, *[f"s{self.first_stride}"] * (self.first_stride > 1)])

    def columns(self) -> Mapping[str, int | str]:
        return {
            "activation": self.activation,
            "normalization": "batch" if self.batch_norm else "none",
            "depth": len(self.channels),
            "width": max(self.channels),
        }

    def module(self, *, channels: int, size: int, classes: int) -> Classifier:
        return ConvolutionalClassifier(self, channels=channels, size=size, classes=classes)


@final
class ConvolutionalClassifier(Classifier):
    """The module of :class:`ConvolutionalDesign`."""

    def __init__(self, design: ConvolutionalDesign, *, channels: int, size: int, classes: int) -> None:
        super().__init__()
        stages: list[nn.Module] = []
        self._is_list = not design.batch_norm
        for number, width in enumerate(design.channels):
            stride = design.first_stride if not number else 2 if design.shrink == "stride" else 1
            # What a bias adds, batch norm takes away.
            bias, padding = not design.batch_norm, design.kernel // 2
            stages.append(nn.Conv2d(channels, width, design.kernel, stride, padding, bias=bias))
            if design.batch_norm:
                stages.append(nn.BatchNorm2d(width))
            stages.append(activation_module(design.activation))
            if number and design.shrink != "stride":
                stages.append(nn.MaxPool2d(2) if design.shrink == "max" else nn.AvgPool2d(2))
            # A stride keeps the last row of an odd map, a pool drops it.
            size = -(-size // stride)
            if number and design.shrink != "stride":
                size //= 2
            channels = width
        self.stages = nn.Sequential(*stages)
        self.collect = (
            nn.Flatten() if design.flatten else nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        )
        self.head = nn.Linear(channels * size**2 if design.flatten else channels, classes)

    @property
    def layers(self) -> nn.Sequential | None:
        parts = OrderedDict[str, nn.Module](stages=self.stages, collect=self.collect, head=self.head)
        return nn.Sequential(parts) if self._is_list else None

    def features(self, images: Tensor) -> Tensor:
        features: Tensor = self.collect(self.stages(images))
        return features
