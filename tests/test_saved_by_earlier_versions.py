"""What an earlier version wrote still opens and predicts as it did (`fixtures/first_stores/README.md`)."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from scalegmn.checkpoints import write_state
from scalegmn.cli.main import main
from scalegmn.editing import TrainedEditor
from scalegmn.errors import ConfigurationError
from scalegmn.graph import NetworkBatch
from scalegmn.models import ScaleGMN, ScaleGMNEditor
from scalegmn.populations import Population
from scalegmn.training import Run

STORES = Path(__file__).parent / "fixtures" / "first_stores"
EXPECTED = {name: torch.from_numpy(values) for name, values in np.load(STORES / "expected.npz").items()}
# Computed in float32 by networks of a few layers and by other sums in another order: differences are some
# units of 6e-8 in every step, and predictions are of size 1.
SINGLE = {"rtol": 1e-4, "atol": 1e-5}
DOUBLE = {"rtol": 1e-9, "atol": 1e-11}

RUNS = {
    "classify": "inrs",
    "regress": "cnns",
    "detect": "twins",
    "flat_mlp": "inrs",
    "nfn": "inrs",
    "boosting": "cnns",
    "logistic": "twins",
}


@pytest.fixture
def stores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy to write to, which is the current folder: runs name their populations from there."""
    folder = shutil.copytree(STORES, tmp_path / "stores")
    monkeypatch.chdir(folder)
    return folder


def outputs_of(name: str) -> torch.Tensor:
    """What the model of a run says of all networks of its population, in their order."""
    run, population = Run.open(STORES / "runs" / name), Population.open(STORES / RUNS[name])
    rows, outputs = [], []
    for architecture, indices, theta in population.groups(range(len(population))):
        rows.append(indices)
        outputs.append(run.outputs(architecture, theta))
    return torch.cat(outputs)[torch.cat(rows).argsort()]


@pytest.mark.parametrize(
    ("name", "networks", "architectures"),
    [("inrs", 32, 1), ("cnns", 28, 2), ("mixed", 6, 3), ("twins", 32, 2)],
)
def test_populations_hold_what_was_stored(name: str, networks: int, architectures: int) -> None:
    population = Population.open(STORES / name)
    population.verify()
    assert (len(population), len(population.architectures)) == (networks, architectures)
    for architecture, rows, theta in population.groups(range(networks)):
        some = torch.linspace(0, architecture.num_parameters - 1, 8).long()
        assert torch.equal(theta[:, some], EXPECTED[f"populations/{name}"][rows])
    table = pq.read_table(STORES / name / "metadata.parquet")
    assert population.metadata.to_pydict() == table.to_pydict()
    assert population.checksum == json.loads((STORES / name / "index.json").read_text())["checksum"]


def test_architectures_are_those_that_were_described() -> None:
    described = [architecture.describe() for architecture in Population.open(STORES / "mixed").architectures]
    assert described == [
        "1-2-3-3-10 (leaky_relu, identity, tanh, 1 skips), 201 parameters",
        "1-2-3-10 (gelu, tanh), 117 parameters",
        "1-2-3-10 (relu, identity), 117 parameters",
    ]


@pytest.mark.parametrize("name", RUNS)
def test_models_of_runs_answer_as_before(name: str) -> None:
    torch.testing.assert_close(outputs_of(name), EXPECTED[f"runs/{name}"], **SINGLE)


def test_an_editor_writes_the_same_networks() -> None:
    ((architecture, _, theta),) = Population.open(STORES / "inrs").groups(range(8))
    edited = TrainedEditor(Run.open(STORES / "runs" / "edit"), device="cpu").edit(architecture, theta)
    torch.testing.assert_close(edited, EXPECTED["runs/edit"], **SINGLE)
    assert (edited - theta).abs().max() > 1e-4


@pytest.mark.parametrize("name", ["permutation", "options", "editor"])
def test_saved_models_answer_as_before(name: str) -> None:
    groups = Population.open(STORES / "mixed").groups(range(6))
    for place, (architecture, _, theta) in enumerate(groups):
        batch = NetworkBatch.from_parameters(architecture, theta.double())
        if name == "editor":
            answer = ScaleGMNEditor.from_pretrained(STORES / "models" / name).edit(batch).theta
        else:
            answer = ScaleGMN.from_pretrained(STORES / "models" / name).predict(batch)
        torch.testing.assert_close(answer.detach(), EXPECTED[f"models/{name}/{place}"], **DOUBLE)


# Figures of order jump where two outputs change places.  In these runs outputs lie as close as rounding.
NEARLY_TIED = {"regress": ("kendall_tau", "spearman"), "detect": ("auroc", "tpr_")}


@pytest.mark.slow
@pytest.mark.parametrize("name", [*RUNS, "edit"])
def test_evaluate_finds_the_figures_of_the_training(stores: Path, name: str) -> None:
    assert main(["evaluate", f"runs/{name}", "--output", "found.json"]) == 0
    found = json.loads(Path("found.json").read_text())
    recorded = json.loads((stores / "runs" / name / "results.json").read_text())["test"]
    assert recorded["networks"] == found["networks"]
    figures = {key for key, value in recorded.items() if isinstance(value, float)}
    assert figures <= found.keys()
    figures = {key for key in figures if not key.startswith(NEARLY_TIED.get(name, ()))}
    assert figures
    for key in figures:
        assert found[key] == pytest.approx(recorded[key], rel=1e-3, abs=1e-5), key


def test_predict_reads_files(stores: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ((architecture, _, theta),) = Population.open("inrs").groups([3])
    write_state(stores / "one.safetensors", architecture.unflatten(theta[0]))
    assert main(["predict", "runs/classify", "one.safetensors", "--json", "-"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    probabilities = EXPECTED["runs/classify"][3].softmax(-1)
    assert row["class"] == str(int(probabilities.argmax()))


def test_a_detector_scans_with_its_calibration(stores: Path) -> None:
    population = Population.open("twins")
    ((architecture, _, theta),) = population.groups([0])
    write_state(stores / "one.safetensors", architecture.unflatten(theta[0]))
    activation = f"--activation={population.column('activation')[0]}"
    # It was calibrated with three clean networks.
    options = ("--detector=runs/detect", "--fpr=0.5", "--json=scan.json", "--quiet", activation)
    assert main(["scan", "one.safetensors", *options]) in (0, 1)
    (found,) = json.loads(Path("scan.json").read_text())["files"]
    assert found["verdict"] in ("clean", "suspect")


@pytest.mark.slow
def test_an_interrupted_training_goes_on(stores: Path) -> None:
    with pytest.raises(ConfigurationError, match="did not come to its end"):
        Run.open("runs/interrupted")
    assert main(["train", "--config", "runs/interrupted/config.yaml", "--resume", "true"]) == 0
    lines = (stores / "runs" / "interrupted" / "metrics.csv").read_text().splitlines()
    assert lines[1:3] == (STORES / "runs" / "interrupted" / "metrics.csv").read_text().splitlines()[1:3]
    assert len(lines) == 4
    assert Run.open("runs/interrupted").facts["metanetwork"] == "scalegmn"
