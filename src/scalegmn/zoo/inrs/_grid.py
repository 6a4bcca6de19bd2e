"""The first layer of many sine networks on the pixels of an image, by rows and columns or plainly.

On a grid the angle of a neuron is a sum, ``a`` for the row and ``b`` for the column, and
``sin(a + b) = sin a cos b + cos a sin b``: H + W sines and cosines per neuron stand in for H W.  What comes
back passes ``cos(a + b) = cos a cos b - sin a sin b`` the same way, summed over the rows first.  Small images
are faster without.
"""

from __future__ import annotations

from typing import NamedTuple, final

import torch
from torch import Tensor

from scalegmn.zoo.inrs._coordinates import Order, image_coordinates


class SineLayer(NamedTuple):
    """Parameters of one layer of B networks, or derivatives by them, as views of a longer vector.

    Attributes:
        weight: ``(B, out, in)``.
        transposed: the same as ``(B, in, out)``.
        bias: ``(B, out, 1)``.
    """

    weight: Tensor
    transposed: Tensor
    bias: Tensor


class _Axis(NamedTuple):
    """Rows or columns: L coordinates, and what n neurons have to do with them."""

    points: Tensor  # (L,)
    weight: Tensor  # (n, 1)
    by_weight: Tensor  # (n,)
    sine: Tensor  # (n, L)
    cosine: Tensor  # (n, L)


@final
class GridLayer:
    """Sines of the first layer at all pixels, and the derivatives by its parameters.

    All views are made once: making one takes as long as a small operation.

    Args:
        size: height and width of the images.
        order: that of the coordinates.
        layer: with the frequency multiplied in; read at every call.
        gradient: where the derivatives by `layer` are written.
        values: ``(B, out, height * width)``: the sines are written there, and the derivatives by them are
            read there.
    """

    def __init__(
        self, *, size: tuple[int, int], order: Order, layer: SineLayer, gradient: SineLayer, values: Tensor
    ) -> None:
        (height, width), neurons = size, layer.bias.numel()
        like = layer.weight
        self._image = values.view(neurons, height, width)
        # sin a, cos a, and both times the coordinate of the row.
        at_rows = like.new_empty(4, neurons, height)
        # sin b, cos b, sin b: in both orders side by side.
        at_columns = like.new_empty(3, neurons, width)
        points = image_coordinates(height, width, order).to(like).view(height, width, 2)
        weight, by_weight = layer.weight.view(neurons, 2), gradient.weight.view(neurons, 2)
        y, x = (1, 0) if order == "xy" else (0, 1)
        self._rows = _Axis(points[:, 0, y].clone(), weight[:, y, None], by_weight[:, y], *at_rows[:2])
        self._columns = _Axis(points[0, :, x].clone(), weight[:, x, None], by_weight[:, x], *at_columns[:2])
        self._bias, self._by_bias = layer.bias.view(neurons, 1), gradient.bias.view(neurons)
        self._plain, self._weighted, self._again = at_rows[:2], at_rows[2:], at_columns[2]
        self._left, self._right = at_rows[:2].permute(1, 2, 0), at_columns[1:].transpose(0, 1)
        self._over_rows = at_rows.transpose(0, 1)
        self._sums = like.new_empty(neurons, 4, width)
        self._through_sine, self._through_cosine = self._sums[:, 0::2], self._sums[:, 1::2]
        self._sine, self._cosine = self._columns.sine[:, None], self._columns.cosine[:, None]
        self._parts = like.new_empty(neurons, 2, width)
        self._plain_part, self._weighted_part = self._parts.unbind(1)

    def sines(self) -> None:
        """Write ``sin(weight @ point + bias)``."""
        rows, columns = self._rows, self._columns
        torch.mul(rows.weight, rows.points, out=rows.cosine)
        torch.addcmul(self._bias, columns.weight, columns.points, out=columns.cosine)
        for axis in (rows, columns):
            torch.sin(axis.cosine, out=axis.sine)
            axis.cosine.cos_()
        torch.mul(self._plain, rows.points, out=self._weighted)
        self._again.copy_(columns.sine)
        torch.bmm(self._left, self._right, out=self._image)

    def backward(self) -> None:
        """Write the gradient; the parameters are those of the last call of :meth:`sines`."""
        torch.bmm(self._over_rows, self._image, out=self._sums)
        torch.mul(self._through_cosine, self._cosine, out=self._parts)
        self._parts.addcmul_(self._through_sine, self._sine, value=-1)
        # What every column adds is left; for the weight of the rows, times their coordinates.
        torch.sum(self._plain_part, dim=1, out=self._by_bias)
        torch.mv(self._plain_part, self._columns.points, out=self._columns.by_weight)
        torch.sum(self._weighted_part, dim=1, out=self._rows.by_weight)


@final
class PlainLayer:
    """The same as :class:`GridLayer` with every sine and cosine taken by itself."""

    def __init__(
        self, *, size: tuple[int, int], order: Order, layer: SineLayer, gradient: SineLayer, values: Tensor
    ) -> None:
        points = image_coordinates(*size, order).to(values)
        self._layer, self._gradient, self._values = layer, gradient, values
        self._points = points.expand(len(values), -1, -1)
        self._transposed = points.mT.contiguous().expand(len(values), -1, -1)
        self._cosines = torch.empty_like(values)

    def sines(self) -> None:
        """Write ``sin(weight @ point + bias)``."""
        torch.baddbmm(self._layer.bias, self._layer.weight, self._transposed, out=self._cosines)
        torch.sin(self._cosines, out=self._values)
        self._cosines.cos_()

    def backward(self) -> None:
        """Write the gradient; the parameters are those of the last call of :meth:`sines`."""
        delta = self._values.mul_(self._cosines)
        torch.bmm(delta, self._points, out=self._gradient.weight)
        torch.sum(delta, dim=2, keepdim=True, out=self._gradient.bias)
