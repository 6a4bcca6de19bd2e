"""A network of a file, as tensors of torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import final

import torch
from torch import Tensor

from scalegmn.checkpoints._contents import ContentsEntry, Plain
from scalegmn.checkpoints._finding import shown_path
from scalegmn.errors import CheckpointError


@final
@dataclass(frozen=True)
class Checkpoint:
    """One network of a file.

    Attributes:
        tensors: the parameters by name, in the file's order; dense, on the CPU, without gradient,
            contiguous, sharing memory with nothing, float32 or float64, all numbers finite.  What wrappers
            of modules put into names (``module.``, ``_orig_mod.``) was taken off.
        extras: plain entries in the network's dictionary and beside it, such as the integer ``label`` that
            some published collections keep in the state dict.  Integers and truth values stored as
            0-dimensional tensors are plain too.
        origin: the path that was read, for error messages.
        sha256: checksum of the file's bytes, in hexadecimal; of a folder, that of its files' names and
            checksums.
        original_dtypes: the precision of each tensor in the file.
        ignored: names of entries that are neither tensors nor plain values, or that lie in them (states of
            optimizers, lists, None); they were left out.
        buffers: tensors in the network's dictionary that are no parameters: whole numbers, truth values,
            empty ones.  Single ones are extras too.
        unread: where numbers lie that belong neither to the network nor to the usual company of a training.
        notes: what had to be assumed, a sentence each.
        calls: what another reader of the file would call with arguments.
        path: the keys that lead to the network in the file.
        names: name of each tensor and buffer to its name in the file.
        layout: everything else that can be written again, by its path: plain values, single numbers, None and
            empty containers.
        format: of the file: ``torch``, ``torch_legacy``, ``safetensors``, ``npz``, ``pickle``, ``hdf5`` or
            ``keras``.
    """

    tensors: dict[str, Tensor]
    extras: dict[str, Plain]
    origin: str
    sha256: str
    original_dtypes: dict[str, torch.dtype]
    ignored: tuple[str, ...] = ()
    buffers: dict[str, Tensor] = field(default_factory=dict)
    unread: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()
    path: tuple[str | int, ...] = ()
    names: dict[str, str] = field(default_factory=dict)
    layout: tuple[ContentsEntry, ...] = ()
    format: str = "torch"

    @property
    def key(self) -> str:
        """Where the network lies, with dots between keys; ``.`` is the top."""
        return shown_path(self.path)


@final
@dataclass(frozen=True)
class FileNetworks:
    """All networks of a file.

    Attributes:
        networks: each by itself; where one is no network that can be read, its error.
        keys: where each lies.
        unread: where numbers lie that belong to none of them, nor to the usual company of a training.
        sha256: checksum of the file's bytes.
        size: of the file.
        calls: what another reader of the file would call with arguments.
    """

    networks: tuple[Checkpoint | CheckpointError, ...]
    keys: tuple[str, ...]
    unread: tuple[str, ...]
    sha256: str
    size: int
    calls: tuple[str, ...]
