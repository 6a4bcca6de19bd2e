"""What operations write to tensors that have a shape and no numbers.

PyTorch knows all of these shapes (on its device ``meta``), but works out most of them in Python, and imports
its compiler for that, which takes longer than most commands.  So the most frequent operations have formulas
here, for arguments about which there is no doubt; all others are left to PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from ._operation import Operation, Shape, operator_of, signature_of

Formula = Callable[..., Shape | None]


def written_without_numbers(operation: Operation, arguments: Sequence[Any]) -> tuple[Tensor, ...]:
    """What an operation writes, on the device ``meta``.

    Args:
        operation: any.
        arguments: as in the instruction, tensors of that device in place of operands.

    Raises:
        Exception: whatever PyTorch raises about arguments that the operation does not take.
    """
    formula = _FORMULAS.get(operation.name)
    if formula is not None and _is_plain(operation, arguments):
        try:
            shape = formula(*arguments)
        except (AttributeError, IndexError, TypeError, ValueError):
            # PyTorch says better what is wrong.
            shape = None
        if shape is not None and min(shape, default=1) > 0:
            dtype = next(one.dtype for one in arguments if isinstance(one, Tensor))
            return (torch.empty(shape, dtype=dtype, device="meta"),)
    return operation.run(*arguments)


def _is_plain(operation: Operation, arguments: Sequence[Any]) -> bool:
    """Whether all arguments are there, and all tensors are of one kind of real numbers."""
    kinds = {one.dtype for one in arguments if isinstance(one, Tensor)}
    if len(kinds) != 1 or not kinds.pop().is_floating_point:
        return False
    return len(arguments) == sum(map(len, signature_of(operator_of(operation.name))))


def _entrywise(x: Tensor, *rest: object) -> Shape | None:
    return tuple(x.shape) if all(isinstance(one, (int, float)) for one in rest) else None


def _gelu(x: Tensor, approximate: object) -> Shape | None:
    return tuple(x.shape) if approximate in ("none", "tanh") else None


def _paired(x: Tensor, y: object, *rest: object) -> Shape | None:
    if not isinstance(y, Tensor):
        return _entrywise(x, y, *rest)
    if not all(isinstance(one, (int, float)) for one in rest):
        return None
    return tuple(np.broadcast_shapes(tuple(x.shape), tuple(y.shape)))


def _reduced(x: Tensor, axes: Sequence[int], keepdim: bool, dtype: object) -> Shape | None:
    if dtype is not None or not isinstance(keepdim, bool) or not axes:
        return None
    gone = {range(x.dim())[axis] for axis in axes}
    if len(gone) < len(axes):
        return None
    return tuple(
        1 if axis in gone else size for axis, size in enumerate(x.shape) if keepdim or axis not in gone
    )


def _product_and_sum(added: Tensor, x: Tensor, y: Tensor, beta: object, alpha: object) -> Shape | None:
    shape = (x.shape[0], y.shape[1])
    fits = x.dim() == y.dim() == 2 and x.shape[1] == y.shape[0]
    numbers = isinstance(beta, (int, float)) and isinstance(alpha, (int, float))
    return shape if fits and numbers and np.broadcast_shapes(tuple(added.shape), shape) == shape else None


def _convolved(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    transposed: bool,
    beyond: Sequence[int],
    groups: int,
) -> Shape | None:
    rank = x.dim() - 2
    out, inner = weight.shape[:2]
    fits = rank >= 1 and weight.dim() == x.dim() and groups >= 1 and out % groups == 0
    if transposed or any(beyond) or not fits or x.shape[1] != inner * groups:
        return None
    if bias is not None and tuple(bias.shape) != (out,):
        return None
    return (x.shape[0], out, *_windows(x.shape[2:], weight.shape[2:], stride, padding, dilation))


def _pooled(
    x: Tensor,
    size: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    rounds_up: bool,
    counts_padding: bool,
    divisor: object,
) -> Shape | None:
    rank = len(size)
    plain = isinstance(counts_padding, bool) and divisor is None and x.dim() == rank + 2
    if rounds_up or not plain or any(2 * more > own for more, own in zip(padding, size, strict=True)):
        return None
    return (*x.shape[:2], *_windows(x.shape[2:], size, stride or size, padding, (1,) * rank))


def _windows(
    sizes: Sequence[int],
    taps: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
) -> Shape:
    """How many windows there are along each axis; not above 0 where there are none.

    Raises:
        ValueError: other numbers of axes, or a step or a padding that is none.
    """
    if min(*stride, *dilation, *taps) < 1 or min(padding) < 0:
        raise ValueError("no windows")
    axes = zip(sizes, taps, stride, padding, dilation, strict=True)
    return tuple(
        (size + 2 * more - gap * (count - 1) - 1) // step + 1 for size, count, step, more, gap in axes
    )


_ENTRYWISE: Final = (
    "relu",
    "leaky_relu",
    "tanh",
    "sigmoid",
    "silu",
    "sin",
    "cos",
    "exp",
    "abs",
    "neg",
    "erf",
)
_FORMULAS: Final[Mapping[str, Formula]] = {
    **{f"aten.{name}.default": _entrywise for name in _ENTRYWISE},
    **{f"aten.{name}.Tensor": _paired for name in ("add", "sub", "mul", "div")},
    "aten.gelu.default": _gelu,
    "aten.mean.dim": _reduced,
    "aten.sum.dim_IntList": _reduced,
    "aten.addmm.default": _product_and_sum,
    "aten.convolution.default": _convolved,
    "aten.avg_pool2d.default": _pooled,
}
