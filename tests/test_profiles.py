"""Where the time of makers goes: the functions that benchmarks watch are there and are called."""

from __future__ import annotations

import runpy

import pytest


@pytest.mark.slow
@pytest.mark.parametrize(
    ("program", "options", "part"),
    [
        ("fit_inrs", "--size 8 --hidden 8 8 --networks 4 --steps 2", "drawing the start"),
        ("train_cnns", "--networks 2 --images 40 --test-images 10 --epochs 1", "convolutions"),
    ],
)
def test_a_profile_names_its_parts(
    program: str,
    options: str,
    part: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("sys.argv", [program, "--profile", "--workers", "1", *options.split()])
    runpy.run_module(f"benchmarks.{program}", run_name="__main__")
    assert f"| {part} |" in capsys.readouterr().out
