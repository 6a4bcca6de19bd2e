"""Trains networks from different seeds, brings them to each other, and measures the line between them.

    python -m benchmarks.alignment --images npz:fashion_mnist.npz [--folder FOLDER] [--only KIND ...]
                                   [--sines FILE.npz] [--record]

Networks of four kinds are trained on FashionMNIST at 14 x 14 pixels, four seeds each, and three pairs of each
kind are compared: as they are, after the group's permutations alone by matching weights (Git Re-Basin), and
after more of the group.  Heights of barriers are means over the pairs, without and with restored statistics.
Images that channels are matched by, and scales are fitted to, are training images without their labels.
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from benchmarks.recorded import facts
from rich.console import Console
from rich.table import Table

from scalegmn import siren

from ._methods import BASELINE, METHODS, Effort, heights, mean, sine_networks
from ._networks import KINDS, images_from, network

FILE = Path(__file__).with_name("recorded.json")
PAIRS = ((0, 1), (2, 3), (0, 2))
WIDTH = 140


def main() -> int:
    options = _parser().parse_args()
    warnings.filterwarnings("ignore", module="torch")
    torch.set_num_threads(options.threads)
    images = images_from(options.images)
    effort = Effort(examples=500, fitted=options.fitted, tested=options.tested, points=options.points)
    console = Console()
    console.width = max(console.width, WIDTH)
    for kind in options.only or KINDS:
        seeds = sorted({seed for pair in PAIRS for seed in pair})
        trained = {seed: network(kind, seed, images, options.folder) for seed in seeds}
        rows = {}
        for method in METHODS:
            found = []
            for one, other in PAIRS:
                architecture, first = trained[one]
                found.append(heights(architecture, first, trained[other][1], method, images, effort))
            rows[method] = mean(found)
            print(f"{kind}, {method}: {rows[method]}", file=sys.stderr, flush=True)
        console.print(_table(kind, rows))
        if options.record:
            _record(kind, rows)
    if options.sines is not None:
        apart = _sines(options.sines)
        print("sine networks, halfway from the mean of both functions by its variance:", apart)
        if options.record:
            _record("sine networks", apart)
    return 0


def _table(kind: str, rows: dict[str, dict[str, float]]) -> Table:
    found = Table("brought to each other", title=f"{kind}: heights of barriers")
    columns = {
        "loss": "loss",
        "error": "error",
        "restored_loss": "loss, restored",
        "restored_error": "error, restored",
    }
    for title in columns.values():
        found.add_column(title, justify="right")
        found.add_column("lower by", justify="right")
    found.add_column("seconds", justify="right")
    for method, row in rows.items():
        cells = []
        for name in columns:
            base = rows[BASELINE][name]
            cells += [f"{row[name]:.3f}", f"{1 - row[name] / base:.0%}" if base else "-"]
        found.add_row(method, *cells, f"{row['seconds']:.1f}")
    return found


def _sines(path: Path) -> dict[str, float]:
    architecture = siren(widths=(2, 32, 32, 1))
    with np.load(path, allow_pickle=False) as file:
        names = [parameter.name for parameter in architecture.parameters]
        thetas = architecture.flatten({name: torch.from_numpy(file[name][:20]) for name in names})
    axis = torch.linspace(-1, 1, 28)
    inputs = torch.stack(torch.meshgrid(axis, axis, indexing="ij"), dim=-1).reshape(-1, 2)
    return sine_networks(architecture, thetas, inputs)


def _record(kind: str, rows: Mapping[str, Any]) -> None:
    kept = json.loads(FILE.read_text(encoding="utf-8"))["kinds"] if FILE.is_file() else {}
    kept[kind] = rows
    FILE.write_text(json.dumps({**facts(), "kinds": kept}, indent=2) + "\n", encoding="utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--images", required=True, help="FashionMNIST, as scalegmn.load_images reads it")
    parser.add_argument("--folder", type=Path, default=Path("runs/alignment"), help="of trained networks")
    parser.add_argument("--only", nargs="+", choices=list(KINDS), help="kinds of networks")
    parser.add_argument("--sines", type=Path, help="an .npz of sine networks 2-32-32-1")
    parser.add_argument("--fitted", type=int, default=4000, help="images that scales are fitted to")
    parser.add_argument("--tested", type=int, default=2000, help="test images on the line")
    parser.add_argument("--points", type=int, default=7, help="of the line")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--record", action="store_true", help="keep the table in recorded.json")
    return parser


if __name__ == "__main__":
    sys.exit(main())
