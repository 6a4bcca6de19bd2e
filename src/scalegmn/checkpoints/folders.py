"""Folders that are one network: its tensors lie in several files, or in one with a usual name."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from scalegmn.checkpoints.contents import Contents, Entry
from scalegmn.checkpoints.readers import FileContents, FileReader, Select, read_bytes
from scalegmn.errors import CheckpointError

_INDEX: Final = re.compile(r".+\.(safetensors|bin)\.index\.json")
_SHARD: Final = re.compile(r"(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})\.(?P<kind>safetensors|bin)")
_WHOLE: Final = (
    "model.safetensors",
    "pytorch_model.bin",
    "diffusion_pytorch_model.safetensors",
    "diffusion_pytorch_model.bin",
)
_LONGEST_INDEX: Final = 2**26
_MOST_SHARDS: Final = 10_000


@final
@dataclass(frozen=True)
class Parts:
    """Files that are one network.

    Attributes:
        files: with the tensors, in order.
        owners: name of each tensor to its file, where an index says so.
        index: the file that says so.
    """

    files: tuple[Path, ...]
    owners: dict[str, str] | None = None
    index: Path | None = None


def read_any(
    path: str | os.PathLike[str], *, max_bytes: int, reader: FileReader, select: Select | None = None
) -> FileContents:
    """What a file holds, or a folder that is one network.

    Raises:
        CheckpointError: it cannot be read, or the folder is not one network.
    """
    folder = Path(path)
    if not folder.is_dir():
        return reader.read(path, max_bytes=max_bytes, select=select)
    found = network_parts(folder)
    if not found:
        raise CheckpointError(
            f"{folder}: this is a folder or a device; expected a file, or a folder with {_WHOLE[0]} or with "
            "numbered parts and their index; name the file"
        )
    if len(found) > 1:
        names = ", ".join(parts.files[0].name for parts in found[:4])
        raise CheckpointError(f"{folder}: holds {len(found)} networks ({names}); name the file that is meant")
    return read_parts(found[0], max_bytes=max_bytes, reader=reader, select=select)


def network_parts(folder: Path) -> tuple[Parts, ...]:
    """The networks of a folder that lie in files with usual names, each of its parts together.

    Raises:
        CheckpointError: an index is damaged, or a part is missing.
    """
    try:
        names = sorted(entry.name for entry in os.scandir(folder))
    except OSError as error:
        raise CheckpointError(f"{folder}: the folder cannot be read ({error.strerror}); check it") from error
    found = [_indexed(folder / name) for name in names if _INDEX.fullmatch(name)]
    taken = {file.name for parts in found for file in parts.files}
    families: dict[tuple[str, str, str], list[str]] = {}
    for name in names:
        match = _SHARD.fullmatch(name)
        if match is not None and name not in taken:
            families.setdefault((match["stem"], match["count"], match["kind"]), []).append(name)
    for (stem, count, kind), own in families.items():
        if int(count) > _MOST_SHARDS or len(own) != int(count):
            raise CheckpointError(
                f"{folder}: {len(own)} of the {int(count)} parts of {stem}.{kind} are here; copy the others "
                "too"
            )
        found.append(Parts(tuple(folder / name for name in own)))
    found += [Parts((folder / name,)) for name in _WHOLE if name in names and name not in taken]
    return tuple(found)


def read_parts(
    parts: Parts, *, max_bytes: int, reader: FileReader, select: Select | None = None
) -> FileContents:
    """The tensors of all parts together.

    The checksum is that of the names and checksums of the parts.

    Raises:
        CheckpointError: a part cannot be read, or the parts and their index say different things.
    """
    entries: list[Entry] = []
    lines: list[str] = []
    owners: dict[str, str] = {}
    notes: dict[str, None] = {}
    size, form = 0, ""
    for file in parts.files:
        one = reader.read(file, max_bytes=max_bytes - size, select=select)
        size, form = size + one.size, one.contents.format
        lines.append(f"{file.name} {one.sha256}\n")
        notes.update(dict.fromkeys(one.contents.notes))
        for entry in one.contents.entries:
            name = str(entry.path[0]) if entry.path else "."
            if owners.setdefault(name, file.name) != file.name:
                raise CheckpointError(
                    f"{file}: {name[:80]!r} lies in {owners[name]} too; expected every tensor in one part; "
                    "save it again"
                )
        entries += one.contents.entries
    if parts.owners is not None and parts.owners != owners:
        strange = sorted({*parts.owners.items()} ^ {*owners.items()})[0][0]
        raise CheckpointError(
            f"{parts.index}: the index and the parts say different things about {strange[:80]!r}; save the "
            "network again"
        )
    if len(parts.files) > 1:
        notes[f"{len(parts.files)} files were read as one network"] = None
    digest = hashlib.sha256("".join(lines).encode()).hexdigest()
    return FileContents(digest, size, Contents(form, tuple(entries), tuple(notes)))


def _indexed(index: Path) -> Parts:
    content = read_bytes(path=index, max_bytes=_LONGEST_INDEX)
    try:
        data = json.loads(content)
        owners = data["weight_map"]
        if not isinstance(owners, dict) or not all(isinstance(name, str) for name in owners.values()):
            raise ValueError("its weight_map is no object of names")
    except (ValueError, KeyError, TypeError, RecursionError, MemoryError) as error:
        raise CheckpointError(
            f"{index}: the index of the parts is damaged ({str(error)[:100] or type(error).__name__}); copy "
            "it again"
        ) from error
    names = sorted(set(owners.values()))
    _check_part_names(names, index)
    return Parts(tuple(index.parent / name for name in names), owners, index)


def _check_part_names(names: Sequence[str], index: Path) -> None:
    for name in names:
        # A part is a neighbor of its index; anything else would reach through the machine.
        plain = name and not set(name) & set("/\\\0") and name not in (".", "..")
        if not plain or len(names) > _MOST_SHARDS:
            raise CheckpointError(f"{index}: names the part {name[:80]!r}; expected files beside the index")
        # os.path answers where pathlib raises: for names that no file can have.
        if not os.path.isfile(index.parent / name):
            raise CheckpointError(f"{index}: its part {name[:80]!r} is missing; copy it too")
    if not names:
        raise CheckpointError(f"{index}: names no parts; copy it again")
