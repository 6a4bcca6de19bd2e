"""Linear maps of edge features, evaluated at once or in chunks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import final

from torch import Tensor
from torch.nn.functional import linear

from scalegmn.nn import EdgeMaps
from scalegmn.nn.fast._chunks import chunk_rows
from scalegmn.nn.fast._factored import Edges, Factored, apply_linear, take
from scalegmn.nn.fast._steps import Part, Step


@final
@dataclass(frozen=True, eq=False)
class EdgeMap:
    """``W e`` for some of the edges.

    Attributes:
        edges: ``W e``, or e where there is a `weight`.
        weight: W, ``(F, D)``, to be applied chunk by chunk.
    """

    edges: Edges
    weight: Tensor | None = None

    @classmethod
    def from_weight(cls, edges: Edges, weight: Tensor, *, in_parts: bool) -> EdgeMap:
        """``W e``; evaluated lazily with `in_parts`."""
        if isinstance(edges, Factored):
            return cls(edges.apply_linear(weight))
        return cls(edges, weight) if in_parts else cls(apply_linear(edges, weight))

    def parts(self, slices: Sequence[slice]) -> Iterator[Tensor | Factored]:
        """``W e`` of slices that follow each other and hold all edges."""
        if self.weight is not None:
            yield from (apply_linear(self.edges[part], self.weight) for part in slices)
        elif isinstance(self.edges, Factored):
            yield from (self.edges[part] for part in slices)
        else:
            # One gradient for all slices: that of each alone would be as large as the whole.
            yield from self.edges.split([part.stop - part.start for part in slices])


@final
@dataclass(frozen=True, eq=False)
class MappedEdges:
    """The edge features of a layer under each of its maps, by name.

    Attributes:
        forward: ``W_2 e``, for the messages along the edges.
        backward: the same for the messages against them; None in forward layers.
        update: ``W_3 e``, for the edge update; None where no edges are written.
    """

    forward: EdgeMap
    backward: EdgeMap | None
    update: EdgeMap | None

    @classmethod
    def from_maps(cls, maps: EdgeMaps, edges: Edges, step: Step) -> MappedEdges:
        """Each map on the edges of its part of the step; all in one product where they are all read."""
        written, backward = step.written if maps.writes and step.written.at.num_edges else None, step.backward
        in_parts, read = chunk_rows(maps.weight) is not None, [step.forward, backward, written]
        whole = all(part is None or part.edges.whole for part in read)
        if whole and (written is not None or not maps.writes) and not in_parts and isinstance(edges, Tensor):
            forward, back, update = linear(edges, maps.weight).split(maps.rows, dim=1)
            return cls(
                EdgeMap(forward),
                None if backward is None else EdgeMap(back),
                None if written is None else EdgeMap(update),
            )
        weights = maps.by_name()

        def apply(part: Part, weight: Tensor) -> EdgeMap:
            return EdgeMap.from_weight(take(edges, part.edges), weight, in_parts=in_parts)

        return cls(
            apply(step.forward, weights.forward),
            None if backward is None else apply(backward, weights.backward),
            None if written is None else apply(written, weights.update),
        )
