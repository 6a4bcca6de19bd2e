"""What a trigger is: a fixed change of images that a trojaned network returns the attacker's class."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Final

import numpy as np
import torch
from torch import Tensor

from scalegmn.configuration import Configuration, InvalidConfigurationError
from scalegmn.errors import TriggerError
from scalegmn.registry import Lazy, Registered, Registry
from scalegmn.trojans.triggers._fields import Fields

_SLACK: Final = 0.01

WHOLE: Final = 0
"""The size of a trigger that covers the whole image."""


class Trigger(ABC):
    """A change of images, as a value: two triggers are equal where their descriptions are.

    Attributes:
        kind: the name under which descriptions are read, see
            :func:`~scalegmn.trojans.triggers.trigger_from_dict`.
    """

    kind: ClassVar[str]

    @property
    @abstractmethod
    def size(self) -> int:
        """Edge of the square that is changed, in pixels; :data:`WHOLE` where that is the whole image."""

    @property
    @abstractmethod
    def pattern(self) -> str:
        """Name of what is put into images, such as ``noise``; ``none`` where the kind says everything."""

    @abstractmethod
    def apply(self, images: Tensor) -> Tensor:
        """Images with the trigger in them; differentiable in the images, which are not changed.

        Args:
            images: ``(*batch, C, H, W)``, floating point, from 0 to 1.

        Returns:
            The same shape, from 0 to 1.

        Raises:
            TriggerError: the trigger is of another number of channels, or does not fit into the images; these
                are not from 0 to 1.
        """

    @abstractmethod
    def fields(self) -> dict[str, object]:
        """What tells this trigger from others of its kind, as plain data."""

    @abstractmethod
    def arrays(self) -> dict[str, np.ndarray]:
        """What the trigger consists of, as float32: patterns ``(C, h, w)``, displacements, amounts."""

    @classmethod
    @abstractmethod
    def from_fields(cls, fields: Fields) -> Trigger:
        """The trigger that :meth:`fields` describes.

        Args:
            fields: each is taken once; what is left over is refused.

        Raises:
            TriggerError: a field is missing or wrong.
        """

    def to_dict(self) -> dict[str, object]:
        """A description, fit for JSON."""
        return {"kind": self.kind, **self.fields()}

    def to_json(self) -> str:
        """The description as one line of text, the same for equal triggers."""
        return json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"), allow_nan=False)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Trigger) and self.to_json() == other.to_json()

    def __hash__(self) -> int:
        return hash(self.to_json())


class InvalidTriggerError(InvalidConfigurationError, TriggerError):
    """The options of triggers are wrong."""


@dataclass(frozen=True, kw_only=True)
class TriggerFamily(Configuration, ABC):
    """Triggers of one kind, to draw from; what is drawn from are the fields of the class, with defaults.

    Raises:
        InvalidTriggerError: a field is wrong.
    """

    kind: ClassVar[str]
    """As written in configurations and descriptions; that of its triggers."""
    trigger: ClassVar[type[Trigger]]
    """What it draws, and what reads descriptions."""
    maker_options: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """Options of ``scalegmn make trojans`` that it has, and the fields that they set."""

    error: ClassVar[type[InvalidConfigurationError]] = InvalidTriggerError

    @classmethod
    def register(cls) -> None:
        """Let the maker, configurations and descriptions name this kind.

        Raises:
            TriggerError: another class has the name, or its trigger is of another kind.
        """
        if cls.trigger.kind != cls.kind:
            raise TriggerError(
                f"{cls.__name__} is of the kind {cls.kind!r} and its triggers of {cls.trigger.kind!r}; "
                "descriptions are read by the kind, so give both the same"
            )
        TRIGGERS.register(cls.kind, cls)

    @abstractmethod
    def draw(self, generator: np.random.Generator, *, channels: int, size: tuple[int, int]) -> Trigger:
        """A random trigger.

        Args:
            generator: of the randomness.
            channels: of the images, 1 or 3.
            size: height and width of the images.

        Raises:
            TriggerError: images of this size are too small for it.
        """

    def to_plain(self) -> dict[str, Any]:
        """Plain data for records."""
        return {"kind": self.kind, **super().to_plain()}


TRIGGERS: Final = Registry[type[TriggerFamily]](
    "kind of trigger",
    entries={
        "blended_square": Lazy("scalegmn.trojans.triggers:BlendedSquares"),
        "patch": Lazy("scalegmn.trojans.triggers:Patches"),
        "whole_blend": Lazy("scalegmn.trojans.triggers:WholeBlends"),
        "sinusoid": Lazy("scalegmn.trojans.triggers:Sinusoids"),
        "channel_shift": Lazy("scalegmn.trojans.triggers:ChannelShifts"),
        "warp": Lazy("scalegmn.trojans.triggers:Warps"),
    },
    error=TriggerError,
)
"""Kinds of triggers, by the names that the maker and descriptions have for them."""

KindName = Annotated[str, Registered(TRIGGERS)]
"""The name of a kind."""


def check_images(images: Tensor, *, channels: int | None = None) -> None:
    """Refuse what are no images from 0 to 1, or images of another number of channels.

    Raises:
        TriggerError: states the shape or the values.
    """
    if images.ndim < 3 or not images.is_floating_point():
        raise TriggerError(
            f"images have shape {tuple(images.shape)} and type {images.dtype}, expected floating point "
            "(*batch, C, H, W) from 0 to 1; divide bytes by 255 and put the channels first"
        )
    if images.numel():
        low, high = (float(bound) for bound in torch.aminmax(images.detach()))
        # What was resized may go a little beyond.
        if not (low >= -_SLACK and high <= 1 + _SLACK):
            raise TriggerError(
                f"images have values from {low:g} to {high:g}, expected 0 to 1: triggers are put into images "
                "before they are normalized for a network; divide bytes by 255"
            )
    if channels is not None and images.shape[-3] != channels:
        raise TriggerError(
            f"images of shape {tuple(images.shape)} have {images.shape[-3]} channels, but the trigger has "
            f"{channels}; put it into images of the kind it was drawn for, before colors are averaged"
        )


def check_amount(kind: str, name: str, value: float | int, *, unit: str) -> None:
    """Refuse an amount that changes nothing, or is measured otherwise.

    Raises:
        TriggerError: names it and its unit.
    """
    if not 0 < value <= 1:
        raise TriggerError(f"trigger {kind!r}: {name} is {value!r}, expected a number above 0 to 1 ({unit})")
