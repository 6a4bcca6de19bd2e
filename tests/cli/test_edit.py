from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from scalegmn.checkpoints import read_state, write_state
from scalegmn.cli.exit_codes import DATA, OK, USAGE
from scalegmn.cli.main import main
from scalegmn.editing import TrainedEditor, draw, edit_population
from scalegmn.editing.edits import Dilation
from scalegmn.graph import NetworkBatch
from scalegmn.images import load_images
from scalegmn.models import Editor, ScaleGMNEditor
from scalegmn.networks import Architecture, siren
from scalegmn.networks.recognition import architecture_entries
from scalegmn.populations import Population, PopulationWriter
from scalegmn.symmetry import canonicalize_sine_phase
from scalegmn.training import Run
from scalegmn.zoo.inrs import InrRecipe, fit_inrs
from tests.training.small import options

PNG = b"\x89PNG"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained editor, its population, and a run that makes predictions."""
    folder = tmp_path_factory.mktemp("edit")
    images = load_images("digits").subset(range(60))
    recipe = InrRecipe(hidden=(6, 6), frequency=10.0, steps=60, learning_rate=5e-3)
    fit_inrs(images, folder / "population", recipe=recipe, workers=1, progress=False)
    command = options(folder / "population", folder / "run", task="inr_editing", training__epochs=1)
    assert main(["train", *command]) == OK
    assert main(["train", *options(folder / "population", folder / "judge", training__epochs=1)]) == OK
    return folder


@pytest.fixture
def files(folder: Path, tmp_path: Path) -> list[Path]:
    """Three networks in three formats."""
    population = Population.open(folder / "population")
    states = [population.architecture.unflatten(theta) for theta in population.theta([1, 2, 3])]
    paths = [tmp_path / "in" / name for name in ("a.pth", "b.npz", "c.safetensors")]
    paths[0].parent.mkdir()
    torch.save({**states[0], "label": 1}, paths[0])
    np.savez(paths[1], **{name: value.numpy() for name, value in states[1].items()})
    write_state(paths[2], {name: value.double() for name, value in states[2].items()})
    return paths


def expected(
    folder: Path, rows: list[int], dtype: torch.dtype = torch.float32
) -> tuple[Architecture, torch.Tensor]:
    run, population = Run.open(folder / "run"), Population.open(folder / "population")
    assert isinstance(run.model, Editor)
    theta = canonicalize_sine_phase(population.architecture, population.theta(rows).to(dtype))
    with torch.no_grad():
        edited = run.model.edit(NetworkBatch.from_parameters(population.architecture, theta.float()))
    return population.architecture, edited.single[1].to(dtype)


@pytest.mark.slow
def test_files_are_edited_in_their_own_format(
    folder: Path, files: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = [path.read_bytes() for path in files]
    out = tmp_path / "out"
    assert main(["edit", str(folder / "run"), *map(str, files), "-o", str(out)]) == OK
    printed = capsys.readouterr().out
    assert "3 edited networks" in printed
    assert sorted(path.name for path in out.iterdir()) == [
        "a.pth",
        "b.npz",
        "c.safetensors",
        "contact_sheet.png",
    ]
    assert (out / "contact_sheet.png").read_bytes().startswith(PNG)
    architecture, theta = expected(folder, [1, 2, 3])
    for path, row in zip(files, theta, strict=True):
        old, new = read_state(path), read_state(out / path.name)
        assert new.extras == old.extras
        assert list(new.tensors) == list(old.tensors)
        assert new.original_dtypes == old.original_dtypes
        found = architecture.flatten(new.tensors).float()
        torch.testing.assert_close(found, row, rtol=0, atol=1e-6)
        assert not torch.allclose(found, architecture.flatten(old.tensors).float(), atol=1e-6)
    assert [path.read_bytes() for path in files] == before


@pytest.mark.slow
def test_the_mean_of_several_networks_is_one_wide_network(folder: Path, tmp_path: Path) -> None:
    """Files of both kinds, which say of the wide network what they said of the narrow one."""
    shutil.copytree(folder / "run", tmp_path / "run")
    old = Run.open(folder / "run").model
    assert isinstance(old, ScaleGMNEditor)
    made = ScaleGMNEditor(spec=old.spec, config=dataclasses.replace(old.config, output_networks=2)).eval()
    made.load_state_dict(old.state_dict())
    made.save_pretrained(tmp_path / "run" / "model")
    population = Population.open(folder / "population")
    architecture, theta = population.architecture, population.theta([1, 2])
    paths = [tmp_path / name for name in ("a.pt", "b.safetensors")]
    for path, row in zip(paths, theta, strict=True):
        write_state(path, architecture.unflatten(row), extras=architecture_entries(architecture))
    out = tmp_path / "out"
    assert main(["edit", str(tmp_path / "run"), *map(str, paths), "-o", str(out)]) == OK
    canonical = canonicalize_sine_phase(architecture, theta)
    with torch.no_grad():
        each = made.edit_each(NetworkBatch.from_parameters(architecture, canonical))
    drawn = torch.stack([draw(*one.single, size=(8, 8)) for one in each])
    wide = siren(widths=(2, 12, 12, 1), frequency=10.0)
    for place, path in enumerate(paths):
        state = read_state(out / path.name)
        assert state.extras == architecture_entries(wide)
        found = draw(wide, wide.flatten(state.tensors)[None], size=(8, 8))[0]
        # Twice 60 sums of single precision.
        torch.testing.assert_close(found, drawn.mean(0)[place], rtol=0, atol=1e-4)
    assert (drawn[0] - drawn[1]).abs().max() > 1e-3
    assert (out / "contact_sheet.png").read_bytes().startswith(PNG)
    edited = edit_population(
        TrainedEditor(Run.open(tmp_path / "run"), device="cpu"), population, tmp_path / "p", progress=False
    )
    new = Population.open(edited.folder)
    new.verify()
    assert new.architecture == wide
    torch.testing.assert_close(draw(wide, new.theta([1, 2]), size=(8, 8)), drawn.mean(0), rtol=0, atol=1e-4)


def test_a_single_file_may_name_its_output(folder: Path, files: list[Path], tmp_path: Path) -> None:
    command = ["edit", str(folder / "run"), str(files[0]), "-o", str(tmp_path / "edited.npz")]
    assert main(command) == OK
    architecture, theta = expected(folder, [1])
    found = read_state(tmp_path / "edited.npz")
    torch.testing.assert_close(architecture.flatten(found.tensors), theta[0], rtol=0, atol=1e-6)
    assert found.extras == {"label": 1}
    assert (tmp_path / "edited.png").read_bytes().startswith(PNG)


def test_nothing_is_written_over(
    folder: Path, files: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = [path.read_bytes() for path in files]
    assert main(["edit", str(folder / "run"), str(files[0]), "-o", str(files[0].parent)]) == DATA
    assert "not empty" in capsys.readouterr().err
    assert main(["edit", str(folder / "run"), str(files[0]), "-o", str(files[1])]) == DATA
    assert "was left alone" in capsys.readouterr().err
    assert [path.read_bytes() for path in files] == before
    assert len(list(files[0].parent.iterdir())) == 3


def test_bad_files_are_reported_and_the_others_done(
    folder: Path, files: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save({"other": torch.ones(3)}, tmp_path / "foreign.pt")
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "b.npz").write_bytes(files[1].read_bytes())
    bad = [tmp_path / "foreign.pt", tmp_path / "missing.pth", tmp_path / "more" / "b.npz"]
    out = tmp_path / "out"
    assert main(["edit", str(folder / "run"), *map(str, [*files, *bad]), "-o", str(out)]) == DATA
    captured = capsys.readouterr()
    assert "3 edited networks" in captured.out
    for path, word in zip(
        bad, ("unknown architecture", "no such file", "earlier file has the same name"), strict=True
    ):
        (line,) = [line for line in captured.err.splitlines() if str(path) in line]
        assert word in line
    assert len(list(out.iterdir())) == 4


def test_only_bad_files(folder: Path, tmp_path: Path) -> None:
    assert main(["edit", str(folder / "run"), str(tmp_path / "none.pt"), "-o", str(tmp_path / "out")]) == DATA
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_population_is_edited(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    command = ["edit", str(folder / "run"), str(folder / "population"), "-o", str(out), "--quiet"]
    assert main(command) == OK
    assert "60 edited networks" in capsys.readouterr().out
    old, new = Population.open(folder / "population"), Population.open(out)
    new.verify()
    assert new.columns == old.columns
    for name in old.columns:
        np.testing.assert_array_equal(new.column(name), old.column(name))
    _, theta = expected(folder, list(range(60)))
    torch.testing.assert_close(new.theta(range(60)), theta, rtol=0, atol=1e-6)
    assert new.provenance["source_checksum"] == old.checksum
    assert (out / "contact_sheet.png").read_bytes().startswith(PNG)
    assert main(command) == DATA
    assert "choose another folder" in capsys.readouterr().err
    assert main([*command, "--resume"]) == OK
    assert "left alone" in capsys.readouterr().err


@pytest.mark.slow
def test_an_interrupted_population_is_continued(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scalegmn.editing._applying._SHARD", 25)
    editor = TrainedEditor(Run.open(folder / "run"), device="cpu", batch_size=10)
    population = Population.open(folder / "population")
    whole = edit_population(editor, population, tmp_path / "whole", progress=False)
    edit, calls = TrainedEditor.edit, []

    def stop_at_the_second(
        self: TrainedEditor, architecture: Architecture, theta: torch.Tensor
    ) -> torch.Tensor:
        calls.append(len(theta))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return edit(self, architecture, theta)

    monkeypatch.setattr(TrainedEditor, "edit", stop_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        edit_population(editor, population, tmp_path / "part", progress=False)
    done = edit_population(editor, population, tmp_path / "part", resume=True, progress=False)
    assert calls == [25, 25, 25, 10]
    assert done.networks == whole.networks == 60
    assert Population.open(tmp_path / "part").checksum == Population.open(tmp_path / "whole").checksum


def test_pictures_show_the_true_images_where_they_are_known(folder: Path, tmp_path: Path) -> None:
    editor = TrainedEditor(Run.open(folder / "run"), device="cpu")
    population = Population.open(folder / "population")
    pictures = edit_population(editor, population, tmp_path / "a", progress=False).pictures
    rows = np.linspace(0, 59, 8).astype(int)
    images = load_images("digits").unit().numpy()[rows]
    assert pictures.target is not None
    np.testing.assert_allclose(pictures.target, Dilation()(images), atol=1e-6)
    assert pictures.reference == "the edited true images"
    assert np.square(pictures.before - images).mean() < 0.05
    # Without them, the edit of what the networks drew.
    with PopulationWriter(tmp_path / "plain", provenance={}) as writer:
        writer.append(population.architecture, population.theta(rows), {})
        writer.finish()
    plain = edit_population(
        editor, Population.open(tmp_path / "plain"), tmp_path / "b", progress=False
    ).pictures
    assert plain.target is not None
    np.testing.assert_allclose(plain.target, Dilation()(pictures.before.clip(0, 1)), atol=1e-5)
    np.testing.assert_allclose(plain.after, pictures.after, atol=1e-5)
    assert "what the networks drew" in plain.reference


def test_an_edit_that_is_not_registered_here_can_still_be_made(
    folder: Path, files: list[Path], tmp_path: Path
) -> None:
    shutil.copytree(folder / "run", tmp_path / "run")
    facts = json.loads((tmp_path / "run" / "run.json").read_text())
    facts["task"]["edit"] = "sepia"
    (tmp_path / "run" / "run.json").write_text(json.dumps(facts))
    editor = TrainedEditor(Run.open(tmp_path / "run"), device="cpu")
    population = Population.open(folder / "population")
    done = edit_population(editor, population, tmp_path / "out", progress=False)
    assert done.pictures.target is None
    assert done.pictures.after.shape == (8, 8, 8)


def test_wrong_usage(
    folder: Path, files: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, population, out = str(folder / "run"), str(folder / "population"), str(tmp_path / "out")
    judge = str(folder / "judge")
    for arguments, word in (
        ([judge, str(files[0]), "-o", out], "use scalegmn predict"),
        ([run, population, str(files[0]), "-o", out], "one population"),
        ([run, *map(str, files), "-o", out + ".pth"], "one file for 3 networks"),
        ([run, str(files[0]), "-o", out, "--resume"], "populations only"),
        ([run, str(files[0]), "-o", out, "--batch-size", "0"], "--batch-size"),
        ([str(tmp_path / "nowhere"), str(files[0]), "-o", out], "no such run folder"),
    ):
        assert main(["edit", *arguments]) == USAGE
        assert word in capsys.readouterr().err
    assert not Path(out).exists()
    assert main(["edit", run, str(files[0].parent), "-o", out]) == DATA
    assert "is not a population" in capsys.readouterr().err


def test_networks_that_draw_something_else_are_refused(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    architecture = siren(widths=(3, 6, 1))
    with PopulationWriter(tmp_path / "p", provenance={}) as writer:
        writer.append(architecture, torch.zeros(2, architecture.num_parameters), {})
        writer.finish()
    assert main(["edit", str(folder / "run"), str(tmp_path / "p"), "-o", str(tmp_path / "out")]) == DATA
    assert "draw no image" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_networks_of_images_of_another_size_are_refused(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = Population.open(folder / "population")
    with PopulationWriter(tmp_path / "p", provenance={"images_shape": [2, 28, 28]}) as writer:
        writer.append(old.architecture, old.theta([0, 1]), {})
        writer.finish()
    assert main(["edit", str(folder / "run"), str(tmp_path / "p"), "-o", str(tmp_path / "out")]) == DATA
    assert "28 x 28 pixels, but the edit is learned for 8 x 8" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_training_and_its_evaluation_leave_contact_sheets(folder: Path, tmp_path: Path) -> None:
    assert (folder / "run" / "contact_sheet.png").read_bytes().startswith(PNG)
    assert not (folder / "judge" / "contact_sheet.png").exists()
    command = ["evaluate", str(folder / "run"), "--split", "val", "--output", str(tmp_path / "found.json")]
    assert main(command) == OK
    assert (tmp_path / "found-contact_sheet.png").read_bytes().startswith(PNG)


def test_models_that_write_no_networks_are_refused_before_a_training(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = options(folder / "population", tmp_path / "run", task="inr_editing", metanetwork="nfn")
    assert main(["train", *command]) == USAGE
    assert "nfn writes no networks; for inr_editing use scalegmn or flat_mlp" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
