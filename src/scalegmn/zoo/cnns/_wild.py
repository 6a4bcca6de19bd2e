"""Random architectures in the manner of the CNN Wild Park; see :mod:`scalegmn.networks._wild_layout`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Final, TypeVar, final

import numpy as np

from scalegmn.configuration import (
    Configuration,
    Depth,
    Entries,
    Natural,
    Portion,
    Width,
    Widths,
    format_value,
)
from scalegmn.errors import ConfigurationError
from scalegmn.networks import ACTIVATIONS, LayeredArchitecture, WildLayout

_MOST_DRAWS: Final = 2_000
_T = TypeVar("_T")


@final
@dataclass(frozen=True, kw_only=True)
class WildSpace(Configuration):
    """The architectures to draw from, all choices equally likely.  The defaults are the published space.

    Attributes:
        depths: numbers of convolutions.
        channels: of a convolution.
        kernel_sizes: of a convolution; odd, because the padding is half of it.
        activations: of a convolution, names in :data:`scalegmn.networks.ACTIVATIONS`.
        residual: fraction of the convolutions with a residual among those that can have one (all but the
            first two, because the source may not be the convolution just before).  None for the published
            rule: no residual is as likely as each possible source, so later ones have more of them.
        max_parameters: parameters that a network may have; None for no limit.
        max_macs: multiplications that a network may need for one image; None for no limit.
        image_size: height and width of the images of `max_macs`.

    Raises:
        ConfigurationError: a choice is empty or impossible, or the limits leave nothing to draw.
    """

    depths: Annotated[tuple[Depth, ...], Entries(least=1)] = (2, 3, 4, 5, 6, 7, 8)
    channels: Widths = (4, 8, 16, 32, 64)
    kernel_sizes: Widths = (3, 5, 7)
    activations: Annotated[tuple[str, ...], Entries(least=1)] = ACTIVATIONS
    residual: Portion | None = None
    max_parameters: Natural | None = None
    max_macs: Natural | None = None
    image_size: tuple[Width, Width] = (32, 32)

    def contradictions(self) -> Iterator[str]:
        odd, known = all(size % 2 for size in self.kernel_sizes), set(self.activations) <= set(ACTIVATIONS)
        if not odd:
            yield f"kernel_sizes is {format_value(self.kernel_sizes)}, expected one or more odd numbers"
        if not known:
            yield (
                f"activations is {format_value(self.activations)}, expected some of {', '.join(ACTIVATIONS)}"
            )
        if odd and known and not self.allows(self.smallest(), inputs=1, outputs=1):
            yield (
                f"max_parameters is {self.max_parameters!r} and max_macs is {self.max_macs!r}, which is less "
                "than the smallest network needs"
            )

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
) -> LayeredArchitecture:
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
