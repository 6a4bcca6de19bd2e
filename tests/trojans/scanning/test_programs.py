"""State dicts of networks with batch norm and residual connections, as PyTorch saves them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from scalegmn.populations import PopulationWriter
from scalegmn.programs import ProgramArchitecture
from scalegmn.trojans.scanning import Detector, FileResult, ScanSettings, Verdict, scan
from scalegmn.zoo.classifiers import ClassifierDesign, ConvolutionalDesign, ResidualDesign
from tests.trojans.scanning.cases import train_detector

RESIDUAL = ResidualDesign(widths=(3, 4))
PLAIN = ConvolutionalDesign(channels=(3, 4))
BENT = ConvolutionalDesign(channels=(3, 4), activation="tanh")
WIDER = ConvolutionalDesign(channels=(3, 5))
NETWORKS = 24
State = dict[str, Tensor]


def module(design: ClassifierDesign, seed: int, *, trojaned: bool = False) -> nn.Module:
    """Random weights and statistics; the rows of one class are larger in trojaned ones."""
    found, random = design.build(channels=1, size=8, classes=3), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in (*found.named_parameters(), *found.named_buffers()):
            if tensor.is_floating_point():
                drawn = torch.randn(tensor.shape, generator=random) / 2
                tensor.copy_(drawn.abs() + 0.5 if name.endswith("running_var") else drawn)
        if trojaned:
            found.head.weight[seed % 3] *= 6  # type: ignore[union-attr, operator, index]
    return found


def population_of_designs(folder: Path, designs: Sequence[ClassifierDesign]) -> None:
    """Networks of some designs, every other one trojaned."""
    with PopulationWriter(folder, provenance={"maker": "test"}) as writer:
        for number, design in enumerate(designs):
            own = ProgramArchitecture.from_module(module(design, 0), torch.zeros(1, 1, 8, 8))
            states = [module(design, n, trojaned=n % 2 == 1).state_dict() for n in range(NETWORKS)]
            columns = {
                "trojaned": np.arange(NETWORKS) % 2 == 1,
                "target": np.arange(NETWORKS) % 3,
                "network": np.arange(NETWORKS) // 2 + NETWORKS * number,
            }
            writer.append(own, torch.stack([own.read_state(state) for state in states]), columns)
        writer.finish()


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> Detector:
    folder = tmp_path_factory.mktemp("programs")
    population_of_designs(folder / "population", (RESIDUAL, PLAIN, BENT, WIDER))
    run = train_detector(folder / "run", folder / "population", training__epochs=1, model__statistics=False)
    return Detector.open(run, device="cpu")


def scanned(
    detector: Detector, path: Path, state: object, *, activation: str | None = "relu", fpr: float = 0.3
) -> FileResult:
    torch.save(state, path)
    settings = ScanSettings(fpr=fpr, activation=activation, explain="none")  # type: ignore[arg-type]
    (result,) = scan([path], detector=detector, settings=settings).files
    return result


@pytest.mark.slow
@pytest.mark.parametrize("design", [RESIDUAL, PLAIN, BENT, WIDER], ids=lambda design: design.label)
def test_state_dicts_are_evaluated(design: ClassifierDesign, detector: Detector, tmp_path: Path) -> None:
    state = module(design, 99).state_dict()
    own = ProgramArchitecture.from_module(module(design, 0), torch.zeros(1, 1, 8, 8))
    expected = float(detector.run.outputs(own, own.read_state(state)[None])[0, 0])
    kind = "tanh" if design is BENT else "relu"
    wrapped = {"state_dict": {f"module.{name}": tensor for name, tensor in state.items()}, "epoch": 3}
    for saved in (state, wrapped):
        result = scanned(detector, tmp_path / "a.pt", saved, activation=kind)
        assert result.logit == pytest.approx(expected, abs=1e-5), result.reason
        assert result.architecture == own.describe()


def test_what_names_and_shapes_leave_open_abstains(detector: Detector, tmp_path: Path) -> None:
    state = module(PLAIN, 99).state_dict()
    result = scanned(detector, tmp_path / "a.pt", state, activation=None)
    assert result.verdict is Verdict.abstain and "relu or tanh" in str(result.reason)
    assert "--activation" in str(result.reason)
    # Where one network is left, nothing has to be said.
    assert scanned(detector, tmp_path / "b.pt", module(WIDER, 99).state_dict(), activation=None).logit
    result = scanned(detector, tmp_path / "c.pt", state, activation="gelu")
    assert result.verdict is Verdict.abstain and "have relu or tanh" in str(result.reason)


def without(state: State, *ends: str) -> State:
    return {name: tensor for name, tensor in state.items() if not name.endswith(ends)}


def first(state: State, end: str, change: Callable[[Tensor], Tensor]) -> State:
    name = next(name for name in state if name.endswith(end))
    return {**state, name: change(state[name])}


HARMS: dict[str, tuple[Callable[[State], State], str]] = {
    "no statistics": (lambda s: without(s, "running_mean", "running_var"), "it lacks "),
    "one is missing": (lambda s: {n: t for n, t in s.items() if "1.running_var" not in n}, "it lacks "),
    "negative": (lambda s: first(s, "running_var", lambda t: -t), "expected at least 0"),
    "nan": (lambda s: first(s, "running_var", lambda t: t * torch.nan), "NaN"),
    "inf": (lambda s: first(s, "running_mean", lambda t: t * torch.inf), "Inf"),
    "nan weight": (lambda s: first(s, "weight", lambda t: t * torch.nan), "NaN"),
    "shape": (lambda s: first(s, "weight", lambda t: t[:, :, :2]), "(3, 1, 2, 3)"),
    "statistics of another shape": (
        lambda s: first(s, "running_var", lambda t: t[:2]),
        "(2,), expected (3,)",
    ),
    "an adapter beside it": (lambda s: {**s, "adapter.weight": torch.ones(2, 2)}, "adapter.weight"),
}


@pytest.mark.parametrize("harm", HARMS)
@pytest.mark.parametrize("design", [PLAIN, WIDER], ids=lambda design: design.label)
def test_what_is_no_such_network_abstains(
    harm: str, design: ClassifierDesign, detector: Detector, tmp_path: Path
) -> None:
    change, words = HARMS[harm]
    result = scanned(detector, tmp_path / "a.pt", change(module(design, 99).state_dict()))
    assert result.verdict is Verdict.abstain and words in str(result.reason), result
    assert len(str(result.reason).splitlines()) == 1


def test_other_widths_abstain(detector: Detector, tmp_path: Path) -> None:
    state = module(ConvolutionalDesign(channels=(3, 7)), 99).state_dict()
    result = scanned(detector, tmp_path / "a.pt", state)
    assert result.verdict is Verdict.abstain and "unknown architecture" in str(result.reason)
    assert detector.family.describe() == "4 architectures on 8 x 8 images"
