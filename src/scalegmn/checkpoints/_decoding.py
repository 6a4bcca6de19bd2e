"""From the bytes of a file to everything that it holds; its contents decide what it is.

Only NumPy and the standard library are used, so that a process that reads what strangers sent is small; h5py
joins them where a worker meets an HDF5 file.
Nothing of the file is executed, imported or called, and every reader of the same bytes must come to the same
values: what torch, NumPy or safetensors would read differently is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn, final

from scalegmn.checkpoints._archives import ends_like_archive, read_archive
from scalegmn.checkpoints._contents import Contents, ContentsEntry, RawTensor
from scalegmn.checkpoints._file_types import SAVE, archive_kind, foreign_kind, is_tar
from scalegmn.checkpoints._hdf5_files import SIGNATURE
from scalegmn.checkpoints._keras_files import decode_hdf5, decode_keras, is_keras_archive
from scalegmn.checkpoints._mistaken import starts_like_pickle
from scalegmn.checkpoints._numpy_files import decode_npz
from scalegmn.checkpoints._restricted_pickle import read_pickle
from scalegmn.checkpoints._safetensors_files import decode_safetensors, looks_like_safetensors
from scalegmn.checkpoints._stand_ins import StoredTensor
from scalegmn.checkpoints._torch_files import decode_legacy_file, decode_torch_archive, is_legacy_file
from scalegmn.checkpoints._trees import Path, entries_of
from scalegmn.errors import CheckpointError, UnsafeCheckpointError


@final
class ConfinedOnlyError(CheckpointError):
    """The file is of a kind that a confined worker process may read, and no other."""


def decode(content: bytes, *, max_bytes: int, confined: bool = False) -> Contents:
    """Everything that a file holds.

    Args:
        content: the whole file.
        max_bytes: the most that it may unpack to, and that its tensors may take.
        confined: whether this process is a worker that may crash, so that the HDF5 library may be used.

    Raises:
        UnsafeCheckpointError: it names what would run in another reader.  Nothing ran.
        ConfinedOnlyError: it is an HDF5 file or a Keras archive, and this process is not confined.
        CheckpointError: it is of no known kind, damaged, too large, or could be read in two ways.
    """
    found = _decode(content, max_bytes, confined)
    if found.format not in ("hdf5", "keras") and _hides_hdf5(content):
        raise CheckpointError(
            f"the file can be read in two ways: it is of the kind {found.format}, and an HDF5 file stands in "
            "it where readers of those look for one; save the weights again"
        )
    return found


def _hides_hdf5(content: bytes) -> bool:
    """Whether an HDF5 file begins at byte 512, 1024, 2048, and so on, where its readers look."""
    place = 512
    while place < len(content):
        if content[place : place + len(SIGNATURE)] == SIGNATURE:
            return True
        place *= 2
    return False


def _decode(content: bytes, max_bytes: int, confined: bool) -> Contents:
    if not content:
        raise CheckpointError("the file is empty (0 bytes); copy or save it again")
    if is_tar(content):
        _refuse_tar(content)
    if content[:2] == b"PK":
        return _decode_archive(read_archive(content, max_bytes=max_bytes), max_bytes, confined)
    if ends_like_archive(content):
        raise CheckpointError(
            "the file can be read in two ways: a zip archive stands at its end, and something else before "
            "it; save the weights again"
        )
    if content.startswith(SIGNATURE):
        _check_confined("an HDF5 file", confined)
        return decode_hdf5(content, max_bytes=max_bytes)
    if looks_like_safetensors(content):
        if starts_like_pickle(content):
            raise CheckpointError(
                "the file can be read in two ways: it is a .safetensors file, and a pickle stands at its "
                "beginning; save the weights again"
            )
        return decode_safetensors(content)
    if content[:1] == b"\x80" and content[1:2] in b"\x02\x03\x04\x05":
        return _decode_pickle(content, max_bytes)
    _refuse_old_pickle(content)
    kind = foreign_kind(content)
    if kind is not None:
        raise CheckpointError(f"this is {kind.name}, which is not read; to get the weights, {kind.remedy}")
    raise CheckpointError(
        f"this is no checkpoint that is known: its {len(content):,} bytes start with {content[:8]!r}; "
        "expected a file of torch.save, safetensors, np.savez or Keras; it was cut short or damaged, copy "
        "or save it again"
    )


def _refuse_tar(content: bytes) -> NoReturn:
    kind = foreign_kind(content)
    if kind is not None and kind.name == "a tar archive":
        raise CheckpointError(f"this is {kind.name}, which is not read; to get the weights, {kind.remedy}")
    raise CheckpointError(
        "the file can be read in two ways: the header of a tar archive stands at its beginning, and that of "
        "another kind of file; save the weights again"
    )


def _check_confined(what: str, confined: bool) -> None:
    if not confined:
        raise ConfinedOnlyError(f"this is {what}, which worker processes alone read; read it through one")


def _decode_archive(members: Mapping[str, bytes | memoryview], max_bytes: int, confined: bool) -> Contents:
    if all(name.endswith(".npy") for name in members):
        return decode_npz(members)
    inner = {name.partition("/")[2] for name in members}
    if inner & {"data.pkl", "constants.pkl", "version"}:
        return decode_torch_archive(members, max_bytes=max_bytes)
    if is_keras_archive(members):
        _check_confined("a Keras archive", confined)
        return decode_keras(members, max_bytes=max_bytes)
    kind = archive_kind(members)
    if any(name.endswith(".npy") for name in members):
        strange = next(name for name in members if not name.endswith(".npy"))
        raise CheckpointError(
            f"its entry {strange!r} is not a .npy array, so it is no .npz file; save it again"
        )
    raise CheckpointError(f"this is {kind.name}, which is not read; to get the weights, {kind.remedy}")


def _decode_pickle(content: bytes, max_bytes: int) -> Contents:
    if is_legacy_file(content):
        return decode_legacy_file(content, max_bytes=max_bytes)
    contents = Contents("pickle", entries_of(read_pickle(content), _no_storage))
    if not any(isinstance(entry.value, RawTensor) for entry in contents.entries):
        raise CheckpointError(
            f"this is a Python pickle that torch.save did not write, and it holds no arrays of NumPy; {SAVE}"
        )
    return Contents("pickle", _with_bounded(contents.entries, max_bytes))


def _refuse_old_pickle(content: bytes) -> None:
    """Say so where a text is a pickle of protocol 0 or 1 that would run code."""
    if content.rstrip()[-1:] != b"." or content[:1] not in b"(c]}lds":
        return
    try:
        read_pickle(content.rstrip())
    except UnsafeCheckpointError:
        raise
    except CheckpointError:
        return


def _with_bounded(entries: tuple[ContentsEntry, ...], max_bytes: int) -> tuple[ContentsEntry, ...]:
    total = sum(entry.value.nbytes for entry in entries if isinstance(entry.value, RawTensor))
    if total > max_bytes:
        raise CheckpointError(
            f"its arrays take {total:,} bytes, which is more than max_bytes={max_bytes:,}; if you trust the "
            "file, pass a larger max_bytes"
        )
    return entries


def _no_storage(stored: StoredTensor, path: Path) -> RawTensor:
    raise CheckpointError(
        f"the pickle in this file speaks of numbers beside it ({'.'.join(map(str, path))[:80]!r}), and there "
        "are none; copy or save the file again"
    )
