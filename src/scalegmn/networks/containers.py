"""The three file formats of single networks, between bytes and named entries.

======================= =============================================================================
``.safetensors``        tensors only; plain values travel as JSON in the file's metadata
``.npz``                NumPy arrays without pickled objects; plain values as JSON in one more array
``.pt``, ``.pth``       ``torch.save``, both its zip form and the form of torch before 1.6
======================= =============================================================================

Nothing here judges whether the entries are sensible weights; that is done by
:mod:`scalegmn.networks.checkpoints`.
"""

from __future__ import annotations

import json
import os
import pickle
import re
import struct
import warnings
import zipfile
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Mapping
from io import BytesIO
from pathlib import Path
from types import MappingProxyType

import numpy as np
import safetensors.torch
import torch
from torch import Tensor

from scalegmn.errors import CheckpointError
from scalegmn.networks.pickles import refuse_code, refuse_code_in_legacy_file, unsafe

Plain = int | float | str | bool
_EXTRAS_KEY = "scalegmn.extras"  # of the metadata of a .safetensors file, or an entry of an .npz file


def known_suffix(path: str | os.PathLike[str]) -> str:
    """The suffix of a path in lower case.

    Raises:
        CheckpointError: if no format has this suffix.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise CheckpointError(
            f"{os.fspath(path)}: the suffix {suffix!r} is not supported; expected one of "
            f"{', '.join(SUFFIXES)}. If the file is in one of these formats, rename it; otherwise save the "
            "weights in one of them."
        )
    return suffix


def decode(*, content: bytes, suffix: str, origin: str, max_bytes: int) -> Mapping[object, object]:
    """Turn the bytes of a file into its named entries; tensors are on the CPU.

    Raises:
        UnsafeCheckpointError: if reading would run code.
        CheckpointError: if the bytes are not a whole file of the format that ``suffix`` names.
    """
    return _DECODERS[suffix](content, origin, max_bytes)


def encode(*, tensors: Mapping[str, Tensor], extras: Mapping[str, Plain], suffix: str, origin: str) -> bytes:
    """Turn dense CPU tensors and plain values into the bytes of a file.

    Raises:
        CheckpointError: if the format cannot hold one of the tensors.
    """
    buffer = BytesIO()
    if suffix == ".safetensors":
        metadata = {_EXTRAS_KEY: json.dumps(dict(extras))} if extras else None
        return safetensors.torch.save(dict(tensors), metadata=metadata)
    if suffix == ".npz":
        for name, tensor in tensors.items():
            if tensor.dtype == torch.bfloat16:
                raise CheckpointError(
                    f"{origin}: NumPy has no bfloat16, the precision of tensor {name!r}; expected float16, "
                    "float32 or float64. Convert it with .float(), or save as .safetensors or .pt."
                )
        arrays: dict[str, np.ndarray] = {name: tensor.numpy() for name, tensor in tensors.items()}
        if extras:
            arrays[_EXTRAS_KEY] = np.array(json.dumps(dict(extras)))
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, array in arrays.items():
                member = BytesIO()
                np.lib.format.write_array(member, array, allow_pickle=False)
                archive.writestr(f"{name}.npy", member.getvalue())
        return buffer.getvalue()
    torch.save(OrderedDict([*tensors.items(), *extras.items()]), buffer)
    return buffer.getvalue()


def _looks_like(content: bytes) -> str:
    """What the first bytes say about a file, for error messages."""
    if content[:2] == b"PK":
        if b"data.pkl" in content[:4096]:
            return "it looks like a file of torch.save (.pt)"
        return "it looks like a zip archive (.npz, or .pt)"
    if content[:6] == b"\x93NUMPY":
        return "it looks like a single NumPy array (.npy)"
    if content[:4] == b"\x89HDF":
        return "it looks like an HDF5 file (.h5)"
    if _has_safetensors_head(content):
        return "it looks like a .safetensors file"
    if content[:1] == b"\x80":
        return "it looks like a Python pickle (.pt of torch before 1.6, or .pkl)"
    return f"its first bytes are {content[:8]!r}"


def _has_safetensors_head(content: bytes) -> bool:
    # The length of the header (8 bytes, little-endian, below 100 MB), then JSON.
    return content[4:9] == b"\0\0\0\0{"


def _damaged(origin: str, expected: str, content: bytes, reason: str) -> CheckpointError:
    return CheckpointError(
        f"{origin}: cannot be read as {expected}: {reason} ({len(content):,} bytes on disk; "
        f"{_looks_like(content)}). If it was cut short or damaged, copy or save it again; if its suffix is "
        "wrong, rename it."
    )


def read_archive(content: bytes, origin: str, max_bytes: int, expected: str) -> dict[str, bytes]:
    """All members of a zip archive, checked against their checksums, none of them written to disk."""
    if content[:2] != b"PK":
        raise _damaged(origin, expected, content, "it is not a zip archive")
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            infos = archive.infolist()
            declared = sum(info.file_size for info in infos)
            if declared > max_bytes:
                raise CheckpointError(
                    f"{origin}: the archive unpacks to {declared:,} bytes ({len(content):,} on disk), which "
                    f"is more than max_bytes={max_bytes:,}. If you trust the file, pass a larger max_bytes."
                )
            twice = _repeated(info.filename for info in infos)
            if twice:
                raise CheckpointError(
                    f"{origin}: the archive holds {', '.join(twice)} more than once; expected every entry "
                    "once. Save the file again."
                )
            return {info.filename: archive.read(info) for info in infos}
    except CheckpointError:
        raise
    except Exception as error:  # bytes made by anybody can break a zip reader in any way
        raise _damaged(origin, expected, content, f"{error or type(error).__name__}") from error


def _decode_torch(content: bytes, origin: str, max_bytes: int) -> Mapping[object, object]:
    expected = "a file of torch.save"
    if content[:2] == b"PK":
        members = read_archive(content, origin, max_bytes, expected)
        pickles = {name: data for name, data in members.items() if name.lower().endswith(".pkl")}
        if any(name.endswith("constants.pkl") for name in pickles):
            raise unsafe(names=["the program of a TorchScript archive"], origin=origin)
        if not pickles:
            raise _damaged(origin, expected, content, "the archive has no data.pkl")
        for name, data in pickles.items():
            refuse_code(pickle=data, origin=f"{origin} ({name})")
    elif _has_safetensors_head(content):
        raise _damaged(origin, expected, content, "it is neither a zip archive nor a pickle")
    else:
        refuse_code_in_legacy_file(content=content, origin=origin)
    try:
        with warnings.catch_warnings():
            # torch warns about its own old classes and about kinds of tensors that are refused anyway.
            warnings.simplefilter("ignore")
            value = torch.load(BytesIO(content), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        named = re.search(r"GLOBAL (\S+)", str(error))
        if named:
            raise unsafe(names=[named.group(1)], origin=origin) from None
        reason = "torch's safe reader does not know an instruction (is pickle_protocol other than 2?)"
        raise _damaged(origin, expected, content, reason) from error
    except Exception as error:  # as above
        first_line = (str(error) or type(error).__name__).splitlines()[0]
        raise _damaged(origin, expected, content, first_line) from error
    if not isinstance(value, Mapping):
        raise CheckpointError(
            f"{origin}: the file holds one {type(value).__name__}; expected a dictionary of tensors by "
            "name. Save module.state_dict() instead."
        )
    return value


def _decode_npz(content: bytes, origin: str, max_bytes: int) -> Mapping[object, object]:
    entries: dict[object, object] = {}
    extras: dict[str, Plain] = {}
    for member, data in read_archive(content, origin, max_bytes, "an .npz file").items():
        if not member.endswith(".npy"):
            raise _damaged(origin, "an .npz file", content, f"its entry {member!r} is not a .npy array")
        name = member.removesuffix(".npy")
        array = _read_array(data, f"{origin}: array {name!r}")
        if name == _EXTRAS_KEY:
            extras = _plain_values(array.item() if array.ndim == 0 else None, origin)
        elif array.ndim == 0 and array.dtype.kind in "iubU":
            entries[name] = array.item()
        else:
            entries[name] = torch.from_numpy(array)
    return _joined(entries, extras, origin)


def _read_array(data: bytes, where: str) -> np.ndarray:
    """One ``.npy`` array in native byte order; its header is checked before anything is allocated."""
    stream = BytesIO(data)
    try:
        version = np.lib.format.read_magic(stream)
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else None
        read_header = read_header or np.lib.format.read_array_header_2_0
        shape, _, dtype = read_header(stream)
    except Exception as error:  # the header is text written by anybody
        raise CheckpointError(f"{where} has a damaged header: {error}. Save the file again.") from error
    if dtype.hasobject:
        raise CheckpointError(
            f"{where} holds Python objects (dtype {dtype}), which NumPy can only read by running a pickle; "
            "expected numbers. Save each array of numbers under a name of its own."
        )
    number = dtype.kind in "iubc" or (dtype.kind == "f" and dtype.itemsize <= 8)
    if not number and not (dtype.kind == "U" and shape == ()):
        raise CheckpointError(f"{where} has dtype {dtype}; expected float16, float32 or float64. Convert it.")
    promised = dtype.itemsize
    for size in shape:  # not np.prod, which overflows silently
        promised *= int(size)
    present = len(data) - stream.tell()
    if promised != present:
        raise CheckpointError(
            f"{where} promises {promised:,} bytes of numbers (shape {shape}) and has {present:,}; the file "
            "was cut short or damaged. Save it again."
        )
    stream.seek(0)
    array = np.lib.format.read_array(stream, allow_pickle=False)
    return np.array(array, dtype=array.dtype.newbyteorder("="), order="C")


def _decode_safetensors(content: bytes, origin: str, max_bytes: int) -> Mapping[object, object]:
    expected = "a .safetensors file"
    try:
        (length,) = struct.unpack("<Q", content[:8])
        if 8 + length > len(content):
            raise ValueError(f"its header should have {length:,} bytes and breaks off")
        header = json.loads(content[8 : 8 + length], object_pairs_hook=_without_repeats)
        metadata = header.pop("__metadata__", {})
        ends = {name: int(entry["data_offsets"][1]) for name, entry in header.items()}
        promised = 8 + length + max(ends.values(), default=0)
        if promised > len(content):
            raise ValueError(f"its header promises {promised:,} bytes, so it breaks off")
        tensors = safetensors.torch.load(content)
    except Exception as error:  # the header is text written by anybody
        raise _damaged(origin, expected, content, str(error) or type(error).__name__) from error
    # The reader sorts by name; the order of the numbers in the file is the order meant by the writer.
    entries: dict[object, object] = {name: tensors[name] for name in sorted(ends, key=lambda key: ends[key])}
    extras = _plain_values(metadata[_EXTRAS_KEY], origin) if _EXTRAS_KEY in metadata else {}
    return _joined(entries, extras, origin)


def _joined(entries: dict[object, object], extras: dict[str, Plain], origin: str) -> dict[object, object]:
    twice = sorted(name for name in extras if name in entries)
    if twice:
        raise CheckpointError(
            f"{origin}: {', '.join(twice)} names both an array and a plain value; expected every name once. "
            "Save the file again."
        )
    return entries | dict(extras.items())


def _without_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    repeated = _repeated(key for key, _ in pairs)
    if repeated:
        raise ValueError(f"{', '.join(repeated)} occurs more than once in its header")
    return dict(pairs)


def _repeated(names: Iterable[str]) -> list[str]:
    return sorted(name for name, count in Counter(names).items() if count > 1)


def _plain_values(text: object, origin: str) -> dict[str, Plain]:
    """The plain values that :func:`encode` wrote as JSON."""
    try:
        values = json.loads(str(text))
        if isinstance(values, dict) and all(
            isinstance(value, int | float | str) for value in values.values()
        ):
            return values
    except (ValueError, RecursionError):
        pass
    raise CheckpointError(
        f"{origin}: the entry {_EXTRAS_KEY!r} is {str(text)[:80]!r}; expected a JSON object of numbers, "
        "texts and truth values. Save the file again with write_state."
    )


_DECODERS: Mapping[str, Callable[[bytes, str, int], Mapping[object, object]]] = MappingProxyType(
    {".safetensors": _decode_safetensors, ".npz": _decode_npz, ".pt": _decode_torch, ".pth": _decode_torch}
)
SUFFIXES: tuple[str, ...] = tuple(_DECODERS)
