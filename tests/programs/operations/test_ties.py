"""Which entries an operation ties together: counted, and tried on the function."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from ._sandwich import HIDDEN, group_of, sandwich

ROWS = torch.tensor([[0, 1, 2, 0, 1, 2], [0, 1, 2, 0, 1, 2]])
MASK = torch.tensor([True, False, True, False, False, True])


def zeros(*shape: int) -> Tensor:
    return torch.zeros(shape, dtype=torch.float64)


# Arguments, then how many scales and signs six hidden entries have; a zero that the
# second matrix reads leaves the three weights of its row free.
VECTORS: list[tuple[str, tuple[Any, ...], int, int]] = [
    ("aten.cumsum.default", (HIDDEN, 1, None), 1, 1),
    ("aten.cumprod.default", (HIDDEN, 1, None), 0, 0),
    ("aten.cummax.default", (HIDDEN, 1), 1, 0),
    ("aten.sort.default", (HIDDEN, 1, False), 1, 0),
    ("aten.topk.default", (HIDDEN, 4, 1, True, True), 1, 0),
    ("aten.median.dim", (HIDDEN, 1, True), 1, 0),
    ("aten.kthvalue.default", (HIDDEN, 2, 1, False), 1, 0),
    ("aten.prod.dim_int", (HIDDEN, 1, True, None), 1, 1),
    ("aten.amax.default", (HIDDEN, (1,), True), 1, 0),
    ("aten.mean.dim", (HIDDEN, (1,), True, None), 1, 1),
    # The square or the absolute value does not see signs; the norm still has one scale, and so has the count.
    ("aten.linalg_vector_norm.default", (HIDDEN, 2, (1,), True, None), 1, 6),
    ("aten.linalg_vector_norm.default", (HIDDEN, float("inf"), (1,), True, None), 1, 6),
    ("aten.linalg_vector_norm.default", (HIDDEN, 0, (1,), True, None), 6, 6),
    ("aten.var.correction", (HIDDEN, (1,), 1, True), 1, 1),
    ("aten._softmax.default", (HIDDEN, 1, False), 0, 0),
    ("aten.flip.default", (HIDDEN, (1,)), 6, 6),
    ("aten.roll.default", (HIDDEN, (2,), (1,)), 6, 6),
    ("aten.where.self", (MASK, HIDDEN, zeros(6)), 6 + 9, 6 + 9),
    ("aten.where.self", (MASK, HIDDEN, torch.ones(6, dtype=torch.float64)), 6, 6),
    ("aten.maximum.default", (HIDDEN, zeros(6)), 6, 0),
    ("aten.clamp.Tensor", (HIDDEN, zeros(6), None), 6, 0),
    ("aten.maximum.default", (HIDDEN, torch.ones(6, dtype=torch.float64)), 0, 0),
    # Each of three places gets two of the six; where the largest stays, signs are lost.
    ("aten.scatter_add.default", (zeros(2, 3), 1, ROWS, HIDDEN), 3, 3),
    ("aten.scatter_reduce.two", (zeros(2, 3), 1, ROWS, HIDDEN, "amax", False), 3, 0),
    ("aten.scatter_reduce.two", (zeros(2, 3), 1, ROWS, HIDDEN, "mean", True), 3, 3),
    ("aten.gather.default", (HIDDEN, 1, ROWS.flip(1), False), 6, 6),
    ("aten.slice_scatter.default", (zeros(2, 9), HIDDEN, 1, 2, 8, 1), 6 + 9, 6 + 9),
    ("aten.copy.default", (zeros(2, 6), HIDDEN, False), 6, 6),
    ("aten.index_put.default", (zeros(2, 3), (None, ROWS[0]), HIDDEN, True), 3, 3),
    ("aten.index_put.default", (zeros(2, 8), (None, torch.arange(6)), HIDDEN, False), 6 + 6, 6 + 6),
    ("aten.div.Tensor_mode", (HIDDEN, 0.3, "trunc"), 0, 6),
    ("aten.div.Tensor_mode", (HIDDEN, 0.3, "floor"), 0, 0),
    ("aten.copysign.Tensor", (HIDDEN, torch.tensor([1.0, -1, 1, -1, 1, -1]).double()), 6, 6),
]


@pytest.mark.parametrize(("name", "arguments", "scales", "signs"), VECTORS)
def test_vectors(name: str, arguments: tuple[Any, ...], scales: int, signs: int) -> None:
    group = group_of(sandwich(name, *arguments, shape=(6,)))
    assert (group.scales.dimension, group.signs.dimension) == (scales, signs)


# Two channels of 4 x 4, every pixel of which has a scale and a sign of its own before the operation.
MAPS: list[tuple[str, tuple[Any, ...], int, int]] = [
    ("aten.max_pool2d_with_indices.default", (HIDDEN, (2, 2), (2, 2), (0, 0), (1, 1), False), 8, 0),
    ("aten.max_pool2d_with_indices.default", (HIDDEN, (2, 4), (2, 4), (0, 0), (1, 1), False), 4, 0),
    ("aten.max_pool2d_with_indices.default", (HIDDEN, (3, 3), (2, 2), (1, 1), (1, 1), False), 2, 0),
    ("aten.max_pool2d_with_indices.default", (HIDDEN, (2, 2), (1, 1), (0, 0), (2, 2), False), 8, 0),
    ("aten.max_pool2d_with_indices.default", (HIDDEN, (3, 3), (3, 3), (0, 0), (1, 1), True), 8, 0),
    ("aten.avg_pool2d.default", (HIDDEN, (2, 2), (2, 2), (0, 0), False, True, None), 8, 8),
    ("aten.avg_pool2d.default", (HIDDEN, (2, 2), (2, 2), (1, 1), False, False, None), 18, 18),
    ("aten.avg_pool2d.default", (HIDDEN, (3, 3), (3, 3), (0, 0), True, True, None), 8, 8),
    ("aten.upsample_nearest2d.vec", (HIDDEN, (8, 8), None), 32, 32),
    ("aten.upsample_bilinear2d.vec", (HIDDEN, (3, 5), False, None), 2, 2),
    ("aten._adaptive_avg_pool2d.default", (HIDDEN, (3, 3)), 2, 2),
    ("aten.adaptive_max_pool2d.default", (HIDDEN, (3, 3)), 2, 0),
    ("aten.constant_pad_nd.default", (HIDDEN, (1, 2, 0, 1), 0.0), 32 + 114, 32 + 114),
    ("aten.constant_pad_nd.default", (HIDDEN, (1, 0), 2.0), 32, 32),
    ("aten.unfold.default", (HIDDEN, 2, 2, 2), 32, 32),
    ("aten.native_group_norm.default", (HIDDEN, None, None, 2, 2, 16, 2, 1e-5), 0, 2),
    ("aten.native_group_norm.default", (HIDDEN, None, None, 2, 2, 16, 1, 1e-5), 0, 1),
    ("aten.native_layer_norm.default", (HIDDEN, (4,), None, None, 1e-5), 0, 8),
]


@pytest.mark.parametrize(("name", "arguments", "scales", "signs"), MAPS)
def test_maps(name: str, arguments: tuple[Any, ...], scales: int, signs: int) -> None:
    group = group_of(sandwich(name, *arguments, shape=(2, 4, 4)))
    assert (group.scales.dimension, group.signs.dimension) == (scales, signs)


def test_more_summands_than_are_followed_are_tied() -> None:
    rows = torch.zeros(2, 80, dtype=torch.int64)
    rows[:, 70:] = 1
    group = group_of(sandwich("aten.scatter_add.default", zeros(2, 3), 1, rows, HIDDEN, shape=(80,)))
    assert (group.scales.dimension, group.signs.dimension) == (1, 1)


def test_what_the_input_chooses_is_tied() -> None:
    """Numbers of the input may ask for any entry."""
    numbers = torch.tensor([[0, 5, 2], [1, 1, 4]])
    gathered = sandwich("aten.gather.default", HIDDEN, 1, "numbers", False, shape=(6,), numbers=(2, 3))
    group = group_of(gathered, numbers=numbers)
    assert (group.scales.dimension, group.signs.dimension) == (1, 1)
    added = sandwich(
        "aten.scatter_add.default", zeros(2, 6), 1, "numbers", HIDDEN, shape=(3,), numbers=(2, 3)
    )
    group = group_of(added, numbers=numbers)
    assert (group.scales.dimension, group.signs.dimension) == (1, 1)
    # What is put in place of zeros may come to any place.
    put = sandwich("aten.scatter.src", zeros(2, 6), 1, "numbers", HIDDEN, shape=(3,), numbers=(2, 3))
    group = group_of(put, numbers=numbers)
    assert (group.scales.dimension, group.signs.dimension) == (1, 1)
