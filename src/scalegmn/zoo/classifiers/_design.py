"""What the designs of all families have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final, Literal

import torch
from torch import Tensor, nn

from scalegmn.configuration import Configuration
from scalegmn.errors import ConfigurationError

ActivationName = Literal["relu", "tanh", "gelu", "leaky_relu", "silu"]
_ACTIVATIONS: Final[Mapping[str, Callable[[], nn.Module]]] = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "gelu": nn.GELU,
    "leaky_relu": lambda: nn.LeakyReLU(0.1),
    "silu": nn.SiLU,
}


def activation_module(name: ActivationName) -> nn.Module:
    """A new module of the activation."""
    return _ACTIVATIONS[name]()


class Classifier(nn.Module, ABC):
    """Features of an image, and a linear map from them to one number per class.

    Dropout acts on the features alone, and its factors come from outside: so the random numbers of a
    network are its own, however many are trained together.
    """

    head: nn.Linear

    @property
    def layers(self) -> nn.Sequential | None:
        """Its modules one after the other, under the names that they have in it; None where it is no list
        that :func:`scalegmn.read_module` reads.
        """
        return None

    @abstractmethod
    def features(self, images: Tensor) -> Tensor:
        """``(n, F)`` for images ``(n, C, H, W)``."""

    def forward(self, images: Tensor, keep: Tensor | None = None) -> Tensor:
        """One number per class, ``(n, classes)``.

        Args:
            images: ``(n, C, H, W)``.
            keep: factors of the features, ``(n, F)``; none but in training with dropout.
        """
        features = self.features(images)
        logits: Tensor = self.head(features if keep is None else features * keep)
        return logits


class ClassifierDesign(Configuration, ABC):
    """An architecture before one knows the images."""

    family: ClassVar[str]

    @property
    @abstractmethod
    def label(self) -> str:
        """A short name, which no other design has."""

    @abstractmethod
    def columns(self) -> Mapping[str, int | str]:
        """What the table says: `activation`, `normalization`, `depth` and `width`."""

    @abstractmethod
    def module(self, *, channels: int, size: int, classes: int) -> Classifier:
        """A new module; its parameters are replaced before it is used.

        Args:
            channels: of the images.
            size: their height and width.
            classes: outputs.
        """

    def build(self, *, channels: int, size: int, classes: int) -> Classifier:
        """A module in evaluation mode whose parameters are zeros; draws no random number.

        Raises:
            ConfigurationError: images of that size are too small.
        """
        with torch.device("meta"):
            module = self.module(channels=channels, size=size, classes=classes)
            try:
                module.eval()(torch.zeros(1, channels, size, size))
            except RuntimeError as error:
                raise ConfigurationError(
                    f"the design {self.label} cannot take images of {size} x {size} pixels; choose larger "
                    "images (--image-size), or other designs"
                ) from error
        module = module.to_empty(device="cpu")
        for tensor in (*module.parameters(), *module.buffers()):
            tensor.detach().zero_()
        return module.eval()

    def to_plain(self) -> dict[str, Any]:
        """Plain data that tells families apart, for records."""
        return {"family": self.family, **super().to_plain()}
