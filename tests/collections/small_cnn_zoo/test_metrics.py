from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from scalegmn.collections.small_cnn_zoo._metrics import (
    PUBLISHED_NAMES,
    metrics_file,
    read_zoo_metrics,
    run_numbers,
)
from scalegmn.errors import PopulationError
from tests.collections.small_cnn_zoo.zoo_cases import COLUMNS, Zoo, make_zoo


def written(zoo: Zoo, folder: Path, *, packed: bool = True) -> Path:
    return metrics_file(zoo.write(folder, packed=packed))


@pytest.mark.parametrize("packed", [True, False])
def test_all_columns_are_read_to_the_bit(tmp_path: Path, packed: bool) -> None:
    zoo = make_zoo(5)
    table = read_zoo_metrics(written(zoo, tmp_path, packed=packed))
    assert tuple(PUBLISHED_NAMES.values()) == tuple(COLUMNS)
    for name, published in PUBLISHED_NAMES.items():
        assert table[name].to_pylist() == zoo.table[published]
    # From the names of the folders of the runs.
    assert table["network"].to_pylist() == [100 + 7 * (row // 3) for row in range(15)]
    assert table.num_columns == 23


def test_runs_without_numbers_are_counted() -> None:
    def numbers(*runs: str) -> list[int]:
        return list(run_numbers(pa.array(runs)).tolist())

    assert numbers("a/7", "a/7", "b/3/") == [7, 7, 3]
    assert numbers("b", "a", "b") == [0, 1, 0]
    assert numbers("a/1", "b/1") == [0, 1]
    assert numbers("a/" + "9" * 30, "b") == [0, 1]
    assert numbers("network_12") == [12]


def test_other_forms_of_numbers_and_columns(tmp_path: Path) -> None:
    zoo = make_zoo(2)
    zoo.table = {"": list(range(6)), **zoo.table, "laststep": [1] * 6, "config.extra": ["x"] * 6}
    zoo.table["step"] = [f"{step}.0" for step in zoo.table["step"]]
    zoo.table["config.random_seed"] = [2**62 + 1] * 6
    zoo.table["config.init_std"] = [""] * 6
    zoo.table["config.epochs_between_checkpoints"] = [""] * 6
    table = read_zoo_metrics(written(zoo, tmp_path))
    assert table["epoch"].to_pylist() == [0, 20, 86] * 2 and table["epoch"].type == pa.int64()
    assert table["seed"].to_pylist() == [2**62 + 1] * 6
    assert table["init_std"].null_count == table["epochs_between_checkpoints"].null_count == 6
    assert table["laststep"].to_pylist() == [1] * 6 and table["extra"].to_pylist() == ["x"] * 6
    assert "" not in table.column_names


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("config.activation", "selu", "row 4: the activation is 'selu', expected relu or tanh"),
        ("config.activation", "", "row 4: no 'config.activation'"),
        ("modeldir", "", "row 4: no 'modeldir'"),
        ("step", "", "row 4: no 'step'"),
        ("step", "1.5", "'step' holds something else than whole numbers"),
        ("step", "last", "'step' holds something else than whole numbers"),
        ("test_accuracy", "good", "cannot be read as the table of the zoo .*test_accuracy|column #18"),
    ],
)
def test_wrong_cells(tmp_path: Path, column: str, value: str, message: str) -> None:
    zoo = make_zoo(2)
    zoo.table[column][4] = value
    with pytest.raises(PopulationError, match=message) as error:
        read_zoo_metrics(written(zoo, tmp_path))
    assert "metrics.csv.gz" in str(error.value)


def test_wrong_columns(tmp_path: Path) -> None:
    path = written(make_zoo(2), tmp_path)
    text = gzip.decompress(path.read_bytes()).replace(b"train_loss", b"train_accuracy")
    path.write_bytes(gzip.compress(text))
    with pytest.raises(PopulationError, match=r"more than one column called \['train_accuracy'\]"):
        read_zoo_metrics(path)
    zoo = make_zoo(2)
    del zoo.table["modeldir"], zoo.table["config.l2reg"]
    with pytest.raises(PopulationError, match=r"has no columns \['config.l2reg', 'modeldir'\]"):
        read_zoo_metrics(written(zoo, tmp_path))
    for name in ("config.epoch", "split", "architecture"):
        zoo = make_zoo(2)
        zoo.table[name] = ["x"] * 6
        with pytest.raises(PopulationError, match=f"column {name!r} would be called"):
            read_zoo_metrics(written(zoo, tmp_path))


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[: len(data) // 2],
        lambda data: data[:-4],
        lambda data: data[:200] + bytes([data[200] ^ 255]) + data[201:],
        lambda data: b"not packed",
        lambda data: b"",
        lambda data: gzip.compress(gzip.decompress(data) + b"1,2,3\n"),
        lambda data: gzip.compress(b"\xff\xfe" + gzip.decompress(data)),
    ],
    ids=["half", "end", "bit", "text", "empty", "cells", "encoding"],
)
def test_damaged_files(tmp_path: Path, damage: object) -> None:
    path = written(make_zoo(40), tmp_path)
    path.write_bytes(damage(path.read_bytes()))  # type: ignore[operator]
    with pytest.raises(PopulationError, match=r"metrics\.csv\.gz"):
        read_zoo_metrics(path)


def test_which_file_is_read(tmp_path: Path) -> None:
    with pytest.raises(PopulationError, match="has neither"):
        metrics_file(tmp_path)
    make_zoo(1).write(tmp_path, packed=True)
    make_zoo(1).write(tmp_path, packed=False)
    with pytest.raises(PopulationError, match="has both"):
        metrics_file(tmp_path)


def test_large_tables_are_read_in_a_moment(tmp_path: Path) -> None:
    zoo = make_zoo(2000, width=1)
    table = read_zoo_metrics(written(zoo, tmp_path))
    assert table.num_rows == 6000
    assert np.array_equal(table["test_loss"].to_numpy(), np.array(zoo.table["test_loss"]))
