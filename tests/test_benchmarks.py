"""What benchmarks record and compare; they themselves are run by hand."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from scalegmn.networks import Activation, cnn
from scalegmn.populations import Population, PopulationWriter
from scalegmn.training import is_comparison, shipped_names, text_of

ROOT = Path(__file__).parents[1]
WAY = "cpu float32, batches of 16"


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT))
    return importlib.import_module("benchmarks.recorded")


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT))
    return importlib.import_module("benchmarks.published")


@pytest.fixture
def any_network(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT))
    return importlib.import_module("benchmarks.any_network.models")


def test_figures_under_half_are_named(recorded: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "recorded.json"
    recorded.record(
        WAY, {"a": {"training": 4.0, "inference": 3.0}, "b": {"training": 2.0, "inference": 2.0}}, path=path
    )
    fine = {"a": {"training": 2.0, "inference": 9.0}, "b": {"training": 2.0, "inference": 1.0}}
    assert recorded.falls(WAY, fine, path=path) == []
    (line,) = recorded.falls(WAY, {"a": {"training": 1.99, "inference": 3.0}}, path=path)
    assert line.startswith("a: training is 1.99 times") and "4.00 recorded" in line
    nan = {"b": {"training": 2.0, "inference": float("nan")}}
    assert len(recorded.falls(WAY, nan, path=path)) == 1


def test_what_was_never_recorded_is_named(recorded: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "recorded.json"
    now = {"a": {"training": 1.0, "inference": 1.0}}
    assert "nothing is recorded" in recorded.falls(WAY, now, path=path)[0]
    recorded.record("cuda", now, path=path)
    assert "nothing is recorded" in recorded.falls(WAY, now, path=path)[0]


def test_recording_some_keeps_the_others(recorded: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "recorded.json"
    for name, value in (("a", 1.0), ("b", 2.0), ("a", 3.0)):
        recorded.record(WAY, {name: {"training": value, "inference": value}}, path=path)
    found = recorded.read(path)[WAY]
    assert (found["a"]["training"], found["b"]["training"]) == (3.0, 2.0)
    assert found["a"]["machine"] and found["a"]["date"]


def test_every_published_setting_is_recorded(recorded: ModuleType, published: ModuleType) -> None:
    figures = recorded.read()[WAY]
    assert set(figures) == set(published.SETTINGS)
    for setting in published.SETTINGS.values():
        assert (ROOT / "src" / "scalegmn" / "configs" / f"{setting.config}.yaml").is_file()


def test_times_of_the_public_code(published: ModuleType) -> None:
    public = published.Public(training=84.0, inference=168.0, mflop=None)
    assert (public.times("training", 1.0), public.times("inference", 1.0)) == (2.0, 1.0)


def test_valid_files_are_read_as_others_read_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))
    read_valid = importlib.import_module("benchmarks.read_valid")
    assert read_valid.compare(files=100, seed=1) > 200
    # This checks the test: one changed bit is seen.
    monkeypatch.setattr(read_valid, "ours", lambda content: {**read_valid.usual("npz", content), (): ()})
    with pytest.raises(AssertionError, match="file 0 of seed 2"):
        monkeypatch.setattr(read_valid, "FORMS", ("npz",))
        read_valid.compare(files=1, seed=2)


def test_list_of_networks_is_long_and_varied(any_network: ModuleType) -> None:
    entries = any_network.list_models()
    assert len({entry.name for entry in entries}) == len(entries) >= 60
    assert len({entry.family for entry in entries}) >= 40
    assert sum(entry.needs is None for entry in entries) >= 60


def test_hand_written_networks_run_on_two_sizes(any_network: ModuleType) -> None:
    before = torch.random.get_rng_state()
    for entry in any_network.list_models():
        if entry.needs is None:
            module = entry.build()
            first, second = (tuple(example) for example in entry.examples())
            assert {tensor.shape[0] for tensor in first} == {2}
            assert [tensor.shape for tensor in first] != [tensor.shape for tensor in second], entry.name
            with torch.no_grad():
                assert all(torch.isfinite(value).all() for value in outputs(module(*first))), entry.name
                assert all(torch.isfinite(value).all() for value in outputs(module(*second))), entry.name
    assert torch.equal(before, torch.random.get_rng_state())


def outputs(found: torch.Tensor | tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    return (found,) if isinstance(found, torch.Tensor) else found


def test_networks_of_the_list_have_values_that_hide_nothing(any_network: ModuleType) -> None:
    for entry in any_network.list_models():
        if entry.needs is None:
            one, same = entry.build(), entry.build()
            assert not one.training and sum(value.numel() for value in one.parameters()) < 5000
            for (name, value), other in zip(
                one.state_dict().items(), same.state_dict().values(), strict=True
            ):
                assert torch.equal(value, other), (entry.name, name)
            for name, value in one.named_parameters():
                assert not ((value == 0) | (value == 1)).any(), (entry.name, name)
            for name, value in one.named_buffers():
                assert not name.endswith(("running_mean", "running_var")) or value.std() > 0, (
                    entry.name,
                    name,
                )


def test_faults_of_outcomes_are_named(monkeypatch: pytest.MonkeyPatch, any_network: ModuleType) -> None:
    outcomes = importlib.import_module("benchmarks.any_network._outcome")
    entry = next(entry for entry in any_network.list_models() if entry.name == "mlp_relu")
    fine = outcomes.Outcome.of(entry).but(scales=9, signs=0, errors={"signs": 0.0, "scales": 1e-15})
    assert fine.faults() == [] and fine.captured and fine.error == 1e-15
    assert fine.but(refused="no such operation").faults() == []
    (line,) = fine.but(scales=10).faults()
    assert line == "mlp_relu: 10 scales were found, and 9 derived by hand"
    (line,) = fine.but(errors={"scales": 2e-10}).faults()
    assert "random scales change the answers by 2.0e-10" in line
    assert len(fine.but(errors={"signs": float("nan")}).faults()) == 1


def test_double_precision_is_kept_where_code_casts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))
    in_double = importlib.import_module("benchmarks.any_network._double")

    class Casting(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.softmax(x.float(), dim=-1, dtype=torch.float32).to(x.dtype)

    x = torch.tensor([[0.1, 0.2]], dtype=torch.float64)
    (found,) = in_double.answer(Casting(), {}, (x,))
    assert found.dtype == torch.float64
    assert in_double.distance([x.softmax(-1)], [found]) < 1e-15
    assert in_double.distance([x.softmax(-1)], [Casting()(x)]) > 1e-10
    assert in_double.distance([x], [x * float("nan")]) == float("inf")


def test_what_is_recorded_of_the_list_is_of_this_list(any_network: ModuleType) -> None:
    recorded = json.loads((ROOT / "benchmarks" / "any_network" / "recorded.json").read_text())["networks"]
    entries = {entry.name: entry for entry in any_network.list_models()}
    assert set(recorded) == set(entries)
    for name, row in recorded.items():
        expected = entries[name].expected
        assert not row["refused"] and max(row["errors"].values()) < 1e-6, name
        assert expected is None or (row["scales"], row["signs"]) == (expected.scales, expected.signs), name


@pytest.fixture
def graphs(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT))
    return importlib.import_module("benchmarks.any_network._graphs")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"lost": ("a.weight", "b")}, "the graph loses a.weight, b"),
        ({"errors": {"editor": 2e-10}}, "move what the editor says by 2.0e-10"),
        ({"errors": {"editor": float("nan")}}, "move what the editor says by nan"),
        ({"other": 1e-12}, "other parameters move what a metanetwork says by 1.0e-12 only"),
        ({"permutation": 1e-15}, "the elements did nothing"),
    ],
)
def test_a_graph_that_breaks_a_symmetry_is_a_fault(
    graphs: ModuleType, changes: dict[str, object], words: str
) -> None:
    fine = {"nodes": 3, "edges": 2, "layers": 1, "lost": (), "errors": {"editor": 1e-14}, "other": 0.1}
    assert graphs.GraphOutcome(**fine, permutation=0.1).faults() == []
    assert graphs.GraphOutcome(**fine, permutation=None).faults() == []
    (fault,) = graphs.GraphOutcome(**{**fine, "permutation": 0.1, **changes}).faults()
    assert words in fault


@pytest.mark.slow
def test_graphs_of_the_list_are_tried(any_network: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    examine = importlib.import_module("benchmarks.any_network._examine").examine
    entry = next(entry for entry in any_network.list_models() if entry.name == "conv_batch_norm")
    outcome = examine(entry, draws=1)
    assert outcome.faults() == []
    assert outcome.row()["graph"]["permutation"] > 1e-8
    assert list(outcome.row()["graph"]["errors"]) == [
        "forward metanetwork",
        "bidirectional metanetwork",
        "editor",
    ]
    assert examine(entry, draws=1, graphs=False).graph is None


@pytest.fixture
def configurations(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT))
    return importlib.import_module("benchmarks.published_configurations")


def test_no_published_configuration_is_left_out(configurations: ModuleType) -> None:
    published = {
        name
        for name in shipped_names()
        if not is_comparison(name) and "published settings" in text_of(name).partition("data:")[0]
    }
    assert len(published) >= 20
    assert published <= set(configurations.CONFIGURATIONS) <= set(shipped_names())


@pytest.mark.slow
def test_a_published_configuration_is_run_on_a_stand_in(
    configurations: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its epoch is the last one, and where nothing stands in, nothing is run."""
    architecture = cnn(activations=[Activation("relu")] * 3)
    theta = 0.1 * torch.randn(24, architecture.num_parameters, generator=torch.Generator().manual_seed(0))
    columns = {
        "network": np.arange(24) // 2,
        "epoch": np.tile([1, 6], 12),
        "activation": np.full(24, "relu"),
        "test_accuracy": np.linspace(0.1, 0.4, 24),
    }
    with PopulationWriter(tmp_path / "cifar10_cnns", provenance={}) as writer:
        writer.append(architecture, theta, columns)
        writer.finish()
    given = ["--folder", str(tmp_path), "--quiet", "--output", str(tmp_path / "table.json")]
    given += ["--networks", "6", "--held-out", "2", "--batch-size", "6", "--only", "generalization/svhn_relu"]
    assert configurations.main(given) == 0
    line = capsys.readouterr().out.splitlines()[2]
    assert "cifar10_cnns for svhn_zoo" in line and "kendall_tau" in line
    (row,) = json.loads((tmp_path / "table.json").read_text())["rows"]
    # Two parts in ten are held out; twelve networks, one checkpoint each.
    assert (row["networks"], row["epochs"]) == (6, 1) and row["parameters"] > 100_000
    assert configurations.main([*given, "inr_editing/mnist"]) == 2
    out, err = capsys.readouterr()
    assert not out and "holds none of mnist_inrs" in err


def test_moved_networks_compute_what_they_computed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.syspath_prepend(str(ROOT))
    moved_networks = importlib.import_module("benchmarks.moved_networks")
    kinds = [
        cnn(channels=(1, 3), classes=2, activations=[Activation(kind)], kernel=2) for kind in ("relu", "tanh")
    ]
    random = torch.Generator().manual_seed(0)
    thetas = [torch.randn(3, one.num_parameters, generator=random) for one in kinds]
    with PopulationWriter(tmp_path / "p", provenance={}) as writer:
        for one, theta in zip(kinds, thetas, strict=True):
            writer.append(one, theta, {"test_accuracy": [0.1, 0.2, 0.3]})
        writer.finish()
    assert moved_networks.main([str(tmp_path / "p"), str(tmp_path / "moved"), "--quiet"]) == 0
    copy = Population.open(tmp_path / "moved")
    assert copy.column("test_accuracy").tolist() == [0.1, 0.2, 0.3] * 2
    images = torch.randn(5, 1, 4, 4, generator=random).double()
    for (one, _, found), theta in zip(copy.groups(range(6)), thetas, strict=True):
        assert not torch.isclose(found, theta).all(dim=1).any()
        before, after = (one.run(values.double(), images) for values in (theta, found))
        # Moved parameters are stored in single precision.
        torch.testing.assert_close(after, before, rtol=1e-4, atol=1e-5)
    assert moved_networks.main([str(tmp_path / "p"), str(tmp_path / "q"), "--spread", "0.5"]) == 2
