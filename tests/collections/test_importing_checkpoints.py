"""Checkpoint files and a table become a population; what export writes comes back as it was."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from torch import nn

from scalegmn.cli.main import main
from scalegmn.collections import NetworkReader, import_checkpoints, write_checkpoints
from scalegmn.collections import _checkpoint_readers as checkpoint_readers
from scalegmn.errors import PopulationError
from scalegmn.networks import Activation, Architecture, cnn, mlp, siren
from scalegmn.networks.modules import read_module
from scalegmn.populations import LabelTable, Population, PopulationWriter

KINDS: tuple[Architecture, ...] = (
    mlp(widths=(2, 3, 1), activations=[Activation("relu")]),
    mlp(widths=(2, 3, 1), activations=[Activation("tanh")]),
    siren(widths=(2, 4, 1)),
    cnn(channels=(1, 2, 2), classes=3, activations=[Activation("gelu")] * 2),
)


@pytest.fixture
def population(tmp_path: Path) -> Population:
    """Architectures take turns; columns of every type, with texts that tables trip over."""
    random = torch.Generator().manual_seed(0)
    texts = ["007", "", "a,b", 'say "x"', "two\nlines", "=1+1", "-5", "'=x", "nan", "ü", "''@x", "'y"]
    with PopulationWriter(tmp_path / "population", provenance={}) as writer:
        for row, text in enumerate(texts):
            architecture = KINDS[row % len(KINDS)]
            columns = {
                "label": [row],
                "text": [text],
                "split": [["train", "val", "test"][row % 3]],
                "share": [row / 7],
                "single": np.array([row / 7], np.float32),
                "small": np.array([row], np.int8),
                "good": [row % 2 == 0],
                "gap": pa.array([None if row == 3 else row], pa.int64()),
                "file": [f"old/{row}"],
                "=name": ["+1"],
            }
            theta = torch.randn(1, architecture.num_parameters, generator=random)
            writer.append(architecture, theta, columns)
        writer.finish()
    return Population.open(tmp_path / "population")


@pytest.mark.slow
@pytest.mark.parametrize("table", ["networks.csv", "networks.parquet"])
def test_what_export_writes_comes_back_as_it_was(population: Population, table: str, tmp_path: Path) -> None:
    files = tmp_path / "files"
    write_checkpoints(population, files, progress=False)
    report = import_checkpoints(
        files, tmp_path / "again", table=LabelTable.read(files / table), shard_size=5, progress=False
    )
    assert report.networks == len(population) and not report.refused
    again = Population.open(report.folder)
    assert again.metadata.equals(population.metadata)
    assert again.architectures == population.architectures
    for (one, places, theta), (other, same, values) in zip(
        population.groups(range(12)), again.groups(range(12)), strict=True
    ):
        assert one == other and torch.equal(places, same) and torch.equal(theta, values)
    again.verify()
    text = (files / "networks.csv").read_text()
    assert not re.search(r'(^|,|")[=+@-][a-z0-9]*[+"]', text), "a spreadsheet would run it"


def trained(folder: Path, count: int = 4, *, double: bool = False) -> list[dict[str, torch.Tensor]]:
    folder.mkdir(exist_ok=True)
    networks = [nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3)) for _ in range(count)]
    states = [network.state_dict() for network in networks]
    if double:
        # Not what single precision can hold.
        states = [{name: value.double() * (1 + 1e-12) for name, value in state.items()} for state in states]
    for number, state in enumerate(states):
        torch.save(state, folder / f"{number}.pt")
    return states


def csv(folder: Path, text: str) -> LabelTable:
    (folder / "labels.csv").write_text(text)
    return LabelTable.read(folder / "labels.csv")


def test_files_of_ones_own(tmp_path: Path) -> None:
    states = trained(tmp_path / "runs", double=True)
    table = csv(tmp_path, "label,file\n1,2.pt\n0,0.pt\n2,3.pt\n1,1.pt\n")
    report = import_checkpoints(
        tmp_path / "runs",
        tmp_path / "out",
        table=table,
        reader=NetworkReader(activation="relu"),
        progress=False,
    )
    mine = Population.open(tmp_path / "out")
    assert mine.column("label").tolist() == [1, 0, 2, 1]
    assert mine.column("file").tolist() == ["2.pt", "0.pt", "3.pt", "1.pt"]
    expected = torch.cat([value.float().flatten() for value in states[2].values()])
    assert torch.equal(mine.theta([0])[0], expected)
    assert mine.architecture.describe() == "4-5-3 (relu), 43 parameters"
    assert any("4 files: rounded from double to single precision" in line for line in report.remarks)
    assert any("4-5-3 (relu)" in line for line in report.remarks)


def test_a_file_with_two_networks(tmp_path: Path) -> None:
    (state,) = trained(tmp_path / "runs", 1)
    other = {name: value + 1 for name, value in state.items()}
    torch.save({"net": state, "ema": other}, tmp_path / "runs" / "0.pt")
    table = csv(tmp_path, "file\n0.pt\n")
    reader = NetworkReader(activation="relu", key="ema")
    report = import_checkpoints(
        tmp_path / "runs", tmp_path / "out", table=table, reader=reader, progress=False
    )
    expected = torch.cat([value.flatten() for value in other.values()])
    assert torch.equal(Population.open(tmp_path / "out").theta([0])[0], expected)
    assert any("belong to no network, or to another one" in line for line in report.remarks)


def test_what_is_assumed_of_convolutions_is_said(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    runs.mkdir()
    module = nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 3)
    )
    torch.save(module.state_dict(), runs / "0.pt")
    table, known = csv(tmp_path, "file\n0.pt\n"), read_module(module)[0]
    for name, reader in {
        "guessed": NetworkReader(activation="relu"),
        "known": NetworkReader(architectures=(known,)),
    }.items():
        report = import_checkpoints(runs, tmp_path / name, table=table, reader=reader, progress=False)
        said = [line for line in report.remarks if "assumed stride 2, padding 0 and global average" in line]
        assert len(said) == (name == "guessed")
    assert Population.open(tmp_path / "known").architecture == known


def test_nothing_is_left_out_in_silence(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    trained(runs, 6)
    (runs / "4.pt").write_bytes(b"nothing")
    (runs / "old.ckpt").write_bytes(b"something")
    (runs / "README.md").write_text("mine")
    torch.save({"0.weight": torch.full((5, 4), 1e300, dtype=torch.float64)}, runs / "5.pt")
    (tmp_path / "outside.pt").write_bytes((runs / "0.pt").read_bytes())
    (runs / "link.pt").symlink_to(tmp_path / "outside.pt")
    names = [
        "0.pt",
        "1.pt",
        "1.pt",
        "9.pt",
        "../outside.pt",
        "/etc/passwd",
        "link.pt",
        "4.pt",
        "5.pt",
        "",
        "x" * 400,
    ]
    table = csv(tmp_path, "file,label\n" + "".join(f"{name},0\n" for name in names))
    reader = NetworkReader(activation="relu")
    report = import_checkpoints(runs, tmp_path / "out", table=table, reader=reader, progress=False)
    assert report.networks == 1
    assert report.left_out == {"no networks by their names": 1}
    reasons = {refusal.name: refusal.reason for refusal in report.refused}
    assert set(reasons) == {*names[1:9], "x" * 400, "row 10 of labels.csv", "2.pt", "3.pt", "old.ckpt"}
    for name, part in {
        "1.pt": "rows 2, 3 of labels.csv name it; keep one",
        "9.pt": "row 4 of labels.csv names it, but it is not there",
        "../outside.pt": "not below runs",
        "/etc/passwd": "not below runs",
        "link.pt": "a link that leads out of runs",
        "row 10 of labels.csv": "names no file",
        "2.pt": "no row of labels.csv names it",
        "old.ckpt": "no row of labels.csv names it",
    }.items():
        assert part in reasons[name]


def test_nothing_is_written_where_nothing_can_be_read(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    trained(runs, 2)
    table = csv(tmp_path, "file\n0.pt\n1.pt\n")
    with pytest.raises(PopulationError, match=r"all files were refused; 0\.pt: .*--activation"):
        import_checkpoints(runs, tmp_path / "out", table=table, progress=False)
    assert not (tmp_path / "out").exists()
    with pytest.raises(PopulationError, match=r"no networks to read; 7\.pt"):
        import_checkpoints(runs, tmp_path / "out", table=csv(tmp_path, "file\n7.pt\n"), progress=False)
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_an_interrupted_import_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = tmp_path / "runs"
    trained(runs, 5)
    table = csv(tmp_path, "file,label\n" + "".join(f"{n}.pt,{n}\n" for n in range(5)))
    reader = NetworkReader(activation="relu")

    def call(name: str, *, resume: bool = False) -> None:
        import_checkpoints(
            runs, tmp_path / name, table=table, reader=reader, shard_size=2, resume=resume, progress=False
        )

    real: Callable[..., object] = checkpoint_readers.read_state
    reads = []

    def interrupted(path: Path, **options: int) -> object:
        reads.append(path.name)
        if len(reads) == 4:
            raise KeyboardInterrupt
        return real(path, **options)

    monkeypatch.setattr(checkpoint_readers, "read_state", interrupted)
    with pytest.raises(KeyboardInterrupt):
        call("out")
    call("out", resume=True)
    assert reads == ["0.pt", "1.pt", "2.pt", "3.pt", "2.pt", "3.pt", "4.pt"]
    call("whole")
    assert Population.open(tmp_path / "out").checksum == Population.open(tmp_path / "whole").checksum
    table = csv(tmp_path, "file,label\n0.pt,1\n")
    with pytest.raises(PopulationError, match="made differently"):
        call("out", resume=True)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = tmp_path / "runs"
    trained(runs)
    (runs / "labels.csv").write_text("path,label\n" + "".join(f"{n}.pt,{n % 2}\n" for n in range(3)))
    described = tmp_path / "architecture.json"
    known = mlp(widths=(4, 5, 3), activations=[Activation("tanh")], names=("0", "2"))
    described.write_text(json.dumps(known.to_dict()))
    command = ["import", "checkpoints", str(runs), "--quiet", "--table", "labels.csv", "-o"]
    options = ["--file-column", "path", "--architecture", str(described)]
    assert main([*command, str(tmp_path / "a"), *options]) == 0
    shown = capsys.readouterr().out
    assert "3 networks" in shown and "refused 3.pt: no row of labels.csv names it" in shown
    assert Population.open(tmp_path / "a").architecture == known
    assert main([*command, str(tmp_path / "b"), "--file-column", "path", "--activation", "relu"]) == 0
    assert Population.open(tmp_path / "b").column("label").tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        ([], 3, "no networks.csv; name the table .* with --table"),
        (["--table", "nowhere.csv"], 3, "nowhere.csv: does not exist"),
        (["--table", "labels.csv", "--architecture", "{}"], 2, "no description of an architecture"),
        (["--table", "labels.csv", "--architecture", "[]"], 2, "describes no architecture"),
        (["--table", "labels.csv", "--architecture", "{"], 2, "is no JSON"),
        (["--table", "labels.csv", "--architecture", "none.json"], 2, "none.json: cannot be read"),
        (["--table", "labels.csv", "--activation", "nonsense"], 2, "'nonsense' is not understood"),
        (["--table", "labels.csv", "--max-bytes", "0"], 2, "--max-bytes is 0"),
        (["--padding", "1"], 2, "checkpoints has no such option"),
        (["--augmented"], 2, "checkpoints has no such option"),
    ],
)
def test_mistakes(
    options: list[str], code: int, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trained(tmp_path / "runs", 1)
    (tmp_path / "runs" / "labels.csv").write_text("file\n0.pt\n")
    command = ["import", "checkpoints", str(tmp_path / "runs"), "-o", str(tmp_path / "out"), "--quiet"]
    assert main([*command, *options]) == code
    shown = capsys.readouterr().err.replace("\n", " ")
    assert re.search(message, shown), shown
    assert not (tmp_path / "out").exists()
