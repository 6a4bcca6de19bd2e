"""Files of a Small CNN Zoo in the published format, made without the library."""

from __future__ import annotations

import gzip
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

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
WIDTH = 4970
STEPS = (0, 20, 86)
COLUMNS = (
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
)


@dataclass
class Zoo:
    """What is written: rows of weights, and the cells of the table."""

    weights: np.ndarray
    table: dict[str, list[object]] = field(default_factory=dict)
    layout: str = LAYOUT
    # Rows in shuffled order, under the header 0.
    order: Sequence[int] = ()

    def write(self, folder: Path, *, packed: bool = True) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / "weights.npy", self.weights)
        lines = [
            ",".join(self.table),
            *(",".join(map(str, row)) for row in zip(*self.table.values(), strict=True)),
        ]
        text = "\n".join(lines) + "\n"
        if packed:
            (folder / "metrics.csv.gz").write_bytes(gzip.compress(text.encode()))
        else:
            (folder / "metrics.csv").write_text(text)
        (folder / "layout.csv").write_text(self.layout)
        if len(self.order):
            (folder / "cifar10_split.csv").write_text("\n".join(map(str, ["0", *self.order])) + "\n")
        return folder


def make_zoo(runs: int = 8, *, steps: Sequence[int] = STEPS, seed: int = 0, width: int = WIDTH) -> Zoo:
    """Runs with a checkpoint at every step, side by side; the activation changes from run to run."""
    rng = np.random.default_rng(seed)
    rows = runs * len(steps)
    run = np.repeat(np.arange(runs), len(steps))
    values: Mapping[str, Sequence[object]] = {
        "config.activation": [("relu", "tanh")[r % 2] for r in run],
        "config.b_init": ["zeros"] * rows,
        "config.dataset": ["cifar10"] * rows,
        "config.dnn_architecture": ["cnn"] * rows,
        "config.dropout": rng.uniform(0, 0.5, runs)[run].tolist(),
        "config.epochs": [86] * rows,
        "config.epochs_between_checkpoints": [20] * rows,
        "config.init_std": rng.uniform(0, 1, runs)[run].tolist(),
        "config.l2reg": (10 ** rng.uniform(-8, -2, runs))[run].tolist(),
        "config.learning_rate": (10 ** rng.uniform(-4, -1, runs))[run].tolist(),
        "config.num_layers": [3] * rows,
        "config.num_units": [16] * rows,
        "config.optimizer": [("adam", "sgd", "rmsprop")[r % 3] for r in run],
        "config.random_seed": [42] * rows,
        "config.train_fraction": [(0.1, 0.25, 0.5, 1.0)[r % 4] for r in run],
        "config.w_init": ["glorot_normal"] * rows,
        "modeldir": [f"/somewhere/work/{100 + 7 * r}" for r in run],
        "step": list(steps) * runs,
        **{name: rng.uniform(0, 1, rows).tolist() for name in COLUMNS[-4:]},
    }
    weights = rng.normal(size=(rows, width)).astype(np.float32)
    order = rng.permutation(rows).tolist()
    return Zoo(weights, {name: list(values[name]) for name in COLUMNS}, order=order)
