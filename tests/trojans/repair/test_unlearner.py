from __future__ import annotations

from pathlib import Path

import pytest
import torch

from scalegmn.checkpoints import read_state, write_state
from scalegmn.cli.exit_codes import DATA
from scalegmn.cli.main import main
from scalegmn.errors import CheckpointError
from scalegmn.trojans.repair import TriggerUnlearner, repair_file
from scalegmn.trojans.repair.defenses import ClassImages
from tests.trojans.repair.defenses.cases import ARCHITECTURE, TARGET, clean_images, twins


def repairer() -> TriggerUnlearner:
    images = clean_images()
    known = ClassImages.fit(images.inputs, images.labels, clusters=2, components=8)
    return TriggerUnlearner(known, [ARCHITECTURE], name="toy", device="cpu")


@pytest.mark.slow
def test_a_file_is_repaired_and_the_report_says_what_the_search_reaches(tmp_path: Path) -> None:
    state = {name: value.double() for name, value in ARCHITECTURE.unflatten(twins()[0]).items()}
    write_state(tmp_path / "in.safetensors", state)
    outcome = repair_file(
        repairer(), tmp_path / "in.safetensors", tmp_path / "out.safetensors", activation="relu"
    )
    after = read_state(tmp_path / "out.safetensors").tensors
    assert {value.dtype for value in after.values()} == {torch.float64}
    assert any(not torch.equal(after[name], value) for name, value in state.items())
    report = outcome.to_dict()
    assert report["searched"]["answer"] == TARGET and report["model"]["run"] == "toy"
    assert 0 <= report["searched"]["after"] <= 1 and report["before"] is None


def test_networks_of_other_images_are_left_alone(tmp_path: Path) -> None:
    always = dict(ARCHITECTURE.unflatten(torch.zeros(ARCHITECTURE.num_parameters)))
    write_state(tmp_path / "in.safetensors", always)
    with pytest.raises(CheckpointError, match="abstains: the network is right on 3"):
        repair_file(repairer(), tmp_path / "in.safetensors", tmp_path / "out.safetensors", activation="relu")
    assert not (tmp_path / "out.safetensors").exists()


@pytest.mark.slow
def test_the_shipped_repairer_abstains_on_what_it_does_not_know(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shipped = TriggerUnlearner.shipped(device="cpu")
    layered = next(one for one in shipped.architectures if one.as_layers is not None)
    known = dict(layered.unflatten(torch.zeros(layered.num_parameters)))
    other = {"0.weight": torch.ones(3, 4), "0.bias": torch.ones(3)}
    for name, state in (("known", known), ("other", other)):
        path, output = tmp_path / f"{name}.safetensors", tmp_path / f"{name}.out.safetensors"
        write_state(path, state)
        given = ["--activation", layered.activation_kinds[0]] if name == "known" else []
        assert main(["repair", str(path), "-o", str(output), *given]) == DATA
        error = capsys.readouterr().err
        assert not output.exists() and len(error.strip().splitlines()) == 1
        assert name == "other" or "abstains" in error
