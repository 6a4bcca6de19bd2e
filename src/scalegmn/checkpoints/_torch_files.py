"""The files of ``torch.save``: a pickle that describes tensors, and their numbers beside it.

Since torch 1.6 they are zip archives, with the pickle in ``data.pkl`` and the numbers in ``data/{key}``;
before, and on request, five pickles in a row and the numbers behind them.
"""

from __future__ import annotations

import math
import struct
from collections import Counter
from collections.abc import Mapping
from io import BytesIO
from typing import Final, final

import numpy as np

from scalegmn.checkpoints._contents import ITEM_SIZES, Contents, RawTensor, is_possible_shape
from scalegmn.checkpoints._names import unsafe
from scalegmn.checkpoints._restricted_pickle import read_next_pickle, read_pickle
from scalegmn.checkpoints._stand_ins import Storage, StoredTensor
from scalegmn.checkpoints._trees import Path, entries_of
from scalegmn.errors import CheckpointError

_PICKLE: Final = "data.pkl"
# Beside the pickle and the numbers, which other readers do not read as numbers.
_COMPANIONS: Final = frozenset(
    {"version", "byteorder", ".data/serialization_id", ".format_version", ".storage_alignment"}
)
_LEGACY_MAGIC: Final = 0x1950A86A20F9469CFC6C
_LEGACY_PROTOCOL: Final = 1001
_SIZES: Final = {**ITEM_SIZES, "qint32": 4, "qint8": 1, "quint8": 1}

Buffer = bytes | memoryview


def decode_torch_archive(members: Mapping[str, Buffer], *, max_bytes: int) -> Contents:
    """What an archive of ``torch.save`` holds.

    Raises:
        CheckpointError: it is another program's archive, or tensors and numbers do not fit.
    """
    value, numbers = open_torch_archive(members, max_bytes=max_bytes)
    entries = entries_of(value, numbers.tensor)
    numbers.check_all_used()
    return Contents("torch", entries)


def open_torch_archive(members: Mapping[str, Buffer], *, max_bytes: int) -> tuple[object, Numbers]:
    """The value that an archive of ``torch.save`` describes, and the numbers of its tensors.

    Raises:
        CheckpointError: it is another program's archive, or damaged.
    """
    folders = {name.partition("/")[0] for name in members}
    if len(folders) != 1:
        raise CheckpointError(
            f"the archive has {len(folders)} folders at its top, expected the one that torch.save writes; "
            "save it again"
        )
    lower = Counter(name.lower() for name in members)
    twice = next((name for name in members if lower[name.lower()] > 1), None)
    if twice is not None:
        raise CheckpointError(
            f"the archive holds {twice!r} more than once (names that differ in case are the same to torch); "
            "expected every entry once; save the file again"
        )
    folder = f"{folders.pop()}/"
    inner = {name.removeprefix(folder): data for name, data in members.items()}
    if "constants.pkl" in inner or any(name.startswith("code/") for name in inner):
        raise unsafe(["the program of a TorchScript archive"])
    storages = {name.removeprefix("data/"): data for name, data in inner.items() if name.startswith("data/")}
    strange = [n for n in inner if n != _PICKLE and n not in _COMPANIONS and not n.startswith("data/")]
    if strange or _PICKLE not in inner:
        raise CheckpointError(
            f"the archive holds {strange[0]!r}, which torch.save does not write; save module.state_dict() "
            "again"
            if strange
            else "the archive has no data.pkl, so torch.save did not write it whole; save it again"
        )
    order = bytes(inner.get("byteorder", b"little"))
    if order != b"little":
        raise CheckpointError(
            f"its numbers have the byte order {order[:20]!r}, expected b'little'; save it again"
        )
    return read_pickle(bytes(inner[_PICKLE])), Numbers(storages, max_bytes)


def is_legacy_file(content: bytes) -> bool:
    """Whether a pickle starts with the number that ``torch.save`` wrote before torch 1.6."""
    return _LEGACY_MAGIC.to_bytes(10, "little") in content[:32]


def decode_legacy_file(content: bytes, *, max_bytes: int) -> Contents:
    """What a file of ``torch.save`` before torch 1.6, or with its old form, holds.

    Raises:
        CheckpointError: it is damaged, or tensors and numbers do not fit.
    """
    stream = BytesIO(content)
    magic, protocol, machine, value, keys = (read_next_pickle(stream) for _ in range(5))
    if type(magic) is not int or magic != _LEGACY_MAGIC or protocol != _LEGACY_PROTOCOL:
        short = type(protocol) is int and protocol.bit_length() <= 64
        shown = str(protocol) if short else f"of type {type(protocol).__name__}"
        raise CheckpointError(f"it is of the protocol {shown} of torch.save, expected {_LEGACY_PROTOCOL}")
    if not isinstance(machine, dict) or machine.get("little_endian") is not True:
        raise CheckpointError(
            "its numbers have the byte order of another machine; save it again on a usual one"
        )
    if (
        not isinstance(keys, list)
        or not all(isinstance(key, str) for key in keys)
        or len(set(keys)) != len(keys)
    ):
        raise CheckpointError("its list of storages is damaged; copy or save the file again")
    numbers = Numbers({}, max_bytes)
    # Their types, which tell how many bytes belong to each, stand in the references to them.
    entries_of(value, numbers.note)
    numbers.take_legacy(content, stream.tell(), [str(key) for key in keys])
    entries = entries_of(value, numbers.tensor)
    numbers.check_all_used()
    return Contents("torch_legacy", entries)


@final
class Numbers:
    """Storages by key, and the tensors that look into them.

    Args:
        storages: their bytes.
        max_bytes: the most that all tensors may take.
    """

    def __init__(self, storages: dict[str, Buffer], max_bytes: int) -> None:
        self._storages, self._most = storages, max_bytes
        self._kinds: dict[str, Storage] = {}
        self._views: dict[str, tuple[str, int, int]] = {}
        self._total = 0

    def note(self, stored: StoredTensor, path: Path) -> RawTensor:
        """Remember a storage; gives an empty tensor."""
        self._check_kind(stored, path)
        return RawTensor("uint8", (0,), b"")

    def take_legacy(self, content: bytes, place: int, keys: list[str]) -> None:
        """Cut the numbers behind the pickles of an old file into storages."""
        for key in keys:
            kind = self._kinds.get(key)
            if kind is None:
                raise CheckpointError(f"its storage {key[:40]!r} belongs to no tensor; save the file again")
            (count,) = struct.unpack_from("<q", content, place) if place + 8 <= len(content) else (-1,)
            start = place + 8
            place = start + count * _item_size(kind)
            if count != kind.numel or place > len(content):
                raise CheckpointError(
                    f"its storage {key[:40]!r} has {count:,} numbers where {kind.numel:,} are promised; it "
                    "was cut short or damaged, copy or save it again"
                )
            self._storages[key] = memoryview(content)[start:place]
        if place != len(content):
            raise CheckpointError(
                f"{len(content) - place:,} bytes follow its last numbers; save the file again"
            )

    def tensor(self, stored: StoredTensor, path: Path) -> RawTensor:
        """The numbers of a tensor, in C order.

        Raises:
            CheckpointError: its storage is missing or of another length, or it reaches outside.
        """
        where = f"tensor {'.'.join(str(step)[:80] for step in path)[:80]!r}"
        storage = self._check_kind(stored, path)
        data = self._storages.get(storage.key)
        size = _item_size(storage)
        if data is None or len(data) != storage.numel * size:
            raise CheckpointError(
                f"{where}: there are {'no' if data is None else len(data)} bytes for its {storage.numel} "
                f"numbers of type {storage.dtype or 'bytes'}; copy or save the file again"
            )
        if storage.view is not None:
            _, first, count = storage.view
            if first + count > storage.numel:
                raise _misfit(where, storage.numel)
            data = memoryview(data)[first * size : (first + count) * size]
        item = _SIZES[stored.dtype]
        available = len(data) // item
        _check_reach(stored, available, where)
        self._total += math.prod(stored.size) * item
        if self._total > self._most:
            raise CheckpointError(
                f"its tensors take {self._total:,} bytes, which is more than max_bytes={self._most:,}; if "
                "you trust the file, pass a larger max_bytes"
            )
        return RawTensor(stored.dtype, stored.size, _gathered(stored, data, item, available))

    def check_all_used(self) -> None:
        """Refuse numbers that no tensor has."""
        unused = [key for key in self._storages if key not in self._kinds]
        if unused:
            raise CheckpointError(f"its storage {unused[0][:40]!r} belongs to no tensor; save the file again")

    def _check_kind(self, stored: StoredTensor, path: Path) -> Storage:
        own = stored.storage
        known = self._kinds.setdefault(own.key, own)
        # Other readers take the kind that they meet first.
        if (known.dtype, known.numel) != (own.dtype, own.numel):
            raise CheckpointError(
                f"its storage {own.key[:40]!r} is described as {known.numel:,} numbers of type {known.dtype} "
                f"and as {own.numel:,} of type {own.dtype}; save the file again"
            )
        if own.view is not None:
            name, first, count = own.view
            view = (own.key, first, count)
            if self._views.setdefault(name, view) != view:
                raise CheckpointError(f"its view {name[:40]!r} is described in two ways; save the file again")
        if own.key in self._views or (own.view is not None and own.view[0] in self._kinds):
            raise CheckpointError("a view has the name of a storage of numbers; save the file again")
        return own


def _check_reach(stored: StoredTensor, available: int, where: str) -> None:
    """Refuse shapes that reach outside the storage."""
    shape, stride = stored.size, stored.stride
    # The place of an empty view does not matter: torch writes such that lie behind their storage.
    if len(shape) != len(stride) or not is_possible_shape(shape):
        raise _misfit(where, available)
    last = stored.offset + sum((size - 1) * step for size, step in zip(shape, stride, strict=True))
    if math.prod(shape) and last >= available:
        raise _misfit(where, available)


def _gathered(stored: StoredTensor, data: Buffer, item: int, available: int) -> memoryview:
    """The numbers of a tensor in C order; a view where they lie so."""
    shape, stride = stored.size, stored.stride
    count = math.prod(shape)
    if not count:
        return memoryview(b"")
    steps = [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]
    if all(size == 1 or step == own for size, step, own in zip(shape, steps, stride, strict=True)):
        return memoryview(data)[stored.offset * item : (stored.offset + count) * item]
    numbers = np.frombuffer(data, np.dtype(f"V{item}"), count=available)[stored.offset :]
    view = np.lib.stride_tricks.as_strided(numbers, shape, [step * item for step in stride], writeable=False)
    return np.ascontiguousarray(view).reshape(-1).view(np.uint8).data


def _item_size(storage: Storage) -> int:
    return 1 if storage.dtype is None else _SIZES[storage.dtype]


def _misfit(where: str, count: int) -> CheckpointError:
    return CheckpointError(
        f"{where}: its shape does not fit the {count} numbers of its storage; copy or save the file again"
    )
