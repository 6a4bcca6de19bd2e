"""Populations of networks that are no lists of layers: trained on, evaluated, predicted about."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from scalegmn.cli.main import main
from scalegmn.errors import ArchitectureError, ConfigurationError
from scalegmn.graph import GraphSpec, NetworkBatch
from scalegmn.models.baselines import NFN, NFNConfig
from scalegmn.populations import Population, PopulationWriter
from scalegmn.seeding import generator
from scalegmn.symmetry.discovery import symmetry_group
from scalegmn.training import Run, evaluate, parse_config, predict_population, train
from scalegmn.training._reference import Reference
from scalegmn.training._sizes import ParameterSizes
from tests.programs.networks import normalized, normalized_architecture, normalized_networks
from tests.training.small import options

KINDS = ({"channels": 3, "blocks": 1}, {"channels": 2, "blocks": 2})


def make_population(folder: Path) -> Population:
    """Networks of two programs with batch norm, whose label is how large their last layer is."""
    with PopulationWriter(folder, provenance={"maker": "test"}) as writer:
        for number, sizes in enumerate(KINDS):
            architecture = normalized_architecture(**sizes)
            theta, label = normalized_networks(**sizes, count=12), np.arange(12) // 2 % 2
            last = architecture.weighted[-1].weight
            theta[:, last.start : last.stop] *= torch.from_numpy(4.0**label).float()[:, None]
            columns = {
                "label": label,
                "kind": np.full(12, number),
                "number": (label + np.linspace(0.1, 0.9, 12)) / 2,
                "split": ["test" if row % 4 == 3 else "train" for row in range(12)],
            }
            writer.append(architecture, theta, columns)  # type: ignore[arg-type]
        writer.finish()
    return Population.open(folder)


@pytest.fixture(scope="module")
def population(tmp_path_factory: pytest.TempPathFactory) -> Population:
    return make_population(tmp_path_factory.mktemp("programs") / "population")


def command(population: Population, output: Path, metanetwork: str, **changes: object) -> list[str]:
    given = options(population.folder, output, metanetwork=metanetwork, **changes)
    return [entry for entry in given if not entry.startswith("--model.")]


SMALL = {
    "statnn_mlp": {"statnn__hidden": "[8]"},
    "probes": {"probes__probes": 4, "probes__hidden": "[8]", "probes__width": 2},
    "feature_boosting": {},
}


def test_a_population_comes_back_as_it_was(population: Population) -> None:
    assert population.architectures == tuple(normalized_architecture(**sizes) for sizes in KINDS)
    parts = list(population.groups(np.arange(24)))
    assert torch.equal(parts[1][2][:, :5], normalized_networks(**KINDS[1], count=12)[:, :5])


@pytest.mark.slow
@pytest.mark.parametrize("metanetwork", SMALL)
def test_models_learn_and_predict(population: Population, metanetwork: str, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    config, problems = parse_config(command(population, folder, metanetwork, **SMALL[metanetwork]))
    assert not problems
    train(config)
    run = Run.open(folder)
    assert set(run.architectures) == set(population.architectures)
    evaluation = evaluate(run)
    assert len(evaluation.rows) == 6
    assert all(np.isfinite(row["probability"]) for row in evaluation.rows)
    outcomes = predict_population(run, population, np.arange(24))
    values = [one.to_dict() for one in outcomes]
    assert [one["id"] for one in values] == list(range(24))
    assert all(np.isfinite(one["probability"]) for one in values), values


@pytest.mark.slow
def test_files_of_modules_and_of_populations_are_predicted_alike(
    population: Population, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    assert main(["train", *command(population, run, "statnn_mlp", statnn__hidden="[8]")]) == 0
    assert main(["evaluate", str(run)]) == 0
    own, exported = tmp_path / "own", tmp_path / "exported"
    own.mkdir()
    # The first networks of the second program, as they were before their last layers grew.
    for seed in range(2):
        torch.save(normalized(**KINDS[1], seed=seed).state_dict(), own / f"{seed}.pt")
    assert (
        main(["export", str(population.folder), "--format", "checkpoints", "-o", str(exported), "--quiet"])
        == 0
    )
    capsys.readouterr()
    csv = tmp_path / "answers.csv"
    paths = [
        *(own / f"{seed}.pt" for seed in range(2)),
        *(exported / f"{row}.safetensors" for row in (12, 13)),
    ]
    assert main(["predict", str(run), *map(str, paths), "-o", str(csv), "--quiet"]) == 0
    rows = [line.split(",") for line in csv.read_text().splitlines()]
    place = rows[0].index("probability")
    answers = [float(row[place]) for row in rows[1:5]]
    # The place in a batch moves the last digits.
    assert answers[:2] == pytest.approx(answers[2:], abs=1e-6)
    assert answers[0] != pytest.approx(answers[1], abs=1e-4)


def test_one_layout_is_read_by_flat_models_only(population: Population, tmp_path: Path) -> None:
    one = {"data__where": "{kind: 0}"}
    assert (
        main(["train", *command(population, tmp_path / "flat", "flat_mlp", flat_mlp__hidden="[8]", **one)])
        == 0
    )
    with pytest.raises(
        ConfigurationError, match="flat_mlp reads networks whose parameters have the same shapes"
    ):
        train(parse_config(command(population, tmp_path / "mixed", "flat_mlp"))[0])
    with pytest.raises(
        ArchitectureError, match="maps for every layer reads networks whose layers stand in a list"
    ):
        NFN.from_architectures(population.architectures[:1], outputs=1, config=NFNConfig())


def test_networks_far_outside_are_remarked_on(population: Population) -> None:
    architecture, sizes = population.architectures[0], ParameterSizes(population.architectures)
    theta = next(iter(population.groups(np.arange(12))))[2]

    def of(networks: torch.Tensor) -> torch.Tensor:
        return sizes.of(NetworkBatch.from_parameters(architecture, networks))

    assert sizes.layers == GraphSpec.from_architectures(population.architectures).layers + 1
    element = symmetry_group(architecture.program).random(generator(0), spread=3.0)
    parameters = {name: value.double() for name, value in architecture.unflatten(theta[0]).items()}
    moved = architecture.flatten(element.apply(parameters))
    assert not torch.allclose(moved, theta[0].double(), rtol=0.5)
    # What computes the same is as large as before.
    torch.testing.assert_close(of(moved[None]), of(theta[:1].double()), rtol=1e-9, atol=1e-12)
    low, high = np.quantile(of(theta).numpy(), (0.01, 0.99), axis=0)
    reference = Reference(None, low, high, "")
    assert reference.remarks(of(theta)) == [None] * 12
    large = theta[:2].clone()
    large[1] *= 1e5
    remarks = reference.remarks(of(large))
    assert remarks[0] is None
    assert remarks[1] is not None and remarks[1].hopeless
