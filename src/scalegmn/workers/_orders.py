"""What processes of a cluster are told about works."""

from __future__ import annotations

import os
import threading
import uuid
from typing import Any, final

import torch

from scalegmn.registry import loaded_extensions
from scalegmn.workers._connecting import ray_module
from scalegmn.workers._remote import Order
from scalegmn.workers._versions import versions_here
from scalegmn.workers._work import Work


@final
class Orders:
    """An order for each work, which is sent to the cluster once; asked for from several threads.

    Args:
        device: where pieces compute.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._lock = threading.Lock()
        # With the work, so that no other one gets its id while its order is known.
        self._known: dict[int, tuple[Work[Any, Any], Order]] = {}

    def order(self, work: Work[Any, Any]) -> Order:
        """The order for a work; the same one whenever it is asked for."""
        with self._lock:
            if id(work) not in self._known:
                self._known[id(work)] = (work, _order(work, self._device))
            return self._known[id(work)][1]

    def forget(self) -> None:
        """Let go of all works."""
        with self._lock:
            self._known.clear()


def _order(work: Work[Any, Any], device: torch.device) -> Order:
    return Order(
        key=uuid.uuid4().hex,
        box=[ray_module().put(work)],
        extensions=loaded_extensions(),
        versions=versions_here(),
        folder=os.getcwd(),
        device=device,
    )
