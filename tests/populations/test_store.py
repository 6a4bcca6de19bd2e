"""Reading populations: any networks in any order, and every kind of damage has a clear error."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from scalegmn.errors import PopulationError
from scalegmn.networks import Architecture, siren
from scalegmn.populations import ArchitectureGroup, Population, PopulationWriter
from scalegmn.populations._format import Index

SMALL = siren(widths=(2, 3, 1))
OTHER = siren(widths=(2, 5, 1))


def theta_of(architecture: Architecture, rows: Sequence[int]) -> torch.Tensor:
    """Parameters that tell networks apart: network r is r + 0, 0.001, 0.002, ..."""
    return torch.tensor(rows, dtype=torch.float32)[:, None] + torch.arange(architecture.num_parameters) / 1000


def write_small(folder: Path, *, shards: Sequence[int] = (5, 1, 4)) -> Path:
    """Networks 0, 1, 2, ... of one architecture, in shards of the given sizes."""
    with PopulationWriter(folder, provenance={"maker": "test", "seed": 3}) as writer:
        first = 0
        for count in shards:
            rows = range(first, first + count)
            columns = {"label": np.arange(count) % 3, "name": [f"n{row}" for row in rows]}
            writer.append(SMALL, theta_of(SMALL, rows), columns, notes={"first": first})
            first += count
        writer.finish()
    return folder


def write_mixed(folder: Path) -> Path:
    """Networks 0 to 9; 0-3 and 7-8 small, the others of another architecture."""
    with PopulationWriter(folder, provenance={}) as writer:
        groups = [
            ArchitectureGroup(SMALL, theta_of(SMALL, range(4)), {"i": range(4)}),
            ArchitectureGroup(OTHER, theta_of(OTHER, range(4, 7)), {"i": range(4, 7)}),
        ]
        writer.append_groups(groups)
        writer.append(SMALL, theta_of(SMALL, [7, 8]), {"i": [7, 8]})
        writer.append(OTHER, theta_of(OTHER, [9]), {"i": [9]})
        writer.finish()
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_small(tmp_path / "population")


def parameter_file(folder: Path) -> Path:
    (path,) = folder.glob("parameters-*.f32")
    return path


# What is read


@pytest.mark.parametrize("shards", [(10,), (5, 1, 4), (0, 10, 0), (1,) * 10])
@pytest.mark.parametrize(
    "indices",
    [
        [0],
        [9, 0, 3, 3, 9],
        range(10),
        np.array([4, 5, 6], np.uint8),
        torch.tensor([6, 5, 4]),
        torch.arange(10).flip(0),
    ],
    ids=str,
)
def test_theta_in_any_order_and_however_sharded(
    tmp_path: Path, shards: tuple[int, ...], indices: Sequence[int]
) -> None:
    population = Population.open(write_small(tmp_path / "p", shards=shards))
    theta = population.theta(indices)
    assert theta.dtype == torch.float32
    assert torch.equal(theta, theta_of(SMALL, [int(i) for i in indices]))


def test_batches_are_copies(folder: Path) -> None:
    population = Population.open(folder)
    population.theta([1]).zero_()
    assert torch.equal(population.theta([1]), theta_of(SMALL, [1]))


def test_what_is_known_about_it(folder: Path) -> None:
    population = Population.open(folder)
    assert len(population) == 10
    assert population.architectures == (SMALL,)
    assert population.architecture == SMALL
    assert population.provenance == {"maker": "test", "seed": 3}
    assert population.versions[0]["torch"] == str(torch.__version__)
    assert population.notes == [{"first": 0}, {"first": 5}, {"first": 6}]
    assert population.columns == ("label", "name")
    assert population.column("label").tolist() == [0, 1, 2, 0, 1, 0, 0, 1, 2, 0]
    assert population.column("name").tolist() == [f"n{i}" for i in range(10)]
    assert population.column("architecture").tolist() == [0] * 10
    assert population.metadata.column_names == ["architecture", "label", "name"]
    population.verify()


def test_columns_can_be_handed_to_torch(folder: Path) -> None:
    # Warnings are errors here: PyTorch warns about memory that is read-only.
    assert torch.from_numpy(Population.open(folder).column("label")).sum() == 7


def test_groups_of_several_architectures(tmp_path: Path) -> None:
    population = Population.open(write_mixed(tmp_path / "p"))
    indices = [9, 8, 0, 4, 7, 5, 4]
    assert population.column("i").tolist() == list(range(10))
    assert population.column("architecture").tolist() == [0] * 4 + [1] * 3 + [0] * 2 + [1]
    seen = []
    for architecture, positions, theta in population.groups(indices):
        rows = [indices[i] for i in positions.tolist()]
        assert torch.equal(theta, theta_of(architecture, rows))
        seen += positions.tolist()
    assert sorted(seen) == list(range(len(indices)))
    assert population.groups([]) == []
    population.verify()


def test_theta_of_several_architectures_is_refused(tmp_path: Path) -> None:
    population = Population.open(write_mixed(tmp_path / "p"))
    assert torch.equal(population.theta([8, 1]), theta_of(SMALL, [8, 1]))
    with pytest.raises(PopulationError, match=r"2 architectures, expected one; use groups\(\)"):
        population.theta([0, 4])
    with pytest.raises(PopulationError, match="holds 2 architectures"):
        _ = population.architecture


@pytest.mark.parametrize(
    ("indices", "message"),
    [
        ([0, 10], "no network 10; there are 10"),
        ([-1], "no network -1"),
        (np.array([0.5]), "type float64, expected a list of integers"),
        (np.ones(10, bool), r"flatnonzero turns a mask into one"),
        (torch.zeros(2, 2, dtype=torch.long), r"shape \(2, 2\)"),
    ],
)
def test_impossible_indices(folder: Path, indices: Sequence[int], message: str) -> None:
    with pytest.raises(PopulationError, match=message):
        Population.open(folder).theta(indices)


def test_unknown_column_lists_the_known(folder: Path) -> None:
    with pytest.raises(PopulationError, match=r"no column 'lable'; there are .*'label', 'name'"):
        Population.open(folder).column("lable")


def test_pickled_population_reads_on(folder: Path) -> None:
    copy = pickle.loads(pickle.dumps(Population.open(folder)))
    assert torch.equal(copy.theta([7]), theta_of(SMALL, [7]))


def test_checksum_names_the_content(tmp_path: Path) -> None:
    first = Population.open(write_small(tmp_path / "a"))
    again = Population.open(write_small(tmp_path / "b"))
    longer = Population.open(write_small(tmp_path / "c", shards=(5, 1, 5)))
    assert first.checksum == again.checksum != longer.checksum


def test_empty_population(tmp_path: Path) -> None:
    with PopulationWriter(tmp_path / "none", provenance={}) as writer:
        writer.finish()
    population = Population.open(tmp_path / "none")
    assert len(population) == 0
    assert population.metadata.num_rows == 0
    assert population.groups([]) == []
    population.verify()
    with pytest.raises(PopulationError, match="holds 0 architectures"):
        population.theta([])


def test_no_network_of_an_architecture(tmp_path: Path) -> None:
    population = Population.open(write_small(tmp_path / "p", shards=(0,)))
    assert len(population) == 0
    assert population.theta([]).shape == (0, SMALL.num_parameters)
    assert population.column("label").shape == (0,)
    population.verify()


# Damage


def test_no_folder_and_no_population(tmp_path: Path) -> None:
    with pytest.raises(PopulationError, match="does not exist"):
        Population.open(tmp_path / "nothing")
    with pytest.raises(PopulationError, match=r"is not a population: it has no index\.json"):
        Population.open(tmp_path)


def test_missing_index(folder: Path) -> None:
    (folder / "index.json").unlink()
    with pytest.raises(PopulationError, match=r"it has no index\.json"):
        Population.open(folder)


def test_reading_while_it_is_written(tmp_path: Path) -> None:
    with PopulationWriter(tmp_path / "p", provenance={}) as writer:
        for _ in range(2):
            with pytest.raises(PopulationError, match="unfinished; run the same command with --resume"):
                Population.open(tmp_path / "p")
            writer.append(SMALL, theta_of(SMALL, [1]), {})
        writer.finish()
        assert len(Population.open(tmp_path / "p")) == 2


def test_damaged_shard_is_found_and_named(folder: Path) -> None:
    path = parameter_file(folder)
    data = bytearray(path.read_bytes())
    data[SMALL.num_parameters * 4 * 5 + 2] ^= 1  # in network 5, the only one of shard 1
    path.write_bytes(data)
    population = Population.open(folder)
    with pytest.raises(PopulationError, match=r"the checksum of shard 1 \(1 networks\) differs") as caught:
        population.verify()
    assert "shard 0" not in str(caught.value) and "shard 2" not in str(caught.value)


def test_all_damage_is_reported_at_once(folder: Path) -> None:
    path = parameter_file(folder)
    path.write_bytes(bytes(path.stat().st_size))
    population = Population.open(folder)
    (folder / "metadata.parquet").write_bytes(b"")
    with pytest.raises(PopulationError, match=r"metadata\.parquet.*shard 0.*shard 1.*shard 2"):
        population.verify()


@pytest.mark.parametrize("change", [-4, -1, 4])
def test_file_of_wrong_length(folder: Path, change: int) -> None:
    path = parameter_file(folder)
    data = path.read_bytes()
    path.write_bytes(data[:change] if change < 0 else data + b"more")
    with pytest.raises(
        PopulationError, match=rf"{len(data) + change} bytes long, expected {len(data)} bytes"
    ):
        Population.open(folder)


@pytest.mark.parametrize("name", ["parameters", "metadata"])
def test_missing_file(folder: Path, name: str) -> None:
    (path,) = folder.glob(f"{name}*")
    path.unlink()
    with pytest.raises(PopulationError, match=f"{name}.*missing"):
        Population.open(folder)


@pytest.mark.parametrize("left", [0, 4, 60])
def test_file_truncated_while_it_is_open(folder: Path, left: int) -> None:
    population = Population.open(folder)
    path = parameter_file(folder)
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(PopulationError, match="removed or truncated after the population was opened"):
        population.theta([9, 2])
    path.unlink()
    with pytest.raises(PopulationError, match="removed or truncated"):
        population.theta([0])


def test_damaged_metadata(folder: Path) -> None:
    path = folder / "metadata.parquet"
    data = bytearray(path.read_bytes())
    data[20] ^= 1
    path.write_bytes(data)
    population = Population.open(folder)
    assert torch.equal(population.theta([3]), theta_of(SMALL, [3]))
    with pytest.raises(PopulationError, match=r"metadata\.parquet: damaged"):
        population.column("label")


def edit_index(folder: Path, change: Callable[[dict[str, object]], object], *, seal: bool = True) -> None:
    """Change the index, and unless `seal` is False, give it the checksum of its new content."""
    path = folder / "index.json"
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))
    if seal:
        with pytest.raises(PopulationError) as caught:
            Index.read(path)
        data["checksum"] = str(caught.value).split("but is ")[1].split(")")[0]
        path.write_text(json.dumps(data))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda data: data.update(version=2),
            r"version 2 is newer than .* \(up to 1\); update",
        ),
        (lambda data: data.update(version="1"), "damaged: format version '1'"),
        (lambda data: data.update(format="zip"), "does not belong to a population"),
        (lambda data: data.pop("shards"), "damaged index .*shards"),
        (lambda data: data["shards"].pop(), "damaged index .its checksum"),
        (lambda data: data["shards"][0]["segments"][0].update(rows=6), "damaged index .its checksum"),
        (lambda data: data["shards"][0]["segments"][0].update(architecture=1), "not listed"),
        (lambda data: data["architectures"][0]["description"].pop("layers"), "damaged index .*layers"),
        (lambda data: data["architectures"][0].update(file="../../secret"), "not inside the folder"),
        (lambda data: data["columns"].append("label"), "damaged index .*none twice"),
    ],
)
def test_damaged_index(folder: Path, change: Callable[[dict[str, object]], object], message: str) -> None:
    edit_index(folder, change, seal=False)
    with pytest.raises(PopulationError, match=message):
        Population.open(folder)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "\x00\x01"])
def test_index_that_is_something_else(folder: Path, text: str) -> None:
    (folder / "index.json").write_text(text)
    with pytest.raises(PopulationError, match=r"damaged index|does not belong to a population"):
        Population.open(folder)


def replace_metadata(folder: Path, table: pa.Table) -> None:
    """Other metadata, with an index that vouches for them."""
    import hashlib

    path = folder / "metadata.parquet"
    pq.write_table(table, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    edit_index(folder, lambda data: data.update(metadata_sha256=digest))


def test_duplicate_columns_in_the_metadata(folder: Path) -> None:
    arrays = [pa.array(range(10))] * 3
    replace_metadata(folder, pa.Table.from_arrays(arrays, names=["architecture", "label", "label"]))
    with pytest.raises(PopulationError, match=r"metadata\.parquet: (has the columns|cannot be read).*label"):
        Population.open(folder).column("label")


def test_other_columns_or_rows_in_the_metadata(folder: Path) -> None:
    table = Population.open(folder).metadata
    replace_metadata(folder, table.rename_columns(["architecture", "label", "title"]))
    with pytest.raises(PopulationError, match=r"has the columns .*'title'.*, expected .*'name'"):
        Population.open(folder).column("label")
    replace_metadata(folder, table.slice(0, 9))
    with pytest.raises(PopulationError, match="has 9 rows for 10 networks"):
        Population.open(folder).column("label")
