"""What a module computes in double precision, whatever precision its code asks for."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree
from torch.utils._python_dispatch import TorchDispatchMode

from .models import Example


class InDouble(TorchDispatchMode):
    """Casts to single precision become casts to double.

    Public code casts inside norms and softmax, which would hide errors below 1e-7, and show some where there
    are none.
    """

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        asked = dict(kwargs or {})
        if asked.get("dtype") is torch.float32:
            asked["dtype"] = torch.float64
        return func(*args, **asked)


def double(example: Example) -> Example:
    """Its floating tensors in double precision."""
    if isinstance(example, tuple):
        return tuple(_double(value) for value in example)
    return {name: _double(value) for name, value in example.items()}


def answer(module: nn.Module, state: Mapping[str, Tensor], example: Example) -> list[Tensor]:
    """All floating tensors that a module returns when a state is loaded."""
    args, kwargs = (example, {}) if isinstance(example, tuple) else ((), example)
    loaded = copy.deepcopy(module)
    loaded.load_state_dict(state)
    with torch.no_grad(), InDouble():
        found = loaded(*args, **kwargs)
    return [
        value
        for value in _pytree.tree_leaves(found)
        if isinstance(value, Tensor) and value.is_floating_point()
    ]


def distance(one: list[Tensor], other: list[Tensor]) -> float:
    """The largest difference of two answers, in units of the size of the first; NaN is infinite."""
    apart = 0.0
    for a, b in zip(one, other, strict=True):
        size = a.abs().amax() if a.numel() else torch.ones(())
        relative = float((a - b).abs().amax() / size) if a.numel() else 0.0
        apart = max(apart, relative if relative == relative else float("inf"))
    return apart


def _double(value: Tensor) -> Tensor:
    return value.double() if value.is_floating_point() else value
