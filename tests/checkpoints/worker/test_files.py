"""The library's own decoder in workers: what comes back is what was saved."""

from __future__ import annotations

import io
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from scalegmn.checkpoints import FileContents, RawTensor
from scalegmn.checkpoints.worker import Reader
from scalegmn.errors import CheckpointError, UnsafeCheckpointError

MAX_BYTES = 2**22


class Payload:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("run",)


def tensors(found: FileContents) -> dict[str, torch.Tensor]:
    """All tensors by their last key."""
    made = {}
    for entry in found.contents.entries:
        if isinstance(entry.value, RawTensor):
            flat = torch.frombuffer(bytearray(entry.value.data), dtype=getattr(torch, entry.value.dtype))
            made[str(entry.path[-1])] = flat.reshape(entry.value.shape)
    return made


def unpacking(size: int) -> bytes:
    """A small archive with a member that unpacks to so many bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("archive/data.pkl", bytes(size))
    return buffer.getvalue()


def test_files_of_all_formats_and_hostile_ones_among_them(tmp_path: Path) -> None:
    state = OrderedDict(
        weight=torch.randn(3, 4), half=torch.randn(2).bfloat16(), turned=torch.randn(2, 3).t()
    )
    plain = {name: tensor.contiguous() for name, tensor in state.items()}
    torch.save(state, tmp_path / "zip.pt")
    torch.save({"state_dict": state, "epoch": 3}, tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    save_file(plain, tmp_path / "a.safetensors")
    np.savez_compressed(tmp_path / "a.npz", weight=plain["weight"].numpy(), turned=plain["turned"].numpy())
    torch.save({"state_dict": state, "more": Payload()}, tmp_path / "hostile.pt")
    (tmp_path / "bomb.pt").write_bytes(unpacking(2**26))
    (tmp_path / "none.pt").write_bytes(b"<html>")
    names = ["zip.pt", "hostile.pt", "old.pt", "bomb.pt", "a.safetensors", "none.pt", "a.npz"]
    with Reader(workers=1) as reader:
        read = list(reader.read_many([tmp_path / name for name in names], max_bytes=MAX_BYTES))
    assert [found.contents.format for found in read if isinstance(found, FileContents)] == [
        "torch",
        "torch_legacy",
        "safetensors",
        "npz",
    ]
    for found in read[::2]:
        assert isinstance(found, FileContents)
        for name, tensor in tensors(found).items():
            assert tensor.dtype == state[name].dtype and torch.equal(tensor, state[name])
    assert isinstance(read[1], UnsafeCheckpointError) and "print" in str(read[1])
    assert isinstance(read[3], CheckpointError) and "67,108,864 bytes" in str(read[3])
    assert isinstance(read[5], CheckpointError) and str(read[5]).startswith(str(tmp_path / "none.pt"))


def test_numbers_can_be_left_out(tmp_path: Path) -> None:
    torch.save({"model": {"w": torch.ones(3)}, "optimizer": {"m": torch.ones(10_000)}}, tmp_path / "a.pt")
    with Reader(workers=1) as reader:
        found = reader.read(
            tmp_path / "a.pt",
            max_bytes=MAX_BYTES,
            select=lambda contents: [
                index for index, entry in enumerate(contents.entries) if entry.path[0] == "model"
            ],
        )
    sizes = {
        entry.path: len(entry.value.data)
        for entry in found.contents.entries
        if isinstance(entry.value, RawTensor)
    }
    assert sizes == {("model", "w"): 12, ("optimizer", "m"): 0}


def test_two_readings_of_one_file_are_alike(tmp_path: Path) -> None:
    torch.save({"w": torch.arange(5)}, tmp_path / "a.pt")
    with Reader(workers=1) as first, Reader(workers=1, pass_descriptors=False) as second:
        one, other = (reader.read(tmp_path / "a.pt", max_bytes=MAX_BYTES) for reader in (first, second))
    assert one.sha256 == other.sha256
    assert torch.equal(tensors(one)["w"], tensors(other)["w"])
