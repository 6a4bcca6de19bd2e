"""Features between two layers of the fast backbone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from scalegmn.nn.fast._factored import Edges
from scalegmn.nn.fast._senders import Start
from scalegmn.shapes import NodeFeatures, NodePhases


@final
@dataclass(frozen=True, eq=False)
class FastState:
    """A :class:`~scalegmn.nn.State` in the order of an :class:`Arrangement`.

    Attributes:
        primal, dual, encoding: as there, of arranged nodes.
        edges: as there, of arranged edges; before the first layer perhaps in low-rank form.
        phase: as there, of arranged nodes.
        start: before the first layer perhaps what nodes send, in low-rank form.
    """

    primal: NodeFeatures
    dual: NodeFeatures | None
    edges: Edges
    encoding: NodeFeatures
    phase: NodePhases | None = None
    start: Start | None = None
