from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from scalegmn.collections import Collection, import_collection
from scalegmn.collections import _importing as importing
from scalegmn.collections.inrs import Cifar10Inrs, FashionMnistInrs, NpzInrs
from scalegmn.errors import ConfigurationError, PopulationError
from scalegmn.networks import siren
from scalegmn.populations import Population

COUNT = 12


def write_network(path: Path, number: int) -> None:
    theta = torch.full((siren().num_parameters,), float(number))
    torch.save({**siren().unflatten(theta), "label": number % 10}, path)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """FashionMNIST-INRs whose parameters are all the number of the image."""
    source = tmp_path / "source"
    (source / "fmnist_inrs" / "train").mkdir(parents=True)
    paths = [f"train/model_{number}.pth" for number in range(COUNT)]
    for number, path in enumerate(paths):
        write_network(source / "fmnist_inrs" / path, number)
    splits = {"train": paths[:9], "val": paths[9:], "test": []}
    (source / "fmnist_splits.json").write_text(json.dumps(splits))
    return source


def imported(folder: Path) -> tuple[Population, list[float]]:
    population = Population.open(folder)
    return population, population.theta(np.arange(len(population)))[:, 0].tolist()


def test_all_networks_are_read_in_order(source: Path, tmp_path: Path) -> None:
    report = import_collection(FashionMnistInrs(), source, tmp_path / "p", progress=False)
    population, first = imported(tmp_path / "p")
    assert report.networks == COUNT and report.refused == () and not report.left_out
    assert first == [float(number) for number in range(COUNT)]
    assert population.column("label").tolist() == [number % 10 for number in range(COUNT)]
    assert population.column("image").tolist() == list(range(COUNT))
    assert population.column("split").tolist() == ["train"] * 9 + ["val"] * 3
    assert population.architecture == siren()
    assert population.provenance["collection"] == "FashionMNIST-INRs"


@pytest.mark.slow
def test_several_processes_and_small_shards_give_the_same(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scalegmn.collections._batches._PORTION", 2)
    import_collection(FashionMnistInrs(), source, tmp_path / "p", progress=False)
    report = import_collection(
        FashionMnistInrs(), source, tmp_path / "q", workers=2, shard_size=5, progress=False
    )
    assert report.networks == COUNT
    assert imported(tmp_path / "q")[1] == imported(tmp_path / "p")[1]


def spoil(source: Path) -> set[str]:
    """Make some files unusable; returns their names."""
    part = source / "fmnist_inrs" / "train"
    (part / "model_0.pth").write_bytes(b"")
    (part / "model_4.pth").write_bytes((part / "model_4.pth").read_bytes()[:500])
    theta = torch.full((siren().num_parameters,), torch.nan)
    torch.save({**siren().unflatten(theta), "label": 1}, part / "model_5.pth")
    torch.save({**siren().unflatten(theta.zero_()), "label": 11}, part / "model_11.pth")
    (part / "notes.txt").write_text("x")
    names = {f"fmnist_inrs/train/model_{number}.pth" for number in (0, 4, 5, 11)}
    return {*names, "train/notes.txt"}


@pytest.mark.parametrize("shard_size", [1, 5, 100])
def test_bad_files_are_listed_and_the_others_read(source: Path, tmp_path: Path, shard_size: int) -> None:
    names = spoil(source)
    report = import_collection(
        FashionMnistInrs(), source, tmp_path / "p", shard_size=shard_size, progress=False
    )
    assert {refusal.name for refusal in report.refused} == names
    assert all(refusal.reason for refusal in report.refused)
    population, first = imported(tmp_path / "p")
    assert report.networks == len(population) == COUNT - 4
    assert first == [1, 2, 3, 6, 7, 8, 9, 10]
    assert "8 networks read, 5 refused" in report.describe()
    assert "0 to 9" in report.describe()


def test_interrupted_import_continues(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = spoil(source)
    groups, calls = importing._groups, []

    def interrupted(networks: object) -> object:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return groups(networks)  # type: ignore[arg-type]

    monkeypatch.setattr(importing, "_groups", interrupted)
    settings = {"shard_size": 5, "progress": False}
    with pytest.raises(KeyboardInterrupt):
        import_collection(FashionMnistInrs(), source, tmp_path / "p", **settings)  # type: ignore[arg-type]
    report = import_collection(
        FashionMnistInrs(), source, tmp_path / "p", resume=True, shard_size=5, progress=False
    )
    assert len(calls) == 4
    assert {refusal.name for refusal in report.refused} == names
    assert imported(tmp_path / "p")[1] == [1, 2, 3, 6, 7, 8, 9, 10]


def test_resuming_with_other_files_is_refused(source: Path, tmp_path: Path) -> None:
    import_collection(FashionMnistInrs(), source, tmp_path / "p", progress=False)
    splits = json.loads((source / "fmnist_splits.json").read_text())
    splits["val"].append(splits["train"].pop())
    (source / "fmnist_splits.json").write_text(json.dumps(splits))
    with pytest.raises(PopulationError, match="listing_sha256"):
        import_collection(FashionMnistInrs(), source, tmp_path / "p", resume=True, progress=False)


@pytest.mark.parametrize("collection", [Cifar10Inrs(), NpzInrs()], ids=lambda collection: collection.title)
def test_empty_folders(tmp_path: Path, collection: Collection) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(PopulationError, match="the folder is empty"):
        import_collection(collection, tmp_path / "empty", tmp_path / "p", progress=False)
    assert not (tmp_path / "p").exists()


def test_folders_of_something_else(source: Path, tmp_path: Path) -> None:
    with pytest.raises(PopulationError, match="unknown name"):
        import_collection(Cifar10Inrs(), source, tmp_path / "p", progress=False)
    with pytest.raises(PopulationError, match="does not exist"):
        import_collection(Cifar10Inrs(), tmp_path / "nowhere", tmp_path / "p", progress=False)


def test_nothing_but_bad_files(source: Path, tmp_path: Path) -> None:
    for path in (source / "fmnist_inrs" / "train").iterdir():
        path.write_bytes(b"")
    with pytest.raises(PopulationError, match="all 12 files were refused"):
        import_collection(FashionMnistInrs(), source, tmp_path / "p", progress=False)


def test_left_out_files_are_counted(tmp_path: Path) -> None:
    architecture = Cifar10Inrs().architecture
    for part, image in (("3s", 0), ("aug1_3s", 0), ("aug2_3s", 0)):
        (tmp_path / "c" / f"randinit_smaller_{part}").mkdir(parents=True)
        state = architecture.unflatten(torch.zeros(architecture.num_parameters))
        torch.save(state, tmp_path / "c" / f"randinit_smaller_{part}" / f"net{image}.pth")
    report = import_collection(Cifar10Inrs(), tmp_path / "c", tmp_path / "p", progress=False)
    assert report.networks == 1 and list(report.left_out.values()) == [2]
    assert "left out: 2 networks of augmented images" in report.describe()
    everything = import_collection(
        Cifar10Inrs(augmented=True), tmp_path / "c", tmp_path / "q", progress=False
    )
    assert everything.networks == 3 and not everything.left_out


@pytest.mark.parametrize("settings", [{"workers": 0}, {"shard_size": 0}])
def test_wrong_requests(source: Path, tmp_path: Path, settings: dict[str, int]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(settings))):
        import_collection(FashionMnistInrs(), source, tmp_path / "p", progress=False, **settings)  # type: ignore[arg-type]
