"""Which files of a folder may hold a network: by their names, and where names say nothing, by how they begin.

A file that is one of these and cannot be evaluated is an error; others are skipped, and every report lists
them.
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import Final

SUFFIXES: Final = frozenset(
    [
        "bin",
        "bin.index.json",
        "ckpt",
        "engine",
        "ggml",
        "gguf",
        "h5",
        "hdf5",
        "joblib",
        "keras",
        "mar",
        "mlmodel",
        "model",
        "msgpack",
        "nemo",
        "npy",
        "npz",
        "onnx",
        "ort",
        "params",
        "pb",
        "pdiparams",
        "pdmodel",
        "pdparams",
        "pickle",
        "pkl",
        "plan",
        "pmml",
        "pt",
        "pt2",
        "pte",
        "pth",
        "ptl",
        "rknn",
        "safetensors",
        "safetensors.index.json",
        "skops",
        "t7",
        "tar",
        "tfl",
        "tflite",
        "tgz",
        "th",
        "torch",
        "torchscript",
        "trt",
        "uff",
        "weights",
        "xmodel",
    ]
)
"""Endings of the names of files with networks, in lower case, by the program that writes them or by habit."""

# Where the name of a checkpoint goes on after its suffix: model.ckpt-1000, model.data-00000-of-00001.
_NUMBERED: Final = re.compile(r"\.(ckpt|pth?|data)[-_.]?\d+(-of-\d+)?(\.(index|meta))?$")
# Endings that other programs put behind a name: copies, and compressed files.
_BEHIND: Final = re.compile(r"(\.(bak|backup|old|orig|tmp|part|gz|bz2|xz|zst|lz4|zip|7z|rar|\d+)|~)+$")

_HEAD: Final = 2**12
_TAIL: Final = 2**16
_BEGINNINGS: Final = (
    b"\x93NUMPY",
    b"GGUF",
    b"PyTorch",
    *(bytes((0x80, protocol)) for protocol in range(2, 6)),  # pickles
)
_HDF5: Final = b"\x89HDF\r\n\x1a\n"
_HDF5_PLACES: Final = (0, 512, 1024, 2048)
# Compressed by gzip, bzip2, xz, zstd.  Only of files without a suffix: others say what they are by name.
_COMPRESSED: Final = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd")
# Names in the directory of a zip archive, which stands at its end, or in the first entry of an archive.
_MEMBERS: Final = re.compile(
    rb"\.(npy|npz|pkl|pickle|pt|ckpt|h5|keras|onnx|safetensors|tflite|joblib|gguf|msgpack)|pytorch_model"
)
_LARGEST_HEADER: Final = 10**8


def has_model_name(name: str) -> bool:
    """Whether the name of a file is one of a model: ``a.pt``, ``a.PTH.TAR``, ``a.ckpt-100``, ``a.pt.bak``."""
    lower = name.lower()
    if _NUMBERED.search(lower):
        return True
    plain = _BEHIND.sub("", lower)
    return any(one.endswith(f".{suffix}") for one in (lower, plain) for suffix in SUFFIXES)


def begins_like_a_model(path: Path) -> bool:
    """Whether a file begins, or an archive ends, as files of models do; nothing is unpacked.

    Raises:
        OSError: it cannot be read.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    with open(descriptor, "rb") as file:
        facts = os.fstat(file.fileno())
        if not stat.S_ISREG(facts.st_mode):
            return False
        size = facts.st_size
        head = file.read(_HEAD)
        if head.startswith(_BEGINNINGS) or _is_safetensors(head, size) or _is_message(head):
            return True
        if head[4:8] == b"TFL3" or any(head[place:].startswith(_HDF5) for place in _HDF5_PLACES):
            return True
        if not path.suffix and head.startswith(_COMPRESSED):
            return True
        if head.startswith(b"PK") or head[257:262] == b"ustar":
            file.seek(max(0, size - _TAIL))
            return bool(_MEMBERS.search(head) or _MEMBERS.search(file.read(_TAIL)))
    return False


def _is_safetensors(head: bytes, size: int) -> bool:
    length = int.from_bytes(head[:8], "little")
    return len(head) > 8 and head[8:9] == b"{" and 1 < length <= min(size - 8, _LARGEST_HEADER)


def _is_message(head: bytes) -> bool:
    """Whether these are the first fields of ONNX or Core ML: a small version, then text or a message."""
    return len(head) > 4 and head[0] == 0x08 and 0 < head[1] < 32 and head[2] in (0x12, 0x1A, 0x22, 0x3A)
