"""The scripts of `examples/training`: a sweep of tiny trainings, and a job for Slurm that is not started."""

from __future__ import annotations

import os
import runpy
import subprocess
from pathlib import Path

import pytest

from tests.training.small import options, small_population

SCRIPTS = Path(__file__).parents[2] / "examples" / "training"
SRUN = """#!/usr/bin/env bash
printf '%s\\n' "$@"
"""


@pytest.mark.slow
def test_a_sweep_keeps_its_study_and_goes_on(tmp_path: Path) -> None:
    optuna = pytest.importorskip("optuna")
    population = small_population(tmp_path / "p", networks=48).folder
    given = options(population, tmp_path / "unused", training__epochs=1)
    given = [one for one in given if not one.startswith(("--output", "--model.", "--training.learning_rate"))]
    script = runpy.run_path(str(SCRIPTS / "sweep.py"))
    for done in (2, 3):
        script["main"](
            [str(tmp_path / "sweep"), "--trials", str(1 + (done == 2)), *given, "--model.layers=1"]
        )
        assert len(list((tmp_path / "sweep").glob("trial*/results.json"))) == done
    study = optuna.load_study(study_name="sweep", storage=f"sqlite:///{tmp_path / 'sweep' / 'study.db'}")
    assert len({trial.params["learning_rate"] for trial in study.trials}) == 3


def test_the_job_starts_one_task_for_each_gpu(tmp_path: Path) -> None:
    script = SCRIPTS / "train.sbatch"
    assert subprocess.run(["bash", "-n", str(script)], check=False).returncode == 0
    srun = tmp_path / "srun"
    srun.write_text(SRUN, encoding="utf-8")
    srun.chmod(0o755)
    environment = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "SLURM_NNODES": "2",
        "SLURM_NTASKS_PER_NODE": "4",
    }

    def started() -> list[str]:
        command = ["bash", str(script), str(tmp_path / "run"), "--config", "inr_classification/mnist"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        return done.stdout.split()

    first = started()
    assert first[:5] == ["--kill-on-bad-exit=1", "scalegmn", "train", "--config", "inr_classification/mnist"]
    assert first[7:11] == ["--training.nodes", "2", "--training.devices", "4"]
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.yaml").touch()
    assert started() == [*first, "--resume", "true"]


def test_a_sweep_of_no_trials_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("optuna")
    script = runpy.run_path(str(SCRIPTS / "sweep.py"))
    with pytest.raises(SystemExit):
        script["main"]([str(tmp_path / "sweep"), "--trials", "0"])
    assert "--trials is 0, expected 1 or more" in capsys.readouterr().err
    assert not (tmp_path / "sweep").exists()
