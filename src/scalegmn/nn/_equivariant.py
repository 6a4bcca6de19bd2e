r"""ScaleEq: functions that carry a neuron's factor through, and the maps of neurons that have none.

Source: Kalogeropoulos et al. 2024, section 5.1, equation (8).
"""

from __future__ import annotations

from typing import final

from torch import Tensor, nn

from scalegmn.nn._group_rows import GroupRows
from scalegmn.nn._invariant import ScaleInvariant
from scalegmn.nn._mlp import MLP, MLPStyle
from scalegmn.nn._style import LayerStyle
from scalegmn.shapes import MappedRows, RowExtras, Rows


@final
class ScaleEquivariant(nn.Module):
    r"""A function of x that is multiplied by q when x is.

    .. math::

        \mathrm{ScaleEq}(x; z) = (W x) \odot \mathrm{ScaleInv}(x; z)

    W has no bias, and z are invariant extras (the paper's AugScaleEq).

    Source: Kalogeropoulos et al. 2024, section 5.1, equation (8), with one factor.

    Args:
        inputs: width of x.
        outputs: width of the result.
        extras: width of z; 0 for none.
        symmetrize: how signs are taken out; see :class:`~scalegmn.nn.ScaleInvariant`.
        style: of the MLP in ScaleInv.

    Shapes: x ``(M, inputs)``, z ``(M, extras)``, result ``(M, outputs)``.

    Law: that of x, whichever it is, since :math:`W(qx) \odot \mathrm{ScaleInv}(qx) = q\,(Wx \odot
    \mathrm{ScaleInv}(x))`.
    """

    def __init__(
        self, inputs: int, outputs: int, *, extras: int = 0, symmetrize: bool, style: MLPStyle
    ) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, outputs, bias=False)
        self.invariant = ScaleInvariant(inputs, outputs, extras=extras, symmetrize=symmetrize, style=style)

    def forward(self, x: Rows, groups: GroupRows, extras: RowExtras | None = None) -> MappedRows:
        """Rows, their groups, and invariant extras to rows of the same law."""
        mapped: Tensor = self.linear(x) * self.invariant(x, groups, extras)
        return mapped


@final
class IOMap(nn.Module):
    r"""The map of input or output neurons.

    .. math::

        f(x) = \mathrm{MLP}(x) \quad\text{or}\quad f(x) = (W x) \odot \mathrm{MLP}(x)

    Their factor is always 1, so any function keeps their law.

    Args:
        inputs: width of x.
        outputs: width of the result.
        style: ``plain_io`` chooses the first form; the second is that of hidden neurons.

    Shapes: ``(M, inputs)`` to ``(M, outputs)``.
    """

    def __init__(self, inputs: int, outputs: int, *, style: LayerStyle) -> None:
        super().__init__()
        self.mlp = MLP(inputs, outputs, style=style.mlp)
        self.linear = None if style.plain_io else nn.Linear(inputs, outputs, bias=False)

    def forward(self, x: Rows) -> MappedRows:
        """Rows to rows."""
        mapped: Tensor = self.mlp(x) if self.linear is None else self.linear(x) * self.mlp(x)
        return mapped


@final
class IOMaps(nn.Module):
    """The maps of input and of output neurons: one in common, or one each (``separate_io``)."""

    def __init__(self, inputs: int, outputs: int, *, style: LayerStyle) -> None:
        super().__init__()
        self.of_outputs = IOMap(inputs, outputs, style=style)
        self.of_inputs = IOMap(inputs, outputs, style=style) if style.separate_io else self.of_outputs
