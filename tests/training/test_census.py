"""Networks that diverged: left out, named before the training, and without effect on what is learned."""

from __future__ import annotations

import dataclasses
import json
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from scalegmn.cli.exit_codes import OK
from scalegmn.cli.main import main
from scalegmn.errors import TrainingWarning
from scalegmn.networks import siren
from scalegmn.populations import Population, PopulationWriter
from scalegmn.seeding import generator
from scalegmn.training import DataConfig, Run, select
from scalegmn.training._census import check_networks
from tests.training.small import options

ARCHITECTURE = siren(widths=(2, 4, 1))
NETWORKS = 60
WORDS = ["test" if row % 6 == 5 else "val" if row % 6 == 4 else "train" for row in range(NETWORKS)]


def population(
    folder: Path, *, factors: dict[int, float], marked: tuple[int, ...] = (), mark: bool = True
) -> Path:
    """Networks some of which are multiplied; `marked` ones have diverged."""
    generator = torch.Generator().manual_seed(0)
    theta = 0.3 * torch.randn(NETWORKS, ARCHITECTURE.num_parameters, generator=generator)
    for row, factor in factors.items():
        theta[row] *= factor
    columns: dict[str, object] = {
        "label": np.arange(NETWORKS) // 2 % 2,
        "split": WORDS,
        "file": [f"{row}.pt" for row in range(NETWORKS)],
    }
    if mark:
        columns["diverged"] = [row in marked for row in range(NETWORKS)]
    with PopulationWriter(folder, provenance={"maker": "test"}) as writer:
        writer.append(ARCHITECTURE, theta, columns)  # type: ignore[arg-type]
        writer.finish()
    return folder


def test_marked_networks_are_left_out_unless_they_are_wanted(tmp_path: Path) -> None:
    config = DataConfig(population=population(tmp_path / "p", factors={}, marked=(0, 4, 5, 6)))
    chosen = select(config)
    learned = np.concatenate([chosen.train, chosen.val, chosen.test])
    assert len(learned) == NETWORKS - 4 and not {0, 4, 5, 6} & set(learned.tolist())
    (note,) = check_networks(chosen, config).notes
    assert note.startswith(f"4 networks of {tmp_path / 'p'} are marked as diverged and were left out")
    for other in (
        dataclasses.replace(config, keep_diverged=True),
        dataclasses.replace(config, where={"diverged": [True, False]}),
    ):
        chosen = select(other)
        assert len(chosen.train) + len(chosen.val) + len(chosen.test) == NETWORKS
        assert not check_networks(chosen, other).notes


def test_networks_of_no_usual_size_are_named_and_the_wildest_not_learned_from(tmp_path: Path) -> None:
    config = DataConfig(population=population(tmp_path / "p", factors={1: 50, 10: 1e20, 11: 1e6}, mark=False))
    chosen = select(config)
    found = check_networks(chosen, config)
    learned, tested = found.notes
    assert "2 training and validation networks have weights of unusual size: row 10 (file 10.pt)" in learned
    assert "row 1 (file 1.pt)" in learned and "; 1 left out" in learned
    assert (
        "1 test network has weights" in tested
        and "row 11 (file 11.pt)" in tested
        and "left out" not in tested
    )
    assert 10 in chosen.val and 10 not in found.selection.val and 1 in found.selection.train
    assert 11 in found.selection.test
    assert found.facts["left_out"] == {"diverged": 0, "outliers": [10]}
    kept = check_networks(chosen, dataclasses.replace(config, keep_diverged=True))
    assert 10 in kept.selection.val and "left out" not in kept.notes[0]


def test_what_nothing_trains_is_not_unusual_at_an_ordinary_size(tmp_path: Path) -> None:
    """Biases next to 0 in all networks but two: of one they are ordinary, of the other far too large."""
    theta = 0.3 * torch.randn(NETWORKS, ARCHITECTURE.num_parameters, generator=generator(0))
    bias = ARCHITECTURE.parameter("seq.0.bias")
    theta[:, bias.start : bias.stop] *= 1e-8
    theta[4, bias.start : bias.stop] = 0.3
    theta[10, bias.start : bias.stop] = 3e3
    with PopulationWriter(tmp_path / "p", provenance={"maker": "test"}) as writer:
        writer.append(
            ARCHITECTURE,
            theta,
            {"label": np.arange(NETWORKS) % 2, "split": WORDS, "file": [str(row) for row in range(NETWORKS)]},
        )
        writer.finish()
    config = DataConfig(population=tmp_path / "p")
    found = check_networks(select(config), config)
    outliers = {one["row"]: one["parameter"] for one in found.facts["outliers"]}
    assert outliers[10] == "seq.0.bias" and found.facts["left_out"]["outliers"] == [10]
    assert 4 not in found.facts["left_out"]["outliers"]


@pytest.mark.slow
@pytest.mark.parametrize("metanetwork", ["scalegmn", "flat_mlp", "statnn_mlp", "feature_logistic"])
def test_one_network_gone_wild_changes_no_constant_and_is_told(tmp_path: Path, metanetwork: str) -> None:
    deviations = {}
    for name, factors in (("ordinary", {}), ("wild", {6: 1e30})):
        folder = population(tmp_path / name, factors=factors, mark=False)
        command = ["train", *options(folder, tmp_path / f"run-{name}", metanetwork=metanetwork)]
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always", TrainingWarning)
            assert main(command) == OK
        named = [str(one.message) for one in told if "row 6 (file 6.pt)" in str(one.message)]
        assert bool(named) is (name == "wild")

        state = Run.open(tmp_path / f"run-{name}").model.state_dict()
        keys = [key for key in state if key.endswith(("scale.weight", "deviation"))]
        deviations[name] = torch.cat([state[key].flatten() for key in keys])
    facts = json.loads((tmp_path / "run-wild" / "run.json").read_text())
    assert facts["left_out"]["outliers"] == [6] and facts["outliers"][0]["row"] == 6
    results = json.loads((tmp_path / "run-wild" / "results.json").read_text())
    assert any("row 6" in note for note in results["notes"])
    assert ((deviations["wild"] / deviations["ordinary"] - 1).abs() < 0.2).all()


def test_a_copy_of_the_training_networks_is_no_test(tmp_path: Path) -> None:
    folder = population(tmp_path / "p", factors={}, mark=False)
    original = Population.open(folder)
    with PopulationWriter(tmp_path / "copy", provenance={"maker": "copy"}) as writer:
        writer.append(ARCHITECTURE, original.theta(range(20)), {"label": original.column("label")[:20]})
        writer.finish()
    config = DataConfig(population=folder, test_population=tmp_path / "copy")
    (note,) = check_networks(select(config), config).notes
    count = sum(word != "test" for word in WORDS[:20])
    assert f"{count} of the 20 test networks are networks of the training itself" in note
    # The same population by another way is the same: its test networks are tested on.
    (tmp_path / "link").symlink_to(folder)
    same = select(dataclasses.replace(config, test_population=tmp_path / "link"))
    assert [WORDS[row] for row in same.test.tolist()] == ["test"] * WORDS.count("test")
