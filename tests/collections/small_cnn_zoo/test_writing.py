from __future__ import annotations

import csv
import dataclasses
import gzip
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from scalegmn.collections.small_cnn_zoo import SmallCnnZoo, import_zoo, write_zoo
from scalegmn.collections.small_cnn_zoo import _writing as zoo_files
from scalegmn.collections.small_cnn_zoo._writing import zoo_kind
from scalegmn.errors import DiskError, PopulationError
from scalegmn.networks import (
    Activation,
    Architecture,
    Conv,
    Dense,
    Dropout,
    Flatten,
    LayeredArchitecture,
    Pool,
    Skip,
    cnn,
    run,
    siren,
)
from scalegmn.populations import ArchitectureGroup, Population, PopulationWriter, Splits

RELU, TANH = (cnn(activations=[Activation(kind)] * 3) for kind in ("relu", "tanh"))
ALL = SmallCnnZoo(step=None, split_rule=None)
# The lines of a published file.
LAYOUT = """\
varname,start_idx,end_idx,size,shape
sequential/conv2d/bias:0,0,16,16,"(16,)"
sequential/conv2d/kernel:0,16,160,144,"(3, 3, 1, 16)"
sequential/conv2d_1/bias:0,160,176,16,"(16,)"
sequential/conv2d_1/kernel:0,176,2480,2304,"(3, 3, 16, 16)"
sequential/conv2d_2/bias:0,2480,2496,16,"(16,)"
sequential/conv2d_2/kernel:0,2496,4800,2304,"(3, 3, 16, 16)"
sequential/dense/bias:0,4800,4810,10,"(10,)"
sequential/dense/kernel:0,4810,4970,160,"(16, 10)"
"""
PUBLISHED = [
    "config.activation",
    "config.b_init",
    "config.dataset",
    "config.dnn_architecture",
    "config.dropout",
    "config.epochs",
    "config.epochs_between_checkpoints",
    "config.init_std",
    "config.l2reg",
    "config.learning_rate",
    "config.num_layers",
    "config.num_units",
    "config.optimizer",
    "config.random_seed",
    "config.train_fraction",
    "config.w_init",
    "modeldir",
    "step",
    "test_accuracy",
    "test_loss",
    "train_accuracy",
    "train_loss",
]


def columns_of(networks: Sequence[int], activation: str, *, seed: int = 0) -> dict[str, object]:
    """Columns as the maker of populations writes them: two checkpoints of each network."""
    rng = np.random.default_rng(seed)
    number = np.repeat(networks, 2)
    size = len(number)
    return {
        "network": number,
        "epoch": np.tile([0, 5], len(networks)),
        "activation": [activation] * size,
        "w_init": ["glorot_normal", "he, normal"] * len(networks),
        "init_std": rng.uniform(0, 1, size),
        "learning_rate": 10 ** rng.uniform(-5, -1, size),
        "l2": 10 ** rng.uniform(-9, -1, size),
        "dropout": rng.uniform(0, 0.7, size),
        "train_fraction": rng.choice([0.1, 0.25, 0.5, 1.0], size),
        "optimizer": ["adam"] * size,
        "seed": 2**62 + number,
        "train_accuracy": rng.uniform(0, 1, size),
        "train_loss": rng.uniform(0, 3, size).astype(np.float32),
        "test_accuracy": rng.integers(0, 1000, size) / 1000,
        "test_loss": 10 ** rng.uniform(-7, 2, size),
        "diverged": np.zeros(size, bool),
    }


def group(
    architecture: Architecture, networks: Sequence[int], *, kind: str, **changes: object
) -> ArchitectureGroup:
    theta = torch.randn(
        2 * len(networks), architecture.num_parameters, generator=torch.Generator().manual_seed(networks[0])
    )
    columns: dict[str, object] = {**columns_of(networks, kind, seed=networks[0]), **changes}
    return ArchitectureGroup(architecture, theta, {k: v for k, v in columns.items() if v is not None})  # type: ignore[misc]


def population_of(folder: Path, *groups: ArchitectureGroup) -> Population:
    with PopulationWriter(folder, provenance={"maker": "make_cnns", "images": "digits"}) as writer:
        for one in groups:
            writer.append_groups([one])
        writer.finish()
    return Population.open(folder)


@pytest.fixture
def population(tmp_path: Path) -> Population:
    """Twenty rows, as a maker's: relu and tanh by turns."""
    return population_of(
        tmp_path / "p",
        group(RELU, [0, 3], kind="relu"),
        group(TANH, [1, 4, 2], kind="tanh"),
        group(RELU, [5, 6, 9], kind="relu"),
        group(TANH, [7, 8], kind="tanh"),
    )


def theta_of(population: Population) -> torch.Tensor:
    theta = torch.empty(len(population), population.architectures[0].num_parameters)
    for _, positions, part in population.groups(np.arange(len(population))):
        theta[positions] = part
    return theta


def test_what_is_written_is_read_back(population: Population, tmp_path: Path) -> None:
    report = write_zoo(population, tmp_path / "zoo", progress=False)
    assert (report.networks, report.diverged, report.padding) == (20, 0, 0)
    assert not import_zoo(ALL, tmp_path / "zoo", tmp_path / "q", progress=False).refused
    again = Population.open(tmp_path / "q")
    # A shard holds the networks of one activation after those of the other.
    rows = again.column("row")
    assert set(again.architectures) == set(population.architectures) == {RELU, TANH}
    assert torch.equal(theta_of(again), theta_of(population)[torch.from_numpy(rows)])
    for name in population.columns:
        assert again.column(name).tolist() == population.column(name)[rows].tolist(), name
    assert [again.architectures[number] for number in again.column("architecture")] == [
        population.architectures[number] for number in population.column("architecture")[rows]
    ]
    # What the maker does not say follows from the networks, or is empty.
    assert set(again.column("dataset")) == {"digits"} and set(again.column("epochs")) == {5}
    assert set(again.column("num_layers")) == {3} and set(again.column("num_units")) == {16}
    assert again.column("b_init").tolist() == [None] * 20
    # A second time round nothing changes at all.
    write_zoo(again, tmp_path / "zoo2", progress=False)
    import_zoo(ALL, tmp_path / "zoo2", tmp_path / "r", progress=False)
    third = Population.open(tmp_path / "r")
    assert torch.equal(theta_of(third), theta_of(again))
    for name in set(again.columns) - {"row"}:
        assert third.metadata[name].to_pylist() == again.metadata[name].to_pylist(), name


def test_files_are_the_published_ones(population: Population, tmp_path: Path) -> None:
    write_zoo(population, tmp_path / "zoo", progress=False)
    assert sorted(path.name for path in (tmp_path / "zoo").iterdir()) == [
        "layout.csv",
        "metrics.csv.gz",
        "weights.npy",
    ]
    assert (tmp_path / "zoo" / "layout.csv").read_bytes() == LAYOUT.encode()
    weights = np.load(tmp_path / "zoo" / "weights.npy")
    assert weights.dtype == np.float32 and weights.shape == (20, 4970)
    same = io.BytesIO()
    np.save(same, weights)
    assert (tmp_path / "zoo" / "weights.npy").read_bytes() == same.getvalue()
    # By name and axes, without the permutation of the library.
    ((_, positions, theta), _) = population.groups(np.arange(20))
    state = {name: value.numpy() for name, value in RELU.unflatten(theta).items()}
    mine = weights[positions.numpy()]
    assert np.array_equal(
        mine[:, 176:2480].reshape(-1, 3, 3, 16, 16).transpose(0, 4, 3, 1, 2), state["conv.1.weight"]
    )
    assert np.array_equal(mine[:, 160:176], state["conv.1.bias"])
    assert np.array_equal(mine[:, 4810:].reshape(-1, 16, 10).swapaxes(1, 2), state["dense.weight"])
    text = gzip.decompress((tmp_path / "zoo" / "metrics.csv.gz").read_bytes()).decode()
    lines = list(csv.DictReader(io.StringIO(text)))
    assert text.splitlines()[0] == ",".join(PUBLISHED) and len(lines) == 20
    assert [float(line["config.learning_rate"]) for line in lines] == population.column(
        "learning_rate"
    ).tolist()
    assert [line["config.activation"] for line in lines] == population.column("activation").tolist()
    assert lines[2]["modeldir"] == "network_3" and lines[2]["step"] == "0"
    assert lines[1]["config.w_init"] == "he, normal" and lines[0]["config.b_init"] == ""


def test_equal_populations_make_equal_files(population: Population, tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_zoo(population, tmp_path / name, progress=False)
    for name in ("weights.npy", "metrics.csv.gz", "layout.csv"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_pieces_make_the_same_file(
    population: Population, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_zoo(population, tmp_path / "a", progress=False)
    monkeypatch.setattr(zoo_files, "_CHUNK", 3)
    write_zoo(population, tmp_path / "b", progress=False)
    assert (tmp_path / "a" / "weights.npy").read_bytes() == (tmp_path / "b" / "weights.npy").read_bytes()


@pytest.mark.parametrize("padding", [0, 1])
def test_other_sizes_come_back(tmp_path: Path, padding: int) -> None:
    activations = [Activation("tanh")] * 2
    architecture = cnn(channels=(3, 8, 4), classes=7, kernel=5, padding=padding, activations=activations)
    population = population_of(tmp_path / "p", group(architecture, [0, 1], kind="tanh"))
    assert write_zoo(population, tmp_path / "zoo", progress=False).padding == padding
    zoo = SmallCnnZoo(step=None, split_rule=None, padding=padding)
    import_zoo(zoo, tmp_path / "zoo", tmp_path / "q", progress=False)
    again = Population.open(tmp_path / "q")
    assert again.architecture == architecture
    assert torch.equal(theta_of(again), theta_of(population))
    assert again.metadata["num_units"].to_pylist() == [None] * 4


def test_names_and_layers_that_do_nothing_do_not_matter(tmp_path: Path) -> None:
    layers = [
        dataclasses.replace(layer, name=f"other{i}") if isinstance(layer, Conv | Dense) else layer
        for i, layer in enumerate(RELU.layers)
    ]
    layers = [Flatten() if isinstance(layer, Flatten) else layer for layer in layers]
    layers.insert(2, Dropout(0.3))
    architecture = LayeredArchitecture(tuple(layers))
    assert zoo_kind(architecture) == zoo_kind(RELU)
    population = population_of(tmp_path / "p", group(architecture, [0], kind="relu"))
    write_zoo(population, tmp_path / "zoo", progress=False)
    import_zoo(ALL, tmp_path / "zoo", tmp_path / "q", progress=False)
    again = Population.open(tmp_path / "q")
    images = torch.randn(3, 1, 20, 20)
    theta = again.theta([0, 1])
    assert torch.equal(run(again.architecture, theta, images), run(architecture, theta, images))


def test_splits_are_written_beside(tmp_path: Path) -> None:
    words = ["test", "train", "val", "train"]
    population = population_of(
        tmp_path / "p",
        group(RELU, [0, 1], kind="relu", split=words, diverged=np.array([True, False, False, False])),
    )
    assert write_zoo(population, tmp_path / "zoo", progress=False).diverged == 1
    splits = Splits.read(tmp_path / "zoo" / "splits.json")
    # Rows of the files, from which the first network is missing.
    assert (splits.train.tolist(), splits.val.tolist(), splits.test.tolist()) == ([0, 2], [1], [])
    import_zoo(ALL, tmp_path / "zoo", tmp_path / "q", progress=False)
    again = Population.open(tmp_path / "q")
    assert torch.equal(theta_of(again), theta_of(population)[1:])


def changed(number: int, **changes: object) -> Architecture:
    """The usual network with one layer changed."""
    layers = list(RELU.layers)
    layers[number] = dataclasses.replace(layers[number], **changes)  # type: ignore[arg-type]
    return LayeredArchitecture(tuple(layers))


def without_pool() -> Architecture:
    """A network that flattens its map of 2 x 2."""
    *layers, _, _, _ = RELU.layers
    return LayeredArchitecture((*layers, Flatten((2, 2)), Dense("dense", 64, 10)))


@pytest.mark.parametrize(
    ("architecture", "message"),
    [
        (siren(), "they consist of"),
        (cnn(activations=[Activation("gelu")] * 3), "Activation.kind='gelu'"),
        (
            cnn(activations=[Activation("relu"), Activation("tanh"), Activation("relu")]),
            "kind='tanh'.* where",
        ),
        (cnn(activations=[Activation("relu")] * 3, stride=1), r"stride=\(1, 1\).* where .*stride=\(2, 2\)"),
        (cnn(activations=[Activation("relu")] * 3, padding=2), "padding 2"),
        (changed(2, kernel=(5, 5)), r"kernel=\(5, 5\).* where .*kernel=\(3, 3\)"),
        (changed(0, kernel=(3, 1)), r"kernel=\(3, 1\)"),
        (changed(0, bias=False), "bias=False"),
        (changed(2, groups=2), "groups=2"),
        (changed(6, kind="max"), "kind='max'"),
        (without_pool(), r"Flatten.* where Pool"),
        (LayeredArchitecture(RELU.layers, (Skip(0, 2, 16),)), "'Skip'"),
    ],
    ids=str,
)
def test_networks_of_another_kind(architecture: Architecture, message: str, tmp_path: Path) -> None:
    assert isinstance(RELU.layers[6], Pool)
    population = population_of(tmp_path / "p", group(architecture, [0], kind="relu"))
    with pytest.raises(PopulationError, match=f"cannot be stored as a Small CNN Zoo: .*{message}") as error:
        write_zoo(population, tmp_path / "zoo", progress=False)
    assert "expected convolutions of stride 2" in str(error.value)
    assert not (tmp_path / "zoo").exists()


def test_networks_of_several_sizes(tmp_path: Path) -> None:
    small = cnn(channels=(1, 8), activations=[Activation("relu")])
    population = population_of(tmp_path / "p", group(RELU, [0], kind="relu"), group(small, [1], kind="relu"))
    with pytest.raises(PopulationError, match="has 2 kinds of networks"):
        write_zoo(population, tmp_path / "zoo", progress=False)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epoch": None, "test_loss": None}, r"has no columns \['epoch', 'test_loss'\]"),
        (
            {"test_loss": [0.1, float("nan")]},
            "'test_loss' of 1 networks is NaN or infinite, first of network 1",
        ),
        ({"learning_rate": ["high", "low"]}, "column 'learning_rate' does not fit"),
        ({"epoch": [0.5, 1.5]}, "column 'epoch' has type float64"),
        ({"diverged": [True, True]}, "no networks that could be written"),
    ],
)
def test_unfit_columns(changes: Mapping[str, object], message: str, tmp_path: Path) -> None:
    population = population_of(tmp_path / "p", group(RELU, [0], kind="relu", **changes))
    with pytest.raises(PopulationError, match=message):
        write_zoo(population, tmp_path / "zoo", progress=False)
    assert not (tmp_path / "zoo").exists()


def test_nothing_is_overwritten(population: Population, tmp_path: Path) -> None:
    (tmp_path / "zoo").mkdir()
    (tmp_path / "zoo" / "weights.npy").write_text("mine")
    with pytest.raises(PopulationError, match="is not empty"):
        write_zoo(population, tmp_path / "zoo", progress=False)
    assert (tmp_path / "zoo" / "weights.npy").read_text() == "mine"


@pytest.mark.parametrize("failing", ["_blocks", "write_atomically"])
def test_failure_leaves_nothing(
    population: Population, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    def full(*_: object) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(zoo_files, failing, full)
        with pytest.raises((OSError, DiskError), match="no space left"):
            write_zoo(population, tmp_path / "zoo", progress=False)
    assert not (tmp_path / "zoo").exists()
    write_zoo(population, tmp_path / "zoo", progress=False)
