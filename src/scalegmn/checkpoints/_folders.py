"""Folders that are one network: its tensors lie in several files, or in one with a usual name."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final, final

from scalegmn.checkpoints._bundles import Parts, bundles_of, read_index
from scalegmn.checkpoints._contents import Contents, ContentsEntry, RawTensor
from scalegmn.checkpoints._readers import FileContents, FileReader, Select
from scalegmn.errors import CheckpointError

_LOG: Final = logging.getLogger(__name__)

_WHOLE: Final = (
    "model.safetensors",
    "pytorch_model.bin",
    "diffusion_pytorch_model.safetensors",
    "diffusion_pytorch_model.bin",
)


def read_any(
    path: str | os.PathLike[str], *, max_bytes: int, reader: FileReader, select: Select | None = None
) -> FileContents:
    """What a file holds, or a folder that is one network.

    Raises:
        CheckpointError: it cannot be read, or the folder is not one network.
    """
    _LOG.debug("reading %s", os.fspath(path))
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
    found = []
    for bundle in bundles_of(folder, names):
        if bundle.problem is not None:
            raise CheckpointError(bundle.problem)
        if bundle.index is not None:
            found.append(read_index(folder / bundle.index))
        else:
            found.append(Parts(tuple(folder / name for name in bundle.files)))
    taken = {file.name for parts in found for file in parts.files}
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
    together = _Together()
    lines: list[tuple[str, str]] = []
    notes: dict[str, None] = {}
    size, left, form = 0, max_bytes, ""
    for file in parts.files:
        if left <= 0:
            raise CheckpointError(
                f"{file}: the parts together have, or unpack to, more than max_bytes={max_bytes:,}; if they "
                "are one network, give a larger max_bytes"
            )
        one = reader.read(file, max_bytes=left, select=select)
        size, form = size + one.size, one.contents.format
        left -= max(one.size, sum(_bytes(entry) for entry in one.contents.entries))
        lines.append((file.name, one.sha256))
        notes.update(dict.fromkeys(one.contents.notes))
        together.add(file, one.contents.entries)
    if parts.owners is not None and parts.owners != together.owners:
        strange = sorted({*parts.owners.items()} ^ {*together.owners.items()})[0][0]
        raise CheckpointError(
            f"{parts.index}: the index and the parts say different things about {strange[:80]!r}; save the "
            "network again"
        )
    if len(parts.files) > 1:
        notes[f"{len(parts.files)} files were read as one network"] = None
    return FileContents(digest_of(lines), size, Contents(form, tuple(together.entries), tuple(notes)))


def digest_of(parts: Sequence[tuple[str, str]]) -> str:
    """The checksum of a network in several files, from their names and checksums in order."""
    text = "".join(f"{name} {sha256}\n" for name, sha256 in parts)
    return hashlib.sha256(os.fsencode(text)).hexdigest()


@final
class _Together:
    """Entries of all parts.

    Attributes:
        entries: in the order of the parts.
        owners: names at the top of the parts to the part that has them, plain values aside.
    """

    def __init__(self) -> None:
        self.entries: list[ContentsEntry] = []
        self.owners: dict[str, str] = {}
        self._said: dict[str, tuple[type, object]] = {}

    def add(self, file: Path, entries: Sequence[ContentsEntry]) -> None:
        """Add the entries of a part; no two parts may have a name, unless both say the same plain value."""
        for entry in entries:
            name = str(entry.path[0]) if entry.path else "."
            if len(entry.path) == 1 and isinstance(entry.value, int | float | str):
                said = (type(entry.value), entry.value)
                if self._said.get(name) == said:
                    continue
                twice = name in self._said or name in self.owners
                self._said[name] = said
            else:
                twice = name in self._said or self.owners.setdefault(name, file.name) != file.name
            if twice:
                raise CheckpointError(
                    f"{file}: {name[:80]!r} lies in another part too; expected every tensor in one part; "
                    "save it again"
                )
            self.entries.append(entry)


def _bytes(entry: ContentsEntry) -> int:
    return entry.value.nbytes if isinstance(entry.value, RawTensor) else 0
