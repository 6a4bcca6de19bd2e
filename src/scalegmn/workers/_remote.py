"""What a process of a cluster does; Ray calls it there."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import torch

from scalegmn.errors import ClusterError, ConfigurationError, ScaleGMNError
from scalegmn.registry import load_extension
from scalegmn.workers._devices import usable_device
from scalegmn.workers._versions import difference, versions_here
from scalegmn.workers._work import Work


class Answer(NamedTuple):
    """What came out of a piece: a result, or an error that was raised on purpose."""

    result: Any = None
    error: ScaleGMNError | OSError | None = None


class Order(NamedTuple):
    """What a process needs to know beside the piece.

    Attributes:
        key: tells works apart.
        box: holds a reference to the work, which is fetched once by each process.
        extensions: that were loaded where the work was begun.
        versions: of the library and others there.
        folder: working folder there, which paths are relative to.
        device: where pieces compute.
    """

    key: str
    box: Sequence[Any]
    extensions: tuple[str, ...]
    versions: Mapping[str, str]
    folder: str
    device: torch.device


# The works that this process did last, by their keys; and the extensions that it loaded.
_MOST_WORKS: Final = 4
_latest: dict[str, Work[Any, Any]] = {}
_extensions: set[str] = set()


def perform(order: Order, piece: Any) -> Answer:
    """Do a piece."""
    try:
        return Answer(result=_work(order).do(piece, _ignore))
    except (ScaleGMNError, OSError) as error:
        return Answer(error=error)


def _work(order: Order) -> Work[Any, Any]:
    if order.key not in _latest:
        import ray

        # Machines that join later have not been asked for their versions.
        machine = ray.util.get_node_ip_address()
        problem = difference(versions_here(), wanted=order.versions, machine=machine)
        if problem is not None:
            raise ClusterError(problem)
        _check_device(order.device, machine)
        torch.set_num_threads(1)
        if os.path.isdir(order.folder):
            os.chdir(order.folder)
        for place in order.extensions:
            if place not in _extensions:
                load_extension(place)
                _extensions.add(place)
        while len(_latest) >= _MOST_WORKS:
            del _latest[next(iter(_latest))]
        _latest[order.key] = ray.get(order.box[0])
    return _latest[order.key]


def _check_device(device: torch.device, machine: str) -> None:
    """Find out whether this machine has what was asked for, and not only says so to the cluster."""
    try:
        usable_device(device)
    except ConfigurationError as error:
        raise ClusterError(f"the worker {machine}: {error}") from error


def _ignore(part: float) -> None:
    """Progress of a part of a piece, which is not sent."""
