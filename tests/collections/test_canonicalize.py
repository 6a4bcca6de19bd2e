from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from scalegmn.collections import (
    Collection,
    LoadedNetworks,
    canonicalize_folder,
    canonicalize_population,
    one_row,
)
from scalegmn.collections import _canonicalize as canonicalize
from scalegmn.collections.inrs import Cifar10Inrs, FashionMnistInrs, MnistInrs, NpzInrs
from scalegmn.errors import PopulationError
from scalegmn.networks import Activation, Architecture, mlp, run, siren
from scalegmn.populations import ArchitectureGroup, Population, PopulationWriter
from scalegmn.symmetry import canonicalize_sine_phase
from scalegmn.zoo.inrs import image_coordinates

POINTS = image_coordinates(6, 5)
COUNT = 5


def wild(architecture: Architecture, seed: int = 0, count: int = COUNT) -> Tensor:
    """Networks with biases in many periods."""
    theta = (
        torch.randn(count, architecture.num_parameters, generator=torch.Generator().manual_seed(seed)) / 10
    )
    for stage in architecture.stages:
        bias = architecture.parameter(f"{stage.weighted.name}.bias")
        theta[:, bias.start : bias.stop] *= 10
    return theta


def hidden_biases(architecture: Architecture, theta: Tensor) -> Tensor:
    state = architecture.unflatten(theta)
    return torch.cat([state[f"{stage.weighted.name}.bias"] for stage in architecture.stages[:-1]], dim=-1)


def check(architecture: Architecture, before: Tensor, after: Tensor, frequency: float = 30.0) -> None:
    """The same functions, other parameters, biases in the first half period."""
    limit = math.pi / 2 / frequency
    assert hidden_biases(architecture, before).abs().max() > 3 * limit
    assert hidden_biases(architecture, after).abs().max() <= limit * 1.000001
    expected, outputs = (run(architecture, theta.double(), POINTS.double()) for theta in (before, after))
    torch.testing.assert_close(outputs, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("frequency", [30.0, 7.0])
def test_population(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, frequency: float) -> None:
    monkeypatch.setattr(canonicalize, "_SHARD", 3)
    sine, other = (
        siren(widths=(2, 6, 5, 1), frequency=frequency),
        mlp(widths=(2, 3, 1), activations=[Activation("relu")]),
    )
    theta, unchanged = wild(sine), wild(other)
    columns = {"label": list(range(COUNT)), "name": [f"n{number}" for number in range(COUNT)]}
    groups = [
        ArchitectureGroup(sine, theta, columns),
        ArchitectureGroup(other, unchanged, columns),
        ArchitectureGroup(sine, theta.neg(), columns),
    ]
    with PopulationWriter(tmp_path / "p", provenance={"maker": "test"}) as writer:
        writer.append_groups(groups)
        writer.finish()
    population = Population.open(tmp_path / "p")
    report = canonicalize_population(population, tmp_path / "q", progress=False)
    result = Population.open(tmp_path / "q")
    assert report.networks == len(result) == 15
    assert result.metadata.equals(population.metadata)
    assert result.provenance["source"] == {"maker": "test"}
    check(sine, theta, result.theta(range(COUNT)), frequency)
    check(sine, theta.neg(), result.theta(range(10, 15)), frequency)
    assert torch.equal(result.theta(range(5, 10)), unchanged)
    canonicalize_population(result, tmp_path / "r", progress=False)
    again = Population.open(tmp_path / "r")
    assert all(torch.equal(again.theta([n]), result.theta([n])) for n in range(15)), "idempotent"


def test_interrupted_population(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canonicalize, "_SHARD", 2)
    with PopulationWriter(tmp_path / "p", provenance={}) as writer:
        writer.append(siren(), wild(siren()), {"label": [0] * COUNT})
        writer.finish()
    population = Population.open(tmp_path / "p")
    calls: list[int] = []

    def interrupted(architecture: Architecture, theta: Tensor) -> Tensor:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return canonicalize_sine_phase(architecture, theta)

    monkeypatch.setattr(canonicalize, "canonicalize_sine_phase", interrupted)
    with pytest.raises(KeyboardInterrupt):
        canonicalize_population(population, tmp_path / "q", progress=False)
    canonicalize_population(population, tmp_path / "q", resume=True, progress=False)
    assert len(calls) == 4
    check(siren(), population.theta(range(COUNT)), Population.open(tmp_path / "q").theta(range(COUNT)))


COLLECTIONS = [MnistInrs(), FashionMnistInrs(), Cifar10Inrs(augmented=True), NpzInrs()]


def write(collection: Collection, folder: Path) -> Architecture:
    """A small folder of any collection; returns its architecture."""
    architecture = Cifar10Inrs().architecture if isinstance(collection, Cifar10Inrs) else siren()
    for number in range(COUNT):
        row = {"label": number, "image": number, "split": "train", "mse": 0.5}
        networks = LoadedNetworks(architecture, wild(architecture, number, 1), one_row(row))
        collection.save(folder / collection.file_name(row), networks)
    rows = {"label": np.arange(COUNT), "image": np.arange(COUNT), "split": np.array(["train"] * COUNT)}
    collection.complete(folder, rows)
    return architecture


def parameters(collection: Collection, folder: Path) -> Tensor:
    return torch.cat([collection.read(entry).theta for entry in collection.entries(folder).entries])


@pytest.mark.parametrize("collection", COLLECTIONS, ids=lambda collection: collection.title)
def test_folder(tmp_path: Path, collection: Collection) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    architecture = write(collection, source)
    report = canonicalize_folder(collection, source, target, progress=False)
    assert report.networks == COUNT and not report.refused
    files = [sorted(p.relative_to(root) for p in root.rglob("*")) for root in (source, target)]
    assert files[0] == files[1]
    check(architecture, parameters(collection, source), parameters(collection, target))
    for before, after in zip(
        collection.entries(source).entries, collection.entries(target).entries, strict=True
    ):
        assert collection.read(before).row(0) == collection.read(after).row(0)


def test_folder_with_bad_files(tmp_path: Path) -> None:
    collection, source = FashionMnistInrs(), tmp_path / "source"
    write(collection, source)
    (source / "fmnist_inrs" / "train" / "model_3.pth").write_bytes(b"x")
    report = canonicalize_folder(collection, source, tmp_path / "target", progress=False)
    assert report.networks == COUNT - 1
    assert [refusal.name for refusal in report.refused] == ["fmnist_inrs/train/model_3.pth"]
    assert not (tmp_path / "target" / "fmnist_inrs" / "train" / "model_3.pth").exists()


def test_double_precision_stays(tmp_path: Path) -> None:
    collection, source = Cifar10Inrs(), tmp_path / "source"
    architecture = collection.architecture
    theta = wild(architecture, count=1).double()
    row = {"label": 0, "image": 0, "split": "train"}
    collection.save(source / collection.file_name(row), LoadedNetworks(architecture, theta, one_row(row)))
    canonicalize_folder(collection, source, tmp_path / "target", progress=False)
    assert parameters(collection, tmp_path / "target").dtype == torch.float64


def test_nothing_to_do_and_no_place_for_it(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(PopulationError, match="no networks"):
        canonicalize_folder(Cifar10Inrs(), tmp_path / "empty", tmp_path / "target", progress=False)
    write(Cifar10Inrs(), tmp_path / "source")
    with pytest.raises(PopulationError, match="not empty"):
        canonicalize_folder(Cifar10Inrs(), tmp_path / "source", tmp_path / "source", progress=False)
