"""From a foreign file to named tensors, without running anything that the file holds.

``decoding`` reads bytes, with numpy and the standard library alone; ``reading`` gives tensors to the rest of
the library.  Names are loaded on first use, so that a process that only decodes never imports torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from scalegmn.checkpoints.checkpoint import Checkpoint as Checkpoint
    from scalegmn.checkpoints.checkpoint import FileNetworks as FileNetworks
    from scalegmn.checkpoints.reading import read_networks as read_networks
    from scalegmn.checkpoints.reading import read_state as read_state
    from scalegmn.checkpoints.values import read_tensors as read_tensors
    from scalegmn.checkpoints.values import read_values as read_values
    from scalegmn.checkpoints.writing import SUFFIXES as SUFFIXES
    from scalegmn.checkpoints.writing import write_like as write_like
    from scalegmn.checkpoints.writing import write_state as write_state

_HOMES: Final = {
    "Checkpoint": "checkpoint",
    "FileNetworks": "checkpoint",
    "SUFFIXES": "writing",
    "read_networks": "reading",
    "read_state": "reading",
    "read_tensors": "values",
    "read_values": "values",
    "write_state": "writing",
    "write_like": "writing",
}

__all__ = [
    "SUFFIXES",
    "Checkpoint",
    "FileNetworks",
    "read_networks",
    "read_state",
    "read_tensors",
    "read_values",
    "write_like",
    "write_state",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
