from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from scalegmn.errors import CheckpointError
from scalegmn.training._checkpoint_io import PlainCheckpointIO, read_checkpoint


class Evil:
    """Makes a folder where it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.folder),)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    io = PlainCheckpointIO()
    path = tmp_path / "new" / "last.ckpt"
    for value in (1.0, 2.0):
        io.save_checkpoint({"state_dict": {"a": torch.tensor(value)}, "epoch": 3}, path)
        assert io.load_checkpoint(path)["state_dict"]["a"] == value
    assert [entry.name for entry in path.parent.iterdir()] == ["last.ckpt"]
    io.remove_checkpoint(path)
    io.remove_checkpoint(path)
    assert not path.exists()


def test_a_checkpoint_that_runs_code_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    torch.save({"state_dict": {}, "x": Evil(tmp_path / "evil")}, path)
    with pytest.raises(CheckpointError, match="not a readable checkpoint"):
        read_checkpoint(path)
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04 truncated"])
def test_missing_and_damaged_files(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "last.ckpt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"last\.ckpt"):
        read_checkpoint(path)


def test_other_content_is_refused(tmp_path: Path) -> None:
    torch.save([1, 2], tmp_path / "x.ckpt")
    with pytest.raises(CheckpointError, match="expected a checkpoint of a training"):
        read_checkpoint(tmp_path / "x.ckpt")
