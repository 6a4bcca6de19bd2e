"""Valid checkpoint files of all formats, and what chance may make of them.

Everything follows from a seed: file number n of seed s is the same on every machine, for the same versions of
torch and numpy.
"""

from __future__ import annotations

import io
import json
import pickle
import pickletools
import random
import struct
import zipfile
from argparse import Namespace
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
import safetensors.torch
import torch

Change = Callable[[bytes, random.Random], bytes]

INTERESTING: Final = (
    0,
    1,
    2,
    7,
    8,
    16,
    63,
    64,
    127,
    128,
    255,
    256,
    4096,
    65535,
    65536,
    2**24,
    2**31 - 1,
    2**31,
)
LARGE: Final = (2**32 - 1, 2**32, 2**40, 2**62, 2**63 - 1, 2**63, 2**64 - 1)
SIGNATURES: Final = (b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07", b"PK\x07\x08")
OPCODES: Final = tuple(opcode.code.encode("latin-1") for opcode in pickletools.opcodes)
SNIPPETS: Final = (
    b"cos\nsystem\n",
    b"cbuiltins\ngetattr\n",
    b"ctorch\nSize\n",
    b"ccollections\nOrderedDict\n",
    b"\x8c\x02os\x8c\x06system\x93",
    b"(U\x07storagectorch\nFloatStorage\nU\x010U\x03cpuK\x08tQ",
    b"\x85" * 300,
    b"(" * 300,
    b"22" * 40,
    b"2\x86" * 60,
    b"K\x05\x94",
    b"N}]]a",
    b"I99999999999999999999\n",
    b"\x8a\xff" + b"\x7f" * 255,
    b"X\xff\xff\xff\x7f",
    b"\x95\xff\xff\xff\xff\xff\xff\xff\xff",
)
JSON_VALUES: Final = (
    None,
    True,
    -1,
    0,
    1,
    2**31,
    2**63,
    2**70,
    0.5,
    "",
    "F32",
    "BF16",
    "F4",
    [],
    {},
    [0, 0],
    [8, 4],
)


def valid_files() -> dict[str, bytes]:
    """Small valid files by a name that starts with their format."""
    generator = torch.Generator().manual_seed(0)
    layer = torch.randn((3, 4), generator=generator)
    state = OrderedDict({"0.weight": layer, "0.bias": torch.zeros(3), "1.weight": torch.ones((2, 3))})
    odd = OrderedDict(
        {
            "half": layer.half(),
            "brain": layer.bfloat16(),
            "count": torch.tensor(7),
            "mask": layer > 0,
            "transposed": layer.t(),
            "part": layer[1:, 1:3],
            "tied": layer,
            "none": torch.zeros((0, 5)),
            "complex": torch.view_as_complex(torch.ones((2, 2))),
        }
    )
    training = {
        "model": state,
        "optimizer": {"state": {0: {"exp_avg": layer}}, "param_groups": [{"lr": 0.1, "params": [0, 1]}]},
        "epoch": 3,
        "args": Namespace(width=4, name="tiny"),
        "loss": float("nan"),
        "text": "καλημέρα",
    }
    arrays = {name: value.numpy() for name, value in state.items()}
    files = {
        f"torch-{name}": saved(value)
        for name, value in (("state", state), ("odd", odd), ("training", training))
    }
    files |= {
        "torch_legacy-state": saved(state, legacy=True),
        "torch_legacy-odd": saved(odd, legacy=True),
        "torch_legacy-training": saved(training, legacy=True),
        "safetensors-state": safetensors.torch.save(dict(state), metadata={"format": "pt"}),
        "safetensors-half": safetensors.torch.save(
            {"a": layer.half(), "b": layer.bfloat16(), "c": layer.long()}
        ),
        "npz-stored": saved_arrays(arrays, compressed=False),
        "npz-compressed": saved_arrays(arrays | {"fortran": np.asfortranarray(np.eye(3))}, compressed=True),
        "pickle-arrays": pickle.dumps({"layers": list(arrays.values()), "epoch": 1}, protocol=4),
        "pickle-old": pickle.dumps(arrays, protocol=2),
    }
    tree = {"params/Dense_0/kernel": layer.numpy(), "['params']['Dense_0']['bias']": np.zeros(4)}
    files["npz-tree"] = saved_arrays(
        tree | {"step": np.int32(3), "classes": np.array(["a", "bc"])}, compressed=False
    )
    return files


def saved(value: object, *, legacy: bool = False) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer, _use_new_zipfile_serialization=not legacy)
    return buffer.getvalue()


def saved_arrays(arrays: Mapping[str, np.ndarray], *, compressed: bool) -> bytes:
    buffer = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(buffer, **dict(arrays))  # type: ignore[arg-type]
    return buffer.getvalue()


def mutated(files: Mapping[str, bytes], *, seed: int, number: int) -> tuple[str, bytes]:
    """File ``number``: which file it was made of, and what has become of that."""
    chance = random.Random(f"{seed}/{number}")
    name = chance.choice(sorted(files))
    content = files[name]
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        content = chance.choice(changes_of(name))(content, chance)
        if chance.random() < 0.05:
            content = spliced(content, files[chance.choice(sorted(files))], chance)
    return name, content


def changes_of(name: str) -> tuple[Change, ...]:
    """The changes that suit a format."""
    blind: tuple[Change, ...] = (flip, overwrite, cut, drop, repeat, insert, number_edit)
    if name.startswith("torch-"):
        return (*blind, zip_field, zip_field, zip_members, zip_members, in_member, in_member, in_member)
    if name.startswith("hdf5"):
        return (*blind, hdf5_field, hdf5_field, hdf5_field, hdf5_field)
    if name.startswith(("npz", "keras")):
        return (*blind, zip_field, zip_field, zip_members, zip_members, in_member, in_member)
    if name.startswith("safetensors"):
        return (*blind, json_edit, json_edit, json_edit, json_text)
    return (*blind, opcode_edit, opcode_edit, opcode_edit, opcode_edit)


def place(content: bytes, chance: random.Random) -> int:
    return chance.randrange(len(content)) if content else 0


def flip(content: bytes, chance: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(chance.randint(1, 8)):
        if changed:
            changed[place(content, chance)] ^= 1 << chance.randrange(8)
    return bytes(changed)


def overwrite(content: bytes, chance: random.Random) -> bytes:
    at = place(content, chance)
    junk = chance.choice((chance.randbytes(chance.randint(1, 16)), b"\0" * 8, b"\xff" * 8))
    return content[:at] + junk + content[at + len(junk) :]


def cut(content: bytes, chance: random.Random) -> bytes:
    at = place(content, chance)
    return content[:at] if chance.random() < 0.7 else content[at:]


def drop(content: bytes, chance: random.Random) -> bytes:
    at = place(content, chance)
    return content[:at] + content[at + chance.choice((1, 2, 4, 8, chance.randint(1, 200))) :]


def repeat(content: bytes, chance: random.Random) -> bytes:
    at = place(content, chance)
    part = content[at : at + chance.randint(1, 200)]
    return content[:at] + part * chance.choice((2, 2, 3, 50)) + content[at + len(part) :]


def insert(content: bytes, chance: random.Random) -> bytes:
    at = chance.choice((0, len(content), place(content, chance)))
    junk = chance.choice((chance.randbytes(chance.randint(1, 64)), chance.choice(SNIPPETS), b"\0" * 64))
    return content[:at] + junk + content[at:]


def spliced(content: bytes, other: bytes, chance: random.Random) -> bytes:
    return content[: place(content, chance)] + other[place(other, chance) :]


def number_edit(content: bytes, chance: random.Random) -> bytes:
    at = place(content, chance) & ~(chance.choice((1, 2, 4, 8)) - 1)
    return with_number(content, at, width=chance.choice((1, 2, 4, 8)), chance=chance)


def with_number(content: bytes, at: int, *, width: int, chance: random.Random) -> bytes:
    old = int.from_bytes(content[at : at + width], "little")
    near = (old + 1, old - 1, old * 2, old // 2, len(content), len(content) - at)
    new = chance.choice((*INTERESTING, *LARGE, *near)) % 2 ** (8 * width)
    return content[:at] + new.to_bytes(width, "little") + content[at + width :]


def zip_field(content: bytes, chance: random.Random) -> bytes:
    """A field of a header of the archive."""
    found = [at for mark in SIGNATURES for at in positions(content, mark)]
    if not found:
        return number_edit(content, chance)
    at = chance.choice(found) + chance.randrange(4, 46)
    return with_number(content, at, width=chance.choice((1, 2, 4, 8)), chance=chance)


def hdf5_field(content: bytes, chance: random.Random) -> bytes:
    """A field of the description of an HDF5 file: behind the name of a structure, or a number that is one."""
    marks = (b"\x89HDF", b"TREE", b"SNOD", b"HEAP", b"GCOL", b"OHDR", b"OCHK", b"FADB", b"FAHD", b"layer")
    found = [at for mark in marks for at in positions(content, mark)]
    if not found:
        return number_edit(content, chance)
    at = chance.choice(found) + chance.randrange(4, chance.choice((16, 64, 400)))
    return with_number(content, at, width=chance.choice((1, 1, 2, 4, 8)), chance=chance)


def positions(content: bytes, mark: bytes) -> list[int]:
    found, at = [], content.find(mark)
    while at >= 0:
        found.append(at)
        at = content.find(mark, at + 1)
    return found


def unzipped(content: bytes) -> list[tuple[str, bytes]] | None:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as file:
            return [(info.filename, file.read(info)) for info in file.infolist() if info.file_size < 2**20]
    except Exception:  # it was changed before; zipfile has many words for that
        return None


def zipped(members: list[tuple[str, bytes]], chance: random.Random) -> bytes:
    kinds = (zipfile.ZIP_STORED,) * 8 + (zipfile.ZIP_DEFLATED,) * 3 + (zipfile.ZIP_BZIP2,)
    kind = chance.choice(kinds)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, member in members:
            info = zipfile.ZipInfo(name)
            info.compress_type = kind
            if chance.random() < 0.02:
                info.extra = chance.randbytes(chance.randint(1, 12))
            with_duplicates(file, info, member)
    return buffer.getvalue()


def with_duplicates(file: zipfile.ZipFile, info: zipfile.ZipInfo, member: bytes) -> None:
    file.NameToInfo.pop(info.filename, None)  # or zipfile warns of what is meant
    file.writestr(info, member)


def zip_members(content: bytes, chance: random.Random) -> bytes:
    """Members are doubled, missing, renamed, exchanged, or of another size; the archive itself is valid."""
    members = unzipped(content)
    if not members:
        return flip(content, chance)
    one, other = chance.randrange(len(members)), chance.randrange(len(members))
    name, member = members[one]
    match chance.randrange(8):
        case 0:
            members.insert(other, members[one])
        case 1:
            del members[one]
        case 2:
            members[one] = (
                chance.choice((members[other][0], name.upper(), "../" + name, name + "/", "x")),
                member,
            )
        case 3:
            members[one], members[other] = (name, members[other][1]), (members[other][0], member)
        case 4:
            members[one] = (name, member[: place(member, chance)])
        case 5:
            members[one] = (name, member + bytes(chance.choice((1, 4, 64, 100_000))))
        case 6:
            chance.shuffle(members)
        case _:
            members.append(
                (name.partition("/")[0] + chance.choice(("/x", "/code/a.py", "/data/9", "/version")), b"3\n")
            )
    return zipped(members, chance)


def in_member(content: bytes, chance: random.Random) -> bytes:
    """Something within one member; the archive itself is valid, checksums included."""
    members = unzipped(content)
    if not members:
        return flip(content, chance)
    pickles = [index for index, (name, _) in enumerate(members) if name.endswith("data.pkl")]
    index = chance.choice(pickles) if pickles and chance.random() < 0.8 else chance.randrange(len(members))
    name, member = members[index]
    change = opcode_edit if index in pickles else header_edit if name.endswith(".npy") else flip
    change = hdf5_field if name.endswith(".h5") else change
    members[index] = (name, change(member, chance))
    return zipped(members, chance)


def header_edit(content: bytes, chance: random.Random) -> bytes:
    """The text that a .npy file begins with."""
    if chance.random() < 0.3:
        return number_edit(content[:12], chance)[:12] + content[12:]
    end = content.find(b"\n") + 1
    head, rest = content[10:end], content[end:]
    old, new = chance.choice(
        (
            (
                b"<f4",
                chance.choice((b">f4", b"<f8", b"|O", b"<U4", b"<f3", b"<f40000", b"V8", b"<M8", b"|b1")),
            ),
            (b"False", chance.choice((b"True", b"None", b"0", b"[]"))),
            (
                b"(",
                chance.choice((b"(-", b"((", b"(1, ", b"(0, ", b"(99999999999999999999, ", b"[", b"(1e3, ")),
            ),
            (b"'shape'", chance.choice((b"'shope'", b"'descr'", b"b'shape'"))),
            (b"}", chance.choice((b"", b", 'a': 1}", b"}}", b"} or 1"))),
        )
    )
    head = head.replace(old, new, 1)
    return content[:8] + struct.pack("<H", len(head) % 2**16) + head + rest


def opcode_edit(content: bytes, chance: random.Random) -> bytes:
    """Instructions of a pickle that are doubled, missing, moved, exchanged or new."""
    starts = opcode_starts(content)
    if len(starts) < 3:
        return flip(content, chance)
    index = chance.randrange(len(starts) - 1)
    at, end = starts[index], starts[index + 1]
    part = content[at:end]
    other = chance.choice(starts)
    match chance.randrange(9):
        case 0:
            return content[:at] + content[end:]
        case 1:
            return content[:end] + part * chance.choice((1, 2, 200)) + content[end:]
        case 2:
            return content[:at] + chance.choice(OPCODES) + content[at + 1 :]
        case 3:
            return content[:at] + chance.choice(OPCODES) + content[at:]
        case 4:
            return content[:at] + chance.choice(SNIPPETS) + content[at:]
        case 5:
            return content[:other] + part + content[other:]
        case 6 if len(part) > 1:
            inside = at + chance.randrange(1, len(part))
            return with_number(content, inside, width=chance.choice((1, 2, 4)), chance=chance)
        case 7:
            return renamed(content, chance)
        case _:
            return (
                content[:at]
                + chance.choice((b"h\x00", b"h\x05", b"q\x00", b"q\x05", b"\x94", b"0", b"1"))
                + content[at:]
            )


def opcode_starts(content: bytes) -> list[int]:
    """Where instructions begin, up to the first that is none; legacy files hold several pickles in turn."""
    starts: list[int] = []
    stream = io.BytesIO(content)
    try:
        while stream.tell() < len(content):
            base = stream.tell()
            starts.extend(at for _, _, at in pickletools.genops(stream) if at is not None and at >= base)
    except Exception:  # numbers follow, or it was changed before
        pass
    return starts


def renamed(content: bytes, chance: random.Random) -> bytes:
    """A name that the pickle speaks of."""
    old, new = chance.choice(
        (
            (b"torch._utils", b"torch.hub   "),
            (b"_rebuild_tensor_v2", b"_rebuild_parameter"),
            (b"FloatStorage", b"HalfStorage\n"),
            (b"FloatStorage", b"UntypedStora"),
            (b"OrderedDict", b"defaultdict"),
            (b"OrderedDict", b"namedtuple_"),
            (b"collections", b"subprocess\n"),
            (b"storage", b"stOrage"),
            (b"cpu", b"xpu"),
            (b"weight", b"values"),
            (b"argparse", b"builtins"),
            (b"_reconstruct", b"fromfunction"),
        )
    )
    return content.replace(old, new, chance.choice((1, -1)))


def json_edit(content: bytes, chance: random.Random) -> bytes:
    """A value of the header of a safetensors file; its length is right."""
    size = int.from_bytes(content[:8], "little")
    try:
        header = json.loads(content[8 : 8 + size])
        assert isinstance(header, dict) and header
    except (ValueError, AssertionError, RecursionError):
        return flip(content, chance)
    name = chance.choice(sorted(header))
    entry: Any = header[name]
    match chance.randrange(6):
        case 0:
            header[name] = chance.choice(JSON_VALUES)
        case 1 if isinstance(entry, dict) and entry:
            entry[chance.choice(sorted(entry))] = chance.choice(JSON_VALUES)
        case 2 if isinstance(entry, dict) and isinstance(entry.get("shape"), list):
            entry["shape"] = chance.choice(
                ([-1, -12], [0, 2**70], [12], [3, 2, 2], [3, 4.0], ["3", 4], [3, True], [1] * 99)
            )
        case 3 if isinstance(entry, dict) and isinstance(entry.get("data_offsets"), list):
            numbers = chance.choice(
                ([0, 48], [48, 0], [4, 52], [-4, 44], [0, 2**63], [0.0, 48.0], [0], [0, 1, 2])
            )
            entry["data_offsets"] = numbers
        case 4:
            header[chance.choice(("__metadata__", name + "x", "", "\ud800"))] = entry
        case _:
            del header[name]
    return with_header(json.dumps(header).encode(), content[8 + size :])


def json_text(content: bytes, chance: random.Random) -> bytes:
    """The header as text: doubled keys, blanks, deep nests; its length is right."""
    size = int.from_bytes(content[:8], "little")
    text = content[8 : 8 + size]
    match chance.randrange(5):
        case 0:
            text = text.replace(b"{", b'{"0.bias":{"dtype":"F32","shape":[3],"data_offsets":[0,12]},', 1)
        case 1:
            text = chance.choice((b" ", b"\n", b"\xef\xbb\xbf", b"\0")) + text
        case 2:
            text = text + chance.choice((b" ", b"\0", b"{}", b"x"))
        case 3:
            text = text.replace(
                b":", b":" + chance.choice((b"[" * 5000, b'{"a":' * 3000, b"9" * 5000, b"NaN,", b"-")), 1
            )
        case _:
            text = text_edit(text, chance)
    return with_header(text, content[8 + size :])


def text_edit(text: bytes, chance: random.Random) -> bytes:
    return chance.choice((flip, drop, repeat))(text, chance)


def with_header(text: bytes, rest: bytes) -> bytes:
    return len(text).to_bytes(8, "little") + text + rest
