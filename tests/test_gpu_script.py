"""The script for a GPU, as far as a machine without one can try it."""

from __future__ import annotations

import importlib
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import torch

ROOT = Path(__file__).parents[1]


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Imports a module of the package."""
    monkeypatch.syspath_prepend(str(ROOT))
    return lambda name: importlib.import_module(f"benchmarks.gpu.{name}")


@pytest.mark.slow
def test_one_stage_writes_its_rows(gpu: Any, tmp_path: Path) -> None:
    place = tmp_path / "found.json"
    gpu("stages").main(["roofline", "--device", "cpu", "--small", "--output", str(place)])
    rows = json.loads(place.read_text())["rows"]
    assert [row["what"] for row in rows][-1] == "copy" and rows[-1]["GB/s"] > 0
    assert set(gpu("stages").STAGES) == set(gpu("__main__").STAGES)
    assert sum(gpu("__main__").STAGES.values()) <= 470


@pytest.mark.slow
def test_errors_are_those_of_rounding_and_others_are_seen(gpu: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    exactness = gpu("exactness")
    networks = exactness.NETWORKS["CNNs, relu and tanh"]
    for edits in (False, True):
        model = exactness.model_for(networks, direction="forward", edits=edits)
        assert max(exactness.errors(model, networks, "cpu").values()) <= exactness.BOUND

    class Wrong:
        def apply(self, theta: torch.Tensor) -> torch.Tensor:
            return theta * torch.linspace(1, 2, theta.shape[-1]).to(theta)

    monkeypatch.setattr(exactness, "random_symmetry", lambda *given, **options: Wrong())
    assert exactness.errors(model, networks, "cpu")["group elements"] > 1e-3


def test_what_fails_is_a_line_of_the_report(gpu: Any) -> None:
    report = {
        "device": "A device",
        "facts": "its facts",
        "stages": {
            "first": {"rows": [{"what": "a", "TFLOP/s": 12.34}, {"what": "b", "GB/s": 4321.0}], "seconds": 1},
            "second": {"error": "left out: a cannot be imported"},
        },
    }
    lines = gpu("__main__").markdown(report).splitlines()
    assert "| a | 12.3 |  |" in lines and "| b |  | 4,321 |" in lines
    assert "Not complete: left out: a cannot be imported" in lines


def test_where_nothing_can_be_measured(gpu: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    main = gpu("__main__")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert "finds no CUDA device" in main.reason_against("cuda:0") and main.reason_against("cpu") is None
    monkeypatch.setattr(main, "NEEDED", ("torch", "surely_not_installed"))
    assert "surely_not_installed cannot be imported" in main.reason_against("cpu")
    script = ["bash", str(ROOT / "benchmarks" / "gpu.sh")]
    for given, words in (([], "OUTPUT is a new folder"), ([str(tmp_path)], "exists already")):
        done = subprocess.run([*script, *given], check=False, capture_output=True, text=True)
        assert done.returncode == 2 and words in done.stderr
