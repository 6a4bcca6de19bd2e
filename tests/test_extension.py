"""The extension in `examples/extension`: installed without network, found by its entry point, and used."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from scalegmn.cli.exit_codes import USAGE
from scalegmn.cli.main import main
from scalegmn.registry import GROUP
from tests.training.small import options, small_population

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "extension"
SETTINGS = {"task": "spectral_gain", "metanetwork": "neuron_sets", "neuron_sets.width": 8}

# What a user would type, one command after the other in a process of their own.
PROGRAM = """
import sys, yaml
from scalegmn.cli.main import main
for command in yaml.safe_load(open(sys.argv[1])):
    assert main(command) == 0, command
    print("done", command[0], flush=True)
assert "scalegmn_example" in sys.modules
"""


def run(program: str, *arguments: str, path: Path) -> str:
    """What a program prints in a new process that finds packages in `path` and this library."""
    library = Path(sys.modules["scalegmn"].__file__ or "").parents[1]
    own = {"PYTHONPATH": os.pathsep.join(map(str, (path, library))), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | own)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def install(folder: Path) -> Path:
    """Install the example as pip does, into a folder of its own and from this folder alone."""
    # A build leaves files beside the source, so a copy is built.
    copy = shutil.copytree(EXAMPLE, folder / "copy")
    alone = ["--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check", "--quiet"]
    command = [sys.executable, "-m", "pip", "install", *alone, "--target", str(folder / "site"), str(copy)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "site"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a population, a training by the installed extension, and what commands made of it."""
    folder = tmp_path_factory.mktemp("extension")
    small_population(folder / "p", networks=48)
    base = {
        "data": {"population": str(folder / "p"), "batch_size": 16, "validation": 0.25},
        "task": "spectral_gain",
        "model": {"features": 4, "layers": 1},
        "training": {"epochs": 1, "accelerator": "cpu"},
        "logging": {"tensorboard": False, "progress": False},
    }
    models = {"ScaleGMN": {}, "sets": {"metanetwork": "neuron_sets", "neuron_sets.width": 8}}
    comparison = {"base": base, "models": models, "seeds": [0], "output": str(folder / "compared")}
    (folder / "comparison.yaml").write_text(yaml.safe_dump(comparison))
    run_folder = str(folder / "run")
    commands = [
        ["train", *options(folder / "p", folder / "run", training__epochs=30, **SETTINGS)],
        ["evaluate", run_folder, "--device", "cpu"],
        ["predict", run_folder, str(folder / "p"), "--output", str(folder / "said.csv"), "--device", "cpu"],
        ["compare", "--config", str(folder / "comparison.yaml")],
    ]
    (folder / "commands.yaml").write_text(yaml.safe_dump(commands))
    printed = run(PROGRAM, str(folder / "commands.yaml"), path=install(folder))
    assert [line.split()[1] for line in printed.splitlines() if line.startswith("done")] == [
        command[0] for command in commands
    ]
    return folder


@pytest.mark.slow
def test_it_learns_by_the_command_line(trained: Path) -> None:
    results = json.loads((trained / "run" / "results.json").read_text())
    assert results["test"]["r2"] > 0.5
    config = yaml.safe_load((trained / "run" / "config.yaml").read_text())
    assert config["neuron_sets"] == {"width": 8} and config["spectral_gain"] == {"norm": "spectral"}
    assert "regression" not in config
    said = (trained / "said.csv").read_text().splitlines()
    assert len(said) == 49 and "gain" in said[0] and "low" in said[0]
    table = (trained / "compared" / "table.md").read_text()
    assert "sets" in table and "ScaleGMN" in table and "Spectral gain" in table


def test_a_run_of_an_extension_that_is_not_here_is_one_sentence(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", str(trained / "run")]) == USAGE
    told = capsys.readouterr().err
    assert "run.json: task is 'spectral_gain', expected one of classification, regression" in told
    assert "load it with --extension" in told
    assert "the class 'scalegmn_example.spectral_gain:SpectralGain'" in told


@pytest.mark.slow
def test_it_is_loaded_by_the_wish_of_the_user_without_being_installed(trained: Path) -> None:
    source = EXAMPLE / "src"
    program = f"""
from pathlib import Path
from scalegmn.cli.main import main
from scalegmn.training import Run
arguments = ["evaluate", {str(trained / "run")!r}, "--output", {str(trained / "again.json")!r}]
assert main([*arguments, "--extension", "scalegmn_example:register", "--device", "cpu"]) == 0
from scalegmn_example import NeuronSets
run = Run.open({str(trained / "run")!r})
assert type(run.model) is NeuronSets and run.task.name == "spectral_gain"
"""
    run(program, path=source)
    first, again = (trained / name for name in ("run/evaluation-same-test.json", "again.json"))
    drop = [line for line in first.read_text().splitlines() if '"command"' not in line]
    assert drop == [line for line in again.read_text().splitlines() if '"command"' not in line]


def test_its_entry_point_is_the_one_of_the_library() -> None:
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    assert project["entry-points"] == {GROUP: {"example": "scalegmn_example:register"}}


def test_its_files_are_what_the_page_builds() -> None:
    page = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", page, flags=re.DOTALL | re.MULTILINE)
    sources = [path.read_text(encoding="utf-8") for path in (EXAMPLE / "src").rglob("*.py")]
    built = blocks[: next(n for n, block in enumerate(blocks) if ".register()" in block)]
    assert len(built) == 6
    for block in built:
        assert any(block.rstrip() in source for source in sources), block
