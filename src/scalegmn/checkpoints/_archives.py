"""Zip archives that every reader understands in the same way.

A zip archive has a directory at its end and a header before each member, and readers differ in which of them
they believe.  Here the members must tile the file from its first byte to the directory without gap or
overlap, the directory must end where the end record begins, and all that is said twice must be said alike.
Whatever torch, NumPy or Python would read otherwise is refused.  The format: PKWARE, APPNOTE.TXT 6.3.
"""

from __future__ import annotations

import struct
import zlib
from collections import Counter
from dataclasses import dataclass
from typing import Final, final

from scalegmn.errors import CheckpointError

_END: Final = struct.Struct("<4s4H2LH")
_END_64: Final = struct.Struct("<4sQ2H2L4Q")
_LOCATOR: Final = struct.Struct("<4sLQL")
_DIRECTORY: Final = struct.Struct("<4s6H3L5H2L")
_LOCAL: Final = struct.Struct("<4s5H3L2H")
_STORED, _DEFLATED = 0, 8
_ENCRYPTED, _DESCRIPTOR, _UTF8 = 1, 8, 0x800
_KNOWN_FLAGS: Final = 0x2 | 0x4 | _DESCRIPTOR | _UTF8  # the first two say how hard the writer tried
_ZIP64: Final = 0x0001
_FOLDER: Final = 0x10  # among the attributes of a file under DOS
# Padding (torch aligns its numbers with it) and three kinds of time stamps.
_HARMLESS_EXTRAS: Final = frozenset({0x4246, 0x5455, 0x5855, 0x7875})
_MOST_16, _MOST_32 = 0xFFFF, 0xFFFFFFFF
_LONGEST_COMMENT: Final = 0xFFFF


@final
@dataclass(frozen=True)
class _Member:
    """What the directory says about a member."""

    name: str
    raw_name: bytes
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    start: int


def read_archive(content: bytes, *, max_bytes: int) -> dict[str, bytes | memoryview]:
    """All members by name, checked against their checksums; folders are left out.

    Args:
        content: the whole file.
        max_bytes: the most that members may unpack to, all together.

    Raises:
        CheckpointError: the archive is damaged, unpacks to more, or other readers would read it differently.
    """
    if content[:2] != b"PK":
        raise CheckpointError(
            f"this is not a zip archive: it starts with {content[:8]!r}; expected one of torch.save"
        )
    members, end = _directory(content)
    declared = sum(member.size for member in members)
    if declared > max_bytes:
        raise CheckpointError(
            f"the archive unpacks to {declared:,} bytes ({len(content):,} on disk), which is more than "
            f"max_bytes={max_bytes:,}; if you trust the file, pass a larger max_bytes"
        )
    _check_names(members)
    found: dict[str, bytes | memoryview] = {}
    ordered = sorted(members, key=lambda member: member.start)
    starts = [member.start for member in ordered] + [end]
    if starts[0]:
        raise _ambiguous("there are bytes before its first member")
    for member, stop in zip(ordered, starts[1:], strict=True):
        found[member.name] = _unpack(content, member, stop)
    return {member.name: found[member.name] for member in members if not member.name.endswith("/")}


def ends_like_archive(content: bytes) -> bool:
    """Whether a reader that looks for a zip archive at the end of a file would find one.

    Python's does so whatever stands behind the end record.
    """
    floor = max(0, len(content) - _END.size - _LONGEST_COMMENT)
    place = content.rfind(b"PK\x05\x06", floor)
    while place >= 0:
        if len(content) - place >= _END.size:
            _, disk, first, here, count, size, _, _ = _END.unpack_from(content, place)
            start = place - size
            entry = start >= 0 and content[start : start + 4] == b"PK\x01\x02"
            if not (disk or first) and here == count and (entry or size in (0, _MOST_32)):
                return True
        place = content.rfind(b"PK\x05\x06", floor, place)
    return False


def _directory(content: bytes) -> tuple[list[_Member], int]:
    """The members in the order of the directory, and where it starts."""
    last = len(content) - _END.size
    if last < 0 or content[last : last + 4] != b"PK\x05\x06":
        hidden = ends_like_archive(content)
        raise (
            _ambiguous("there is a comment or another archive behind its directory")
            if hidden
            else _damaged("its directory, which stands at the end, is missing")
        )
    _, disk, first_disk, here, count, size, start, comment = _END.unpack_from(content, last)
    if disk or first_disk or here != count or comment:
        raise _ambiguous("its end record speaks of several parts or of a comment")
    stop = last
    if last >= _LOCATOR.size and content[last - _LOCATOR.size :][:4] == b"PK\x06\x07":
        count, size, start, stop = _large_end(content, last - _LOCATOR.size, (count, size, start))
    elif count == _MOST_16 or _MOST_32 in (size, start):
        raise _ambiguous("its end record points at a zip64 record that is not there")
    if start + size != stop:
        raise _ambiguous("its directory does not end where its end record begins")
    members = []
    place = start
    for _ in range(count):
        member, place = _entry(content, place, stop)
        members.append(member)
    if place != stop:
        raise _ambiguous("its directory has more or fewer entries than its end record says")
    return members, start


def _large_end(content: bytes, place: int, said: tuple[int, int, int]) -> tuple[int, int, int, int]:
    """Entries, size and start of the directory by the zip64 record, and where that record begins."""
    _, disk, where, disks = _LOCATOR.unpack_from(content, place)
    if disk or disks > 1 or where + _END_64.size != place:
        raise _ambiguous("its zip64 locator does not point at the record just before it")
    kind, rest, _, _, disk, first_disk, here, count, size, start = _END_64.unpack_from(content, where)
    if kind != b"PK\x06\x06" or rest != _END_64.size - 12 or disk or first_disk or here != count:
        raise _ambiguous("its zip64 record is of another form than writers give it")
    for small, large, most in zip(said, (count, size, start), (_MOST_16, _MOST_32, _MOST_32), strict=True):
        # A field that says "see the zip64 record" is right only where the number does not fit.
        if small != min(large, most):
            raise _ambiguous("its zip64 record and its end record say different things")
    return count, size, start, where


def _entry(content: bytes, place: int, stop: int) -> tuple[_Member, int]:
    if place + _DIRECTORY.size > stop or content[place : place + 4] != b"PK\x01\x02":
        raise _damaged("an entry of its directory is cut short")
    fields = _DIRECTORY.unpack_from(content, place)
    _, _, _, flags, method, _, _, crc, packed, size, named, extra, comment, disk, _, kind, start = fields
    after = place + _DIRECTORY.size
    raw, more = content[after : after + named], content[after + named : after + named + extra]
    after += named + extra
    if after > stop:
        raise _damaged("an entry of its directory is cut short")
    name = _name(raw, flags)
    if kind & _FOLDER and not name.endswith("/"):
        # torch gives memory that nobody has written to for the numbers in a folder.
        raise _ambiguous(f"the entry {name!r} is marked as a folder")
    if size and name.endswith("/"):
        raise _ambiguous(f"the folder {name!r} has contents")
    if comment or disk:
        raise _ambiguous(f"the entry {name!r} has a comment or lies in another part")
    if flags & ~_KNOWN_FLAGS:
        what = "is encrypted" if flags & _ENCRYPTED else f"has the flags {flags:#x}"
        raise _ambiguous(f"the entry {name!r} {what}")
    if method not in (_STORED, _DEFLATED):
        raise CheckpointError(
            f"its entry {name!r} is packed by method {method}, expected stored (0) or deflated (8); save the "
            "file again"
        )
    wide = _extras(more, name)
    sizes = [size, packed, start]
    if wide is not None:
        large = [number for number, value in enumerate(sizes) if value == _MOST_32]
        if not large or len(wide) != 8 * len(large):
            raise _ambiguous(f"the entry {name!r} has a zip64 field that nothing asks for")
        for number, value in zip(large, struct.unpack(f"<{len(large)}Q", wide), strict=True):
            if value < _MOST_32:
                raise _ambiguous(f"the entry {name!r} has a zip64 field for a size below 4 GiB")
            sizes[number] = value
    elif _MOST_32 in sizes:
        raise _ambiguous(f"the entry {name!r} lacks a zip64 field")
    return _Member(name, raw, flags, method, crc, sizes[1], sizes[0], sizes[2]), after


def _name(raw: bytes, flags: int) -> str:
    try:
        name = raw.decode("utf-8" if flags & _UTF8 else "ascii")
    except UnicodeDecodeError:
        raise _ambiguous(f"the name {raw[:40]!r} is not in the alphabet that the archive states") from None
    if not name or "\0" in name:
        raise _ambiguous(f"a member is called {name[:40]!r}")
    return name


def _extras(data: bytes, name: str) -> bytes | None:
    """The zip64 field of a header, if it has one."""
    wide, place = None, 0
    while place + 4 <= len(data):
        kind, length = struct.unpack_from("<2H", data, place)
        body = data[place + 4 : place + 4 + length]
        if len(body) != length:
            break
        place += 4 + length
        if kind == _ZIP64 and wide is None:
            wide = body
        elif kind not in _HARMLESS_EXTRAS:
            raise _ambiguous(
                f"the entry {name!r} has an extra field {kind:#06x}, which may give it another name"
            )
    if place != len(data):
        raise _damaged(f"an extra field of {name!r} is cut short")
    return wide


def _check_names(members: list[_Member]) -> None:
    counts = Counter(member.name for member in members)
    twice = [name for name, count in counts.items() if count > 1]
    if twice:
        raise CheckpointError(
            f"the archive holds {twice[0]!r} more than once; expected every entry once; save the file again"
        )


def _unpack(content: bytes, member: _Member, stop: int) -> bytes | memoryview:
    """The bytes of a member whose record ends at `stop`."""
    name = member.name
    if member.start + _LOCAL.size > stop or content[member.start : member.start + 4] != b"PK\x03\x04":
        raise _damaged(f"the header of {name!r} is missing")
    _, _, flags, method, _, _, crc, packed, size, named, extra = _LOCAL.unpack_from(content, member.start)
    after = member.start + _LOCAL.size
    data = after + named + extra
    wide = _extras(content[after + named : data], name)
    if wide is not None and len(wide) == 16 and _MOST_32 in (packed, size):
        size, packed = struct.unpack("<2Q", wide)
    elif wide is not None:
        raise _ambiguous(f"the header of {name!r} has a zip64 field that nothing asks for")
    said, known = (crc, packed, size), (member.crc, member.packed, member.size)
    later = flags & _DESCRIPTOR and said == (0, 0, 0)
    same = content[after : after + named] == member.raw_name and (flags, method) == (
        member.flags,
        member.method,
    )
    if not same or not (later or said == known):
        raise _ambiguous(f"the header of {name!r} and the directory say different things")
    end = data + member.packed
    if end > stop or not _is_descriptor(content[end:stop], member):
        raise _ambiguous(f"the bytes behind {name!r} belong to no member")
    return _checked(memoryview(content)[data:end], member)


def _is_descriptor(data: bytes, member: _Member) -> bool:
    """Whether the bytes behind a member are what belongs there: nothing, or sizes and checksum once more."""
    if not member.flags & _DESCRIPTOR:
        return not data
    forms = (
        start + struct.pack(f"<L2{size}", member.crc, member.packed, member.size)
        for size in "LQ"
        if size == "Q" or max(member.packed, member.size) <= _MOST_32
        for start in (b"PK\x07\x08", b"")
    )
    return data in forms


def _checked(data: memoryview, member: _Member) -> bytes | memoryview:
    unpacked: bytes | memoryview = data
    if member.method == _DEFLATED:
        engine = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            # One byte more than promised is asked for, so that more would show.
            unpacked = engine.decompress(data, member.size + 1)
        except zlib.error as error:
            raise _damaged(f"{member.name!r} cannot be unpacked ({error})") from error
        if not engine.eof or engine.unused_data or engine.unconsumed_tail:
            raise _ambiguous(f"{member.name!r} unpacks to another length than its {member.size:,} bytes")
    if len(unpacked) != member.size:
        raise _ambiguous(f"{member.name!r} has {len(unpacked):,} bytes and promises {member.size:,}")
    if zlib.crc32(unpacked) != member.crc:
        raise _damaged(f"bad CRC-32 of {member.name!r}")
    return unpacked


def _damaged(reason: str) -> CheckpointError:
    return CheckpointError(
        f"the zip archive is damaged: {reason}; it was cut short or damaged, copy or save it again"
    )


def _ambiguous(reason: str) -> CheckpointError:
    return CheckpointError(
        f"the zip archive can be read in two ways: {reason}; expected one that torch.save or NumPy wrote, so "
        "save it again"
    )
