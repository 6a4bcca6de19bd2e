from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from scalegmn.checkpoints import read_state, write_state
from scalegmn.cli.exit_codes import DATA, OK, USAGE
from scalegmn.cli.main import main
from scalegmn.collections import write_checkpoints
from scalegmn.populations import Population
from scalegmn.training import Run, trained_model, untrained_model
from scalegmn.training._embedding import embed_networks
from tests.training.small import options, small_population


@pytest.fixture(scope="module")
def population(tmp_path_factory: pytest.TempPathFactory) -> Population:
    folder = tmp_path_factory.mktemp("embed") / "population"
    return small_population(folder, networks=48, more=(2, 4, 5, 1))


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def embed(population: Population, output: Path, *more: str) -> int:
    return main(["embed", str(population.folder), "--output", str(output), "--device", "cpu", *more])


def test_picture_and_coordinates(
    population: Population, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "new" / "picture.png"
    assert embed(population, output, "--color", "label") == OK
    assert output.read_bytes().startswith(b"\x89PNG")
    rows = rows_of(output.with_suffix(".csv"))
    assert [int(row["row"]) for row in rows] == list(range(48))
    assert [int(row["label"]) for row in rows] == population.column("label").tolist()
    points = np.array([(float(row["x"]), float(row["y"])) for row in rows])
    # What was not said to the model shows: the label is the size of the last weights.
    means = [points[population.column("label") == label].mean(axis=0) for label in range(3)]
    assert np.linalg.norm(means[0] - means[2]) > 0.5 * points.std()
    assert "48 networks are in" in capsys.readouterr().out


def test_vectors(population: Population, tmp_path: Path) -> None:
    output = tmp_path / "picture.png"
    assert embed(population, output, "--where.split", "test") == OK
    rows = np.flatnonzero(population.column("split") == "test")
    model = untrained_model(population, rows)
    expected = embed_networks(model, population, rows).numpy()
    with np.load(output.with_suffix(".npz"), allow_pickle=False) as found:
        assert found["vectors"] == pytest.approx(expected)
        assert found["numbers"].tolist() == rows.tolist() and found["points"].shape == (len(rows), 2)
    table = pq.ParquetFile(output.with_suffix(".parquet")).read()
    assert np.array(table["vector"].to_pylist()) == pytest.approx(expected)
    assert table["row"].to_pylist() == rows.tolist()


@pytest.fixture
def files(population: Population, tmp_path: Path) -> Path:
    """Networks of two architectures, one behind prefixes, one huge one and one that is none."""
    folder = tmp_path / "files"
    write_checkpoints(population, folder, rows=np.arange(20, 30), progress=False)
    state = read_state(folder / "22.safetensors")
    wrapped = {f"module.{name}": value for name, value in state.tensors.items()}
    write_state(folder / "22.safetensors", wrapped, extras=state.extras, overwrite=True)
    huge = {name: value.double() * 1e38 for name, value in state.tensors.items()}
    write_state(folder / "40.safetensors", huge, extras=state.extras)
    (folder / "50.npz").write_bytes(b"no archive")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("trained", [False, True])
def test_files(
    trained: bool, population: Population, files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = []
    if trained:
        assert main(["train", *options(population.folder, tmp_path / "run")]) == OK
        more = ["--run", str(tmp_path / "run")]
    output = tmp_path / "picture.png"
    capsys.readouterr()
    command = ["embed", str(files), "--output", str(output), "--device", "cpu", "--quiet", *more]
    assert main(command) == DATA
    assert "50.npz" in capsys.readouterr().err
    rows = rows_of(output.with_suffix(".csv"))
    assert [Path(row["file"]).stem for row in rows] == [*map(str, range(20, 30)), "40", "50"]
    assert "'module." in rows[2]["notes"]
    good = [row for row in rows if not row["error"]]
    assert len(good) >= 10 and {row["row"] for row in good} >= set(map(str, range(10)))
    with np.load(output.with_suffix(".npz"), allow_pickle=False) as found:
        assert len(found["vectors"]) == len(good) and np.isfinite(found["vectors"]).all()
        assert [Path(name).stem for name in found["files"]] == [Path(row["file"]).stem for row in good]
    if trained:
        run = Run.open(tmp_path / "run")
        wanted = np.arange(20, 30)
        model = trained_model(run, population, wanted)
        expected = embed_networks(model, population, wanted, canonicalize=run.canonicalize)
        with np.load(output.with_suffix(".npz"), allow_pickle=False) as found:
            assert found["vectors"][:10] == pytest.approx(expected.numpy())


def test_files_without_an_architecture(
    population: Population, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for row in range(4):
        state = population.architectures[0].unflatten(population.theta([row])[0])
        write_state(tmp_path / f"{row}.safetensors", state)
    paths = [str(tmp_path / f"{row}.safetensors") for row in range(4)]
    command = ["embed", *paths, "--output", str(tmp_path / "picture.png"), "--quiet"]
    assert main(command) == DATA
    assert "--activation" in capsys.readouterr().err
    assert main([*command, "--activation", "sine:30"]) == OK
    assert main([*command, "--activation", "nothing"]) == USAGE


def test_choice_of_networks(population: Population, tmp_path: Path) -> None:
    output = tmp_path / "picture.png"
    chosen = ["--where.split", "train", "--where.label", "[0, 2]"]
    assert embed(population, output, *chosen, "--limit", "10", "--seed", "3", "--method", "tsne") == OK
    rows = rows_of(output.with_suffix(".csv"))
    numbers = [int(row["row"]) for row in rows]
    assert len(numbers) == 10
    assert numbers == sorted(numbers)
    assert set(population.column("label")[numbers].tolist()) == {0, 2}
    assert set(population.column("split")[numbers].tolist()) == {"train"}
    first = output.with_suffix(".csv").read_text()
    assert embed(population, output, *chosen, "--limit", "10", "--seed", "3", "--method", "tsne") == OK
    assert output.with_suffix(".csv").read_text() == first


@pytest.mark.slow
def test_trained_model(population: Population, tmp_path: Path) -> None:
    assert main(["train", *options(population.folder, tmp_path / "run")]) == OK
    output = tmp_path / "picture.png"
    assert embed(population, output, "--run", str(tmp_path / "run")) == OK
    trained = output.with_suffix(".csv").read_text()
    assert embed(population, output) == OK
    assert output.with_suffix(".csv").read_text() != trained
    assert list(rows_of(output.with_suffix(".csv"))[0]) == ["row", "x", "y"]


def test_model_without_vectors_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    alike = small_population(tmp_path / "population", networks=48)
    flat = options(alike.folder, tmp_path / "run", metanetwork="flat_mlp")
    assert main(["train", *flat]) == OK
    assert embed(alike, tmp_path / "picture.png", "--run", str(tmp_path / "run")) == USAGE
    assert "holds a FlatMLP" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "code", "message"),
    [
        (["--color", "color"], DATA, "no column 'color'"),
        (["--where.label", "7"], USAGE, "no network of"),
        (["--where.other", "7"], USAGE, "no column 'other'"),
        (["--limit", "0"], USAGE, "--limit is 0"),
        (["--limit", "2"], USAGE, "2 networks make no picture"),
        (["--batch-size", "0"], USAGE, "--batch-size is 0"),
        (["--method", "umap"], USAGE, "umap"),
        (["--run", "nowhere"], USAGE, "there is no such run folder"),
        (["--device", "nonsense"], USAGE, "nonsense"),
    ],
)
def test_wrong_usage(
    population: Population,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    more: list[str],
    code: int,
    message: str,
) -> None:
    assert embed(population, tmp_path / "picture.png", *more) == code
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_picture_must_be_a_png(
    population: Population, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert embed(population, tmp_path / "picture.csv") == USAGE
    assert "ends in .png" in capsys.readouterr().err
