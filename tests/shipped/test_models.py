"""The models that come with the library: whole, small, and of use."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from scalegmn.alignment.rewriting import Rewriting, rewrite
from scalegmn.checkpoints import write_state
from scalegmn.graph import NetworkBatch
from scalegmn.seeding import generator
from scalegmn.shipped import shipped_models
from scalegmn.training import Run
from scalegmn.trojans.scanning import Detector, Verdict, scan

REPAIRER = "scalegmn/trojan-repairer"
NAMES = ("scalegmn/cnn-accuracy", "scalegmn/fashion-mnist-inr-classifier", "scalegmn/trojan-detector")


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector.shipped()


def test_every_model_is_whole_and_has_a_card() -> None:
    models = shipped_models()
    assert {model.name for model in models} == {*NAMES, REPAIRER}
    assert sum(model.size for model in models) < 8 * 2**20
    for model in models:
        model.verify()
        assert "**Limits.**" in model.card() and str(Path.home()) not in model.card()


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_model_answers_with_numbers(name: str) -> None:
    run = Run.open(name)
    architecture = run.architectures[0]
    theta = 0.3 * torch.randn(2, architecture.num_parameters, generator=generator(1))
    answers = run.predictor.predict(NetworkBatch.from_parameters(architecture, theta))
    assert answers.shape[0] == 2 and bool(answers.isfinite().all())


@pytest.mark.slow
def test_the_detector_knows_its_family_and_takes_no_notice_of_rewriting(
    detector: Detector, tmp_path: Path
) -> None:
    assert len(detector.architectures) == 14 and detector.any_width
    layered = next(one.as_layers for one in detector.architectures if one.as_layers is not None)
    theta = 0.3 * torch.randn(layered.num_parameters, generator=generator(2))
    wider, moved = rewrite(layered, theta, rewriting=Rewriting(), generator=generator(3))
    for name, architecture, parameters in (("a", layered, theta), ("b", wider, moved)):
        write_state(tmp_path / f"{name}.safetensors", dict(architecture.unflatten(parameters.float())))
    first, second = scan([tmp_path], detector=detector).files
    assert first.verdict is second.verdict
    if first.logit is not None:
        assert second.logit is not None and math.isclose(first.logit, second.logit, abs_tol=0.5)


def test_other_networks_are_no_business_of_the_detector(detector: Detector, tmp_path: Path) -> None:
    write_state(tmp_path / "other.safetensors", {"0.weight": torch.ones(3, 4), "0.bias": torch.ones(3)})
    report = scan([tmp_path], detector=detector)
    assert report.files[0].verdict is Verdict.abstain
    assert "0 of your 1 file" in str(report.to_dict()) or report.files[0].reason
