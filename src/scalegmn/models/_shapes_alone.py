"""Building a model without its numbers, and without what PyTorch would import for that."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, final

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode


@contextlib.contextmanager
def shapes_alone() -> Iterator[None]:
    """Tensors that are made in here have a shape and no numbers, so that nothing is allocated.

    That is PyTorch's device ``meta``.  It works out in Python what random numbers and their multiples look
    like, and imports its compiler for that, which takes longer than most models take to answer: both are
    empty tensors in here.
    """
    with torch.device("meta"), _ShapesAlone():
        yield


@final
class _ShapesAlone(TorchFunctionMode):
    def __torch_function__(
        self,
        func: Any,
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        options = dict(kwargs or {})
        if func in _DRAWN:
            options.pop("generator", None)
            return torch.empty(*args, **options)
        if func in _MULTIPLES and isinstance(args[0], Tensor) and isinstance(args[1], (int, float)):
            return torch.empty(args[0].shape, dtype=args[0].dtype)
        if func in _FILLING:
            return args[0] if args else options["tensor"]
        return func(*args, **options)


_DRAWN: Final = frozenset({torch.randn, torch.rand})
_FILLING: Final = frozenset({nn.init.normal_, nn.init.uniform_, nn.init.kaiming_uniform_})
_MULTIPLES: Final = frozenset(
    {torch.Tensor.mul, torch.Tensor.div, torch.Tensor.__mul__, torch.Tensor.__truediv__}
)
