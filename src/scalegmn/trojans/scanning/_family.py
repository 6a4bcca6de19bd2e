"""Which networks a detector evaluates."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, final

from scalegmn.errors import ScaleGMNError
from scalegmn.networks import Architecture

IMAGES: Final = "images"
"""In ``run.json``: sizes of the images that networks were trained on, such as ``28 x 28``."""

_SIZE: Final = re.compile(r"[1-9][0-9]{0,4} x [1-9][0-9]{0,4}")


@final
@dataclass(frozen=True)
class NetworkFamily:
    """What a detector was trained on; on other networks it abstains.

    Attributes:
        architectures: in words.
        images: sizes of the images that the networks read, where they are known, the smallest first.
        any_width: whether it evaluates them at other widths of hidden layers too.

    Example:
        >>> from scalegmn.trojans.scanning import NetworkFamily
        >>> NetworkFamily(("a", "b"), ("28 x 28", "32 x 32")).describe()
        '2 architectures on 28 x 28 and 32 x 32 images'
    """

    architectures: tuple[str, ...]
    images: tuple[str, ...] = ()
    any_width: bool = False

    @classmethod
    def of(
        cls, architectures: Sequence[Architecture], facts: Mapping[str, Any], *, any_width: bool = False
    ) -> NetworkFamily:
        """The family of networks that a detector knows.

        Args:
            architectures: that it evaluates.
            facts: of its run; lists of layers do not say how large the images are.
            any_width: whether it evaluates other widths too.
        """
        stated = facts.get(IMAGES)
        said = [one for one in stated if isinstance(one, str)] if isinstance(stated, list) else []
        sizes = {*filter(_SIZE.fullmatch, said), *_sizes(architectures)}
        return cls(
            tuple(architecture.describe() for architecture in architectures),
            tuple(sorted(sizes, key=lambda size: [int(side) for side in size.split(" x ")])),
            any_width,
        )

    def describe(self) -> str:
        """Such as ``12 architectures on 28 x 28 and 32 x 32 images``."""
        count = len(self.architectures)
        words = "1 architecture" if count == 1 else f"{count} architectures"
        words += " of any width" if self.any_width else ""
        if not self.images:
            return words
        *others, last = self.images
        before = f"{', '.join(others)} and " if others else ""
        return f"{words} on {before}{last} images"


def _sizes(architectures: Iterable[Architecture]) -> Iterable[str]:
    """Heights and widths of what networks read, of those that say it."""
    for architecture in architectures:
        if architecture.as_layers is not None:
            continue
        try:
            shape = architecture.example_shape(None)
        except ScaleGMNError:
            continue
        if len(shape) == 3:
            yield f"{shape[1]} x {shape[2]}"
