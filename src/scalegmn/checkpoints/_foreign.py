"""Files of ``torch.save`` whose objects of other libraries say something that is needed.

:func:`~scalegmn.checkpoints.read_state` leaves such objects out; :func:`read_foreign` gives them as
stand-ins. Nothing of the file runs: see :mod:`scalegmn.checkpoints._restricted_pickle`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, final

from torch import Tensor

from scalegmn.checkpoints._archives import read_archive
from scalegmn.checkpoints._readers import read_bytes
from scalegmn.checkpoints._stand_ins import StoredTensor
from scalegmn.checkpoints._tensors import as_tensor
from scalegmn.checkpoints._torch_files import Numbers, open_torch_archive
from scalegmn.errors import CheckpointError

# Of one file; the largest networks of the CNN Wild Park take 20 MB with the state of their optimizer.
_MOST_BYTES: Final = 2**28
# Characters of a name that a message shows.
_SHOWN: Final = 40


@final
@dataclass(frozen=True, eq=False)
class ForeignCheckpoint:
    """What a file holds.

    Attributes:
        entries: what was saved: plain values, :class:`~scalegmn.checkpoints.StandIn` for objects,
            and :class:`~scalegmn.checkpoints._stand_ins.StoredTensor` for tensors.
        origin: the path that was read, for messages.
        numbers: of the tensors.
    """

    entries: Mapping[object, object]
    origin: str
    numbers: Numbers

    def tensors(self, entry: str) -> dict[str, Tensor]:
        """The tensors of a state dict that lies under `entry`, by name.

        Raises:
            CheckpointError: it is missing, is no dict of tensors, numbers of a tensor are missing, or all
                tensors together take more than a file may.
        """
        found = self.entries.get(entry)
        if not isinstance(found, dict) or not found:
            raise CheckpointError(
                f"{self.origin}: expected a state dict under {entry!r}, found "
                f"{type(found).__name__ if entry in self.entries else 'nothing'}; there are "
                f"{[str(name)[:_SHOWN] for name in self.entries][:10]}"
            )
        tensors: dict[str, Tensor] = {}
        for name, value in found.items():
            if not isinstance(name, str) or not isinstance(value, StoredTensor):
                raise CheckpointError(
                    f"{self.origin}: {entry!r} holds a {type(value).__name__} under a key of type "
                    f"{type(name).__name__}; expected tensors by name"
                )
            try:
                tensors[name] = as_tensor(self.numbers.tensor(value, (name,)))
            except CheckpointError as error:
                raise CheckpointError(f"{self.origin}: {error}") from error
        return tensors


def read_foreign(path: str | os.PathLike[str], *, max_bytes: int = _MOST_BYTES) -> ForeignCheckpoint:
    """Read a dict that ``torch.save`` wrote in its zip form (torch 1.6 and later).

    Args:
        path: of the file; its suffix does not matter.
        max_bytes: refuse files that are, or unpack to, more than this.

    Raises:
        UnsafeCheckpointError: the file names something that would run code.  Nothing was run.
        CheckpointError: the file is missing, damaged, too large, or no dict.
    """
    origin = os.fspath(path)
    content = read_bytes(path=path, max_bytes=max_bytes)
    try:
        members = read_archive(content, max_bytes=max_bytes)
        entries, numbers = open_torch_archive(members, max_bytes=max_bytes)
    except CheckpointError as error:
        raise type(error)(f"{origin}: {error}") from error
    if not isinstance(entries, dict):
        raise CheckpointError(
            f"{origin}: holds a {type(entries).__name__}; expected a dict with names as keys"
        )
    return ForeignCheckpoint(entries, origin, numbers)
