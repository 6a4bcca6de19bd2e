from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from scalegmn.checkpoints import read_state
from scalegmn.cli.exit_codes import OK, USAGE
from scalegmn.cli.main import main
from scalegmn.collections import write_checkpoints
from scalegmn.errors import PopulationError
from scalegmn.networks import Activation, Architecture, mlp
from scalegmn.populations import Population, PopulationWriter


@pytest.fixture
def population(tmp_path: Path) -> Population:
    """Twelve networks of two architectures whose parameters look the same."""
    random = torch.Generator().manual_seed(0)
    with PopulationWriter(tmp_path / "population", provenance={}) as writer:
        for kind in ("relu", "tanh"):
            architecture = mlp(widths=(2, 3, 1), activations=[Activation(kind)])
            theta = torch.randn(6, architecture.num_parameters, generator=random)
            writer.append(architecture, theta, {"kind": [kind] * 6, "number": np.arange(6)})
        writer.finish()
    return Population.open(tmp_path / "population")


def test_every_file_is_the_network_of_its_number(population: Population, tmp_path: Path) -> None:
    rows = np.array([11, 2, 7])
    assert write_checkpoints(population, tmp_path / "files", rows=rows, progress=False) == 3
    assert sorted(p.name for p in (tmp_path / "files").iterdir()) == [
        "02.safetensors",
        "07.safetensors",
        "11.safetensors",
        "networks.csv",
        "networks.parquet",
    ]
    for row in rows.tolist():
        state = read_state(tmp_path / "files" / f"{row:02d}.safetensors")
        architecture = population.architectures[population.column("architecture")[row]]
        assert state.extras["architecture"] == architecture.fingerprint
        assert Architecture.from_dict(json.loads(str(state.extras["architecture_json"]))) == architecture
        assert torch.equal(architecture.flatten(state.tensors, origin=""), population.theta([row])[0])
    with (tmp_path / "files" / "networks.csv").open() as file:
        table = list(csv.DictReader(file))
    assert [(r["file"], r["kind"], r["number"]) for r in table] == [
        ("02.safetensors", "relu", "2"),
        ("07.safetensors", "tanh", "1"),
        ("11.safetensors", "tanh", "5"),
    ]


def test_the_command(population: Population, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["export", str(population.folder), "-o", str(tmp_path / "files"), "--format"]
    assert main([*command, "checkpoints", "--where", '{"kind": "tanh"}', "--limit", "2", "--quiet"]) == OK
    assert len(list((tmp_path / "files").glob("*.safetensors"))) == 2
    assert "2 networks" in capsys.readouterr().out
    assert main([*command, "small_cnn_zoo", "--limit", "2"]) == USAGE
    assert main([*command, "checkpoints", "--limit", "0"]) == USAGE


def test_what_is_refused(population: Population, tmp_path: Path) -> None:
    with pytest.raises(PopulationError, match="no networks to write"):
        write_checkpoints(population, tmp_path / "none", rows=np.array([], dtype=np.int64), progress=False)
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "mine").write_text("")
    with pytest.raises(PopulationError, match="not empty"):
        write_checkpoints(population, tmp_path / "files", progress=False)
