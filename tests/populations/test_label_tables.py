"""Tables from strangers: types, bounds, and what cannot be used."""

from __future__ import annotations

import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scalegmn.errors import PopulationError
from scalegmn.populations import LabelTable
from scalegmn.populations import _label_tables as label_tables


def written(folder: Path, text: str | bytes, name: str = "labels.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_types_of_a_csv(tmp_path: Path) -> None:
    text = (
        "file,id,label,accuracy,good,name,note,odd,empty\n"
        '0.pt,007,1,0.5,true,"a,b","two\nlines",1,\n'
        '1.pt,008,-2,1e-3,False,c,"",x,\n'
        "2.pt,010,,,true,9,,3,\n"
    )
    table = LabelTable.read(written(tmp_path, text))
    assert table.files == ("0.pt", "1.pt", "2.pt")
    assert table.columns.to_pydict() == {
        "file": ["0.pt", "1.pt", "2.pt"],
        "id": ["007", "008", "010"],
        "label": [1, -2, None],
        "accuracy": [0.5, 0.001, None],
        "good": [True, False, True],
        "name": ["a,b", "c", "9"],
        "note": ["two\nlines", "", None],
        "odd": ["1", "x", "3"],
        "empty": [None, None, None],
    }
    assert "labels.csv: column 'label' has no value in 1 of 3 rows" in table.remarks


@pytest.mark.parametrize(
    "text",
    [
        "file;label\r\n0.pt;1\r\n",
        "file\tlabel\n0.pt\t1\n",
        "\ufefffile,label\n0.pt,1\n",
        "file,label\n0.pt,1",
    ],
)
def test_ways_to_write_a_csv(text: str, tmp_path: Path) -> None:
    table = LabelTable.read(written(tmp_path, text))
    assert table.columns.to_pydict() == {"file": ["0.pt"], "label": [1]}


def test_long_numbers_are_names(tmp_path: Path) -> None:
    table = LabelTable.read(
        written(tmp_path, "file,n\na.pt,9999999999999999999\nb.pt,12345678901234567890123\n")
    )
    assert table.columns["n"].to_pylist() == ["9999999999999999999", "12345678901234567890123"]


def test_parquet(tmp_path: Path) -> None:
    data = {
        "where": ["0.pt", "1.pt"],
        "when": [datetime.datetime(2024, 1, 2), None],
        "kind": pa.array(["a", "b"]).dictionary_encode(),
        "small": pa.array([1, 2], pa.int8()),
    }
    pq.write_table(pa.table(data), tmp_path / "labels.parquet")
    table = LabelTable.read(tmp_path / "labels.parquet", file_column="where")
    assert table.files == ("0.pt", "1.pt")
    assert table.columns["kind"].to_pylist() == ["a", "b"]
    assert table.columns["small"].type == pa.int8()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "names 0 columns"),
        ("name,label\n0.pt,1\n", "no column 'file' .*'name', 'label' does with --file-column"),
        ("file,label,label\n0.pt,1,2\n", "the columns 'label' twice"),
        ("file,\n0.pt,1\n", "cannot name a column"),
        ('file,"a\x1b[2J"\n0.pt,1\n', "cannot name a column"),
        ("file,architecture\n0.pt,resnet\n", "'architecture', under which .*rename it"),
        ("file,label\n0.pt,1,2\n", "no table that can be read"),
        (b"file,label\n0.pt,\xff\n", "not text in UTF-8"),
        ("file," + ",".join(map(str, range(5000))), "names 5001 columns"),
    ],
)
def test_csv_that_cannot_be_used(text: str | bytes, message: str, tmp_path: Path) -> None:
    with pytest.raises(PopulationError, match=message) as caught:
        LabelTable.read(written(tmp_path, text))
    assert len(str(caught.value)) < 600 and str(caught.value).isprintable()


def test_tables_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(PopulationError, match="does not exist"):
        LabelTable.read(tmp_path / "labels.csv")
    with pytest.raises(PopulationError, match="is a folder"):
        LabelTable.read(tmp_path)
    with pytest.raises(PopulationError, match=r"suffix '\.xlsx' is none of a table"):
        LabelTable.read(written(tmp_path, "PK", "labels.xlsx"))
    with pytest.raises(PopulationError, match="no Parquet file that can be read"):
        LabelTable.read(written(tmp_path, "PAR1", "labels.parquet"))
    pq.write_table(pa.table({"file": ["a"], "x": [[1, 2]]}), tmp_path / "nested.parquet")
    with pytest.raises(PopulationError, match="column 'x' holds list"):
        LabelTable.read(tmp_path / "nested.parquet")


def test_parquet_that_unpacks_to_more_than_it_should(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = 1_200_000
    long = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), pa.array(["x" * 1000]))
    pq.write_table(pa.table({"file": long}), tmp_path / "labels.parquet")
    assert (tmp_path / "labels.parquet").stat().st_size < 200_000
    with pytest.raises(PopulationError, match=r"column 'file' unpacks to 1,200,000,000 bytes"):
        LabelTable.read(tmp_path / "labels.parquet")
    monkeypatch.setattr(label_tables, "_CELLS", 2**20)
    with pytest.raises(PopulationError, match=r"1,200,000 cells in 1 columns"):
        LabelTable.read(tmp_path / "labels.parquet")


def test_cells_that_contradict_the_types_beside(tmp_path: Path) -> None:
    pq.write_table(pa.table({"file": ["a"], "label": pa.array([1], pa.int16())}), tmp_path / "labels.parquet")
    path = written(tmp_path, "file,label,new\na.pt,7,0.5\n")
    assert [field.type for field in LabelTable.read(path).columns.schema] == [
        pa.string(),
        pa.int16(),
        pa.float64(),
    ]
    written(tmp_path, "file,label\na.pt,cat\n")
    with pytest.raises(PopulationError, match=r"'label' does not hold int16, which labels\.parquet says"):
        LabelTable.read(path)


def test_an_apostrophe_before_what_a_spreadsheet_would_run_is_taken_off(tmp_path: Path) -> None:
    text = "file,note,'=sum\na.pt,'=1+1,-1\nb.pt,'quoted',2\n'-c.pt,''@x,3\n"
    table = LabelTable.read(written(tmp_path, text))
    assert table.files == ("a.pt", "b.pt", "-c.pt")
    assert table.columns["note"].to_pylist() == ["=1+1", "'quoted'", "'@x"]
    assert table.columns["=sum"].to_pylist() == [-1, 2, 3]
