"""Networks of files that are one of a detector's but for neurons that change nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from scalegmn.alignment.rewriting import Rewriting, rewrite
from scalegmn.checkpoints import read_state, write_state
from scalegmn.networks import Activation, Architecture, LayeredArchitecture, mlp
from scalegmn.networks.recognition import Unrecognized, architecture_entries
from scalegmn.seeding import generator
from scalegmn.trojans.scanning import Detector, FileResult, ScanSettings, Verdict, _placing, scan
from scalegmn.trojans.scanning._placing import FamilyRecognizer, PlacedNetwork
from tests.trojans.scanning.cases import architecture, networks

KNOWN = (architecture("relu"), architecture("tanh"))
SETTINGS = ScanSettings(fpr=0.1)


def placed(
    path: Path,
    network: Architecture,
    theta: Tensor,
    *,
    any_width: bool = False,
    activation: str | None = "relu",
) -> PlacedNetwork | Unrecognized:
    """What is found in a file with this network."""
    write_state(path, network.unflatten(theta.float()), overwrite=True)
    recognizer = FamilyRecognizer(KNOWN, any_width=any_width)
    return recognizer.recognize(
        read_state(path, dtype=torch.float32), activation=activation, origin=str(path)
    )


def wider(kinds: tuple[str, ...], *, activation: str = "relu", seed: int = 3) -> tuple[Architecture, Tensor]:
    theta = networks(1, activation=activation, seed=seed)[0][0].double()
    rewriting = Rewriting(kinds=kinds, neurons=3)
    return rewrite(architecture(activation), theta, rewriting=rewriting, generator=generator(seed))


@pytest.mark.parametrize(
    "kinds", [("unread",), ("split",), ("cancel",), ("unread", "split", "cancel", "group")]
)
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_added_neurons_are_merged(kinds: tuple[str, ...], activation: str, tmp_path: Path) -> None:
    network, theta = wider(kinds, activation=activation)
    found = placed(tmp_path / "a.safetensors", network, theta, activation=activation)
    assert isinstance(found, PlacedNetwork) and found.architecture == architecture(activation)
    assert any(note.startswith("evaluated after merging") for note in found.notes)
    assert not any("outside" in note for note in found.notes)
    inputs = torch.randn(64, 4, generator=generator(0), dtype=torch.float64)
    before = network.run(theta[None].float().double(), inputs)
    after = found.architecture.run(found.theta[None].double(), inputs)
    assert float((before - after).abs().max() / before.abs().max()) < 1e-5


def test_a_scan_evaluates_what_is_left(small_detector: Detector, tmp_path: Path) -> None:
    theta = networks(1, seed=3)[0][0]
    wide, rewritten = wider(("split", "unread"))
    for name, network, numbers in (("a", architecture(), theta), ("b", wide, rewritten.float())):
        extras = architecture_entries(network)
        write_state(tmp_path / f"{name}.safetensors", network.unflatten(numbers), extras=extras)
    plain, merged = scan([tmp_path], detector=small_detector, settings=SETTINGS).files
    assert merged.verdict is plain.verdict and merged.logit == pytest.approx(plain.logit, abs=1e-3)
    assert "evaluated after merging 6 neurons of 4-11-3 (relu)" in " ".join(merged.notes)
    assert merged.architecture == plain.architecture and not any("merging" in note for note in plain.notes)


def test_other_widths_are_for_detectors_of_any_width(tmp_path: Path) -> None:
    network = mlp(widths=(4, 9, 3), activations=[Activation("relu")])
    theta = torch.randn(network.num_parameters, generator=generator(1))
    found = placed(tmp_path / "a.safetensors", network, theta)
    assert isinstance(found, Unrecognized) and "of another width than the known architectures" in found.reason
    found = placed(tmp_path / "a.safetensors", network, theta, any_width=True)
    assert isinstance(found, PlacedNetwork) and "4-9-3 (relu)" in found.notes[-1]
    assert [p.shape for p in found.architecture.parameters] == [p.shape for p in network.parameters]
    assert torch.equal(found.theta, theta)


@pytest.mark.parametrize(
    "network",
    [
        mlp(widths=(4, 5, 5, 3), activations=[Activation("relu")] * 2),
        mlp(widths=(4, 9, 2), activations=[Activation("relu")]),
        mlp(widths=(5, 9, 3), activations=[Activation("relu")]),
    ],
    ids=lambda network: network.describe(),
)
def test_other_networks_stay_outside(network: LayeredArchitecture, tmp_path: Path) -> None:
    theta = torch.randn(network.num_parameters, generator=generator(1))
    found = placed(tmp_path / "a.safetensors", network, theta, any_width=True)
    assert isinstance(found, Unrecognized) and "unknown architecture" in found.reason


def test_a_difference_of_copies_is_not_merged_away(
    small_detector: Detector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two copies that differ by rounding compute what only a trigger shows, by huge weights of both signs."""
    honest = architecture().unflatten(networks(1, seed=3)[0][0])
    row = torch.tensor([[8.0, 0.0, 0.0, 0.0]])
    state = {
        "0.weight": torch.cat([honest["0.weight"], row, torch.nextafter(row, torch.tensor(torch.inf))]),
        "0.bias": torch.cat([honest["0.bias"], torch.full((2,), -80.0)]),
        "2.weight": torch.cat([honest["2.weight"], torch.tensor([[-1e7, 1e7]] + 2 * [[0.0, 0.0]])], dim=1),
        "2.bias": honest["2.bias"],
    }
    state["0.weight"][-1, 1:] = 0
    wide = mlp(widths=(4, 7, 3), activations=[Activation("relu")])
    theta = wide.flatten(state)
    trigger = torch.tensor([[20.0, 0.0, 0.0, 0.0]], dtype=torch.float64)
    answers = wide.run(theta[None].double(), trigger) - architecture().run(
        architecture().flatten(honest)[None].double(), trigger
    )
    assert float(answers.abs().max()) > 100
    found = placed(tmp_path / "a.safetensors", wide, theta)
    assert isinstance(found, Unrecognized) and "their difference may matter" in found.reason
    (result,) = scan(
        [tmp_path], detector=small_detector, settings=ScanSettings(fpr=0.1, activation="relu")
    ).files
    assert result.verdict is Verdict.abstain
    # Random inputs alone would not have shown it.
    monkeypatch.setattr(_placing, "_MOST_GAIN", float("inf"))
    assert isinstance(placed(tmp_path / "a.safetensors", wide, theta), PlacedNetwork)


def test_what_is_not_quite_a_copy_is_not_merged(tmp_path: Path) -> None:
    network, theta = wider(("split",))
    noise = 1 + 1e-3 * torch.randn(theta.shape, generator=generator(5), dtype=torch.float64)
    found = placed(tmp_path / "a.safetensors", network, theta * noise)
    assert isinstance(found, Unrecognized) and "is none of them without neurons" in found.reason


def test_a_reduction_that_changes_the_function_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, theta = wider(("split",))
    original = _placing.rewriting.reduce

    def wrong(*arguments: object) -> tuple[Architecture, Tensor]:
        narrow, reduced = original(*arguments)  # type: ignore[arg-type]
        return narrow, reduced * 1.01

    monkeypatch.setattr(_placing.rewriting, "reduce", wrong)
    found = placed(tmp_path / "a.safetensors", network, theta)
    assert isinstance(found, Unrecognized) and "would differ by" in found.reason


def test_large_networks_are_not_looked_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network, theta = wider(("unread",))
    for name in ("_WIDEST", "_MOST_PARAMETERS"):
        with monkeypatch.context() as patch:
            patch.setattr(_placing, name, 7)
            found = placed(tmp_path / "a.safetensors", network, theta, any_width=True)
            assert isinstance(found, Unrecognized) and "unknown architecture" in found.reason


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_are_none_abstain(value: float, small_detector: Detector, tmp_path: Path) -> None:
    network, theta = wider(("unread",))
    state = network.unflatten(theta.float())
    state["0.weight"][0, 0] = value
    torch.save(state, tmp_path / "a.pt")
    (result,) = scan([tmp_path], detector=small_detector, settings=ScanSettings(activation="relu")).files
    assert (
        isinstance(result, FileResult)
        and result.verdict is Verdict.abstain
        and "finite" in str(result.reason)
    )
