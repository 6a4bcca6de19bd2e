from __future__ import annotations

import os
import pickle
import re
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
import torch
from torch import nn

from scalegmn.checkpoints import read_foreign
from scalegmn.checkpoints._stand_ins import StoredTensor
from scalegmn.errors import CheckpointError, UnsafeCheckpointError


@pytest.fixture
def module() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 5), nn.BatchNorm2d(4), nn.Linear(4, 2))


def rewritten(path: Path, change: Callable[[str, bytes], bytes | None]) -> Path:
    """The archive with other contents; None leaves a member out."""
    with zipfile.ZipFile(path) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            changed = change(name, data)
            if changed is not None:
                archive.writestr(name, changed)
    return path


def saved(value: object, path: Path) -> Path:
    torch.save(value, path)
    return path


def test_what_training_programs_save(module: nn.Module, tmp_path: Path) -> None:
    optimizer = torch.optim.AdamW(module.parameters(), lr=1e-3)
    for parameter in module.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    content = {"model": module.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3, "note": None}
    found = read_foreign(saved(content, tmp_path / "x.pt"))
    assert found.entries["epoch"] == 3 and found.entries["note"] is None
    tensors = found.tensors("model")
    assert list(tensors) == list(module.state_dict())
    for name, tensor in module.state_dict().items():
        assert tensors[name].dtype == tensor.dtype and torch.equal(tensors[name], tensor)
    assert isinstance(found.entries["optimizer"], dict)
    assert isinstance(found.entries["optimizer"]["state"][0]["exp_avg"], StoredTensor)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int64])
def test_precisions_and_protocols(dtype: torch.dtype, protocol: int, tmp_path: Path) -> None:
    tensor = torch.arange(6).reshape(2, 3).to(dtype)
    torch.save({"model": {"a": tensor}}, tmp_path / "x.pt", pickle_protocol=protocol)
    found = read_foreign(tmp_path / "x.pt").tensors("model")["a"]
    assert found.dtype == dtype and torch.equal(found, tensor)


def test_views_parameters_and_scalars(tmp_path: Path) -> None:
    whole = torch.arange(24.0)
    tensors = {
        "view": whole[4:10].reshape(2, 3).T,
        "last": nn.Conv2d(2, 3, 3).weight.to(memory_format=torch.channels_last),
        "scalar": torch.tensor(2.5),
        "parameter": nn.Parameter(torch.ones(3)),
    }
    found = read_foreign(saved({"model": tensors}, tmp_path / "x.pt")).tensors("model")
    for name, tensor in tensors.items():
        assert found[name].is_contiguous() and not found[name].requires_grad
        assert torch.equal(found[name], tensor.detach())


def test_read_tensors_share_nothing(tmp_path: Path) -> None:
    checkpoint = read_foreign(saved({"model": {"a": torch.zeros(3)}}, tmp_path / "x.pt"))
    checkpoint.tensors("model")["a"].add_(1)
    assert torch.equal(checkpoint.tensors("model")["a"], torch.zeros(3))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"config": 1}, "under 'model', found nothing"),
        ({"model": 3}, "found int"),
        ({"model": {}}, "found dict"),
        ({"model": {"a": 1}}, "holds a int"),
        ({"model": {0: torch.ones(1)}}, "key of type int"),
        ({"model": {"a": torch.ones(2).to_sparse()}}, "holds a StandIn"),
        ({"model": {"a": torch.ones(1).expand(10**9)}}, "more than max_bytes"),
        ({"model": {"a": torch.ones([1] * 33)}}, "does not fit"),
    ],
)
def test_entries_that_are_no_state_dict(content: object, message: str, tmp_path: Path) -> None:
    checkpoint = read_foreign(saved(content, tmp_path / "x.pt"))
    with pytest.raises(CheckpointError, match=message):
        checkpoint.tensors("model")


def test_tensors_that_share_much(tmp_path: Path) -> None:
    """A small file must not become a large memory."""
    whole = torch.zeros(200_000)
    shared = saved({"model": {str(number): whole for number in range(500)}}, tmp_path / "x.pt")
    with pytest.raises(CheckpointError, match="more than max_bytes"):
        read_foreign(shared).tensors("model")


def test_missing_and_short_numbers(tmp_path: Path) -> None:
    for cut, message in ((lambda data: None, "no bytes"), (lambda data: data[:-4], "8 bytes")):
        path = saved({"model": {"a": torch.ones(3)}}, tmp_path / "x.pt")
        rewritten(path, lambda name, data, cut=cut: cut(data) if name.endswith("data/0") else data)
        with pytest.raises(CheckpointError, match=message):
            read_foreign(path).tensors("model")


@pytest.mark.parametrize(
    ("offset", "size", "stride"),
    [(0, 78, 1), (0, 2**30, 1), (1, 77, 1), (77, 1, 1), (0, 2, 77), (2**30, 1, 1)],
)
def test_shapes_beyond_the_storage(offset: int, size: int, stride: int, tmp_path: Path) -> None:
    path = saved({"model": {"a": torch.ones(77)}}, tmp_path / "x.pt")
    # Offset 0, shape (77,) and stride (1,), with instructions of the memo in between.
    written = re.compile(rb"K\x00KM\x85(q.)K\x01\x85", re.DOTALL)

    def number(value: int) -> bytes:
        return b"J" + value.to_bytes(4, "little")

    def grow(name: str, data: bytes) -> bytes:
        if name.endswith("data.pkl"):
            new = number(offset) + number(size) + b"\x85"
            data, count = written.subn(lambda found: new + found.group(1) + number(stride) + b"\x85", data)
            assert count == 1
        return data

    with pytest.raises(CheckpointError, match="does not fit the 77 numbers"):
        read_foreign(rewritten(path, grow)).tensors("model")


class Trap:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> object:
        return os.system, (f"touch {self.target}",)


@pytest.mark.parametrize("place", ["model", "config", "optimizer"])
def test_code_is_refused_wherever_it_is(place: str, tmp_path: Path) -> None:
    target = tmp_path / "ran"
    content: dict[str, object] = {"model": {"a": torch.ones(3)}, "config": 1}
    path = saved({**content, place: [Trap(target)]}, tmp_path / "x.pt")
    with pytest.raises(UnsafeCheckpointError, match=r"x\.pt: .*system"):
        read_foreign(path)
    assert not target.exists()
    torch.load(path, weights_only=False)
    assert target.exists()


def test_files_that_are_no_checkpoints(tmp_path: Path) -> None:
    def written(content: bytes) -> Path:
        (tmp_path / "x.pt").write_bytes(content)
        return tmp_path / "x.pt"

    def zipped(**members: bytes) -> bytes:
        buffer = BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, data in members.items():
                archive.writestr(name.replace("__", "/"), data)
        return buffer.getvalue()

    plain = pickle.dumps({"a": 1}, protocol=2)
    legacy = BytesIO()
    torch.save({"a": torch.ones(1)}, legacy, _use_new_zipfile_serialization=False)
    for content, message in (
        (b"", "empty"),
        (b"nothing", "not a zip archive"),
        (legacy.getvalue(), "not a zip archive"),
        (zipped(a=b"")[:-5], "damaged"),
        (zipped(a=b""), "torch.save does not write"),
        (zipped(x__version=b"3"), "no data.pkl"),
        (zipped(**{"x__data.pkl": plain, "y__data.pkl": plain}), "2 folders"),
        (zipped(**{"x__data.pkl": plain, "x__byteorder": b"big"}), "byte order"),
        (zipped(**{"x__data.pkl": plain[:-1]}), "damaged"),
        (zipped(**{"x__data.pkl": pickle.dumps([1])}), "holds a list"),
    ):
        with pytest.raises(CheckpointError, match=message):
            read_foreign(written(content))
    with pytest.raises(CheckpointError, match="no such file"):
        read_foreign(tmp_path / "y.pt")


def test_archives_that_unpack_to_too_much(tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x/data.pkl", pickle.dumps({}))
        archive.writestr("x/data/0", bytes(10**7))
    with pytest.raises(CheckpointError, match="unpacks to"):
        read_foreign(path, max_bytes=10**6)
