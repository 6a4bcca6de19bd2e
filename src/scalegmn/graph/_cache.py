"""A cache of what was computed from tensors, for when the very same tensors come again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from threading import Lock
from typing import Generic, TypeVar, final

import torch
from torch import Tensor

Value = TypeVar("Value")


@final
class Cache(Generic[Value]):
    """Values by the tensors, as objects, that they were computed from.

    A batch that shares its index tensors with one before (see ``batch_graphs``) finds what was worked out
    for that one.  Comparing objects costs nothing; a tensor that was written into since, or is merely
    equal, counts as another one.

    Args:
        limit: how many numbers the tensors may hold together; what was not asked for the longest goes first.
    """

    def __init__(self, *, limit: int) -> None:
        self.limit = limit
        # The entries hold the tensors, so that no other tensor can get the identity of one of them.
        self._entries: OrderedDict[Hashable, tuple[tuple[Tensor, ...], Value]] = OrderedDict()
        self._size = 0
        self._lock = Lock()

    def get(self, tensors: Sequence[Tensor], options: Hashable, make: Callable[[], Value]) -> Value:
        """What `make` gave for these tensors and options before, or gives now.  Threads may share it.

        `make` must depend on nothing else.  What is made in inference mode is kept for inference mode only:
        training cannot use it.
        """
        # Tensors made in inference mode do not count how often they were written into.
        if any(tensor.is_inference() for tensor in tensors):
            return make()
        states = tuple((id(tensor), tensor._version) for tensor in tensors)
        key = (states, options, torch.is_inference_mode_enabled())
        with self._lock:
            if (entry := self._entries.get(key)) is not None:
                self._entries.move_to_end(key)
                return entry[1]
        value = make()
        with self._lock:
            self._add(key, tuple(tensors), value)
        return value

    def _add(self, key: Hashable, tensors: tuple[Tensor, ...], value: Value) -> None:
        size = _numbers(tensors)
        # Another thread may have made the same.
        if size > self.limit or key in self._entries:
            return
        self._entries[key] = (tensors, value)
        self._size += size
        while self._size > self.limit:
            _, (dropped, _) = self._entries.popitem(last=False)
            self._size -= _numbers(dropped)


def _numbers(tensors: Sequence[Tensor]) -> int:
    return sum(tensor.numel() for tensor in tensors)
