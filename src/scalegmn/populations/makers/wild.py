"""Random architectures in the manner of the CNN Wild Park; see :mod:`scalegmn.networks.wild_layout`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeVar, final

import numpy as np

from scalegmn.errors import ConfigurationError
from scalegmn.networks.architecture import Architecture
from scalegmn.networks.layers import Size
from scalegmn.networks.wild_layout import ACTIVATIONS, WildLayout

_MOST_DRAWS: Final = 2_000
_T = TypeVar("_T")


@final
@dataclass(frozen=True, kw_only=True)
class WildSpace:
    """The architectures to draw from, all choices equally likely.  The defaults are the published space.

    Attributes:
        depths: numbers of convolutions.
        channels: of a convolution.
        kernel_sizes: of a convolution; odd, because the padding is half of it.
        activations: of a convolution, names in :data:`scalegmn.networks.wild_layout.ACTIVATIONS`.
        residual: share of the convolutions with a residual among those that can have one (all but the
            first two, because the source may not be the convolution just before).  None for the published
            rule: no residual is as likely as each possible source, so later ones have more of them.
        max_parameters: parameters that a network may have; None for no limit.
        max_macs: multiplications that a network may need for one image; None for no limit.
        image_size: height and width of the images of `max_macs`.

    Raises:
        ConfigurationError: a choice is empty or impossible, or the limits leave nothing to draw.
    """

    depths: tuple[int, ...] = (2, 3, 4, 5, 6, 7, 8)
    channels: tuple[int, ...] = (4, 8, 16, 32, 64)
    kernel_sizes: tuple[int, ...] = (3, 5, 7)
    activations: tuple[str, ...] = ACTIVATIONS
    residual: float | None = None
    max_parameters: int | None = None
    max_macs: int | None = None
    image_size: Size = (32, 32)

    def __post_init__(self) -> None:
        mistakes = [
            f"{name} is {values!r}, expected one or more numbers, each 1 or more"
            for name, values in (("depths", self.depths), ("channels", self.channels))
            if not values or min(values) < 1
        ]
        if not self.kernel_sizes or any(size < 1 or size % 2 == 0 for size in self.kernel_sizes):
            mistakes.append(f"kernel_sizes is {self.kernel_sizes!r}, expected one or more odd numbers")
        if not self.activations or not set(self.activations) <= set(ACTIVATIONS):
            mistakes.append(f"activations is {self.activations!r}, expected some of {ACTIVATIONS}")
        if self.residual is not None and not 0 <= self.residual <= 1:
            mistakes.append(f"residual is {self.residual!r}, expected a share from 0 to 1 or None")
        if min(self.image_size) < 1:
            mistakes.append(f"image_size is {self.image_size!r}, expected a positive height and width")
        if not mistakes and not self.allows(self.smallest(), inputs=1, outputs=1):
            mistakes.append(
                f"max_parameters is {self.max_parameters!r} and max_macs is {self.max_macs!r}, which is less "
                "than the smallest network needs"
            )
        if mistakes:
            raise ConfigurationError("the space of networks: " + "; ".join(mistakes))

    def smallest(self) -> WildLayout:
        """The network with the fewest parameters."""
        depth = min(self.depths)
        return WildLayout(
            channels=(min(self.channels),) * depth,
            kernels=(min(self.kernel_sizes),) * depth,
            activations=(self.activations[0],) * depth,
            residuals=(-1,) * depth,
        )

    def allows(self, layout: WildLayout, *, inputs: int, outputs: int) -> bool:
        """Whether a network keeps the limits."""
        parameters = layout.parameters(inputs=inputs, outputs=outputs)
        macs = layout.macs(inputs=inputs, outputs=outputs, image_size=self.image_size)
        pairs = ((parameters, self.max_parameters), (macs, self.max_macs))
        return all(limit is None or count <= limit for count, limit in pairs)


def draw_layout(*, generator: np.random.Generator, space: WildSpace, inputs: int, outputs: int) -> WildLayout:
    """A random network of `space`.

    Draws are repeated until one keeps the limits of the space.

    Args:
        generator: source of randomness.
        space: what to draw from.
        inputs: channels of the images.
        outputs: numbers that the network gives.

    Raises:
        ConfigurationError: hardly any network of the space keeps its limits.
    """
    for _ in range(_MOST_DRAWS):
        depth = _one_of(generator, space.depths)
        layout = WildLayout(
            channels=tuple(_one_of(generator, space.channels) for _ in range(depth)),
            kernels=tuple(_one_of(generator, space.kernel_sizes) for _ in range(depth)),
            activations=tuple(_one_of(generator, space.activations) for _ in range(depth)),
            residuals=tuple(_draw_residual(generator, space.residual, layer) for layer in range(depth)),
        )
        if space.allows(layout, inputs=inputs, outputs=outputs):
            return layout
    raise ConfigurationError(
        f"none of {_MOST_DRAWS} networks with {inputs} inputs and {outputs} outputs, drawn from {space}, "
        "keeps the limits; raise max_parameters and max_macs, or leave out large channels, kernels and depths"
    )


def draw_architecture(
    *, generator: np.random.Generator, space: WildSpace, inputs: int, outputs: int
) -> Architecture:
    """The architecture of a random network of `space`; see :func:`draw_layout`."""
    layout = draw_layout(generator=generator, space=space, inputs=inputs, outputs=outputs)
    return layout.architecture(inputs=inputs, outputs=outputs)


def _one_of(generator: np.random.Generator, choices: Sequence[_T]) -> _T:
    return choices[int(generator.integers(len(choices)))]


def _draw_residual(generator: np.random.Generator, share: float | None, layer: int) -> int:
    # Sources are all layers but the one just before; both numbers are drawn always, so that the
    # layers after this one do not depend on whether it has a residual.
    chance, place = generator.random(), generator.random()
    sources = layer - 1
    if sources < 1:
        return -1
    wanted = sources / (sources + 1) if share is None else share
    return int(place * sources) if chance < wanted else -1
