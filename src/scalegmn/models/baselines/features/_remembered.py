"""Rows of features that take long, kept while the process runs.

The models of a comparison, and its folds and sizes, read the same networks again and again.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor


@final
class RememberedRows:
    """Features by the parameters that they were computed from.

    Args:
        most: rows; beyond them those are forgotten that were not asked for the longest.
    """

    def __init__(self, *, most: int) -> None:
        self._most = most
        self._rows: OrderedDict[bytes, Tensor] = OrderedDict()
        self._lock = Lock()

    def rows(
        self,
        kind: str,
        theta: Float[Tensor, "B P"],
        compute: Callable[[Float[Tensor, "b P"]], Float[Tensor, "b F"]],
    ) -> Float[Tensor, "B F"]:
        """Features of each row of `theta`; `compute` is asked for those that are not known.

        Args:
            kind: everything but the parameters that the features depend on.
            theta: parameters.
            compute: makes features, each row from its own parameters alone.
        """
        keys = [_key(kind, row) for row in theta.detach().cpu()]
        with self._lock:
            known = {key: self._rows[key] for key in keys if key in self._rows}
        missing = [place for place, key in enumerate(keys) if key not in known]
        if missing:
            found = compute(theta[missing]).detach().cpu()
            known |= {keys[place]: row for place, row in zip(missing, found, strict=True)}
        with self._lock:
            for key in keys:
                self._rows[key] = known[key]
                self._rows.move_to_end(key)
            while len(self._rows) > self._most:
                self._rows.popitem(last=False)
        return torch.stack([known[key] for key in keys]).to(theta.device)


def _key(kind: str, row: Tensor) -> bytes:
    digest = hashlib.sha256(f"{kind} {row.dtype} ".encode())
    digest.update(row.contiguous().view(torch.uint8).numpy().tobytes())
    return digest.digest()
