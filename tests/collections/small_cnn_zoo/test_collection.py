from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from scalegmn.collections.small_cnn_zoo import SmallCnnZoo
from scalegmn.collections.small_cnn_zoo._layout import ZooLayout
from scalegmn.errors import ConfigurationError, PopulationError
from tests.collections.small_cnn_zoo.zoo_cases import WIDTH, make_zoo

RUNS = 8


def read(folder: Path, zoo: SmallCnnZoo) -> dict[int, tuple[np.ndarray, dict[str, object]]]:
    """Parameters and columns by the row of the file."""
    files = zoo.open(folder)
    found = {}
    for group in files.read(0, len(files))[0]:
        names = list(group.columns)
        for i, values in enumerate(zip(*(group.columns[name].to_pylist() for name in names), strict=True)):  # type: ignore[union-attr]
            columns = dict(zip(names, values, strict=True))
            assert group.architecture.stages[0].activate.activation.kind == columns["activation"]
            found[columns["row"]] = (group.theta[i].numpy(), columns)  # type: ignore[union-attr]
    return found


@pytest.mark.parametrize("piece", [1, 3, 256])
def test_weights_and_columns_belong_together(
    tmp_path: Path, piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scalegmn.collections.small_cnn_zoo._folder._PIECE", piece)
    zoo = make_zoo(RUNS)
    order = ZooLayout.read(zoo.write(tmp_path) / "layout.csv").order
    networks = read(tmp_path, SmallCnnZoo(step=None))
    assert sorted(networks) == list(range(len(zoo.weights)))
    for row, (theta, columns) in networks.items():
        assert np.array_equal(theta, zoo.weights[row][order])
        assert columns["learning_rate"] == zoo.table["config.learning_rate"][row]
        assert columns["test_accuracy"] == zoo.table["test_accuracy"][row]
        assert columns["epoch"] == zoo.table["step"][row] and columns["diverged"] is False


def test_filters(tmp_path: Path) -> None:
    make_zoo(RUNS).write(tmp_path)
    last = SmallCnnZoo().open(tmp_path)
    assert last.table["epoch"].to_pylist() == [86] * RUNS
    assert last.left_out == {"rows of other steps than 86": 2 * RUNS}
    tanh = SmallCnnZoo(activation="tanh").open(tmp_path)
    assert tanh.table["row"].to_pylist() == [5, 11, 17, 23]
    assert tanh.left_out["rows with another activation than tanh"] == RUNS // 2
    # Filters do not move networks to another split.
    words = dict(zip(last.table["row"].to_pylist(), last.table["split"].to_pylist(), strict=True))
    assert tanh.table["split"].to_pylist() == [words[row] for row in (5, 11, 17, 23)]
    assert len(SmallCnnZoo(step=None, activation="relu").open(tmp_path)) == 3 * RUNS // 2


def test_splits(tmp_path: Path) -> None:
    zoo = make_zoo(RUNS)
    zoo.order = list(range(24))[::-1]
    zoo.write(tmp_path)
    everything = SmallCnnZoo(step=None, split_rule="published").open(tmp_path)
    assert len(everything) == 25 and everything.table["row"].to_pylist()[:3] == [0, 0, 1]
    assert len(everything.remarks) == 1 and "row 0 of weights.npy is there twice" in everything.remarks[0]
    groups, _ = everything.read(0, 2)
    assert torch.equal(groups[0].theta[0], groups[0].theta[1])  # type: ignore[arg-type]
    for zoo_now in (
        SmallCnnZoo(split_rule="published"),
        SmallCnnZoo(step=None),
        SmallCnnZoo(split_rule=None),
    ):
        assert not zoo_now.open(tmp_path).remarks
    clean = SmallCnnZoo(step=None).open(tmp_path).table
    assert len(set(zip(clean["network"].to_pylist(), clean["split"].to_pylist(), strict=True))) == RUNS
    assert "split" not in SmallCnnZoo(split_rule=None).open(tmp_path).table.column_names
    assert clean["split"].to_pylist().count("test") == 12
    other = tmp_path / "elsewhere" / "some.csv"
    other.parent.mkdir()
    other.write_text("0\n2\n0\n5\n")
    named = SmallCnnZoo(splits=other).open(tmp_path)
    assert named.table["row"].to_pylist() == [2, 5]
    assert named.left_out["rows that some.csv does not name"] == RUNS - 2


def test_padding_is_another_architecture(tmp_path: Path) -> None:
    make_zoo(RUNS).write(tmp_path)
    original, later = (SmallCnnZoo(padding=padding).open(tmp_path) for padding in (0, 1))
    assert original.provenance["padding"] == 0 and later.provenance["padding"] == 1
    groups = [files.read(0, RUNS)[0] for files in (original, later)]
    assert [group.architecture.layers[0].padding for part in groups for group in part] == [  # type: ignore[union-attr]
        (0, 0),
        (0, 0),
        (1, 1),
        (1, 1),
    ]
    assert torch.equal(groups[0][0].theta, groups[1][0].theta)  # type: ignore[arg-type]


def test_bad_rows_are_refused(tmp_path: Path) -> None:
    zoo = make_zoo(RUNS)
    zoo.weights[2, 100] = np.nan
    zoo.weights[5, 0] = -np.inf
    zoo.table["test_loss"][5] = "nan"
    zoo.table["train_accuracy"][8] = ""
    zoo.table["test_accuracy"][11] = "inf"
    zoo.table["test_accuracy"][12] = "inf"  # of another step
    files = SmallCnnZoo().open(zoo.write(tmp_path))
    groups, refused = files.read(0, len(files))
    assert {refusal.name: refusal.reason for refusal in refused} == {
        "weights.npy, row 2": "NaN or infinite weights",
        "weights.npy, row 5": "NaN or infinite weights, test_loss is nan",
        "weights.npy, row 8": "train_accuracy is nan",
        "weights.npy, row 11": "test_accuracy is inf",
    }
    rows = [row for group in groups for row in group.columns["row"].to_pylist()]  # type: ignore[union-attr]
    assert sorted(rows) == [14, 17, 20, 23]


def test_files_that_disagree(tmp_path: Path) -> None:
    zoo = make_zoo(RUNS)
    zoo.write(tmp_path)
    np.save(tmp_path / "weights.npy", zoo.weights[:-1])
    with pytest.raises(PopulationError, match=r"metrics.csv.gz: has 24 rows, but .*weights.npy has 23"):
        SmallCnnZoo().open(tmp_path)
    np.save(tmp_path / "weights.npy", zoo.weights[:, :-1])
    with pytest.raises(
        PopulationError, match=r"has 4969 numbers per row, but .*layout.csv has places for 4970"
    ):
        SmallCnnZoo().open(tmp_path)
    np.save(tmp_path / "weights.npy", np.pad(zoo.weights, ((0, 0), (0, 1))))
    with pytest.raises(PopulationError, match="has 4971 numbers per row"):
        SmallCnnZoo().open(tmp_path)
    zoo.order = range(23, 50)
    with pytest.raises(PopulationError, match=r"cifar10_split.csv: names rows 0 to 49, but the zoo has 24"):
        SmallCnnZoo().open(zoo.write(tmp_path))


def test_nothing_left_to_read(tmp_path: Path) -> None:
    make_zoo(1).write(tmp_path)
    with pytest.raises(PopulationError, match=r"no network is left .*steps \[0, 20, 86\]"):
        SmallCnnZoo(step=85).open(tmp_path)
    with pytest.raises(PopulationError, match="no network is left"):
        SmallCnnZoo(activation="tanh").open(tmp_path)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((24, WIDTH)), "type float64"),
        (np.zeros((24, WIDTH), ">f4"), "type >f4"),
        (np.asfortranarray(np.zeros((24, WIDTH), np.float32)), "by columns"),
        (np.zeros(WIDTH, np.float32), r"shape \(4970,\)"),
        (np.array([{}]), "damaged, or no .npy file"),
    ],
    ids=["double", "order of bytes", "columns", "one", "objects"],
)
def test_other_arrays(tmp_path: Path, array: np.ndarray, message: str) -> None:
    make_zoo(RUNS).write(tmp_path)
    np.save(tmp_path / "weights.npy", array, allow_pickle=True)
    with pytest.raises(PopulationError, match=message):
        SmallCnnZoo().open(tmp_path)


def test_damaged_weights(tmp_path: Path) -> None:
    path = make_zoo(RUNS).write(tmp_path) / "weights.npy"
    whole = path.read_bytes()
    for data in (whole[:-4], whole[:50], b"", b"PK\x03\x04" + whole[4:]):
        path.write_bytes(data)
        with pytest.raises(PopulationError, match=r"weights\.npy: damaged"):
            SmallCnnZoo().open(tmp_path)
    path.write_bytes(whole)
    files = SmallCnnZoo().open(tmp_path)
    path.write_bytes(whole[:-4])
    assert len(files.read(0, 7)[0]) == 2
    with pytest.raises(PopulationError, match=r"weights\.npy: cannot read rows 23 to 23"):
        files.read(7, 8)
    path.unlink()
    with pytest.raises(PopulationError, match="there is no such file"):
        SmallCnnZoo().open(tmp_path)
    with pytest.raises(PopulationError, match="does not exist"):
        SmallCnnZoo().open(tmp_path / "nowhere")


def test_options() -> None:
    with pytest.raises(ConfigurationError, match="padding is 2, expected 0"):
        SmallCnnZoo(padding=2)
    with pytest.raises(ConfigurationError, match="no rule how to read it"):
        SmallCnnZoo(splits=Path("x_split.csv"), split_rule=None)


def test_other_channels(tmp_path: Path) -> None:
    layout = ZooLayout.from_sizes(channels=(3, 4), classes=5, kernel=3)
    zoo = make_zoo(RUNS, width=layout.width)
    zoo.layout = layout.to_csv()
    networks = read(zoo.write(tmp_path), SmallCnnZoo())
    assert len(networks) == RUNS
    assert np.array_equal(networks[2][0], zoo.weights[2][layout.order])


MEMORY = """
import resource, sys
from scalegmn.collections import SmallCnnZoo
files = SmallCnnZoo(split_rule=None, step=None).open(sys.argv[1])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for start in range(0, len(files), 500):
    files.read(start, start + 500)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss has another unit elsewhere")
def test_memory_is_that_of_a_chunk(tmp_path: Path) -> None:
    count = 8000
    zoo = make_zoo(1, steps=(86,) * count, width=1)
    zoo.order = ()
    path = zoo.write(tmp_path) / "weights.npy"
    np.lib.format.open_memmap(path, mode="w+", dtype="<f4", shape=(count, WIDTH)).flush()
    assert path.stat().st_size > 150 * 1024**2
    grown = subprocess.run(
        [sys.executable, "-c", MEMORY, str(tmp_path)], capture_output=True, text=True, check=True
    )
    # A chunk has 10 MB; the file would have 159.
    assert int(grown.stdout) < 60
