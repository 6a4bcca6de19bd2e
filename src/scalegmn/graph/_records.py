"""Several named values for every network of a batch, kept together."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor

from scalegmn.errors import GraphError

R = TypeVar("R", bound="Records")
V = TypeVar("V", bound="Tensor | Records")


class Records:
    """Base of frozen dataclasses that hold something about each of n networks.

    A field is a tensor ``(n, ...)``, a tuple of n values, or None where nothing is known.  Networks are
    chosen, moved and joined as in a tensor, so that code which passes on targets or outputs need not know
    which it has.

    Example:
        >>> from dataclasses import dataclass
        >>> import torch
        >>> from scalegmn.graph import Records
        >>> @dataclass(frozen=True, eq=False)
        ... class Measured(Records):
        ...     width: torch.Tensor
        ...     names: tuple[str, ...]
        >>> both = Measured(torch.tensor([8, 16]), ("first", "second"))
        >>> both[torch.tensor([1])].names
        ('second',)

    Raises:
        GraphError: the fields are about different numbers of networks, or about nothing.
    """

    def __post_init__(self) -> None:
        lengths = {name: len(value) for name, value in self._fields().items() if value is not None}
        if len(set(lengths.values())) != 1:
            raise GraphError(
                f"{type(self).__name__} about {lengths} networks, expected the same number in every field"
            )

    # Choosing by a number alone is no choice of networks, so that one cannot go over records by a loop.
    __iter__ = None

    def __len__(self) -> int:
        return next(len(value) for value in self._fields().values() if value is not None)

    def __getitem__(self: R, rows: Tensor | slice) -> R:
        """Some of the networks, by their numbers ``(k,)``."""

        def some(value: Any) -> Any:
            if isinstance(value, Tensor) or isinstance(rows, slice):
                return value[rows]
            return tuple(value[row] for row in torch.arange(len(self))[rows.cpu()].tolist())

        return self._each(some)

    def to(self: R, device: torch.device | str) -> R:
        """A copy whose tensors are on another device."""
        return self._each(lambda value: _moved(value, device))

    def cpu(self: R) -> R:
        """A copy whose tensors are on the CPU."""
        return self.to("cpu")

    def detach(self: R) -> R:
        """A copy whose tensors carry no gradients."""
        return self._each(lambda value: value.detach() if isinstance(value, Tensor) else value)

    def _fields(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}  # type: ignore[arg-type]

    def _each(self: R, change: Callable[[Any], Any]) -> R:
        changed = {n: None if v is None else change(v) for n, v in self._fields().items()}
        return dataclasses.replace(self, **changed)  # type: ignore[type-var]


def join(parts: Sequence[V]) -> V:
    """Tensors ``(n, ...)``, or records of one class, of all networks one after the other."""
    first = parts[0]
    if isinstance(first, Tensor):
        return torch.cat(list(parts))  # type: ignore[arg-type, return-value]
    fields = [part._fields() for part in parts]  # type: ignore[union-attr]
    return dataclasses.replace(first, **{name: _joined([f[name] for f in fields]) for name in fields[0]})  # type: ignore[type-var]


def _joined(values: list[Any]) -> Any:
    if values[0] is None:
        return None
    if isinstance(values[0], Tensor):
        return torch.cat(values)
    return tuple(entry for value in values for entry in value)


def _moved(value: Any, device: torch.device | str) -> Any:
    if isinstance(value, tuple):
        return tuple(_moved(entry, device) for entry in value)
    return value.to(device) if isinstance(value, Tensor) else value
