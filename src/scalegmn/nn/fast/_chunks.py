"""How many rows of a large matrix are worked on at a time where no gradient needs them all."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

_CPU_NUMBERS: Final = 2**19
"""Two megabytes in single precision for each thread: a few such matrices stay in the cache from one operation
to the next, and the operations are still long beside the time that it takes to call them."""

_GPU_NUMBERS: Final = 2**26
"""Enough to keep a GPU busy; here chunks are for the memory of networks with millions of edges."""


def chunk_rows(x: Tensor) -> int | None:
    """Rows like those of `x` ``(M, D)`` to take at a time, or None for all of them.

    A gradient would keep what is computed for every chunk, and none of it would be saved.
    """
    if torch.is_grad_enabled() or torch.compiler.is_compiling():
        return None
    numbers = _CPU_NUMBERS * torch.get_num_threads() if x.device.type == "cpu" else _GPU_NUMBERS
    return max(1, numbers // max(1, x.shape[1]))


def chunks(count: int, most: int | None) -> list[slice]:
    """The rows 0 to `count` as slices of at most `most` rows; None: as one."""
    size = max(1, count if most is None else most)
    return [slice(start, min(start + size, count)) for start in range(0, count, size)]
