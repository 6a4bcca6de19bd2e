"""Pieces of work on the machines of a Ray cluster."""

from __future__ import annotations

import os
import statistics
import threading
import time
import uuid
from collections import deque
from typing import Any, Final, final

import torch

from scalegmn.errors import ClusterError, ConfigurationError
from scalegmn.printable import printable
from scalegmn.registry import loaded_extensions
from scalegmn.workers._connecting import LOCAL, check_address, check_machines, connect, ray_module
from scalegmn.workers._executor import Executor
from scalegmn.workers._remote import Answer, Order, perform
from scalegmn.workers._versions import versions_here
from scalegmn.workers._work import P, R, Report, Work

# How often a piece is begun anew on another machine before it counts as lost.
_RETRIES: Final = 3
# Seconds between looks at a piece and at the machines, and without any machine before the work is given up.
_LOOK: Final = 1.0
_WATCH: Final = 5.0
_DESERTED: Final = 120.0
# A piece is late that takes so many times as long as half of the last ones, and so many seconds.
_LATE: Final = 4.0
_LATE_SECONDS: Final = 20.0


@final
class RayCluster(Executor):
    """Processes on the machines of a Ray cluster, each with one processor, or one device.

    A piece whose process or machine is lost is begun anew elsewhere.  A piece that takes much longer than
    others is done a second time, where a processor is idle, and the first result counts.

    Args:
        address: of the cluster; see :func:`~scalegmn.workers.open_executor`.
        workers: pieces at a time; None for as many as there are processors, or devices.
        device: where pieces compute.

    Raises:
        ConfigurationError: the address is none.
    """

    def __init__(self, address: str, *, workers: int | None, device: torch.device) -> None:
        super().__init__()
        check_address(address)
        self._address, self._workers = address, workers
        self._unit = "CPU" if device.type == "cpu" else "GPU"
        self._needs = {"num_cpus": 1} if device.type == "cpu" else {"num_cpus": 1, "num_gpus": 1}
        self._orders: dict[int, tuple[Work[Any, Any], Order]] = {}
        self._lock = threading.Lock()
        self._seconds: deque[float] = deque(maxlen=64)
        self._looked, self._peopled = 0.0, 0.0
        self._ours = False
        self._slots = 1

    @property
    def slots(self) -> int:
        return self._slots

    def open(self) -> None:
        ray = ray_module()
        # Whoever has connected this process already goes on with that cluster.
        self._ours = not ray.is_initialized()
        if self._ours:
            connect(self._address, processors=self._workers)
        try:
            if self._address != LOCAL:
                check_machines(self._address)
            there = int(ray.cluster_resources().get(self._unit, 0))
            if there < 1:
                raise ConfigurationError(
                    f"{printable(self._address)}: the cluster has no {self._unit}; add a machine that has "
                    "one, or choose another device"
                )
        except BaseException:
            self.close()
            raise
        # Twice as many pieces as are done at a time: nobody waits for the next one, and machines that join
        # later find something to do.
        self._slots = self._workers or 2 * there
        self._peopled = time.monotonic()
        self._perform = ray.remote(perform).options(max_retries=0, **self._needs)

    def start_thread(self) -> None:
        """Nothing to set up: threads only wait."""

    def close(self) -> None:
        self._orders.clear()
        if self._ours:
            ray_module().shutdown()

    def call(self, work: Work[P, R], piece: P, report: Report) -> R:
        report(0.0)
        ray = ray_module()
        order, began, lost = self._order(work), time.monotonic(), 0
        # Copies that are not needed any more are not canceled, for Ray 2.60 may abort the caller then; they
        # end by themselves, or with the connection.
        copies = [self._perform.remote(order, piece)]
        while True:
            done, _ = ray.wait(copies, timeout=_LOOK)
            if done:
                copies.remove(done[0])
                answer = self._answer(done[0], lost)
                if answer is not None:
                    break
                lost += 1
                copies.append(self._perform.remote(order, piece))
            report(0.0)
            if self._is_late(time.monotonic() - began) and work.repeatable and len(copies) == 1:
                copies.append(self._perform.remote(order, piece))
            self._watch()
        if answer.error is not None:
            raise answer.error
        self._seconds.append(time.monotonic() - began)
        report(1.0)
        result: R = answer.result
        return result

    def _order(self, work: Work[Any, Any]) -> Order:
        with self._lock:
            if id(work) not in self._orders:
                order = Order(
                    key=uuid.uuid4().hex,
                    box=[ray_module().put(work)],
                    extensions=loaded_extensions(),
                    versions=versions_here(),
                    folder=os.getcwd(),
                )
                self._orders[id(work)] = (work, order)
            return self._orders[id(work)][1]

    def _answer(self, reference: Any, lost: int) -> Answer | None:
        """What came out of a copy of a piece; None if it was lost and may be begun anew.

        Raises:
            ClusterError: it was lost too often.
        """
        ray = ray_module()
        try:
            answer: Answer = ray.get(reference)
            return answer
        except ray.exceptions.RayTaskError:
            # The fault of the work, not of the cluster.
            raise
        except ray.exceptions.RayError as error:
            if lost < _RETRIES:
                return None
            reason = " ".join(str(error).split())
            raise ClusterError(
                f"{printable(self._address)}: a piece of work was lost {lost + 1} times "
                f"({type(error).__name__}: {printable(reason)}); what is finished is kept: look at `ray "
                "status` and the memory of the workers, and resume"
            ) from error

    def _is_late(self, seconds: float) -> bool:
        if seconds < _LATE_SECONDS or len(self._seconds) < 4:
            return False
        if seconds < _LATE * statistics.median(self._seconds):
            return False
        return float(ray_module().available_resources().get(self._unit, 0)) >= 1

    def _watch(self) -> None:
        """Look now and then whether there is any machine to work.

        Raises:
            ClusterError: there has been none for too long.
        """
        now = time.monotonic()
        with self._lock:
            if now - self._looked < _WATCH:
                return
            self._looked = now
        if ray_module().cluster_resources().get(self._unit, 0) >= 1:
            self._peopled = now
        elif now - self._peopled > _DESERTED:
            raise ClusterError(
                f"{printable(self._address)}: the cluster has had no machine for work for {_DESERTED:.0f} "
                "seconds; what is finished is kept: add machines with `ray start "
                "--address=HOST:PORT`, and resume"
            )
