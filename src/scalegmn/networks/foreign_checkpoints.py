"""Checkpoints of ``torch.save`` that hold objects of other libraries beside the parameters of a network.

:func:`~scalegmn.networks.checkpoints.read_state` refuses such files, as it should where nobody asked for
more than parameters.  :func:`read_foreign` reads them without those libraries and without running anything:
see :mod:`scalegmn.networks.restricted_pickle`.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, final

import torch
from torch import Tensor

from scalegmn.errors import CheckpointError
from scalegmn.networks.containers import read_archive
from scalegmn.networks.files import read_bytes
from scalegmn.networks.restricted_pickle import read_pickle
from scalegmn.networks.stand_ins import StoredTensor

_PICKLE: Final = "data.pkl"
# Of one file; the largest networks of the CNN Wild Park take 20 MB with the state of their optimizer.
_MOST_BYTES: Final = 2**28
_MOST_AXES: Final = 8
# Characters of a name that a message shows.
_SHOWN: Final = 40


@final
@dataclass(frozen=True, eq=False)
class ForeignCheckpoint:
    """What a file holds.

    Attributes:
        entries: what was saved: plain values, :class:`~scalegmn.networks.stand_ins.StandIn` for objects, and
            :class:`~scalegmn.networks.stand_ins.StoredTensor` for tensors.
        origin: the path that was read, for messages.
        members: the bytes of the archive's members by their names below its folder.
    """

    entries: Mapping[str, object]
    origin: str
    members: Mapping[str, bytes]

    def tensors(self, entry: str) -> dict[str, Tensor]:
        """The tensors of a state dict that lies under `entry`, by name.

        Raises:
            CheckpointError: it is missing, is no dict of tensors, numbers of a tensor are missing, or tensors
                share them.
        """
        found = self.entries.get(entry)
        if not isinstance(found, dict) or not found:
            raise CheckpointError(
                f"{self.origin}: expected a state dict under {entry!r}, found "
                f"{type(found).__name__ if entry in self.entries else 'nothing'}; there are "
                f"{[name[:_SHOWN] for name in self.entries][:10]}"
            )
        tensors: dict[str, Tensor] = {}
        room = sum(map(len, self.members.values()))
        for name, value in found.items():
            if not isinstance(name, str) or not isinstance(value, StoredTensor):
                raise CheckpointError(
                    f"{self.origin}: {entry!r} holds a {type(value).__name__} under a key of type "
                    f"{type(name).__name__}; expected tensors by name"
                )
            tensor = self._tensor(value, f"{self.origin}: tensor {name[:_SHOWN]!r}")
            room -= tensor.nbytes
            if room < 0:
                raise CheckpointError(
                    f"{self.origin}: the tensors of {entry!r} share numbers and would take more than the "
                    "whole file; expected tensors of their own"
                )
            tensors[name] = tensor
        return tensors

    def _tensor(self, stored: StoredTensor, where: str) -> Tensor:
        storage = stored.storage
        data = self.members.get(f"data/{storage.key}")
        if data is None or len(data) != storage.numel * storage.dtype.itemsize:
            raise CheckpointError(
                f"{where}: the archive has {'no' if data is None else len(data)} bytes for its "
                f"{storage.numel} numbers of type {storage.dtype}. Copy or save the file again."
            )
        count = math.prod(stored.size)
        steps = zip(stored.size, stored.stride, strict=False)
        last = stored.offset + sum((size - 1) * stride for size, stride in steps)
        # With a stride of 0, a small file could ask for any amount of memory.
        fits = 0 < count <= storage.numel and last < storage.numel
        if not fits or len(stored.size) != len(stored.stride) or len(stored.size) > _MOST_AXES:
            raise CheckpointError(
                f"{where}: its shape does not fit the {storage.numel} numbers of its storage. Copy or save "
                "the file again."
            )
        flat = torch.frombuffer(bytearray(data), dtype=storage.dtype)
        return flat.as_strided(stored.size, stored.stride, stored.offset).clone().contiguous()


def read_foreign(path: str | os.PathLike[str], *, max_bytes: int = _MOST_BYTES) -> ForeignCheckpoint:
    """Read a dict that ``torch.save`` wrote in its zip form (torch 1.6 and later).

    Args:
        path: of the file; its suffix does not matter.
        max_bytes: refuse files that are, or unpack to, more than this.

    Raises:
        UnsafeCheckpointError: the file names something that would run code.  Nothing was run.
        CheckpointError: the file is missing, damaged, too large, or no dict with names as keys.
    """
    origin = os.fspath(path)
    content = read_bytes(path=path, max_bytes=max_bytes)
    archive = read_archive(content, origin, max_bytes, "a file of torch.save in its zip form")
    pickles = [name for name in archive if name.rpartition("/")[2] == _PICKLE]
    if len(pickles) != 1:
        raise CheckpointError(f"{origin}: the archive holds {len(pickles)} pickles {_PICKLE!r}; expected one")
    folder = pickles[0].removesuffix(_PICKLE)
    members = {name.removeprefix(folder): data for name, data in archive.items() if name.startswith(folder)}
    order = members.get("byteorder", b"little")
    if order != b"little":
        raise CheckpointError(
            f"{origin}: its numbers have the byte order {order[:20]!r}, expected b'little'. Save it again."
        )
    entries = read_pickle(members[_PICKLE], origin=f"{origin} ({_PICKLE})")
    if not isinstance(entries, dict) or not all(isinstance(key, str) for key in entries):
        raise CheckpointError(
            f"{origin}: holds a {type(entries).__name__}; expected a dict with names as keys"
        )
    return ForeignCheckpoint(entries, origin, members)
