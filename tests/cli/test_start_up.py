"""What commands import: the time of a prediction about one file is that of the imports."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

SLOW = (
    "torch_geometric",
    "torch._dynamo",
    "torch._inductor",
    "torch.onnx",
    "sympy",
    "lightning",
    "torchmetrics",
    "sklearn",
    "pandas",
    "scipy",
    "matplotlib",
)
"""Packages that take a noticeable part of a second, and that no prediction needs."""
PROGRAM = """
import sys
from scalegmn.cli.main import main
path = sys.argv[1]
codes = main(["predict", "scalegmn/cnn-accuracy", path, "--activation", "relu"]), main(["scan", path])
print("codes", *codes, "slow", *[name for name in sys.argv[2:] if name in sys.modules])
"""


@pytest.mark.slow
def test_a_prediction_and_a_scan_import_nothing_slow(tmp_path: Path) -> None:
    layers = [layer for size in (1, 16, 16) for layer in (nn.Conv2d(size, 16, 3), nn.ReLU())]
    network = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10))
    torch.save(network.state_dict(), tmp_path / "network.pt")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "network.pt"), *SLOW],
        capture_output=True,
        text=True,
        check=True,
    )
    last = done.stdout.splitlines()[-1]
    # An untrained network has a prediction, and is none of those that the detector was trained on.
    assert last in ("codes 0 3 slow", "codes 0 0 slow", "codes 0 1 slow"), done.stdout + done.stderr
