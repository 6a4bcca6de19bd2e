"""The processors of a cluster, and whether there are any."""

from __future__ import annotations

import threading
import time
from typing import Final, final

from scalegmn.errors import ClusterError
from scalegmn.printable import printable
from scalegmn.workers._connecting import ray_module

# Seconds between looks, and without any processor before the work is given up.
_WATCH: Final = 5.0
_DESERTED: Final = 120.0


@final
class Processors:
    """The processors, or devices, of the connected cluster.

    Args:
        unit: what Ray calls them, such as ``CPU``.
    """

    def __init__(self, unit: str) -> None:
        self.unit = unit

    @property
    def count(self) -> int:
        """How many there are."""
        return int(ray_module().cluster_resources().get(self.unit, 0))

    @property
    def any_idle(self) -> bool:
        """Whether one has nothing to do."""
        return float(ray_module().available_resources().get(self.unit, 0)) >= 1


@final
class Watch:
    """Sees when all processors have gone; asked from several threads.

    Args:
        processors: of the cluster.
        address: of the cluster, for messages.
    """

    def __init__(self, processors: Processors, *, address: str) -> None:
        self._processors, self._address = processors, address
        self._lock = threading.Lock()
        self._looked = self._seen = time.monotonic()

    def check(self) -> None:
        """Look, if the last look was a while ago.

        Raises:
            ClusterError: there has been no processor for too long.
        """
        now = time.monotonic()
        with self._lock:
            if now - self._looked < _WATCH:
                return
            self._looked = now
        if self._processors.count:
            self._seen = now
        elif now - self._seen > _DESERTED:
            raise ClusterError(
                f"{printable(self._address)}: the cluster has had no machine for work for {_DESERTED:.0f} "
                "seconds; what is finished is kept: add machines with `ray start "
                "--address=HOST:PORT`, and resume"
            )
