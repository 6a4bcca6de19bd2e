"""Pieces of work on the machines of a Ray cluster."""

from __future__ import annotations

import time
from functools import partial
from typing import Final, final

import torch

from scalegmn.errors import ConfigurationError
from scalegmn.printable import printable
from scalegmn.workers._connecting import LOCAL, check_address, check_machines, connect, ray_module
from scalegmn.workers._copies import Copies
from scalegmn.workers._executor import Executor
from scalegmn.workers._orders import Orders
from scalegmn.workers._pace import Pace
from scalegmn.workers._processors import Processors, Watch
from scalegmn.workers._remote import perform
from scalegmn.workers._work import P, R, Report, Work

# Seconds between looks at a piece.
_LOOK: Final = 1.0


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
        self._processors = Processors("CPU" if device.type == "cpu" else "GPU")
        self._needs = {"num_cpus": 1} if device.type == "cpu" else {"num_cpus": 1, "num_gpus": 1}
        self._watch = Watch(self._processors, address=address)
        self._orders, self._pace = Orders(device), Pace()
        self._ours = False
        self._slots = 1

    @property
    def slots(self) -> int:
        return self._slots

    def open(self) -> None:
        ray = ray_module()
        # Whoever has connected this process already goes on with that cluster.
        self._ours = not ray.is_initialized()
        try:
            if self._ours:
                connect(self._address, processors=self._workers)
            if self._address != LOCAL:
                check_machines(self._address)
            there = self._processors.count
            if there < 1:
                unit = self._processors.unit
                raise ConfigurationError(
                    f"{printable(self._address)}: the cluster has no {unit}; add a machine that has "
                    "one, or choose another device"
                )
        except BaseException:
            self.close()
            raise
        # Twice as many pieces as are done at a time: nobody waits for the next one, and machines that join
        # later find something to do.
        self._slots = self._workers or 2 * there
        self._watch = Watch(self._processors, address=self._address)
        self._perform = ray.remote(perform).options(max_retries=0, **self._needs)

    def start_thread(self) -> None:
        """Nothing to set up: threads only wait."""

    def close(self) -> None:
        self._orders.forget()
        if self._ours:
            ray_module().shutdown()

    def call(self, work: Work[P, R], piece: P, report: Report) -> R:
        report(0.0)
        began = time.monotonic()
        copies = Copies(partial(self._perform.remote, self._orders.order(work), piece), address=self._address)
        while (answer := copies.wait(_LOOK)) is None:
            report(0.0)
            if work.repeatable and len(copies) == 1 and self._is_late(time.monotonic() - began):
                copies.add()
            self._watch.check()
        if answer.error is not None:
            raise answer.error
        self._pace.add(time.monotonic() - began)
        report(1.0)
        result: R = answer.result
        return result

    def _is_late(self, seconds: float) -> bool:
        return self._pace.is_late(seconds) and self._processors.any_idle
