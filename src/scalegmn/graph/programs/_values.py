"""What is known of a value while the graph of a program is made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from scalegmn.symmetry.discovery import Labels, arranged, compressed, contraction_axes, rearranged

from ._wiring import NOTHING


@final
@dataclass(frozen=True, eq=False)
class GraphValue:
    """Laws of all entries, and the nodes or the parameters that they are.

    Integer tensors are broadcast where entries are alike, as those of labels are.

    Attributes:
        scale: log-scales.
        sign: signs.
        nodes: the node of every entry, where it depends on inputs.
        places: the parameter of every entry, by its index in the flat vector, where it is one.
        reciprocal: whether entries are 1 divided by the parameters.
    """

    scale: Labels
    sign: Labels
    nodes: Tensor | None = None
    places: Tensor | None = None
    reciprocal: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the value."""
        return self.scale.shape

    @property
    def known(self) -> Tensor | None:
        """The value itself, where it depends on neither inputs nor parameters."""
        return self.scale.known

    @property
    def depends(self) -> bool:
        """Whether it depends on inputs or parameters."""
        return self.nodes is not None or self.places is not None


def moved(ids: Tensor | None, function: Callable[[Tensor], Tensor]) -> Tensor | None:
    """Entries put elsewhere."""
    return None if ids is None else compressed(rearranged(ids, function))


def joined(columns: Sequence[Tensor | None], parts: Sequence[GraphValue], *, axis: int) -> Tensor | None:
    """Entries of several values one after another; nothing for those that have none."""
    if all(ids is None for ids in columns):
        return None
    nothing = torch.tensor(NOTHING)
    filled = [
        nothing.expand(part.shape) if ids is None else ids for ids, part in zip(columns, parts, strict=True)
    ]
    return compressed(torch.cat(filled, axis))


@final
@dataclass(frozen=True, eq=False)
class Frame:
    """Axes of two factors and of what they make, in one order: those that stay, then those that are summed.

    Attributes:
        shape: of all axes.
        kept: how many stay.
    """

    shape: tuple[int, ...]
    kept: int


def framed(
    x: Tensor, y: Tensor, *, x_axes: Sequence[int], y_axes: Sequence[int], out_axes: Sequence[int]
) -> tuple[Tensor, Tensor, Frame]:
    """Both factors of a contraction with all of its axes."""
    order, shape = contraction_axes(x.shape, y.shape, x_axes=x_axes, y_axes=y_axes, out_axes=out_axes)
    both = (arranged(x, x_axes, order).expand(shape), arranged(y, y_axes, order).expand(shape))
    return compressed(both[0]), compressed(both[1]), Frame(shape, len(out_axes))


def varying(ids: Tensor) -> tuple[bool, ...]:
    """Along which axes compressed entries change."""
    return tuple(size > 1 and stride != 0 for size, stride in zip(ids.shape, ids.stride(), strict=True))


def narrowed_to(ids: Tensor, kept: Sequence[bool]) -> Tensor:
    """The first entry along all axes but some."""
    for axis, stays in enumerate(kept):
        if not stays:
            ids = ids.narrow(axis, 0, 1)
    return ids
