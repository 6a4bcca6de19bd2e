from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from scalegmn.cli.pictures import pictures_of_run, write_pictures
from scalegmn.configuration import Sections
from scalegmn.editing import PICTURES, SHEET, EditingConfig, InrEditing
from scalegmn.images import load_images
from scalegmn.models import ModelConfig
from scalegmn.training import (
    Accelerator,
    DataConfig,
    LoggingConfig,
    RunConfig,
    TrainingConfig,
    train,
)
from scalegmn.zoo.inrs import InrRecipe, fit_inrs


@pytest.fixture(scope="module")
def population(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sheets") / "population"
    images = load_images("digits").subset(range(60))
    recipe = InrRecipe(hidden=(6, 6), frequency=10.0, steps=20, learning_rate=5e-3)
    fit_inrs(images, folder, recipe=recipe, workers=1, progress=False)
    return folder


def run_config(population: Path, output: Path, task: str) -> RunConfig:
    return RunConfig(
        task=task,
        data=DataConfig(population=population, batch_size=16, validation=0.2),
        options=Sections({"model": ModelConfig(features=6, layers=1)}),
        training=TrainingConfig(epochs=2, accelerator=Accelerator.cpu),
        logging=LoggingConfig(tensorboard=True, progress=False),
        output=output,
    )


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("task", ["inr_editing", "classification"])
def test_tensorboard_shows_a_sheet_after_every_epoch(population: Path, tmp_path: Path, task: str) -> None:
    outcome = train(run_config(population, tmp_path / "run", task))
    events = EventAccumulator(str(tmp_path / "run" / "tensorboard"))
    events.Reload()
    tags = events.Tags()["images"]
    assert outcome.report is not None
    if task == "classification":
        assert tags == []
        assert write_pictures(outcome.task, outcome.report.arrays, tmp_path) == []
        assert pictures_of_run(outcome.task, tmp_path / "run") == []
        return
    assert tags == ["val/contact_sheet"]
    sheets = events.Images("val/contact_sheet")
    assert [sheet.step for sheet in sheets] == [3, 6]
    assert sheets[0].encoded_image_string != sheets[1].encoded_image_string
    written = write_pictures(outcome.task, outcome.report.arrays, tmp_path, title="test networks")
    assert written == [tmp_path / SHEET]
    assert (tmp_path / SHEET).read_bytes().startswith(b"\x89PNG")
    # From what the training left in its folder, the same; and only once.
    assert pictures_of_run(outcome.task, tmp_path / "run") == [tmp_path / "run" / SHEET]
    assert (tmp_path / "run" / SHEET).read_bytes() == (tmp_path / SHEET).read_bytes()
    (tmp_path / "run" / SHEET).write_bytes(b"kept")
    assert pictures_of_run(outcome.task, tmp_path / "run") == []
    assert (tmp_path / "run" / SHEET).read_bytes() == b"kept"


def test_reports_without_pictures_give_no_sheet(tmp_path: Path) -> None:
    task = InrEditing(config=EditingConfig(image_source="digits", image_size=(4, 4)))
    assert write_pictures(task, {PICTURES[0]: np.zeros((2, 4, 4))}, tmp_path) == []
    assert list(tmp_path.iterdir()) == []
