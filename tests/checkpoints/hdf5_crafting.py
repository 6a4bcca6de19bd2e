"""HDF5 files and Keras archives made by hand: honest ones in all layouts, and hostile ones."""

from __future__ import annotations

import ctypes
import io
import json
import random
import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import h5py
import numpy as np

from tests.checkpoints.crafting import described, zipped

_T: Final = h5py.h5t
Fill = Callable[[h5py.File], None]
Builder = Callable[[], bytes]

KERNEL: Final = np.arange(6, dtype=np.float32).reshape(2, 3)
BIAS: Final = np.array([1, 2, 3], np.float32)
LAST: Final = np.array([[1], [-1], [2]], np.float32)


def h5(fill: Fill, **options: Any) -> bytes:
    """The bytes of a file that a function fills."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", **options) as file:
        fill(file)
    return buffer.getvalue()


def arrays(values: Mapping[str, Any], **options: Any) -> bytes:
    """A file with arrays by their paths."""

    def fill(file: h5py.File) -> None:
        for path, value in values.items():
            file.create_dataset(path, data=value, **options)

    return h5(fill)


def keras3() -> bytes:
    """What ``model.save_weights("m.weights.h5")`` of Keras 3 writes for an MLP 2-3-1 with its optimizer."""
    return arrays(
        {
            "layers/dense/vars/0": KERNEL,
            "layers/dense/vars/1": BIAS,
            "layers/dense_1/vars/0": LAST,
            "layers/dense_1/vars/1": np.zeros(1, np.float32),
            "layers/dropout/seed_generator/vars/0": np.array([1, 2], np.uint32),
            "optimizer/vars/0": np.int64(5),
            "optimizer/vars/1": np.ones((2, 3), np.float32),
        }
    )


def keras(weights: bytes | None = None, more: Mapping[str, bytes] | None = None, *, method: int = 0) -> bytes:
    """What ``model.save("m.keras")`` writes."""
    members = {"metadata.json": b"{}", "config.json": json.dumps({"class_name": "Lambda"}).encode()}
    return zipped(
        {**members, "model.weights.h5": keras3() if weights is None else weights, **(more or {})},
        method=method,
    )


def put_list(group: h5py.Group, name: str, texts: Sequence[str]) -> None:
    """A list of names as Keras keeps it in an attribute."""
    group.attrs[name] = np.asarray([text.encode() for text in texts])


def keras2(
    layers: Mapping[str, Mapping[str, Any]], *, whole: bool = True, said: Sequence[str] | None = None
) -> bytes:
    """What Keras 2 writes into ``.h5``: the whole model, or its weights alone.

    Args:
        layers: names of weights and their numbers by the name of their layer, in the order of the network.
        whole: whether there are an optimizer and a configuration.
        said: the layers that the file lists.
    """

    def fill(file: h5py.File) -> None:
        top = file.create_group("model_weights") if whole else file
        put_list(top, "layer_names", list(layers) if said is None else said)
        for layer, weights in layers.items():
            group = top.create_group(layer)
            put_list(group, "weight_names", list(weights))
            for name, value in weights.items():
                group[name] = value
        if whole:
            file.attrs["model_config"] = json.dumps({"class_name": "Sequential"}).encode()
            file["optimizer_weights/adam/m:0"] = np.ones(3)

    return h5(fill)


HONEST: Final[Mapping[str, Mapping[str, Any]]] = {
    "dense": {"dense/kernel:0": KERNEL, "dense/bias:0": BIAS},
    "dropout": {},
    "a_last": {"a_last/kernel:0": LAST, "a_last/bias:0": np.zeros(1, np.float32)},
}


# Hostile ones


def linked(make: Callable[[h5py.File], object]) -> bytes:
    def fill(file: h5py.File) -> None:
        file["w"] = KERNEL
        file["evil"] = make(file)

    return h5(fill)


def of_type(kind: Any) -> bytes:
    """An array of one number of some type."""

    def fill(file: h5py.File) -> None:
        file["w"] = KERNEL
        space = h5py.h5s.create_simple((1,))
        h5py.h5d.create(file.id, b"evil", kind, space)

    return h5(fill)


def virtual() -> bytes:
    layout = h5py.VirtualLayout(shape=(2, 3), dtype="f4")
    layout[:] = h5py.VirtualSource("/etc/passwd", "w", shape=(2, 3))
    return h5(lambda file: file.create_virtual_dataset("evil", layout))


def external(path: str = "/etc/passwd") -> bytes:
    return h5(lambda file: file.create_dataset("evil", (2, 3), "f4", external=[(path, 0, 24)]))


def chunked(
    shape: tuple[int, ...] = (4,), chunk: tuple[int, ...] = (4,), data: bytes | None = None, **options: Any
) -> bytes:
    """An array whose first chunk is stored as the bytes that are given; none where these are missing."""

    def fill(file: h5py.File) -> None:
        made = file.create_dataset("evil", shape, "f4", chunks=chunk, **options)
        if data is not None:
            made.id.write_direct_chunk((0,) * len(shape), data)

    return h5(fill)


def with_filter(number: int) -> bytes:
    """lzf with another number: one that is looked for among plugins."""
    content = arrays({"evil": np.zeros(4000, np.float32)}, compression="lzf")
    mark = struct.pack("<H", 32000)
    assert content.count(mark) >= 1 and b"lzf" in content
    place = content.index(b"lzf") - 8
    assert content[place : place + 2] == mark
    return content[:place] + struct.pack("<H", number) + content[place + 2 :]


def user_defined_link() -> bytes:
    """An external link whose kind is one that programs define for themselves."""
    content = linked(lambda file: h5py.ExternalLink("other.h5", "/w"))
    place = content.index(b"\x40\x04evil")
    return content[:place] + b"\x50" + content[place + 1 :]


def nested(depth: int) -> bytes:
    return h5(lambda file: file.create_dataset("/".join("g" * depth) + "/w", data=KERNEL))


def cycle(file: h5py.File) -> h5py.Group:
    return file.require_group("a/b").parent.parent


def attribute(name: str, value: Any, **options: Any) -> bytes:
    def fill(file: h5py.File) -> None:
        file["w"] = KERNEL
        file.attrs[name] = value

    return h5(fill, **options)


def truth(value: int) -> bytes:
    content = arrays({"evil": np.array([True] * 8)})
    assert content.count(b"\1" * 8) == 1
    return content.replace(b"\1" * 8, bytes([value]) + b"\1" * 7)


def behind(head: bytes, place: int = 512) -> bytes:
    """Another file with an HDF5 file where readers of these look for one."""
    assert len(head) < place
    return head.ljust(place, b"\0") + keras3()


def safetensors_before() -> bytes:
    """A whole safetensors file, one of whose tensors is an HDF5 file at byte 1024."""
    inner = keras3()
    start = 1024
    entry = {
        "a": described(0, 4 * 100, shape=(100,)),
        "b": described(400, 400 + len(inner), dtype="U8", shape=(len(inner),)),
    }
    header = json.dumps(entry).encode().ljust(start - 400 - 8)
    return struct.pack("<Q", len(header)) + header + bytes(400) + inner


def bomb() -> bytes:
    return zlib.compress(bytes(2**26), 9)


def heap(length: int) -> bytes:
    """The text of any length in an attribute, with another length."""
    content = attribute("layer_names", ["some", "texts"])
    start = content.index(b"GCOL") + 16 + 8
    return content[:start] + struct.pack("<Q", length) + content[start + 8 :]


def endless_heap() -> bytes:
    """Free space of no length, at which the library would stay for ever."""
    content = attribute("layer_names", ["some", "texts"])
    start = content.index(b"GCOL") + 16
    return content[:start] + bytes(16) + content[start + 16 :]


def edge() -> bytes:
    """A chunk at the edge that unpacks to as many bytes as it has, in a file whose edges are never packed."""

    def fill(file: h5py.File) -> None:
        created = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        created.set_chunk((64,))
        created.set_deflate(9)
        # The library's own function, which h5py does not offer.
        library = ctypes.CDLL(h5py.defs.__file__)
        assert library.H5Pset_chunk_opts(ctypes.c_int64(created.id), ctypes.c_uint(2)) == 0
        space = h5py.h5s.create_simple((100,))
        made = h5py.h5d.create(file.id, b"evil", _T.IEEE_F32LE, space, created)
        made.write_direct_chunk((0,), zlib.compress(bytes(256)))
        made.write_direct_chunk((64,), as_long_packed(256))

    return h5(fill, libver="latest")


def as_long_packed(size: int) -> bytes:
    """Bytes that zlib unpacks to as many."""
    for seed in range(99):
        noise = random.Random(seed).randbytes(size)
        for count in range(size):
            packed = zlib.compress(noise[:count] + bytes(size - count))
            if len(packed) == size:
                return packed
    raise AssertionError("there are none")


def optimizer_twice() -> bytes:
    def fill(file: h5py.File) -> None:
        put_list(file, "layer_names", [])
        put_list(file.create_group("top_level_model_weights"), "weight_names", ["optimizer_weights"])
        file["top_level_model_weights/optimizer_weights"] = KERNEL
        file["optimizer_weights/m"] = BIAS

    return h5(fill)


def odd_integer() -> Any:
    kind = _T.STD_I64LE.copy()
    kind.set_size(7)
    return kind


def compact() -> bytes:
    def fill(file: h5py.File) -> None:
        created = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        created.set_layout(h5py.h5d.COMPACT)
        made = h5py.h5d.create(file.id, b"evil", _T.IEEE_F32LE, h5py.h5s.create_simple((2, 3)), created)
        made.write(h5py.h5s.ALL, h5py.h5s.ALL, KERNEL)

    return h5(fill)


def raw_name(name: bytes) -> bytes:
    def fill(file: h5py.File) -> None:
        h5py.h5d.create(file.id, name, _T.IEEE_F32LE, h5py.h5s.create_simple((1,)))

    return h5(fill)


def missing_weight() -> bytes:
    def fill(file: h5py.File) -> None:
        top = file.create_group("model_weights")
        put_list(top, "layer_names", ["dense"])
        put_list(top.create_group("dense"), "weight_names", ["evil"])
        file["model_weights/dense/other"] = KERNEL

    return h5(fill)


CUT: Final = keras3()
HDF5: Final[Mapping[str, tuple[Builder, str]]] = {
    "link to another file": (
        lambda: linked(lambda f: h5py.ExternalLink("/etc/passwd", "/w")),
        "a link to another file",
    ),
    "soft link": (lambda: linked(lambda f: h5py.SoftLink("/w")), "a soft link"),
    "soft link that leads out": (lambda: linked(lambda f: h5py.SoftLink("/../../etc/passwd")), "a soft link"),
    "link of a kind of its own": (user_defined_link, "a link of a kind that a plugin defines"),
    "group within itself": (lambda: linked(cycle), "is the same object as another name"),
    "array with two names": (lambda: linked(lambda f: f["w"]), "is the same object as another name"),
    "virtual array": (virtual, "a virtual array"),
    "numbers in other files": (external, "external storage"),
    "named type": (lambda: linked(lambda f: np.dtype("f4")), "a named type"),
    "records": (lambda: arrays({"evil": np.zeros(2, [("a", "f4"), ("b", "i4")])}), "a compound type"),
    "complex numbers": (lambda: arrays({"evil": np.zeros(2, "c8")}), "a compound type"),
    "texts of any length": (lambda: arrays({"evil": ["a", "b"]}), "a variable-length type"),
    "lists of any length": (lambda: of_type(_T.vlen_create(_T.IEEE_F32LE)), "a variable-length type"),
    "references": (lambda: of_type(_T.STD_REF_OBJ), "a reference type"),
    "references to regions": (lambda: of_type(_T.STD_REF_DSETREG), "a reference type"),
    "opaque bytes": (lambda: of_type(_T.create(_T.OPAQUE, 8)), "an opaque type"),
    "two opaque bytes without a name": (lambda: of_type(_T.create(_T.OPAQUE, 2)), "an opaque type"),
    "arrays in arrays": (lambda: of_type(_T.array_create(_T.IEEE_F32LE, (3,))), "an array type"),
    "enumeration": (
        lambda: arrays({"evil": np.zeros(2, h5py.enum_dtype({"A": 0, "B": 1}, "i1"))}),
        "enumeration",
    ),
    "fields of bits": (lambda: of_type(_T.STD_B8LE), "fields of bits"),
    "long double": (lambda: of_type(_T.NATIVE_LDOUBLE), "no common program has"),
    "number of seven bytes": (lambda: of_type(odd_integer()), "no common program has"),
    "truth value that is seven": (lambda: truth(7), "neither true nor false"),
    "lzf": (lambda: arrays({"evil": np.zeros(4000)}, compression="lzf"), "the packing lzf"),
    "fletcher32": (lambda: arrays({"evil": np.zeros(4000)}, fletcher32=True), "fletcher32"),
    "scaleoffset": (lambda: arrays({"evil": np.zeros(4000, "i4")}, scaleoffset=4), "scaleoffset"),
    "filter of a plugin": (lambda: with_filter(32015), "the filter 32015, which is not read"),
    "shuffle alone": (lambda: arrays({"evil": np.zeros(4000)}, shuffle=True), "unusual order"),
    "bomb in a chunk": (
        lambda: chunked(data=bomb(), compression="gzip"),
        "unpacks to another length than 16 bytes",
    ),
    "chunk that is too short": (
        lambda: chunked(data=zlib.compress(bytes(12)), compression="gzip"),
        "has 12 bytes instead of 16",
    ),
    "chunk that is no zlib": (lambda: chunked(data=b"\xff" * 9, compression="gzip"), "cannot be unpacked"),
    "bytes behind a chunk": (
        lambda: chunked(data=zlib.compress(bytes(16)) + b"x", compression="gzip"),
        "another length",
    ),
    "chunk at the edge that is packed or not": (edge, "can be read in two ways"),
    "chunk of gigabytes": (
        lambda: chunked((4,), (2**30,), maxshape=(None,)),
        "unpack to, 4,294,967,296 bytes",
    ),
    "shape of terabytes": (
        lambda: h5(lambda f: f.create_dataset("evil", (2**20, 2**20), "f4")),
        "unpack to, 4,398",
    ),
    "shape of terabytes in chunks": (lambda: chunked((2**20, 2**20), (1, 1)), "unpack to, 4,398"),
    "chunk that was not written": (
        lambda: chunked((8,), data=bytes(16)),
        "not all of its numbers were written",
    ),
    "numbers that were not written": (
        lambda: h5(lambda f: f.create_dataset("evil", (2, 3), "f4")),
        "not all of its numbers were written",
    ),
    "compact array": (compact, "a compact array"),
    "nested deeply": (lambda: nested(40), "nested more than 32 deep"),
    "long name": (lambda: arrays({"n" * 2000: KERNEL}), "has 2,000 bytes"),
    "name that is no text": (lambda: raw_name(b"\xff\xfe"), "has 2 bytes"),
    "names that are one with dots": (
        lambda: arrays({"a/b": KERNEL, "a.b": BIAS}),
        "would both be called 'a.b'",
    ),
    "names that differ in an output": (
        lambda: arrays({"a:0": KERNEL, "a": BIAS}),
        "would both be called 'a'",
    ),
    "cut short": (lambda: CUT[: len(CUT) // 2], "is damaged (it says that it has"),
    "signature alone": (lambda: CUT[:8], "is damaged"),
    "unknown version": (lambda: CUT[:8] + b"\x09" + CUT[9:], "is of version 9"),
    "small addresses": (lambda: CUT[:13] + b"\x04" + CUT[14:], "other sizes than 8 bytes"),
    "bytes behind its end": (lambda: CUT + bytes(64), "says that it has"),
    "archive behind its end": (lambda: CUT + zipped({"w.npy": b""}), "can be read in two ways"),
    "user block": (lambda: h5(lambda f: f.create_dataset("w", data=KERNEL), userblock_size=512), "known"),
    "behind a pickle": (lambda: behind(b"\x80\x02}q\0."), "pickle"),
    "within safetensors": (safetensors_before, "an HDF5 file stands in it"),
    "list of layers of numbers": (
        lambda: attribute("layer_names", np.arange(3)),
        "'layer_names' has no texts",
    ),
    "list of layers of nonsense": (lambda: attribute("layer_names", np.array([b"\xff"])), "not UTF-8"),
    "list of layers of megabytes": (
        lambda: attribute("layer_names", np.array([b"x" * 2**10] * 2**11), libver="latest"),
        "'layer_names' has 2,048 texts in 2,097,152 bytes",
    ),
    "heap of texts without an end": (endless_heap, "an object of 0 bytes in a heap"),
    "heap of texts that leads out": (lambda: heap(2**62), "an object of 4,611,686,018,427,387,904 bytes"),
    "layer that is missing": (lambda: keras2(HONEST, said=["dense", "evil"]), "lists the layer 'evil'"),
    "layer that leads up": (lambda: keras2(HONEST, said=["../model_weights/dense"]), "lists the layer '../"),
    "layer listed twice": (lambda: keras2(HONEST, said=["dense", "dense"]), "lists a weight twice"),
    "weight that is missing": (missing_weight, "lists the weight 'model_weights/dense/evil'"),
    "array called like the optimizer": (optimizer_twice, "are both called 'optimizer_weights'"),
    "Keras: weights that are none": (lambda: keras(b"x"), "is no HDF5 file"),
    "Keras: weights with a link": (lambda: keras(linked(lambda f: h5py.SoftLink("/w"))), "a soft link"),
    "Keras: weights in several files": (
        lambda: keras(more={"model_00001.weights.h5": CUT}),
        "its member 'model_00001.weights.h5' is none",
    ),
    "Keras: a pickle beside them": (
        lambda: keras(more={"data.pkl": b"cos\nsystem\n."}),
        "'data.pkl' is none",
    ),
    "Keras: a path that leads out": (lambda: keras(more={"../x.py": b""}), "'../x.py' is none"),
    "Keras: bomb": (lambda: keras(bytes(2**26), method=8), "unpacks to 67,1"),
    "Keras: bytes before it": (lambda: b"PK\3\4" + bytes(40) + keras(), "in two ways"),
    "Keras: weights of NumPy": (
        lambda: zipped({"config.json": b"{}", "model.weights.npz": b""}),
        "without model.weights.h5",
    ),
}
"""Files that must be refused, and what the one sentence about each says."""


def save(folder: Path, content: bytes, name: str = "n.h5") -> Path:
    (folder / name).write_bytes(content)
    return folder / name
