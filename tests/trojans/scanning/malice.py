"""Files that would do harm if they were read carelessly, made on the spot."""

from __future__ import annotations

import io
import os
import pickle
import warnings
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tests.checkpoints.hdf5_crafting import HDF5, external, keras

BOMB = 2**24
"""Bytes that one of the files unpacks to, from a few thousand."""


class Command:
    """Unpickled, it leaves a file behind."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch '{self.marker}'",)


def malicious_files(folder: Path, marker: Path, honest: dict[str, torch.Tensor]) -> list[Path]:
    """Files in `folder`; any that runs makes `marker`."""
    folder.mkdir(parents=True, exist_ok=True)
    evaluate = f"cbuiltins\neval\n(Vopen({str(marker)!r}, 'w')\ntR.".encode()
    buffer = io.BytesIO()
    torch.save(honest, buffer)
    whole = buffer.getvalue()
    torch.save({**honest, "hook": Command(marker)}, folder / "reduce.pt")
    torch.save(Command(marker), folder / "reduce_alone.pth")
    shadowed = OrderedDict(honest)
    shadowed.values = torch.Size  # type: ignore[method-assign, assignment]
    torch.save(OrderedDict(honest, state_dict=shadowed), folder / "shadowed.pt")
    with zipfile.ZipFile(folder / "bzip2.npz", "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("0.weight.npy", _npy(np.zeros(BOMB // 8)))
    contents = {
        "raw_pickle.pt": pickle.dumps(Command(marker), protocol=2),
        "old_pickle.pth": pickle.dumps(Command(marker), protocol=0),
        "eval.pt": _zip({"archive/data.pkl": evaluate, "archive/version": b"3"}),
        "eval_raw.pt": evaluate,
        "second_pickle.pt": _with_member(whole, "archive/more.pkl", evaluate),
        "nested.pt": _zip({"archive/inner.pt": _zip({"archive/data.pkl": evaluate})}),
        "nested.npz": _zip({"inner.npz": _zip({"a.npy": _npy(np.ones(3))})}),
        "pickle_inside.npz": _zip({"a.pkl": evaluate}),
        "objects.npz": _zip({"a.npy": _npy(np.array([Command(marker)], dtype=object))}),
        "bomb.npz": _zip({"0.weight.npy": _npy(np.zeros(BOMB // 8))}),
        "traversal.npz": _zip({"../../escaped.npy": _npy(np.ones(3)), "/tmp/escaped.npy": _npy(np.ones(3))}),
        "twice.npz": _twice("0.weight.npy", _npy(np.ones((5, 4)))),
        "leads_out.h5": HDF5["link to another file"][0](),
        "numbers_elsewhere.keras": keras(external(str(marker))),
        "cut.pt": whole[: len(whole) // 2],
        "cut.npz": _zip({"a.npy": _npy(np.ones(3))})[:-30],
        "cut.safetensors": b"\x40\0\0\0\0\0\0\0{",
        "long_header.safetensors": (2**60).to_bytes(8, "little") + b"{}",
        "empty.pt": b"",
        "text.pt": b"#!/bin/sh\ntouch marker\n",
        "wrong_suffix.safetensors": whole,
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return sorted(folder.iterdir())


def _npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, allow_pickle=array.dtype.hasobject)
    return buffer.getvalue()


def _zip(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def _with_member(content: bytes, name: str, member: bytes) -> bytes:
    buffer = io.BytesIO(content)
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr(name, member)
    return buffer.getvalue()


def _twice(name: str, content: bytes) -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr(name, content)
            archive.writestr(name, content)
    return buffer.getvalue()


def _archive(content: bytes) -> bytes:
    return _zip({"archive/data.pkl": content, "archive/version": b"3\n"})


def _safetensors(header: bytes) -> bytes:
    return len(header).to_bytes(8, "little") + header


DEADLY = {
    "deep_key.pt": _archive(b"\x80\x02}(" + b")" + b"\x85" * 1_000_000 + b"K\x01u."),
    "shared_key.pt": _archive(b"\x80\x02}(" + b")" + b"2\x86" * 40 + b"K\x01u."),
    "deep_value.pt": _archive(b"\x80\x02" + b"](" * 500_000 + b"e" * 500_000 + b"."),
    "metadata.safetensors": _safetensors(b'{"__metadata__":null}'),
    "deep.safetensors": _safetensors(b"[" * 200_000),
    "version.npy": b"\x93NUMPY\x09\x09\x76\x00{}",
}
"""Files that end or stop a reader that does not look out."""

HIDDEN: dict[str, Callable[[dict[str, Tensor]], Any]] = {
    "adapter.down": lambda net: {**net, "adapter": {"down": torch.ones(3)}},
    "extra_layers.0": lambda net: {**net, "extra_layers": [torch.ones(3)]},
    "other.weight": lambda net: {"state_dict": net, "other": {"weight": torch.ones(2, 2)}},
    "a.b.c.0": lambda net: {"state_dict": net, "a": {"b": {"c": (torch.ones(2),)}}},
    "ids": lambda net: {**net, "ids": torch.arange(4)},
    "mask": lambda net: {**net, "mask": torch.tensor([True, False])},
    "half.x": lambda net: {"state_dict": net, "half": {"x": torch.ones(2).half()}},
}
"""Files with more in them than one network, by the name of what nobody would look at."""


def special_entries(inside: Path, outside: Path) -> list[str]:
    """What a folder may hold that is no file, or far too large; made in `inside`, which exists."""
    outside.mkdir()
    (inside / "latest").symlink_to(outside)
    (inside / "gone.pt").symlink_to("nowhere.pt")
    (inside / "loop.pt").symlink_to("loop.pt")
    (inside / "null.pt").symlink_to("/dev/null")
    os.mkfifo(inside / "pipe.pt")
    (inside / "folder.pt").mkdir()
    (inside / "folder.pt" / "sparse").write_bytes(b"\x80\x02")
    with (inside / "folder.pt" / "sparse").open("r+b") as file:
        file.truncate(5 * 2**30)
    return ["folder.pt/sparse", "gone.pt", "latest", "loop.pt", "null.pt", "pipe.pt"]
