from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from scalegmn.errors import PopulationError
from scalegmn.networks import Architecture, siren
from scalegmn.populations import Population, PopulationWriter, join_populations

SMALL, LARGE = siren(widths=(2, 3, 1)), siren(widths=(2, 4, 1))


def twins(
    folder: Path, *, seed: int, origin: str | None = None, architecture: Architecture = SMALL, **more: object
) -> Population:
    """Two pairs of networks, of base networks 0 and 4."""
    columns: dict[str, object] = {
        "number": [0, 1, 2, 3],
        "twin": [1, 0, 3, 2],
        "pair": [0, 0, 1, 1],
        "network": [4, 4, 0, 0],
        "accuracy": [0.1, 0.2, 0.3, 0.4],
    }
    columns |= more
    provenance = {"maker": "tests", "images": "digits", "seed": seed}
    provenance |= {} if origin is None else {"population_checksum": origin}
    theta = torch.randn(4, architecture.num_parameters, generator=torch.Generator().manual_seed(seed))
    with PopulationWriter(folder, provenance=provenance) as writer:
        writer.append(architecture, theta, columns)  # type: ignore[arg-type]
        writer.finish()
    return Population.open(folder)


def test_networks_and_columns_are_those_of_the_sources(tmp_path: Path) -> None:
    one = twins(tmp_path / "one", seed=1, extra=["a"] * 4)
    two = twins(tmp_path / "two", seed=2, architecture=LARGE)
    report = join_populations([one, two], tmp_path / "both", progress=False)
    both = Population.open(tmp_path / "both")
    assert (report.networks, report.left_out) == (8, ("extra",))
    assert both.architectures == (SMALL, LARGE)
    assert torch.equal(both.theta([0, 3]), one.theta([0, 3]))
    assert torch.equal(both.theta([4, 7]), two.theta([0, 3]))
    assert both.column("source").tolist() == ["one"] * 4 + ["two"] * 4
    assert both.column("accuracy").tolist() == [0.1, 0.2, 0.3, 0.4] * 2
    assert both.provenance["images"] == "digits" and "seed" not in both.provenance
    sources = both.provenance["sources"]
    assert [source["checksum"] for source in sources] == [one.checksum, two.checksum]  # type: ignore[index]


def test_numbers_stay_apart_and_twins_stay_together(tmp_path: Path) -> None:
    sources = [twins(tmp_path / name, seed=seed) for seed, name in enumerate(("one", "two"))]
    join_populations(sources, tmp_path / "both", progress=False)
    both = Population.open(tmp_path / "both")
    number, twin, pair = (both.column(name) for name in ("number", "twin", "pair"))
    assert len(set(number.tolist())) == 8
    place = {value: row for row, value in enumerate(number.tolist())}
    for row in range(8):
        sibling = place[int(twin[row])]
        assert twin[sibling] == number[row] and pair[sibling] == pair[row]
        assert both.column("source")[sibling] == both.column("source")[row]
    assert len(set(pair.tolist())) == 4
    # Other origins: other base networks.
    network = both.column("network")
    assert not set(network[:4].tolist()) & set(network[4:].tolist())


def test_base_networks_of_one_origin_are_one(tmp_path: Path) -> None:
    one = twins(tmp_path / "one", seed=1, origin="x")
    two = twins(tmp_path / "two", seed=2, origin="y")
    three = twins(tmp_path / "three", seed=3, origin="x")
    join_populations([one, two, three], tmp_path / "all", progress=False)
    network = Population.open(tmp_path / "all").column("network")
    assert network[:4].tolist() == network[8:].tolist()
    assert not set(network[:4].tolist()) & set(network[4:8].tolist())


def test_texts_get_the_name_of_their_folder(tmp_path: Path) -> None:
    sources = [twins(tmp_path / name, seed=1, network=list("aabb")) for name in ("one", "two")]
    sources[1] = twins(tmp_path / "three", seed=2, network=list("aabb"))
    join_populations(sources, tmp_path / "both", progress=False)
    network = Population.open(tmp_path / "both").column("network").tolist()
    assert network == ["one/a", "one/a", "one/b", "one/b", "three/a", "three/a", "three/b", "three/b"]


def test_whole_numbers_beside_others_become_real(tmp_path: Path) -> None:
    sources = [twins(tmp_path / "one", seed=1), twins(tmp_path / "two", seed=2, accuracy=[0, 1, 1, 0])]
    join_populations(sources, tmp_path / "both", progress=False)
    accuracy = Population.open(tmp_path / "both").column("accuracy")
    np.testing.assert_array_equal(accuracy, [0.1, 0.2, 0.3, 0.4, 0, 1, 1, 0])


def test_joined_populations_can_be_joined(tmp_path: Path) -> None:
    sources = [twins(tmp_path / name, seed=seed) for seed, name in enumerate(("one", "two", "three"))]
    join_populations(sources[:2], tmp_path / "both", progress=False)
    join_populations([Population.open(tmp_path / "both"), sources[2]], tmp_path / "all", progress=False)
    found = Population.open(tmp_path / "all")
    assert found.column("source").tolist() == ["both/one"] * 4 + ["both/two"] * 4 + ["three"] * 4
    assert len(set(found.column("number").tolist())) == 12


def test_what_cannot_be_joined_is_refused(tmp_path: Path) -> None:
    one = twins(tmp_path / "one", seed=1)
    with pytest.raises(PopulationError, match="two or more in folders with different names"):
        join_populations([one, one], tmp_path / "both", progress=False)
    with pytest.raises(PopulationError, match="two or more"):
        join_populations([one], tmp_path / "both", progress=False)
    words = twins(tmp_path / "words", seed=1, accuracy=list("abcd"))
    with pytest.raises(PopulationError, match="'accuracy' has different types"):
        join_populations([one, words], tmp_path / "both", progress=False)
    train = twins(tmp_path / "train", seed=1, origin="x", split=["train"] * 4)
    test = twins(tmp_path / "test", seed=1, origin="x", split=["test"] * 4)
    with pytest.raises(PopulationError, match="for train in train and for test in test, expected one split"):
        join_populations([train, test], tmp_path / "both", progress=False)
    assert not (tmp_path / "both").exists()


def test_interrupted_and_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from scalegmn.populations import _joining

    monkeypatch.setattr(_joining, "_SHARD", 3)
    sources = [twins(tmp_path / name, seed=seed) for seed, name in enumerate(("one", "two"))]
    join_populations(sources, tmp_path / "whole", progress=False)
    groups, calls = _joining.runs, []

    def failing(*arguments: object) -> object:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return groups(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(_joining, "runs", failing)
    with pytest.raises(KeyboardInterrupt):
        join_populations(sources, tmp_path / "p", progress=False)
    join_populations(sources, tmp_path / "p", progress=False, resume=True)
    join_populations(sources, tmp_path / "p", progress=False, resume=True)
    assert Population.open(tmp_path / "p").checksum == Population.open(tmp_path / "whole").checksum
