"""New parameters in the place of old ones: the user's own program reads the file as it read the old one."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from scalegmn.checkpoints import read_state, write_like
from scalegmn.errors import CheckpointError, NonFiniteError


def network() -> nn.Module:
    module = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 3))
    module.register_buffer("mask", torch.tensor([True, False]))
    return module


def rewritten(path: Path, output: Path) -> dict[str, Tensor]:
    checkpoint = read_state(path)
    new = {name: tensor + 1 for name, tensor in checkpoint.tensors.items()}
    write_like(output, checkpoint, new)
    return new


def test_what_a_training_program_saves_is_loaded_by_it_again(tmp_path: Path) -> None:
    module = nn.DataParallel(network())
    module.module[1].num_batches_tracked.fill_(7)
    saved = {
        "epoch": 3,
        "loss": torch.tensor(0.5),
        "best": None,
        "config": {"widths": [1, 2, 3], "name": "x", "nothing": {}},
        "args": Namespace(lr=0.1),
        "state": {"model": module.state_dict()},
        "optimizer": torch.optim.Adam(module.parameters()).state_dict(),
    }
    torch.save(saved, tmp_path / "old.ckpt")
    rewritten(tmp_path / "old.ckpt", tmp_path / "new.ckpt")
    loaded = torch.load(tmp_path / "new.ckpt", weights_only=True)
    assert {key: loaded[key] for key in ("epoch", "loss", "best", "config")} == {
        key: saved[key] for key in ("epoch", "loss", "best", "config")
    }
    assert set(loaded["state"]["model"]) == set(module.state_dict())
    other = nn.DataParallel(network())
    other.load_state_dict(loaded["state"]["model"], strict=True)
    for name, value in module.state_dict().items():
        found = other.state_dict()[name]
        assert found.dtype == value.dtype
        assert torch.equal(found, value + 1 if value.is_floating_point() else value)


def test_dictionaries_with_numbers_for_keys_are_no_lists(tmp_path: Path) -> None:
    """Such as the classes of a network by their numbers, or the steps at which it was measured."""
    saved = {
        "classes": {0: "cat", 1: "dog"},
        "accuracy": {10: 0.5, 20: 0.75},
        "order": ([1, 2], {0: [3]}),
        "state_dict": network().state_dict(),
    }
    torch.save(saved, tmp_path / "old.pt")
    rewritten(tmp_path / "old.pt", tmp_path / "new.pt")
    loaded = torch.load(tmp_path / "new.pt", weights_only=True)
    assert (loaded["classes"], loaded["accuracy"]) == (saved["classes"], saved["accuracy"])
    assert loaded["order"] == [[1, 2], {0: [3]}]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("suffix", [".safetensors", ".pt", ".bin"])
def test_precision_stays(tmp_path: Path, dtype: torch.dtype, suffix: str) -> None:
    state = {"_orig_mod.w": torch.ones(2, 2, dtype=dtype), "_orig_mod.n": torch.arange(3)}
    path = tmp_path / f"old{suffix}"
    if suffix == ".safetensors":
        safetensors.torch.save_file(state, path)
    else:
        torch.save(state, path)
    rewritten(path, tmp_path / f"new{suffix}")
    new = read_state(tmp_path / f"new{suffix}")
    assert new.original_dtypes == {"w": dtype} and torch.equal(new.tensors["w"], torch.full((2, 2), 2.0))
    assert torch.equal(new.buffers["n"], torch.arange(3)) and new.names["w"] == "_orig_mod.w"


def test_arrays_stay_arrays(tmp_path: Path) -> None:
    np.savez(tmp_path / "old.npz", w=np.ones(2), n=np.arange(3), label=4)
    rewritten(tmp_path / "old.npz", tmp_path / "new.npz")
    with np.load(tmp_path / "new.npz", allow_pickle=False) as arrays:
        assert arrays["w"].tolist() == [2, 2] and arrays["n"].tolist() == [0, 1, 2]
    assert read_state(tmp_path / "new.npz").extras == {"label": 4}


def test_what_cannot_be_written_is_refused_and_nothing_is_there(tmp_path: Path) -> None:
    torch.save({"w": torch.ones(2, dtype=torch.float16)}, tmp_path / "old.pt")
    checkpoint = read_state(tmp_path / "old.pt")
    with pytest.raises(CheckpointError, match="other names"):
        write_like(tmp_path / "new.pt", checkpoint, {"v": torch.ones(2)})
    with pytest.raises(NonFiniteError, match="2 Inf"):
        write_like(tmp_path / "new.pt", checkpoint, {"w": torch.full((2,), 1e6)})
    with pytest.raises(CheckpointError, match="exists and was left alone"):
        write_like(tmp_path / "old.pt", checkpoint, checkpoint.tensors)
    assert [path.name for path in tmp_path.iterdir()] == ["old.pt"]
