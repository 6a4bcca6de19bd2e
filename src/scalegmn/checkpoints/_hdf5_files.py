"""What lies in an HDF5 file: groups and arrays, by name, without following anything that leads elsewhere.

The HDF5 library (through h5py) reads the description of a file alone: names, types, shapes and places.  The
numbers are taken from the bytes of the file here (:mod:`scalegmn.checkpoints._hdf5_numbers`), so none of its
filters, plugins, conversions and drivers is used.  It is a large library in C, and this module is therefore
called in worker processes only (:func:`scalegmn.checkpoints._decoding.decode`).  The format: The HDF Group,
"HDF5 File Format Specification", version 3.0.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, final

from scalegmn.checkpoints._contents import is_possible_shape
from scalegmn.checkpoints._hdf5_attributes import texts_of
from scalegmn.checkpoints._hdf5_heaps import check_heaps
from scalegmn.checkpoints._hdf5_types import number_type
from scalegmn.errors import CheckpointError
from scalegmn.printable import printable

SIGNATURE: Final = b"\x89HDF\r\n\x1a\n"
INSTALL: Final = "install h5py: pip install 'scalegmn[keras]'"
_LIBRARY: Final = "h5py"

_DEEPEST: Final = 32
_MOST_OBJECTS: Final = 2**16
_LONGEST_NAME: Final = 1024
# Letters of a name that a message shows.
_SHOWN: Final = 80
# Where the end of the file is said, by the version of the first record, and where the sizes of numbers stand.
_ENDS: Final = {0: (40, 13), 1: (44, 13), 2: (28, 9), 3: (28, 9)}

Path = tuple[str, ...]


@final
@dataclass(frozen=True, eq=False)
class StoredArray:
    """An array of a file, without its numbers.

    Attributes:
        path: names of the groups that it lies in, and its own.
        dtype: type of its numbers as torch calls it; None where it holds texts, or nothing.
        order: ``<`` or ``>``, the order of the bytes of a number.
        shape: sizes of its axes.
        handle: the open array.
        said: what the file calls the type of its numbers where HDF5 has no name for it.
    """

    path: Path
    dtype: str | None
    order: str
    shape: tuple[int, ...]
    handle: Any
    said: str | None = None


@final
@dataclass(frozen=True, eq=False)
class StoredTree:
    """Everything in a file.

    Attributes:
        arrays: in the order of names.
        groups: by path, the open ones; that of the top is ``()``.
    """

    arrays: tuple[StoredArray, ...]
    groups: dict[Path, Any]

    def texts(self, path: Path, name: str) -> tuple[str, ...] | None:
        """The texts of an attribute of a group, also where it was cut into numbered parts; None without it.

        Raises:
            CheckpointError: it holds something else, or too much.
        """
        with library_errors():
            return texts_of(self.groups[path], name)


def open_tree(content: bytes) -> StoredTree:
    """Look through a file.

    Raises:
        CheckpointError: h5py is missing, the file is damaged, or something in it leads elsewhere, is of a
            kind that is not read, or is too much.
    """
    try:
        from h5py import h5d, h5f, h5fd, h5g, h5p, h5pl
    except ImportError as error:
        raise CheckpointError(
            f"this is an HDF5 file, as Keras writes it, which is read with {_LIBRARY}, and that is missing "
            f"({str(error)[:_SHOWN]}); {INSTALL}"
        ) from error
    _check_ends(content)
    check_heaps(content)
    with library_errors():
        while h5pl.size():
            h5pl.remove(0)  # there is nothing that a plugin could be found in
        access = h5p.create(h5p.FILE_ACCESS)
        access.set_fileobj_driver(h5fd.fileobj_driver, _Image(content))
        file = h5f.open(b"file", h5f.ACC_RDONLY, access)
        if file.get_create_plist().get_userblock():
            raise CheckpointError("its first bytes belong to another file (a user block); save it again")
        walk = _Walk(h5d.DatasetID, h5g.GroupID)
        arrays = tuple(walk.into(h5g.open(file, b"/"), ()))
    return StoredTree(arrays, walk.groups)


@contextmanager
def library_errors() -> Iterator[None]:
    """What the HDF5 library says about a damaged file, for which it has many words, is one error.

    Raises:
        CheckpointError: for every other error but a lack of memory.
    """
    try:
        yield
    except (CheckpointError, MemoryError):
        raise
    except Exception as error:
        raise damaged(error) from error


def damaged(error: object) -> CheckpointError:
    """The error for what the HDF5 library cannot make sense of."""
    return CheckpointError(
        f"the HDF5 file is damaged ({printable(str(error), limit=160) or type(error).__name__}); it was cut "
        "short or damaged, copy or save it again"
    )


@final
class _Image(io.RawIOBase):
    """The bytes of a file as h5py wants them: no more can be read than there are, and nothing written."""

    def __init__(self, content: bytes) -> None:
        self._content, self._place = memoryview(content), 0

    def seek(self, place: int, whence: int = io.SEEK_SET) -> int:
        self._place = place + (0, self._place, len(self._content))[whence]
        return self._place

    def tell(self) -> int:
        return self._place

    def readinto(self, buffer: Any) -> int:
        target = memoryview(buffer).cast("B")
        part = self._content[self._place : self._place + len(target)]
        # The library would take what was in its memory for the rest.
        target[:] = bytes(part) + bytes(len(target) - len(part))
        self._place += len(target)
        return len(target)

    def write(self, buffer: Any) -> int:
        raise OSError("the file is only read")

    def truncate(self, size: int | None = None) -> int:
        raise OSError("the file is only read")

    def flush(self) -> None:
        """There is nothing to write."""


def _check_ends(content: bytes) -> None:
    """Refuse bytes behind the end that the file states: other readers might take them for another file."""
    version = content[8] if len(content) > 8 else -1
    where, sizes = _ENDS.get(version, (0, 0))
    if not where or len(content) < where + 8 or content[sizes] != 8:
        raise damaged(f"its first record is of version {version} or of other sizes than 8 bytes")
    (end,) = struct.unpack_from("<Q", content, where)
    if end != len(content):
        raise damaged(f"it says that it has {end:,} bytes and has {len(content):,}")


@final
class _Walk:
    """One way through the groups of a file, each of which may be reached once."""

    def __init__(self, array: type, group: type) -> None:
        self.groups: dict[Path, Any] = {}
        self._array, self._group = array, group
        self._addresses: dict[int, Path] = {}
        self._count = 0

    def into(self, group: Any, path: Path) -> Iterator[StoredArray]:
        """The arrays below an open group."""
        from h5py import h5o

        self.groups[path] = group
        self._addresses.setdefault(h5o.get_info(group).addr, path)
        if len(path) > _DEEPEST:
            raise CheckpointError(
                f"its groups are nested more than {_DEEPEST} deep; expected the weights of a network"
            )
        for raw in self._names(group):
            name = self._checked(raw, path)
            here = (*path, name)
            _check_link(group, raw, here)
            address = h5o.get_info(group, raw).addr
            if self._addresses.setdefault(address, here) is not here:
                raise CheckpointError(
                    f"{shown(here)} is the same object as another name; expected one name for each; save it "
                    "again"
                )
            inner = h5o.open(group, raw)
            if isinstance(inner, self._group):
                yield from self.into(inner, here)
            elif isinstance(inner, self._array):
                yield _array(inner, here)
            else:
                raise CheckpointError(f"{shown(here)} is a named type; expected groups and arrays alone")

    def _names(self, group: Any) -> list[bytes]:
        found: list[bytes] = []

        def note(name: bytes) -> bool | None:
            found.append(name)
            self._count += 1
            return True if self._count > _MOST_OBJECTS else None

        group.links.iterate(note)
        if self._count > _MOST_OBJECTS:
            raise CheckpointError(
                f"it holds more than {_MOST_OBJECTS:,} groups and arrays; expected the weights of a network"
            )
        return sorted(found)

    def _checked(self, raw: bytes, path: Path) -> str:
        try:
            name = raw.decode("utf-8")
        except UnicodeDecodeError:
            name = ""
        if not name or len(raw) > _LONGEST_NAME or "/" in name or name in (".", ".."):
            raise CheckpointError(
                f"a name in {shown(path)} has {len(raw):,} bytes and begins with {raw[:16]!r}; expected a "
                f"text of at most {_LONGEST_NAME:,} bytes"
            )
        return name


def _check_link(group: Any, raw: bytes, path: Path) -> None:
    """Refuse names that stand for something elsewhere, before anything is looked up."""
    from h5py import h5l

    kind = group.links.get_info(raw).type
    if kind == h5l.TYPE_HARD:
        return
    what = {h5l.TYPE_SOFT: "a soft link to another place", h5l.TYPE_EXTERNAL: "a link to another file"}
    raise CheckpointError(
        f"{shown(path)} is {what.get(kind, 'a link of a kind that a plugin defines')}, which is not "
        "followed; expected arrays in the file itself; save it again without links"
    )


def _array(handle: Any, path: Path) -> StoredArray:
    from h5py import h5d, h5s

    # Before anything else is asked: the shape of a virtual array may lie in other files.
    created = handle.get_create_plist()
    if created.get_layout() == h5d.VIRTUAL:
        raise CheckpointError(
            f"{shown(path)} is a virtual array, whose numbers lie in other arrays or files; expected them in "
            "the file itself; save it again"
        )
    if created.get_external_count():
        raise CheckpointError(
            f"{shown(path)} keeps its numbers in other files (external storage); expected them in the file "
            "itself; save it again"
        )
    space = handle.get_space()
    kind = space.get_simple_extent_type()
    shape = tuple(map(int, space.get_simple_extent_dims())) if kind == h5s.SIMPLE else ()
    if not is_possible_shape(shape):
        raise CheckpointError(f"{shown(path)} has the shape {str(shape)[:_SHOWN]}, which no array has")
    dtype, order, said = number_type(handle, shown(path))
    return StoredArray(path, None if kind == h5s.NULL else dtype, order, shape, handle, said)


def shown(path: Path) -> str:
    """A path for a message."""
    text = "/".join(path)
    return repr(text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}...") if text else "the top"
