"""Races of benchmarks: who takes part, and that what happens to a machine happens to all of them."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from scalegmn.networks import Activation, cnn, siren
from tests.public_code_cases import model_stand_in

ROOT = Path(__file__).parents[1]


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Imports a module of the folder."""
    monkeypatch.syspath_prepend(str(ROOT))
    return lambda name: importlib.import_module(f"benchmarks.{name}")


def small(published: ModuleType, name: str, **changes: object) -> Any:
    """A published setting with other networks."""
    setting = published.SETTINGS[name]
    return type(setting)(**{**vars(setting), **changes})


def asked(side: Any) -> torch.Tensor:
    """What a side returns before any step, without dropout."""
    side.model.eval()
    with torch.no_grad():
        return side.ask()


def test_sides_take_turns(benchmark: Any) -> None:
    """A machine that becomes slower by the minute changes no ratio."""
    time, calls = [0.0], []

    def step(name: str, cost: float) -> Any:
        def run() -> None:
            calls.append(name)
            time[0] += cost * (1 + 0.1 * time[0])

        return run

    paired = benchmark("paired")
    steps = {"fast": step("fast", 0.05), "slow": step("slow", 0.2)}
    found = paired.race(steps, seconds=12.0, device="cpu", clock=lambda: time[0])
    assert len(found.seconds["fast"]) == len(found.seconds["slow"]) >= paired.LEAST_ROUNDS
    assert max(found.seconds["slow"]) > 1.5 * min(found.seconds["slow"])
    assert found.times("fast", "slow").median == pytest.approx(4.0, rel=0.15)
    # Each begins every other round.
    order = [name for name, before in zip(calls, ["", *calls], strict=False) if name != before]
    assert order.count("fast") == pytest.approx(order.count("slow"), abs=1)
    ratio = paired.Ratio.from_rounds([1.0, 2.0, 3.0, 4.0, 100.0])
    assert (ratio.median, ratio.low, ratio.high) == (3.0, 2.0, 4.0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("mnist_cls/scalegmn", {"architectures": (siren(widths=(2, 4, 3, 1)),)}),
        ("mnist_editing/scalegmn_bidir", {"architectures": (siren(widths=(2, 4, 3, 1)),)}),
        (
            "cifar10/scalegmn_hetero_bidir",
            {
                "architectures": tuple(
                    cnn(channels=(1, 4, 3), activations=[Activation(kind)] * 2) for kind in ("relu", "tanh")
                )
            },
        ),
    ],
)
def test_all_sides_take_their_steps(
    benchmark: Any, tmp_path: Path, name: str, changes: dict[str, Any]
) -> None:
    """The stand-in for the public code refuses fields that its models would not understand."""
    sides, published = benchmark("sides"), benchmark("published")
    layout = [2, 4, 3, 1] if "mnist" in name else [1, 4, 3, 10]
    path = model_stand_in(tmp_path / "public", name, layout)
    setting = small(published, name, **changes)
    given = {"size": 4, "device": "cpu", "compiled": False, "public": path}
    found = sides.sides_of(setting, name, precision="float32", **given)
    assert list(found) == ["ours", "plain", "public"]
    # What stood in for packages that are not there is gone: others look whether they are.
    assert "nfn.common" not in sys.modules and "nfn" not in sys.modules
    ours, plain = (asked(found[side]) for side in ("ours", "plain"))
    torch.testing.assert_close(ours, plain, rtol=1e-3, atol=1e-3)
    found = sides.sides_of(setting, name, precision="bfloat16", **given)
    assert list(found) == ["ours", "plain", "float32", "public"]
    for side in found.values():
        side.training()()
        side.inference()()


def test_a_folder_that_is_no_checkout(benchmark: Any, tmp_path: Path) -> None:
    models, sides, published = (benchmark(name) for name in ("public_models", "sides", "published"))
    batch = sides.batch_of(published.SETTINGS["mnist_cls/scalegmn"], 2, "cpu")
    with pytest.raises(models.ConfigurationError, match="expected a checkout of https"):
        models.public_model(tmp_path, "mnist_cls/scalegmn", batch)


def test_operations_and_memory_know_the_settings(
    benchmark: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    memory, published = benchmark("memory"), benchmark("published")
    made = siren(widths=(2, 4, 3, 1))
    settings = {"small": small(published, "mnist_cls/scalegmn", architectures=(made,))}
    for name in ("memory", "operations"):
        monkeypatch.setattr(benchmark(name), "SETTINGS", settings)
    memory.measure("small", 2, "again")
    monkeypatch.setattr("sys.argv", ["operations", "--settings", "small"])
    benchmark("operations").main()
    assert capsys.readouterr().out.splitlines()[-1].startswith("small")
