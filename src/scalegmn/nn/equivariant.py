"""ScaleEq: functions that carry a neuron's factor through unchanged.

Paper: Kalogeropoulos et al. 2024, section 5.1, equation (8).
"""

from __future__ import annotations

from typing import final

from torch import nn

from scalegmn.nn.factored import Features, affine
from scalegmn.nn.invariant import ScaleInvariant
from scalegmn.nn.mlp import MLPStyle
from scalegmn.nn.rows import GroupRows
from scalegmn.nn.segments import Incidence
from scalegmn.shapes import MappedRows, SharedExtras


@final
class ScaleEquivariant(nn.Module):
    """``(W x) * ScaleInv(x, z)`` with W free of bias; z are invariant extras (AugScaleEq).

    Args:
        inputs: width of x.
        outputs: width of the result.
        extras: width of z; 0 for none.
        symmetrise: how signs are taken out; see :class:`~scalegmn.nn.invariant.ScaleInvariant`.
        style: of the perceptron.

    Law: that of x, whichever it is.
    """

    def __init__(
        self, inputs: int, outputs: int, *, extras: int = 0, symmetrise: bool, style: MLPStyle
    ) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, outputs, bias=False)
        self.invariant = ScaleInvariant(inputs, outputs, extras=extras, symmetrise=symmetrise, style=style)

    def forward(
        self,
        x: Features,
        rows: GroupRows,
        extras: SharedExtras | None = None,
        *,
        end: Incidence | None = None,
    ) -> MappedRows:
        """``(M, inputs)``, groups of the M rows, extras ``(M, extras)`` to ``(M, outputs)``.

        For `end` see :class:`~scalegmn.nn.invariant.ScaleInvariant`.
        """
        return affine(self.linear, x) * self.invariant(x, rows, extras, end=end)
