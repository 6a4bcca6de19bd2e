"""Whether the layers of an architecture fit together.  Each check raises an ArchitectureError."""

from __future__ import annotations

import math
from itertools import pairwise

from scalegmn.errors import ArchitectureError
from scalegmn.networks._layers import Activate, Conv, Dense, Flatten, Layer, Pool, Shift, Skip, Weighted
from scalegmn.networks._stages import Stage


def check_stages(stages: tuple[Stage, ...]) -> None:
    """Every weighted layer has at most one activation, and neighbors agree on their widths."""
    if not stages:
        raise ArchitectureError("an architecture needs at least one dense or convolutional layer")
    for stage in stages:
        layer, learned = stage.weighted, stage.activate
        activates = [x for x in stage.followers if isinstance(x, Activate)]
        if len(activates) > 1:
            raise ArchitectureError(
                f"{len(activates)} activations follow {layer.name!r}; at most 1 is supported"
            )
        if learned.count not in (0, 1, layer.outputs):
            raise ArchitectureError(
                f"activation {learned.name!r} has {learned.count} slopes for the {layer.outputs} neurons of "
                f"{layer.name!r}; expected 1 or {layer.outputs}"
            )
    for before, after in pairwise(stages):
        _check_neighbors(before, after.weighted)


def _check_neighbors(before: Stage, after: Weighted) -> None:
    given = before.weighted.outputs
    sizes = [x.size for x in before.followers if isinstance(x, Flatten) and isinstance(before.weighted, Conv)]
    fits = after.inputs == given
    if sizes:
        fits = after.inputs % given == 0 if sizes[0] is None else after.inputs == given * math.prod(sizes[0])
    if not fits:
        flattened = f", flattened from maps of size {sizes[0] or 'unknown'}" if sizes else ""
        raise ArchitectureError(
            f"layer {after.name!r} takes {after.inputs} inputs, but {before.weighted.name!r} before it gives "
            f"{given}{flattened}"
        )
    if any(isinstance(layer, Shift) for layer in before.followers):
        raise ArchitectureError(f"a shift behind {before.weighted.name!r}; it may only end a network")


def check_flow(layers: tuple[Layer, ...], leading: tuple[Layer, ...]) -> None:
    """Feature maps become vectors at a Flatten, and never maps again."""
    for layer in leading:
        if isinstance(layer, Activate | Shift):
            raise ArchitectureError(
                f"{layer} stands before the first weighted layer; apply it to the inputs instead"
            )
    vectors = False
    maps = False
    for layer in layers:
        if isinstance(layer, Conv | Pool):
            if vectors:
                raise ArchitectureError(
                    f"{layer} reads feature maps, but what arrives is a vector per example"
                )
            maps = True
        elif isinstance(layer, Dense | Flatten):
            if maps and not vectors and isinstance(layer, Dense):
                raise ArchitectureError(
                    f"dense layer {layer.name!r} reads feature maps; put a Flatten before it"
                )
            vectors = True


def check_skips(skips: tuple[Skip, ...], stages: tuple[Stage, ...]) -> None:
    """Skip connections lead forwards and join what can be added."""
    for skip in skips:
        if not 0 <= skip.source < skip.target < len(stages):
            raise ArchitectureError(
                f"{skip} does not lead forwards between two of the {len(stages)} weighted layers"
            )
        source, target = stages[skip.source].weighted, stages[skip.target].weighted
        most = min(source.outputs, target.outputs)
        if not 1 <= skip.channels <= most:
            raise ArchitectureError(f"{skip} adds {skip.channels} channels, but the two layers share {most}")
        read = stages[skip.source + 1].weighted
        one_by_one = isinstance(read, Dense) and read.inputs == source.outputs
        if isinstance(source, Conv) and isinstance(target, Dense) and not one_by_one:
            raise ArchitectureError(
                f"{skip} adds the maps of {source.name!r} to the vector of {target.name!r}; only "
                "maps of size 1 x 1 that are flattened can be added"
            )
