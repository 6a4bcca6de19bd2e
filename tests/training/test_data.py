from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from scalegmn.graph import Records
from scalegmn.symmetry import canonicalize_sine_phase
from scalegmn.training import BatchOrder, Datasets, NetworkDataset, PopulationData
from scalegmn.training import _data as data_module
from scalegmn.training._data import steps_per_epoch
from tests.training.small import small_population


@dataclass(frozen=True, eq=False)
class Anything(Records):
    labels: torch.Tensor
    calls: tuple[Callable[[], int], ...]


def networks(
    folder: Path, *, canonicalize: bool = True, limit: float = 1e9, more: bool = False
) -> NetworkDataset:
    population = small_population(folder, more=(2, 5, 1, 1) if more else None)
    rows = np.array([5, 3, 60, 7])
    targets = torch.from_numpy(population.column("label")[rows])
    return NetworkDataset(
        population=population, rows=rows, targets=targets, canonicalize=canonicalize, memory_limit=limit
    )


@pytest.mark.parametrize("canonicalize", [True, False])
@pytest.mark.parametrize("limit", [0.0, 1e9])
def test_batch_holds_the_networks_asked_for(tmp_path: Path, canonicalize: bool, limit: float) -> None:
    chosen = networks(tmp_path, canonicalize=canonicalize, limit=limit)
    batch = chosen[np.array([2, 0])]
    architecture, found = batch.single
    theta = chosen.population.theta([60, 5])
    expected = canonicalize_sine_phase(architecture, theta) if canonicalize else theta
    assert architecture == chosen.population.architecture
    assert torch.equal(found, expected)
    assert batch.positions.tolist() == [2, 0]
    assert batch.targets is not None
    assert torch.equal(batch.targets, chosen.targets[[2, 0]])


def test_canonicalizing_changes_something(tmp_path: Path) -> None:
    chosen = networks(tmp_path)
    theta = chosen.population.theta([5])
    assert not torch.equal(canonicalize_sine_phase(chosen.population.architecture, theta), theta)


@pytest.mark.parametrize("limit", [0.0, 1e9])
def test_mixed_architectures_are_sorted(tmp_path: Path, limit: float) -> None:
    chosen = networks(tmp_path, more=True, limit=limit)
    batch = chosen[np.array([2, 0, 3])]
    assert [len(theta) for _, theta in batch.parts] == [2, 1]
    assert batch.positions.tolist() == [0, 3, 2]
    assert batch.targets is not None
    assert torch.equal(batch.targets, chosen.targets[[0, 3, 2]])
    for (architecture, theta), rows in zip(batch.parts, ([5, 7], [60]), strict=True):
        expected = canonicalize_sine_phase(architecture, chosen.population.theta(rows))
        assert torch.equal(theta, expected)


def test_targets_are_joined_to_batches_of_another_process(tmp_path: Path) -> None:
    """They may refer to what no other process can be given, such as a function."""
    chosen = networks(tmp_path, more=True)
    chosen.targets = Anything(chosen.targets, tuple(lambda own=number: own for number in range(4)))
    data = PopulationData(
        data=Datasets(chosen, chosen, None), batch_size=3, evaluation_batch_size=4, workers=1, seed=0
    )
    for loader in (data.train_dataloader(), data.val_dataloader()):
        batches = [data.on_before_batch_transfer(batch, 0) for batch in loader]
        for batch in batches:
            assert isinstance(batch.targets, Anything)
            assert torch.equal(batch.targets.labels, chosen.targets.labels[batch.positions])
            assert [call() for call in batch.targets.calls] == batch.positions.tolist()
        assert sorted(n for batch in batches for n in batch.positions.tolist()) == [0, 1, 2, 3]


def order(seed: int | None = 1, *, epoch: int = 0, length: int = 10) -> list[list[int]]:
    sampler = BatchOrder(length=length, batch_size=4, seed=seed)
    sampler.set_epoch(epoch)
    batches = [positions.tolist() for positions in sampler]
    assert len(sampler) == len(batches)
    return batches


def test_order_depends_on_seed_and_epoch_only() -> None:
    assert order() == order()
    assert len({str(order(seed, epoch=epoch)) for seed, epoch in itertools.product(range(3), range(3))}) == 9
    assert sorted(itertools.chain(*order())) == list(range(10))


def test_without_seed_the_order_stays() -> None:
    assert order(None, epoch=3) == [[0, 1, 2], [3, 4, 5], [6, 7, 8, 9]]


@pytest.mark.parametrize("length", [2, 3, 10, 17, 18])
@pytest.mark.parametrize("seed", [None, 1])
def test_processes_share_the_networks(monkeypatch: pytest.MonkeyPatch, seed: int | None, length: int) -> None:
    parts = []
    for rank in range(2):
        monkeypatch.setattr(data_module, "world", lambda rank=rank: (2, rank))
        parts.append(order(seed, length=length))
    assert sorted(itertools.chain(*parts[0], *parts[1])) == list(range(length))
    # They wait for each other at every step.
    assert len(parts[0]) == len(parts[1]) == steps_per_epoch(length, 4, parts=2)
    assert all(1 <= len(batch) <= 2 for batch in parts[0] + parts[1])


@pytest.mark.parametrize(("processes", "accumulate"), [(1, 3), (2, 1), (2, 2), (3, 2)])
@pytest.mark.parametrize("length", [17, 54])
def test_parts_of_processes_make_the_batches_of_one(
    monkeypatch: pytest.MonkeyPatch, processes: int, accumulate: int, length: int
) -> None:
    whole = list(BatchOrder(length=length, batch_size=9, seed=1))
    found: list[list[int]] = [[] for _ in whole]
    shares = [0.0 for _ in whole]
    for rank in range(processes):
        monkeypatch.setattr(data_module, "world", lambda rank=rank: (processes, rank))
        sampler = BatchOrder(length=length, batch_size=9, seed=1, accumulate=accumulate)
        assert len(sampler) == accumulate * len(whole)
        for number, positions in enumerate(sampler):
            batch = number // accumulate
            found[batch] += positions.tolist()
            # The mean of the parts by their shares is the mean over the batch.
            parts = processes * accumulate
            assert sampler.share(number) / parts == pytest.approx(len(positions) / len(whole[batch]))
            shares[batch] += sampler.share(number) / parts
    assert [sorted(part) for part in found] == [sorted(batch.tolist()) for batch in whole]
    assert shares == pytest.approx([1.0] * len(whole))
