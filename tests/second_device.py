"""A device that is not the CPU, for machines without one: real numbers, and the rules of a GPU.

Tensors on it say that they are on `DEVICE`, so that the library takes the ways that it takes on a GPU; their
numbers are computed on the CPU and may be compared.  What a GPU refuses is refused: operations of tensors on
different devices, generators of the CPU, NumPy's view of the memory.  What makes a program wait for a GPU,
because the CPU has to know a number first, is counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

DEVICE = torch.device("meta", 1)
"""PyTorch's device without memory, under a number that nobody uses: its backward passes run anywhere."""

_COPIES = ("aten::_to_copy", "aten::copy_")
_INDEXING = ("aten::index.Tensor", "aten::index_put_", "aten::index_put", "aten::_index_put_impl_")
_WAITING = (
    "aten::_local_scalar_dense",
    "aten::_unique2",
    "aten::bincount",
    "aten::equal",
    "aten::masked_select",
    "aten::nonzero",
    "aten::repeat_interleave.Tensor",
    "aten::unique_consecutive",
    "aten::unique_dim",
    "aten::unique_dim_consecutive",
)
"""Operations whose result, or its size, the CPU has to know."""


class There(Tensor):
    """A tensor on `DEVICE`."""

    waits: ClassVar[Counter[str]] = Counter()
    own: Tensor

    @staticmethod
    def __new__(cls, own: Tensor) -> There:
        made: There = torch.Tensor._make_wrapper_subclass(
            cls,
            own.size(),
            strides=own.stride(),
            storage_offset=own.storage_offset(),
            dtype=own.dtype,
            device=DEVICE,
        )
        made.own = own
        return made

    @classmethod
    def __torch_dispatch__(
        cls, function: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        return _run(function, args, dict(kwargs or {}))

    def tolist(self) -> Any:
        There.waits["tolist"] += 1
        return self.own.tolist()

    def numpy(self, *args: object, **kwargs: object) -> Any:
        raise TypeError("NumPy cannot see the memory of another device; copy to the CPU first")

    def __repr__(self, **kwargs: object) -> str:
        return f"There({self.own})"


class _Constants(TorchFunctionMode):
    """PyTorch leaves out the numbers of tensors that are made on its device without memory."""

    def __torch_function__(
        self, function: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        given = dict(kwargs or {})
        if function is torch.Tensor.new_tensor:
            return torch.tensor(args[1], dtype=given.get("dtype", args[0].dtype)).to(args[0].device)
        if function in (torch.tensor, torch.as_tensor) and given.get("device") == DEVICE:
            return function(*args, **{**given, "device": None}).to(DEVICE)
        return function(*args, **given)


class SecondDevice(TorchDispatchMode):
    """While inside, `DEVICE` is a device like a GPU.

    Attributes:
        waits: how often which operation made the program wait for it.
    """

    def __init__(self) -> None:
        super().__init__()
        self._constants = _Constants()
        There.waits = self.waits = Counter()

    def __enter__(self) -> SecondDevice:
        self._constants.__enter__()
        super().__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        self._constants.__exit__(*error)

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        return _run(function, args, dict(kwargs or {}))


def _run(function: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    name = function.name()
    tensors = [one for one in tree_leaves((args, kwargs)) if isinstance(one, Tensor)]
    there = any(isinstance(one, There) for one in tensors)
    device = kwargs.get("device")
    lands = there if device is None else torch.device(device) == DEVICE
    if name == "aten::copy_":
        lands = isinstance(args[0], There)
    if there:
        _refuse_mixtures(name, tensors)
    if lands and isinstance(kwargs.get("generator"), torch.Generator):
        raise RuntimeError(f"{name}: a generator of the CPU for a tensor on another device")
    known = kwargs.get("output_size") is not None
    if there and (
        (name in _WAITING and not known) or _chooses(name, args) or (name in _COPIES and not lands)
    ):
        There.waits[name] += 1
    return _computed(function, args, kwargs, lands=lands)


def _chooses(name: str, args: Sequence[Any]) -> bool:
    """Whether rows are chosen by truth values, whose number the CPU has to know."""
    chosen = tree_leaves(args[1]) if name in _INDEXING else []
    return any(isinstance(one, Tensor) and one.dtype == torch.bool for one in chosen)


def _refuse_mixtures(name: str, tensors: Sequence[Tensor]) -> None:
    """Single numbers of the CPU may take part everywhere, and indices where something is indexed."""
    here = [one for one in tensors if not isinstance(one, There) and one.ndim > 0]
    if here and name not in (*_COPIES, *_INDEXING):
        shapes = [(tuple(one.shape), "other" if isinstance(one, There) else "cpu") for one in tensors]
        raise RuntimeError(f"{name}: tensors on different devices, {shapes}")


def _computed(function: Callable[..., Any], args: Any, kwargs: Any, *, lands: bool) -> Any:
    wrappers: dict[int, Tensor] = {}

    def unwrap(value: Any) -> Any:
        if not isinstance(value, There):
            return torch.device("cpu") if value == DEVICE and isinstance(value, torch.device) else value
        wrappers[id(value.own)] = value
        return value.own

    def wrap(value: Any) -> Any:
        if not isinstance(value, Tensor):
            return value
        # What was written into is the same tensor as before.
        return wrappers.get(id(value)) if id(value) in wrappers else There(value) if lands else value

    own_args, own_kwargs = tree_map(unwrap, (tuple(args), kwargs))
    return tree_map(wrap, function(*own_args, **own_kwargs))
