"""The formulas of shapes say what PyTorch says, and say nothing where it would object."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from scalegmn.programs.operations import OPERATIONS, written_without_numbers
from scalegmn.programs.operations._without_numbers import _FORMULAS


def like(*shape: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.empty(shape, dtype=dtype, device="meta")


def convolution(x: torch.Tensor, weight: torch.Tensor, *rest: Any) -> tuple[Any, ...]:
    stride, padding, dilation, transposed, beyond, groups = rest
    return x, weight, like(weight.shape[0]), stride, padding, dilation, transposed, beyond, groups


TAKEN: list[tuple[str, tuple[Any, ...]]] = [
    ("aten.relu.default", (like(2, 3),)),
    ("aten.tanh.default", (like(dtype=torch.float32),)),
    ("aten.leaky_relu.default", (like(2, 3), 0.1)),
    ("aten.gelu.default", (like(2, 3), "tanh")),
    ("aten.add.Tensor", (like(4, 1, 3), like(2, 1), 2)),
    ("aten.sub.Tensor", (like(4, 3), like(), 1)),
    ("aten.mul.Tensor", (like(2, 3), like(1, 3))),
    ("aten.div.Tensor", (like(2, 3), like(3))),
    ("aten.div.Tensor", (like(2, 3), 8.0)),
    ("aten.mul.Tensor", (like(2, 3), 0.5)),
    ("aten.add.Tensor", (like(2, 3), 1, 2)),
    ("aten.mean.dim", (like(2, 3, 4, 4), [-1, -2], False, None)),
    ("aten.sum.dim_IntList", (like(2, 3, 4), [1], True, None)),
    ("aten.addmm.default", (like(5), like(2, 3), like(3, 5), 1, 1)),
    (
        "aten.convolution.default",
        convolution(like(2, 4, 9, 8), like(6, 2, 3, 2), [2, 1], [1, 0], [1, 2], False, [0, 0], 2),
    ),
    ("aten.convolution.default", convolution(like(1, 3, 9), like(4, 3, 3), [3], [0], [1], False, [0], 1)),
    ("aten.avg_pool2d.default", (like(1, 2, 9, 8), [3, 2], [], [1, 0], False, True, None)),
    # Left to PyTorch.
    ("aten.relu.default", (like(2, 3, dtype=torch.int64),)),
    ("aten.mul.Tensor", (like(2, 3), like(3, dtype=torch.float32))),
    ("aten.sum.dim_IntList", (like(2, 3), [], False, None)),
    (
        "aten.convolution.default",
        (like(1, 3, 9), like(3, 4, 3), None, [2], [1], [1], True, [1], 1),
    ),
    ("aten.avg_pool2d.default", (like(1, 2, 9, 8), [2, 2], [2, 2], [0, 0], True, True, None)),
    ("aten.permute.default", (like(2, 3), [1, 0])),
]
REFUSED: list[tuple[str, tuple[Any, ...]]] = [
    ("aten.relu.default", (like(2, 3), 1)),
    ("aten.leaky_relu.default", (like(2), "a word")),
    ("aten.gelu.default", (like(2), "a word")),
    ("aten.add.Tensor", (like(2, 3), like(4), 1)),
    ("aten.mean.dim", (like(2, 3), [2], False, None)),
    ("aten.mean.dim", (like(2, 3), [1, -1], False, None)),
    ("aten.addmm.default", (like(4), like(2, 3), like(3, 5), 1, 1)),
    ("aten.addmm.default", (like(5), like(2, 3), like(4, 5), 1, 1)),
    ("aten.convolution.default", convolution(like(1, 3, 9), like(4, 2, 3), [1], [0], [1], False, [0], 1)),
    ("aten.convolution.default", convolution(like(1, 3, 2), like(4, 3, 3), [1], [0], [1], False, [0], 1)),
    ("aten.convolution.default", convolution(like(1, 3, 9), like(4, 3, 3), [0], [0], [1], False, [0], 1)),
    ("aten.avg_pool2d.default", (like(1, 2, 9, 8), [2, 2], [2, 2], [2, 2], False, True, None)),
]


@pytest.mark.parametrize(("name", "arguments"), TAKEN)
def test_formulas_are_what_pytorch_makes(name: str, arguments: tuple[Any, ...]) -> None:
    operation = OPERATIONS.get(name)
    (found,), (expected,) = written_without_numbers(operation, arguments), operation.run(*arguments)
    assert (found.shape, found.dtype, found.device) == (expected.shape, expected.dtype, expected.device)


@pytest.mark.parametrize("number", [8.0, 2, True])
def test_numbers_have_a_formula_of_their_own(number: float) -> None:
    """Tests check annotations, so that one which is not kept leads to PyTorch here and nowhere else."""
    assert _FORMULAS["aten.div.Tensor"](like(2, 3), number) == (2, 3)


@pytest.mark.parametrize(("name", "arguments"), REFUSED)
def test_what_pytorch_refuses_is_refused(name: str, arguments: tuple[Any, ...]) -> None:
    with pytest.raises((ArithmeticError, RuntimeError, IndexError, TypeError, ValueError)):
        written_without_numbers(OPERATIONS.get(name), arguments)


def test_every_formula_is_of_an_operation_and_is_tried() -> None:
    assert all(name in OPERATIONS for name in _FORMULAS)
    kinds = {_FORMULAS[name] for name, _ in TAKEN if name in _FORMULAS}
    assert kinds == set(_FORMULAS.values())
