"""Files that would do harm if they were read carelessly, made on the spot."""

from __future__ import annotations

import io
import os
import pickle
import warnings
import zipfile
from pathlib import Path

import numpy as np
import torch

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
