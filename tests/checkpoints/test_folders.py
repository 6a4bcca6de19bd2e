"""Folders that are one network: their parts are read together, or refused by name."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from scalegmn.checkpoints import network_parts, read_networks, read_state
from scalegmn.errors import CheckpointError

FIRST, SECOND = {"a.weight": torch.ones(2, 3)}, {"b.weight": torch.zeros(3, 2), "b.bias": torch.ones(3)}


def part(number: int, count: int = 2, suffix: str = "safetensors") -> str:
    return f"model-{number:05d}-of-{count:05d}.{suffix}"


def sharded(folder: Path, *, suffix: str = "safetensors", index: bool = True) -> Path:
    folder.mkdir(exist_ok=True)
    owners = {}
    for number, state in ((1, FIRST), (2, SECOND)):
        name = part(number, suffix=suffix)
        save = save_file if suffix == "safetensors" else torch.save
        save(state, folder / name)
        owners |= dict.fromkeys(state, name)
    if index:
        write_index(folder, owners, suffix=suffix)
    return folder


def write_index(folder: Path, owners: object, *, suffix: str = "safetensors") -> None:
    (folder / f"model.{suffix}.index.json").write_text(json.dumps({"metadata": {}, "weight_map": owners}))


def check(tensors: dict[str, Tensor]) -> None:
    assert list(tensors) == ["a.weight", *SECOND] or set(tensors) == {"a.weight", *SECOND}
    assert all(torch.equal(tensors[name], value) for name, value in {**FIRST, **SECOND}.items())


@pytest.mark.parametrize("suffix", ["safetensors", "bin"])
@pytest.mark.parametrize("index", [True, False])
def test_parts_are_one_network(tmp_path: Path, suffix: str, index: bool) -> None:
    folder = sharded(tmp_path / "net", suffix=suffix, index=index)
    found = read_state(folder)
    check(found.tensors)
    assert any("2 files were read as one" in note for note in found.notes)
    assert read_networks(folder).sha256 == found.sha256
    # The checksum is that of the bytes of all parts.
    changed = folder / part(2, suffix=suffix)
    (save_file if suffix == "safetensors" else torch.save)({**SECOND, "b.bias": torch.zeros(3)}, changed)
    assert read_state(folder).sha256 != found.sha256


@pytest.mark.parametrize("name", ["model.safetensors", "diffusion_pytorch_model.safetensors"])
def test_a_file_with_a_usual_name_is_the_network_of_its_folder(tmp_path: Path, name: str) -> None:
    save_file(FIRST | SECOND, tmp_path / name)
    (tmp_path / "config.json").write_text("{}")
    check(read_state(tmp_path).tensors)


def test_folders_with_none_or_two_networks_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="expected a file, or a folder with"):
        read_state(tmp_path)
    save_file(FIRST, tmp_path / "model.safetensors")
    torch.save(SECOND, tmp_path / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match=r"holds 2 networks \(model.safetensors, pytorch_model.bin\)"):
        read_state(tmp_path)


@pytest.mark.parametrize(
    "name", ["../secret.safetensors", "/etc/passwd", "..", "", "a/b.safetensors", "a\\b", "a\0b", "n" * 5000]
)
def test_an_index_leads_nowhere_else(tmp_path: Path, name: str) -> None:
    save_file(FIRST, tmp_path / "secret.safetensors")
    folder = tmp_path / "net"
    folder.mkdir()
    write_index(folder, {"a.weight": name})
    with pytest.raises(CheckpointError) as caught:
        read_state(folder)
    assert len(str(caught.value)) < 600 and str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "damaged"),
        ("[]", "damaged"),
        ("{}", "damaged"),
        ('{"weight_map": []}', "damaged"),
        ('{"weight_map": {}}', "names no parts"),
        ('{"weight_map": {"a.weight": 3}}', "damaged"),
        ('{"weight_map": ' + "[" * 100_000, "damaged"),
        ('{"weight_map": {"a.weight": "absent.safetensors"}}', "is missing"),
    ],
)
def test_damaged_indices_are_one_sentence(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "model.safetensors.index.json").write_text(content)
    with pytest.raises(CheckpointError, match=message):
        read_state(tmp_path)


def test_parts_and_index_must_say_the_same(tmp_path: Path) -> None:
    owners = {"a.weight": part(1), "b.weight": part(2), "b.bias": part(2)}
    for number, wrong in enumerate(
        (
            owners | {"c": part(1)},
            {name: file for name, file in owners.items() if name != "b.bias"},
            owners | {"a.weight": part(2), "b.weight": part(1)},
        )
    ):
        folder = sharded(tmp_path / str(number))
        write_index(folder, wrong)
        with pytest.raises(CheckpointError, match="say different things"):
            read_state(folder)


def test_a_tensor_in_two_parts_and_a_missing_part_are_refused(tmp_path: Path) -> None:
    folder = sharded(tmp_path / "twice", index=False)
    save_file(FIRST, folder / part(2))
    with pytest.raises(CheckpointError, match=r"'a\.weight' lies in"):
        read_state(folder)
    os.unlink(folder / part(2))
    with pytest.raises(CheckpointError, match="1 of the 2 parts"):
        read_state(folder)


def test_all_parts_together_are_bounded(tmp_path: Path) -> None:
    folder = sharded(tmp_path / "net")
    sizes = [(folder / part(number)).stat().st_size for number in (1, 2)]
    with pytest.raises(CheckpointError, match="more than max_bytes"):
        read_state(folder, max_bytes=max(sizes) + 10)


def test_parts_are_found_without_being_read(tmp_path: Path) -> None:
    (found,) = network_parts(sharded(tmp_path / "net"))
    assert [file.name for file in found.files] == [part(1), part(2)] and found.index is not None
