"""One registry of hostile kinds of files: each name is a way to hide something, to run something, to exhaust
a machine, or to be read differently by two readers.  `docs/scanning.md` states how many there are."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable, Mapping
from typing import Final

from tests.checkpoints import crafting as c

Builder = Callable[[], bytes]

W = c.state(w=c.tensor())
OLD = c.state(w=c.tensor(view=b"N"))
TWO: Final = {"0": c.CLEAN, "1": c.OTHER}
SHADOW: Final = c.mapping({c.text("values"): c.named("torch", "Size")})


def two_directories() -> bytes:
    """The locator names the first directory; Python takes the record just before the locator."""
    first = c.laid_out(c.torch_members())
    record = c.end_record_64(first.count, first.size, first.start)
    second = c.laid_out(c.torch_members(numbers=c.OTHER), base=len(first.content) + len(record))
    again = c.end_record_64(second.count, second.size, second.start)
    place = c.locator(len(first.content))
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 65535, 65535, 2**32 - 1, 2**32 - 1, 0)
    return first.content + record + second.content + again + place + end


def large_record(*, lie: int = 0, sentinel: bool = True) -> bytes:
    made = c.laid_out(c.torch_members())
    record = c.end_record_64(made.count + lie, made.size, made.start)
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 65535, 65535, 2**32 - 1, 2**32 - 1, 0)
    end = end if sentinel else c.end_record(made.count, made.size, made.start)
    return made.content + record + c.locator(len(made.content)) + end


def torch_zip(place: int = 2, **changes: object) -> bytes:
    return c.laid_out(c.changed(c.torch_members(), place, **changes)).whole()


def torch_zip_said(place: int = 2, **changes: object) -> bytes:
    members = c.torch_members()
    return c.laid_out(members, said={place: c.changed(members, place, **changes)[place]}).whole()


def overlap() -> bytes:
    """Two entries of the directory lead to one member."""
    made = c.laid_out(c.torch_members())
    entry = c.torch_members()[2].entry(made.content.index(b"PK\3\4", made.content.index(b"little")))
    directory = made.content[made.start :] + entry
    end = c.end_record(made.count + 1, len(directory), made.start)
    return made.content[: made.start] + directory + end


def deflated(size: int, *, said: int | None = None) -> c.Member:
    engine = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = b"".join(engine.compress(bytes(2**20)) for _ in range(size // 2**20)) + engine.flush()
    return c.Member(b"a/data/0", data, method=8, crc=0, size=size if said is None else said)


def bomb(*, said: int | None = None) -> bytes:
    members = c.torch_members()
    return c.laid_out([*members[:2], deflated(2**26, said=said), members[3]]).whole()


def unicode_path() -> bytes:
    name = b"a/data/0"
    extra = struct.pack("<2HBL", 0x7075, 5 + len(name), 1, zlib.crc32(name)) + b"a/data/1"
    return torch_zip(extra=extra)


def second_archive() -> bytes:
    return c.archive_of(W) + c.archive_of(W, numbers={"0": c.OTHER})


def tar_and_legacy() -> bytes:
    """A tar archive whose first name is a pickle: torch tries tar first."""
    import io
    import tarfile

    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        info = tarfile.TarInfo("x")
        archive.addfile(info)
    head = bytearray(buffer.getvalue())
    # The magic number, and a text that swallows the rest of the header and all blocks of zeros.
    first = c.program(c.number(0x1950A86A20F9469CFC6C)) + b"\x80\x02" + c.number(1001) + b"0X"
    head[: len(first)] = first
    head[len(first) : len(first) + 4] = struct.pack("<L", len(head) - len(first) - 4)
    head[124:136] = b"0" * 11 + b"\0"
    head[257:265] = bytes(8)
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head[:512])
    return bytes(head) + c.number(1001) + b"." + c.legacy_file(OLD).split(b".", 2)[2]


def legacy_in_safetensors() -> bytes:
    """Safetensors whose length is an instruction of a pickle, and whose header its operands."""
    hidden, numbers = c.legacy_file(OLD, numbers=((4, c.OTHER),)), b"A" * 16
    second = c.described(16, 16 + len(hidden), dtype="U8", shape=(len(hidden),))
    data = (json.dumps({"w": c.described(), "p": second})[:-1] + ',"__metadata__":{"').encode()
    length = 0x58 + (len(data) + 3 << 8)
    tail = b'":""}}'
    # Short texts, one behind the other, the last of which takes the end of the header and the clean numbers.
    rest = length - len(data) - len(tail) - 20
    while rest:
        step = 128 if rest >= 256 else rest if rest <= 128 else rest // 2
        data += b"U" + bytes((step - 2,)) + b"b" * (step - 2)
        rest -= step
    data += b"U(" + b"b" * 18 + tail
    return struct.pack("<Q", length) + data + numbers + hidden


ZIP: Final[Mapping[str, Builder]] = {
    "zip: two zip64 directories": two_directories,
    "zip: zip64 record below 4 GiB that lies": lambda: large_record(lie=1),
    "zip: zip64 record that nothing asks for, with another count": lambda: large_record(
        lie=-1, sentinel=False
    ),
    "zip: bytes before the first member": lambda: c.laid_out(
        c.torch_members(), before=b"PK\3\4" + bytes(40)
    ).whole(),
    "zip: prefix and offsets that do not count it": lambda: b"#!/bin/sh\n" + c.archive_of(W),
    "zip: prefix that starts like an archive": lambda: b"PK\3\4" + bytes(26) + c.archive_of(W),
    "zip: gap between members": lambda: torch_zip(behind=c.OTHER),
    "zip: hidden member between members": lambda: torch_zip(behind=c.Member(b"a/data/0", c.OTHER).local()),
    "zip: two entries for one member": overlap,
    "zip: name twice": lambda: c.laid_out([*c.torch_members(), c.Member(b"a/data/0", c.OTHER)]).whole(),
    "zip: names that differ in case": lambda: c.laid_out(
        [*c.torch_members(), c.Member(b"A/DATA/0", c.OTHER)]
    ).whole(),
    "zip: archive behind an archive": second_archive,
    "zip: comment": lambda: c.laid_out(c.torch_members()).whole(b"hello"),
    "zip: comment that is an end record": lambda: c.laid_out(c.torch_members()).whole(c.end_record(0, 0, 0)),
    "zip: comment of a member": lambda: torch_zip(comment=b"x"),
    "zip: local name unlike the directory": lambda: torch_zip_said(name=b"a/data/1"),
    "zip: local size unlike the directory": lambda: torch_zip_said(size=8, packed=8),
    "zip: local method unlike the directory": lambda: torch_zip_said(method=8),
    "zip: local flags unlike the directory": lambda: torch_zip_said(flags=8),
    "zip: wrong checksum": lambda: torch_zip(crc=1),
    "zip: second name in an extra field": unicode_path,
    "zip: zip64 field for a small member": lambda: torch_zip(extra=struct.pack("<2H2Q", 1, 16, 16, 16)),
    "zip: extra field that breaks off": lambda: torch_zip(extra=b"\x42\x46\xff\xff"),
    "zip: encrypted": lambda: torch_zip(flags=1),
    "zip: descriptor that is none": lambda: torch_zip(flags=8, crc=0, packed=0, size=0, behind=bytes(16)),
    "zip: packed by bzip2": lambda: c.zipped(
        {"a/data.pkl": c.program(W), "a/data/0": bytes(2**20)}, method=12
    ),
    "zip: packed by lzma": lambda: c.zipped({"a/data.pkl": c.program(W), "a/data/0": c.CLEAN}, method=14),
    "zip: bomb that says its size": bomb,
    "zip: bomb that says 10 bytes": lambda: bomb(said=10),
    "zip: member of 0 bytes that unpacks to more": lambda: bomb(said=0),
    "zip: name with a NUL": lambda: torch_zip(name=b"a/data/0\0b"),
    "zip: name in an unknown alphabet": lambda: torch_zip(name=b"a/data/\xff"),
    "zip: folder with numbers in it": lambda: c.laid_out(
        [*c.torch_members(), c.Member(b"a/data/1/", c.OTHER)]
    ).whole(),
    "zip: two folders at the top": lambda: c.zipped(
        {"a/data.pkl": c.program(W), "a/data/0": c.CLEAN, "b/data.pkl": c.program(W)}
    ),
    "zip: directory cut short": lambda: c.archive_of(W)[:-30] + c.archive_of(W)[-22:],
    "zip: end record of several disks": lambda: c.archive_of(W)[:-18] + b"\1\0\1\0" + c.archive_of(W)[-14:],
    "zip: storage without a tensor": lambda: c.archive_of(W, numbers=TWO),
    "zip: storage of another length": lambda: c.archive_of(W, numbers={"0": c.CLEAN + c.OTHER}),
    "zip: storage of the other byte order": lambda: torch_zip(
        1, data=b"big", crc=zlib.crc32(b"big"), size=3, packed=3
    ),
    "zip: code beside the numbers": lambda: c.zipped(
        {"a/data.pkl": c.program(W), "a/data/0": c.CLEAN, "a/code/a.py": b"x"}
    ),
    "zip: arrays and something else": lambda: c.zipped({"w.npy": c.npy(c.npy_header()), "w.txt": b"x"}),
    "two formats: archive behind a pickle": lambda: (
        c.legacy_file(OLD) + c.archive_of(W, numbers={"0": c.OTHER})
    ),
    "two formats: archive behind safetensors": lambda: c.safetensors({"w": c.described()}) + c.archive_of(W),
    "two formats: archive and junk behind safetensors": lambda: c.safetensors(
        {"w": c.described()}, c.CLEAN + c.archive_of(W) + b"junk"
    ),
    "two formats: tar archive that is a pickle": tar_and_legacy,
    "two formats: safetensors that are a pickle": legacy_in_safetensors,
}


def ordered(state: bytes) -> bytes:
    """An OrderedDict with the clean tensor that is given a state."""
    return c.NO_HOOKS + c.text("w") + c.tensor() + b"s" + state + b"b"


def given(name: str, value: bytes = c.named("torch", "Size")) -> bytes:
    return ordered(c.mapping({c.text(name): value}))


def parameter(function: str, *more: bytes) -> bytes:
    return c.state(w=c.called("torch._utils", function, c.tensor(), b"\x89", *more))


def from_type(state: bytes, *, kind: tuple[str, str] = ("torch", "Tensor")) -> bytes:
    arguments = c.group(
        c.storage(), c.number(0), c.group(c.number(4)), c.group(c.number(1)), b"\x89", c.NO_HOOKS
    )
    function = c.named("torch._utils", "_rebuild_tensor_v2")
    return c.state(
        w=c.called("torch._tensor", "_rebuild_from_type_v2", function, c.named(*kind), arguments, state)
    )


def doubled(kind: bytes, times: int = 40) -> bytes:
    """Each level holds the level below twice."""
    made = b"]q\0"
    for level in range(1, times + 1):
        below = b"h" + bytes((level - 1,))
        made += (
            (below + below + b"\x86" if kind == b"t" else b"](" + below + below + b"e")
            + b"q"
            + bytes((level,))
        )
    return made


def deep(times: int) -> bytes:
    return b")" + b"\x85" * times


def many(first: bytes, again: bytes, times: int) -> bytes:
    return b"](" + first + again * times + b"e"


PAIRS: Final = c.array(*(c.group(c.text(str(n)), b"N") for n in range(2000)))
THOUSAND: Final = b"(" + b"K\1" * 2000 + b"t"
SAME: Final = c.state(**{f"k{n}": b"N" for n in range(2000)})

PICKLE: Final[Mapping[str, Builder]] = {
    "pickle: os.system": lambda: c.archive_of(c.called("posix", "system", c.text("true"))),
    "pickle: eval beside the weights": lambda: c.archive_of(
        c.state(w=c.tensor(), x=c.called("builtins", "eval", c.text("1")))
    ),
    "pickle: function by an old name": lambda: c.archive_of(
        c.state(w=c.tensor(), x=c.called("commands", "getoutput", c.text("true")))
    ),
    "pickle: function of NumPy that runs code": lambda: c.archive_of(
        c.state(w=c.tensor(), x=c.called("numpy.testing._private.utils", "runstring", c.text("1"), b"}"))
    ),
    "pickle: type hint that is evaluated": lambda: c.archive_of(
        c.state(
            w=c.tensor(),
            x=c.called("typing", "_eval_type", c.called("typing", "ForwardRef", c.text("1")), b"}", b"}"),
        )
    ),
    "pickle: file that is opened": lambda: c.archive_of(
        c.state(w=c.tensor(), x=b"(" + c.called("argparse", "FileType", c.text("w")) + c.text("f") + b"o")
    ),
    "pickle: module by the name of a module": lambda: c.archive_of(
        c.state(w=c.tensor(), x=c.named("pathlib", "os"))
    ),
    "pickle: builtins by a harmless module": lambda: c.archive_of(
        c.state(
            w=c.tensor(),
            x=c.called("operator", "getitem", c.named("collections", "__builtins__"), c.text("eval")),
        )
    ),
    "pickle: name by its number": lambda: c.archive_of(c.state(w=c.tensor(), x=b"\x82\1")),
    "pickle: name with a dot": lambda: c.archive_of(
        c.state(w=c.tensor(), x=c.text("torch") + c.text("hub.load") + b"\x93"), protocol=4
    ),
    "pickle: second file loaded by a class": lambda: c.archive_of(
        c.state(w=c.tensor(), x=c.called("torch", "load", c.text("b.pt")))
    ),
    "dict: values hidden by an attribute": lambda: c.archive_of(given("values")),
    "dict: items hidden by an attribute": lambda: c.archive_of(given("items")),
    "dict: keys hidden by an attribute": lambda: c.archive_of(given("keys")),
    "dict: get hidden by an attribute": lambda: c.archive_of(given("get")),
    "dict: copy hidden by an attribute": lambda: c.archive_of(given("copy")),
    "dict: class changed by an attribute": lambda: c.archive_of(given("__class__")),
    "dict: attributes as a pair": lambda: c.archive_of(ordered(c.group(b"N", SHADOW))),
    "dict: attributes as pairs": lambda: c.archive_of(
        ordered(c.group(c.group(c.text("values"), c.named("torch", "Size"))))
    ),
    "dict: attributes as a list": lambda: c.archive_of(ordered(c.array(c.group(c.text("values"), b"N")))),
    "dict: attribute given behind the memo": lambda: c.archive_of(
        c.NO_HOOKS + b"q\1" + c.text("w") + c.tensor() + b"s0(h\1" + SHADOW + b"bt"
    ),
    "dict: attribute in a legacy file": lambda: c.legacy_file(given("values")),
    "dict: attribute by an old protocol": lambda: c.archive_of(given("items"), protocol=1),
    "tensor: numbers changed by a state": lambda: c.archive_of(
        c.state(
            w=c.tensor()
            + c.group(c.storage("1"), c.number(0), c.group(c.number(4)), c.group(c.number(1)))
            + b"b"
        ),
        numbers=TWO,
    ),
    "tensor: emptied by an empty state": lambda: c.archive_of(c.state(w=c.tensor() + b")b")),
    "tensor: emptied by an empty dict": lambda: c.archive_of(c.state(w=c.tensor() + b"}b")),
    "tensor: attribute by a state": lambda: c.archive_of(
        c.state(w=c.tensor() + c.state(data=c.tensor("1")) + b"b"), numbers=TWO
    ),
    "tensor: numbers in an attribute of a parameter": lambda: c.archive_of(
        parameter("_rebuild_parameter_with_state", c.NO_HOOKS, c.state(data=c.tensor("1"))), numbers=TWO
    ),
    "tensor: method hidden in a parameter": lambda: c.archive_of(
        parameter("_rebuild_parameter_with_state", c.NO_HOOKS, c.group(b"N", c.state(numpy=b"K\1")))
    ),
    "tensor: method hidden in a class": lambda: c.archive_of(
        from_type(c.state(detach=c.named("torch", "Size")))
    ),
    "tensor: numbers in an attribute of a class": lambda: c.archive_of(
        from_type(c.group(c.state(data=c.tensor("1")), b"N")), numbers=TWO
    ),
    "tensor: of a class of somebody": lambda: c.archive_of(from_type(b"}", kind=("somebody", "Tensor"))),
    "tensor: hooks": lambda: c.archive_of(
        c.state(w=c.tensor(hooks=c.mapping({c.number(0): c.named("torch", "Size")})))
    ),
    "tensor: hooks of a parameter": lambda: c.archive_of(
        parameter("_rebuild_parameter", c.mapping({c.number(0): b"N"}))
    ),
    "tensor: marked negative": lambda: c.archive_of(c.state(w=c.tensor(more=c.state(neg=b"\x88")))),
    "tensor: marked conjugate": lambda: c.archive_of(
        c.state(
            w=c.tensor(
                kind="ComplexFloatStorage", numel=2, shape=(2,), stride=(1,), more=c.state(conj=b"\x88")
            )
        )
    ),
    "tensor: stride outside": lambda: c.archive_of(c.state(w=c.tensor(stride=(3, 1)))),
    "tensor: negative stride": lambda: c.archive_of(c.state(w=c.tensor(stride=(-2, 1)))),
    "tensor: negative offset": lambda: c.archive_of(c.state(w=c.tensor(offset=-1))),
    "tensor: offset outside": lambda: c.archive_of(c.state(w=c.tensor(offset=1))),
    "tensor: negative shape": lambda: c.archive_of(c.state(w=c.tensor(shape=(-1, -4)))),
    "tensor: huge shape without numbers": lambda: c.archive_of(
        c.state(w=c.tensor(shape=(0, 2**47, 2**47), stride=(1, 1, 1)))
    ),
    "tensor: huge shape of one number": lambda: c.archive_of(
        c.state(w=c.tensor(shape=(2**40,), stride=(0,)))
    ),
    "tensor: more strides than sizes": lambda: c.archive_of(c.state(w=c.tensor(shape=(4,)))),
    "tensor: thousand axes": lambda: c.archive_of(c.state(w=c.tensor(shape=(1,) * 1000, stride=(0,) * 1000))),
    "storage: two types for one key": lambda: c.archive_of(
        c.state(v=c.tensor(), w=c.tensor(kind="IntStorage"))
    ),
    "storage: two lengths for one key": lambda: c.archive_of(
        c.state(v=c.tensor(), w=c.tensor(numel=2, shape=(2,), stride=(1,)))
    ),
    "storage: key that leaves the folder": lambda: c.archive_of(c.state(w=c.tensor("../data/0"))),
    "storage: length that overflows": lambda: c.archive_of(c.state(w=c.tensor(numel=2**62))),
    "storage: something else beside the pickle": lambda: c.archive_of(
        c.state(w=c.group(c.text("module"), c.text("x")) + b"Q")
    ),
    "storage: key that is no text": lambda: c.archive_of(c.state(w=c.tensor()), protocol=2).replace(
        b"X\1\0\0\0" + b"0", b"C\4abcd"
    ),
    "bomb: list of shared lists": lambda: c.archive_of(doubled(b"l")),
    "bomb: shared lists beside the weights": lambda: c.archive_of(c.state(w=c.tensor(), x=doubled(b"l"))),
    "bomb: shared tuples as a key": lambda: c.archive_of(b"}" + doubled(b"t") + c.tensor() + b"s"),
    "bomb: deep tuple as a key": lambda: c.archive_of(b"}" + deep(2 * 10**5) + c.tensor() + b"s"),
    "bomb: deep list": lambda: c.archive_of(b"](" * 10**5 + b"e" * 10**5),
    "bomb: deep tuple": lambda: c.archive_of(deep(10**5)),
    "bomb: texts packed again and again": lambda: c.archive_of(
        many(c.text("x" * 10**6) + b"q\1", c.called("_codecs", "encode", b"h\1", c.text("latin1")), 2000)
    ),
    "bomb: dictionaries of the same pairs": lambda: c.archive_of(
        many(PAIRS + b"q\1", c.called("collections", "OrderedDict", b"h\1"), 4000)
    ),
    "bomb: calls with the same arguments": lambda: c.archive_of(
        many(THOUSAND + b"q\1", c.named("torch._utils", "_rebuild_sparse_tensor") + b"h\1R", 8000)
    ),
    "bomb: attributes again and again": lambda: c.archive_of(
        many(c.NO_HOOKS + b"q\1" + SAME + b"q\2", b"h\1h\2b0", 4000)
    ),
    "bomb: shapes of the same numbers": lambda: c.archive_of(
        many(
            THOUSAND + b"q\1",
            c.called(
                "torch._utils", "_rebuild_tensor_v2", c.storage(), b"K\0", b"h\1", b"h\1", b"\x89", b"}"
            ),
            4000,
        )
    ),
    "bomb: one tensor many times": lambda: c.archive_of(
        many(c.tensor(shape=(2**16, 4), stride=(0, 1)) + b"q\1", b"h\1", 2000)
    ),
    "bomb: one array many times": lambda: c.archive_of(
        many(c.text("x" * 10**6) + b"q\1", numpy_array(b"h\1", 10**6), 400)
    ),
    "bomb: long name of many values": lambda: c.archive_of(
        c.mapping({c.text("x" * 10**6): many(c.tensor() + b"q\1", b"h\1", 3000)})
    ),
    "bomb: more instructions than any network has": lambda: c.archive_of(b"N0" * 2**20 + W),
    "number: key of thousand digits": lambda: c.archive_of(b"}" + c.number(10**1000) + c.tensor() + b"s"),
    "number: text of ten thousand digits": lambda: c.archive_of(
        c.state(w=c.tensor(), x=b"I" + b"9" * 10**4 + b"\n")
    ),
    "key: list": lambda: c.archive_of(b"}]" + c.tensor() + b"s"),
    "key: dict": lambda: c.archive_of(b"}}" + c.tensor() + b"s"),
    "key: name and number that look alike": lambda: c.archive_of(
        c.mapping([(c.text("w"), c.tensor()), (c.text("1"), c.tensor()), (c.number(1), c.tensor("1"))]),
        numbers=TWO,
    ),
    "key: name and bytes that look alike": lambda: c.archive_of(
        c.mapping([(c.text("b'w'"), c.tensor()), (b"U\1w0C\1w", c.tensor("1"))]), numbers=TWO
    ),
    "pickle: bytes behind its end": lambda: c.archive_of(W + b"."),
    "pickle: value left over": lambda: c.archive_of(W + W),
    "pickle: memo that is empty": lambda: c.archive_of(b"h\7"),
    "pickle: text of Python 2": lambda: c.archive_of(c.mapping({b"U\2\xc3\xbc": c.tensor()})),
    "legacy: bytes behind the numbers": lambda: c.legacy_file(OLD, behind=c.OTHER),
    "legacy: numbers of another length": lambda: c.legacy_file(OLD, numbers=((2, c.CLEAN[:8]),)),
    "legacy: negative length": lambda: c.legacy_file(OLD, numbers=((-4, c.CLEAN),)),
    "legacy: other byte order": lambda: c.legacy_file(OLD, little=b"\x89"),
    "legacy: other protocol": lambda: c.legacy_file(OLD, version=10**5000),
    "legacy: storage named twice": lambda: c.legacy_file(
        OLD, keys=("0", "0"), numbers=((4, c.CLEAN), (4, c.OTHER))
    ),
    "legacy: storage without a tensor": lambda: c.legacy_file(
        OLD, keys=("0", "1"), numbers=((4, c.CLEAN), (4, c.OTHER))
    ),
    "legacy: storage missing": lambda: c.legacy_file(OLD, keys=(), numbers=()),
    "legacy: view outside": lambda: c.legacy_file(c.state(w=c.tensor(view=view("v", 2, 4)))),
    "legacy: two views of one name": lambda: c.legacy_file(c.state(v=half("v", 0), w=half("v", 2))),
    "legacy: view with the name of a storage": lambda: c.legacy_file(c.state(w=half("0", 2))),
    "legacy: program of a network": lambda: c.legacy_file(
        c.group(c.text("module"), c.named("somebody", "Net"), c.text("net.py"), c.text("import os")) + b"Q"
    ),
}


def numpy_array(data: bytes, count: int) -> bytes:
    """A NumPy array as pickles of protocol 2 have it, its bytes in the other order."""
    made = c.called(
        "numpy.core.multiarray", "_reconstruct", c.named("numpy", "ndarray"), c.group(b"K\0"), c.text("b")
    )
    dtype = c.called("numpy", "dtype", c.text("i1"), b"\x89", b"\x88")
    dtype += c.group(b"K\3", c.text("|"), b"NNN", c.number(-1), c.number(-1), b"K\0") + b"b"
    shape = c.group(c.number(count // 2), b"K\2")
    packed = c.called("_codecs", "encode", data, c.text("latin1"))
    return made + c.group(b"K\1", shape, dtype, b"\x88", packed) + b"b"


def view(key: str, offset: int, size: int) -> bytes:
    return c.group(c.text(key), c.number(offset), c.number(size))


def half(key: str, offset: int) -> bytes:
    """Two of the four numbers, by a view that old files name."""
    return c.tensor(view=view(key, offset, 2), shape=(2,), stride=(1,))


FLAT: Final[Mapping[str, Builder]] = {
    "safetensors: gap": lambda: c.safetensors({"w": c.described(16, 32)}, c.OTHER + c.CLEAN),
    "safetensors: gap between tensors": lambda: c.safetensors(
        {"v": c.described(), "w": c.described(20, 36)}, c.CLEAN + bytes(4) + c.CLEAN
    ),
    "safetensors: overlap": lambda: c.safetensors({"v": c.described(), "w": c.described()}),
    "safetensors: trailing bytes": lambda: c.safetensors({"w": c.described()}, c.CLEAN + c.OTHER),
    "safetensors: numbers missing": lambda: c.safetensors({"w": c.described()}, c.CLEAN[:8]),
    "safetensors: name twice": lambda: c.safetensors(
        '{{"w":{},"w":{}}}'.format(DESCRIBED, DESCRIBED.replace("F32", "I32"))
    ),
    "safetensors: name twice, once escaped": lambda: c.safetensors(
        f'{{"w":{DESCRIBED},"\\u0077":{DESCRIBED}}}'
    ),
    "safetensors: type twice": lambda: c.safetensors(
        '{{"w":{}}}'.format(DESCRIBED.replace("{", '{"dtype":"I32",'))
    ),
    "safetensors: metadata null": lambda: c.safetensors({"__metadata__": None, "w": c.described()}),
    "safetensors: metadata of numbers": lambda: c.safetensors({"__metadata__": {"a": 1}, "w": c.described()}),
    "safetensors: shape unlike its bytes": lambda: c.safetensors({"w": c.described(shape=(2, 3))}),
    "safetensors: negative shape": lambda: c.safetensors({"w": c.described(shape=(-2, -2))}),
    "safetensors: shape of truth values": lambda: c.safetensors({"w": c.described(shape=(True, 4))}),
    "safetensors: huge shape without numbers": lambda: c.safetensors(
        {"w": c.described(0, 0, shape=(0, 2**62, 2**62))}, b""
    ),
    "safetensors: shape with a point": lambda: c.safetensors({"w": {**c.described(), "shape": [2.0, 2]}}),
    "safetensors: NaN in the header": lambda: c.safetensors(
        '{{"w":{}}}'.format(DESCRIBED.replace("16", "NaN"))
    ),
    "safetensors: header deeper than any": lambda: c.safetensors('{"w":' + "[" * 10**5),
    "safetensors: header longer than the file": lambda: struct.pack("<Q", 2**31) + b"{}",
    "safetensors: something behind the header's object": lambda: c.safetensors(
        {"w": c.described()}, padding="{}"
    ),
    "safetensors: header in another alphabet": lambda: c.safetensors(f'{{"ü":{DESCRIBED}}}').replace(
        b"\xc3\xbc", b"\xfc\xfc"
    ),
    "safetensors: more in a description": lambda: c.safetensors({"w": {**c.described(), "strides": [1, 2]}}),
    "safetensors: unknown type": lambda: c.safetensors({"w": c.described(dtype="F99")}),
    "safetensors: start behind its end": lambda: c.safetensors({"w": c.described(16, 0)}),
    "safetensors: our own plain values damaged": lambda: c.safetensors(
        {"__metadata__": {"scalegmn.extras": "[" * 10**5}, "w": c.described()}
    ),
    "npy: unknown version": lambda: c.npz(c.npy_header(), version=(9, 9)),
    "npy: negative shape": lambda: c.npz(c.npy_header(shape="(-1, -4)")),
    "npy: huge shape": lambda: c.npz(c.npy_header(shape="(2**70,)")),
    "npy: huge shape without numbers": lambda: c.npz(c.npy_header(shape=f"(0, {2**62}, {2**62})"), b""),
    "npy: shape that overflows": lambda: c.npz(c.npy_header(shape=f"(0, {2**70})"), b""),
    "npy: shape of truth values": lambda: c.npz(c.npy_header(shape="(True, 4)")),
    "npy: thousand axes": lambda: c.npz(c.npy_header(shape="(" + "1," * 1000 + ")"), b"1234"),
    "npy: header nested deeply": lambda: c.npz("{'descr': " + "(" * 4000),
    "npy: header that is a program": lambda: c.npz("__import__('os').system('true')\n"),
    "npy: header with an entry more": lambda: c.npz(c.npy_header(more="'strides': (1, 2)")),
    "npy: header that warns": lambda: c.npz(c.npy_header(order="1or 2", descr=r"'\d'")),
    "npy: header longer than NumPy takes": lambda: c.npz(c.npy_header(more=" " * 20000), version=(2, 0)),
    "npy: bytes behind the numbers": lambda: c.npz(c.npy_header(), c.CLEAN + c.OTHER),
    "npy: numbers missing": lambda: c.npz(c.npy_header(), c.CLEAN[:8]),
    "npy: Python objects": lambda: c.npz(c.npy_header(descr="'|O'"), b"cos\nsystem\n."),
    "npy: objects in a field": lambda: c.npz(c.npy_header(descr="[('a', '|O')]")),
    "npy: name with the suffix twice": lambda: c.zipped(
        {"w.npy": c.npy(c.npy_header()), "w.npy.npy": c.npy(c.npy_header(), c.OTHER)}
    ),
    "file: empty": lambda: b"",
    "file: web page": lambda: b"<!DOCTYPE html><html><body>log in</body></html>",
    "file: Git-LFS pointer": lambda: b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
    "file: HDF5": lambda: b"\x89HDF\r\n\x1a\n" + bytes(100),
    "file: noise": lambda: bytes(range(255, 100, -1)),
}
DESCRIBED_TWICE: Final = '{"dtype":"F32","dtype":"I32","shape":[2,2],"data_offsets":[0,16]}'
DESCRIBED: Final = '{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}'

HOSTILE: Final[Mapping[str, Builder]] = {**ZIP, **PICKLE, **FLAT}
"""Files that must be refused with one sentence, quickly and in bounded memory."""
