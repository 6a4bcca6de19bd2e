"""Files made by hand, byte for byte: zip archives, pickles, safetensors and .npy arrays."""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch

# What an honest file holds here, and what a hostile one would rather have a reader see.
CLEAN = struct.pack("<4f", 1, 2, 3, 4)
OTHER = struct.pack("<4f", 9, 9, 9, 9)


def saved(value: object, *, legacy: bool = False, protocol: int = 2) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer, pickle_protocol=protocol, _use_new_zipfile_serialization=not legacy)
    return buffer.getvalue()


def zipped(members: Mapping[str, bytes], *, method: int = 0) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


# Zip archives


@dataclass(frozen=True)
class Member:
    """A member as its header and the directory describe it; None takes the true value."""

    name: bytes
    data: bytes = b""
    flags: int = 0
    method: int = 0
    crc: int | None = None
    packed: int | None = None
    size: int | None = None
    extra: bytes = b""
    comment: bytes = b""
    behind: bytes = b""

    def local(self) -> bytes:
        """Header, name, extra field and data."""
        crc, packed, size = self._sizes()
        head = (
            b"PK\3\4",
            20,
            self.flags,
            self.method,
            0,
            0,
            crc,
            packed,
            size,
            len(self.name),
            len(self.extra),
        )
        return struct.pack("<4s5H3L2H", *head) + self.name + self.extra + self.data + self.behind

    def entry(self, start: int) -> bytes:
        """What the directory says."""
        lengths = (len(self.name), len(self.extra), len(self.comment))
        head = (b"PK\1\2", 20, 20, self.flags, self.method, 0, 0, *self._sizes(), *lengths, 0, 0, 0, start)
        return struct.pack("<4s6H3L5H2L", *head) + self.name + self.extra + self.comment

    def _sizes(self) -> tuple[int, int, int]:
        said = (self.crc, self.packed, self.size)
        true = (zlib.crc32(self.data), len(self.data), len(self.data))
        crc, packed, size = (a if a is not None else b for a, b in zip(said, true, strict=True))
        return crc, packed, size


def end_record(count: int, size: int, start: int, comment: bytes = b"") -> bytes:
    return struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, size, start, len(comment)) + comment


def end_record_64(count: int, size: int, start: int) -> bytes:
    return struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, start)


def locator(place: int) -> bytes:
    return struct.pack("<4sLQL", b"PK\6\7", 0, place, 1)


@dataclass(frozen=True)
class Layout:
    """An archive without its end: members, then directory."""

    content: bytes
    count: int
    size: int
    start: int

    def whole(self, comment: bytes = b"") -> bytes:
        return self.content + end_record(self.count, self.size, self.start, comment)


def laid_out(
    members: Sequence[Member], *, said: Mapping[int, Member] | None = None, before: bytes = b"", base: int = 0
) -> Layout:
    """Members one behind the other and their directory, in which `said` takes the place of some."""
    content, starts = before, []
    for member in members:
        starts.append(base + len(content))
        content += member.local()
    directory = b"".join(
        (said or {}).get(place, member).entry(starts[place]) for place, member in enumerate(members)
    )
    return Layout(content + directory, len(members), len(directory), base + len(content))


def torch_members(pickled: bytes | None = None, numbers: bytes = CLEAN) -> list[Member]:
    """The members of an archive of torch.save with one tensor, `w`."""
    return [
        Member(b"a/data.pkl", program(state(w=tensor())) if pickled is None else pickled),
        Member(b"a/byteorder", b"little"),
        Member(b"a/data/0", numbers),
        Member(b"a/version", b"3\n"),
    ]


def archive_of(value: bytes, *, numbers: Mapping[str, bytes] | None = None, protocol: int = 2) -> bytes:
    """A file of torch.save whose pickle makes `value`; by default the numbers `0` are clean."""
    held = {"0": CLEAN} if numbers is None else numbers
    return zipped(
        {
            "a/data.pkl": program(value, protocol=protocol),
            "a/byteorder": b"little",
            **{f"a/data/{key}": data for key, data in held.items()},
            "a/version": b"3\n",
        }
    )


def changed(members: Sequence[Member], place: int, **changes: object) -> list[Member]:
    return [replace(m, **changes) if n == place else m for n, m in enumerate(members)]  # type: ignore[arg-type]


# Pickles


def program(value: bytes, *, protocol: int = 2) -> bytes:
    return bytes((0x80, protocol)) + value + b"."


def text(value: str) -> bytes:
    data = value.encode()
    return b"X" + struct.pack("<L", len(data)) + data


def number(value: int) -> bytes:
    data = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return (
        b"\x8a" + bytes((len(data),)) + data
        if len(data) < 256
        else b"\x8b" + struct.pack("<L", len(data)) + data
    )


def named(module: str, name: str) -> bytes:
    return f"c{module}\n{name}\n".encode()


def called(module: str, name: str, *arguments: bytes) -> bytes:
    return named(module, name) + group(*arguments) + b"R"


def group(*values: bytes) -> bytes:
    return b"(" + b"".join(values) + b"t"


def array(*values: bytes) -> bytes:
    return b"](" + b"".join(values) + b"e"


def mapping(pairs: Mapping[bytes, bytes] | Sequence[tuple[bytes, bytes]]) -> bytes:
    items = pairs.items() if isinstance(pairs, Mapping) else pairs
    return b"}(" + b"".join(key + value for key, value in items) + b"u"


def state(**values: bytes) -> bytes:
    return mapping({text(name): value for name, value in values.items()})


NO_HOOKS = called("collections", "OrderedDict")


def storage(key: str = "0", *, kind: str = "FloatStorage", numel: int = 4, view: bytes = b"") -> bytes:
    return group(text("storage"), named("torch", kind), text(key), text("cpu"), number(numel), view) + b"Q"


def tensor(
    key: str = "0",
    *,
    kind: str = "FloatStorage",
    numel: int = 4,
    view: bytes = b"",
    offset: int = 0,
    shape: Sequence[int] = (2, 2),
    stride: Sequence[int] = (2, 1),
    hooks: bytes = NO_HOOKS,
    more: bytes = b"",
) -> bytes:
    arguments = (
        storage(key, kind=kind, numel=numel, view=view),
        number(offset),
        group(*map(number, shape)),
        group(*map(number, stride)),
        b"\x89",
        hooks,
        more,
    )
    return called("torch._utils", "_rebuild_tensor_v2", *arguments)


def legacy_file(
    value: bytes,
    *,
    keys: Sequence[str] = ("0",),
    numbers: Sequence[tuple[int, bytes]] = ((4, CLEAN),),
    little: bytes = b"\x88",
    version: int = 1001,
    behind: bytes = b"",
) -> bytes:
    machine = state(protocol_version=number(1001), little_endian=little, type_sizes=b"}")
    heads = (number(0x1950A86A20F9469CFC6C), number(version), machine, value, array(*map(text, keys)))
    blocks = (struct.pack("<q", count) + data for count, data in numbers)
    return b"".join(map(program, heads)) + b"".join(blocks) + behind


# Safetensors and .npy


def safetensors(header: object, numbers: bytes = CLEAN, *, padding: str = "") -> bytes:
    """A file whose header is JSON text, or becomes one."""
    data = ((header if isinstance(header, str) else json.dumps(header)) + padding).encode()
    return struct.pack("<Q", len(data)) + data + numbers


def described(
    start: int = 0, stop: int = 16, *, dtype: str = "F32", shape: Sequence[int] = (2, 2)
) -> dict[str, object]:
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [start, stop]}


def npy(header: str, numbers: bytes = CLEAN, *, version: tuple[int, int] = (1, 0)) -> bytes:
    data = header.encode("latin1")
    length = struct.pack("<H" if version[0] == 1 else "<L", len(data))
    return b"\x93NUMPY" + bytes(version) + length + data + numbers


def npy_header(*, descr: str = "'<f4'", order: str = "False", shape: str = "(2, 2)", more: str = "") -> str:
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, {more}}}\n"


def npz(header: str, numbers: bytes = CLEAN, *, version: tuple[int, int] = (1, 0)) -> bytes:
    return zipped({"w.npy": npy(header, numbers, version=version)})
