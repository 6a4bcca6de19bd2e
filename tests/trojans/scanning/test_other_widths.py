"""Networks with norms that are written anew with more channels, before a detector that asks them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from torch import Tensor

from scalegmn.alignment.rewriting import Rewriting, rewrite
from scalegmn.checkpoints import read_state, write_state
from scalegmn.graph import NetworkBatch
from scalegmn.networks import Architecture
from scalegmn.networks.recognition import Unrecognized, architecture_entries
from scalegmn.programs import ProgramArchitecture
from scalegmn.trojans.detection import ReferenceInputs
from scalegmn.trojans.detection._reference_inputs import measure_answers
from scalegmn.trojans.scanning import Detector, FileResult, ScanSettings, Verdict, scan
from scalegmn.trojans.scanning._placing import FamilyRecognizer
from scalegmn.zoo.classifiers import ClassifierDesign
from tests.trojans.scanning.cases import train_detector
from tests.trojans.scanning.test_programs import (
    BENT,
    NETWORKS,
    RESIDUAL,
    module,
    population_of_designs,
)

DESIGNS = (RESIDUAL, BENT)
IMAGES = torch.linspace(-1, 1, 5 * 64, dtype=torch.float64).reshape(5, 1, 8, 8)


def known(design: ClassifierDesign) -> tuple[ProgramArchitecture, Tensor]:
    """An architecture of the detector's, and networks of it."""
    own = ProgramArchitecture.from_module(module(design, 0), torch.zeros(1, 1, 8, 8))
    states = [module(design, n, trojaned=n % 2 == 1).state_dict() for n in range(NETWORKS)]
    return own, torch.stack([own.read_state(state) for state in states])


@pytest.fixture(scope="module")
def inputs() -> tuple[ReferenceInputs, ...]:
    parts = tuple(known(design) for design in DESIGNS)
    count = sum(len(theta) for _, theta in parts)
    batch = NetworkBatch(parts, torch.arange(count))
    return measure_answers([IMAGES], train=[batch], validation=[batch])


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> Detector:
    """Without reference inputs."""
    folder = tmp_path_factory.mktemp("widths")
    population_of_designs(folder / "population", DESIGNS)
    run = train_detector(
        folder / "run",
        folder / "population",
        metanetwork="feature_logistic",
        features__type="inversion",
        data__validation=0.5,
    )
    return Detector.open(run, device="cpu")


def scanned(detector: Detector, path: Path, network: Architecture, theta: Tensor) -> FileResult:
    extras = architecture_entries(network)
    write_state(path, network.unflatten(theta.float()), extras=extras, overwrite=True)
    (result,) = scan([path], detector=detector, settings=ScanSettings(fpr=0.3)).files
    return result


@pytest.mark.slow
@pytest.mark.parametrize("design", DESIGNS, ids=lambda design: design.label)
def test_no_rewriting_moves_a_verdict(
    design: ClassifierDesign, detector: Detector, inputs: tuple[ReferenceInputs, ...], tmp_path: Path
) -> None:
    asking = dataclasses.replace(
        detector, calibration=dataclasses.replace(detector.calibration, inputs=inputs)
    )
    assert asking.asks_alone and not detector.asks_alone
    architecture, networks = known(design)
    theta = networks[1]
    plain = scanned(asking, tmp_path / "a.safetensors", architecture, theta)
    assert plain.verdict in (Verdict.clean, Verdict.suspect) and plain.distance is None
    rewritten = rewrite(architecture, theta.double(), rewriting=Rewriting(seed=4, spread=10.0))
    found = scanned(asking, tmp_path / "b.safetensors", *rewritten)
    assert found.verdict is plain.verdict and found.logit == pytest.approx(plain.logit, abs=1e-3)
    assert found.p_value == plain.p_value and found.compared == plain.compared
    assert found.inputs_p_value == pytest.approx(plain.inputs_p_value, abs=0.03)
    assert any("of another width" in note for note in found.notes)
    # Who looks at weights besides is moved.
    before, moved = (
        scanned(detector, tmp_path / "c.safetensors", *network)
        for network in ((architecture, theta), rewritten)
    )
    assert before.distance and moved.distance and abs(moved.distance - before.distance) > 1


@pytest.mark.slow
def test_files_of_a_module_of_another_width_are_read(tmp_path: Path) -> None:
    designs = [dataclasses.replace(RESIDUAL, widths=widths) for widths in ((3, 4), (5, 6))]
    narrow, wide = (module(design, 3) for design in designs)
    own = ProgramArchitecture.from_module(narrow, torch.zeros(1, 1, 8, 8))
    torch.save(wide.state_dict(), tmp_path / "a.pt")
    state = read_state(tmp_path / "a.pt")
    placed = FamilyRecognizer((own,), any_width=True).recognize(state, activation=None, origin="a.pt")
    assert not isinstance(placed, Unrecognized) and placed.like == own
    answers = placed.architecture.run(placed.theta[None], IMAGES.float())[0]
    assert torch.allclose(answers, wide.eval()(IMAGES.float()), atol=1e-4)
    refused = FamilyRecognizer((own,), any_width=False).recognize(state, activation=None, origin="a.pt")
    assert isinstance(refused, Unrecognized)
