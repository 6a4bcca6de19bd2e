from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from scalegmn.collections import ImportReport
from scalegmn.collections.small_cnn_zoo import SmallCnnZoo, import_zoo
from scalegmn.collections.small_cnn_zoo._folder import ZooFolder
from scalegmn.collections.small_cnn_zoo._layout import ZooLayout
from scalegmn.collections.small_cnn_zoo._metrics import PUBLISHED_NAMES
from scalegmn.errors import ConfigurationError, PopulationError
from scalegmn.networks import Activation, cnn
from scalegmn.populations import Population, split_by_column
from tests.collections.small_cnn_zoo.zoo_cases import COLUMNS, Zoo, make_zoo

RUNS = 8
EVERYTHING = SmallCnnZoo(step=None)


def imported(zoo: Zoo, folder: Path, options: SmallCnnZoo = EVERYTHING, **settings: int) -> ImportReport:
    source = zoo.write(folder / "zoo")
    shard_size = settings.get("shard_size", 5000)
    return import_zoo(options, source, folder / "p", shard_size=shard_size, progress=False)


@pytest.mark.parametrize("shard_size", [1, 7, 100])
def test_population_holds_what_the_files_hold(tmp_path: Path, shard_size: int) -> None:
    zoo = make_zoo(RUNS)
    report = imported(zoo, tmp_path, shard_size=shard_size)
    assert report.networks == len(zoo.weights) and not report.refused and not report.left_out
    population = Population.open(report.folder)
    population.verify()
    rows = population.column("row")
    assert sorted(rows.tolist()) == list(range(len(zoo.weights)))
    order = ZooLayout.read(tmp_path / "zoo" / "layout.csv").order
    for architecture, positions, theta in population.groups(np.arange(len(population))):
        kind = architecture.stages[0].activate.activation.kind
        assert architecture == cnn(activations=[Activation(kind)] * 3)
        assert np.array_equal(theta.numpy(), zoo.weights[rows[positions.numpy()]][:, order])
        assert set(population.column("activation")[positions.numpy()]) == {kind}
    for name in PUBLISHED_NAMES:
        published = np.array(zoo.table[PUBLISHED_NAMES[name]])
        assert population.column(name).tolist() == published[rows].tolist()
    assert len(population.architectures) == 2 and not population.column("diverged").any()
    assert {*population.columns} == {*PUBLISHED_NAMES, "network", "diverged", "row", "split"}
    assert len(COLUMNS) == len(PUBLISHED_NAMES)
    splits = split_by_column(population)
    assert not set(population.column("network")[splits.train]) & set(
        population.column("network")[splits.test]
    )
    assert population.provenance["padding"] == 0 and population.provenance["dataset"] == ["cifar10"]
    assert population.provenance["split_rule"] == "clean"


def test_doubled_row_is_stored_twice_with_a_note(tmp_path: Path) -> None:
    zoo = make_zoo(RUNS)
    zoo.order = list(range(24))[::-1]
    report = imported(zoo, tmp_path, SmallCnnZoo(step=None, split_rule="published"), shard_size=5)
    population = Population.open(report.folder)
    assert len(population) == 25
    twice = np.flatnonzero(population.column("row") == 0)
    assert torch.equal(*population.theta(twice))
    assert len(set(population.column("split")[twice])) == 2
    assert "row 0 of weights.npy is there twice" in report.describe()
    assert [len(notes["remarks"]) for notes in population.notes] == [1, 0, 0, 0, 0]  # type: ignore[index]


def test_refused_rows_are_noted(tmp_path: Path) -> None:
    zoo = make_zoo(RUNS)
    zoo.weights[7, 3] = np.inf
    zoo.table["test_loss"][20] = ""
    report = imported(zoo, tmp_path, shard_size=4)
    assert {refusal.name for refusal in report.refused} == {"weights.npy, row 7", "weights.npy, row 20"}
    population = Population.open(report.folder)
    assert report.networks == len(population) == 22
    assert not {7, 20} & set(population.column("row").tolist())
    noted = [entry for notes in population.notes for entry in notes["refused"]]  # type: ignore[index]
    assert noted == [[refusal.name, refusal.reason] for refusal in report.refused]


def test_everything_refused(tmp_path: Path) -> None:
    zoo = make_zoo(RUNS)
    zoo.weights[:, 0] = np.nan
    with pytest.raises(
        PopulationError, match=r"all 24 networks were refused; weights\.npy, row .* and 19 more"
    ):
        imported(zoo, tmp_path)


def test_interrupted_import_continues(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    zoo = make_zoo(RUNS)
    zoo.weights[1, 0] = np.nan
    source = zoo.write(tmp_path / "zoo")
    whole = import_zoo(EVERYTHING, source, tmp_path / "whole", shard_size=5, progress=False)
    read, starts = ZooFolder.read, []

    def interrupted(self: ZooFolder, start: int, stop: int) -> object:
        starts.append(start)
        if len(starts) == 3:
            raise KeyboardInterrupt
        return read(self, start, stop)

    monkeypatch.setattr(ZooFolder, "read", interrupted)
    with pytest.raises(KeyboardInterrupt):
        import_zoo(EVERYTHING, source, tmp_path / "p", shard_size=5, progress=False)
    with pytest.raises(PopulationError, match="unfinished"):
        Population.open(tmp_path / "p")
    report = import_zoo(EVERYTHING, source, tmp_path / "p", shard_size=5, resume=True, progress=False)
    assert starts == [0, 5, 10, 10, 15, 20]
    assert report.refused == whole.refused and report.networks == whole.networks
    assert Population.open(tmp_path / "p").checksum == Population.open(tmp_path / "whole").checksum
    # Once it is done there is nothing left to do, and nothing is overwritten.
    import_zoo(EVERYTHING, source, tmp_path / "p", shard_size=5, resume=True, progress=False)
    with pytest.raises(PopulationError, match="holds a population already"):
        import_zoo(EVERYTHING, source, tmp_path / "p", shard_size=5, progress=False)


def test_resuming_with_other_options_or_files_is_refused(tmp_path: Path) -> None:
    zoo = make_zoo(RUNS)
    imported(zoo, tmp_path)
    settings = {"resume": True, "progress": False}
    with pytest.raises(PopulationError, match="padding: there 0, now 1"):
        import_zoo(SmallCnnZoo(step=None, padding=1), tmp_path / "zoo", tmp_path / "p", **settings)
    zoo.table["test_loss"][0] = 0.25
    with pytest.raises(PopulationError, match="sha256"):
        import_zoo(EVERYTHING, zoo.write(tmp_path / "zoo"), tmp_path / "p", **settings)


def test_wrong_requests(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="shard_size"):
        imported(make_zoo(1), tmp_path, shard_size=0)
    assert not (tmp_path / "p").exists()
