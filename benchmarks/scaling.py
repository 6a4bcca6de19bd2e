"""Time and memory of one network against its number of edges, from a thousand to a million.

    python -m benchmarks.scaling [--features 128] [--threads 1] [--largest 1000000] [--budget 300]
                                 [--picture FILE.png] [--resnet18] [--full-graph]

Networks of four 3 x 3 convolutions of ever more channels go through inference of a model with the features
and layers of the published settings, each in a process of its own.  Seconds are those of the processor, which
other programs on the machine disturb least, of the best of up to three passes after a first one; memory is
the highest of the process in all passes, less what it had before.  No further size begins when `--budget`
seconds are over.  A straight line of slope 1 is drawn beside the measured ones.

`--resnet18` reads one network with the convolutions and skip connections of ResNet-18 instead (batch norm in
the biases, 3 x 3 kernels at the input, no projections in the skip connections; 1.2 million edges).  With
`--full-graph` the model reads all neurons in the end, not the output neurons alone.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import torch

from scalegmn.graph import GraphSpec, NetworkBatch
from scalegmn.models import ModelConfig, ScaleGMN
from scalegmn.networks import (
    Activate,
    Activation,
    Architecture,
    Conv,
    Dense,
    Flatten,
    Layer,
    LayeredArchitecture,
    Pool,
    Skip,
    cnn,
)
from scalegmn.training import kept_memory

REPEATED = 5.0
"""Seconds after which a pass is not repeated."""
EDGES = (1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000)


def four_convolutions(edges: int) -> Architecture:
    width = round((edges / 3) ** 0.5)
    return cnn(channels=(3, *[width] * 4), activations=[Activation("relu")] * 4)


def resnet18() -> Architecture:
    widths = [3, *[64] * 5, *[128] * 4, *[256] * 4, *[512] * 4]
    layers: list[Layer] = []
    for number, (before, after) in enumerate(pairwise(widths)):
        stride = (2, 2) if number and before != after else (1, 1)
        layers += [
            Conv(f"conv{number}", before, after, (3, 3), stride=stride, padding=(1, 1)),
            Activate(Activation("relu")),
        ]
    layers += [Pool("average"), Flatten((1, 1)), Dense("dense", 512, 10)]
    skips = [Skip(n, n + 2, widths[n + 1]) for n in range(0, 16, 2) if widths[n + 1] == widths[n + 3]]
    return LayeredArchitecture(tuple(layers), tuple(skips))


def measure(architecture: Architecture, features: int, readout: str) -> None:
    """Print edges, seconds and GiB of one network."""
    torch.manual_seed(0)
    config = ModelConfig(features=features, edge_positional=False, separate_io=False, readout=readout)
    model = ScaleGMN(spec=GraphSpec.from_architectures([architecture]), outputs=1, config=config).eval()
    batch = NetworkBatch.from_parameters(architecture, 0.1 * torch.randn(1, architecture.num_parameters))
    count = batch.graph.num_edges
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Without it the kernel clears every page again in every pass, which takes most of the time of large ones.
    with torch.no_grad(), kept_memory():
        seconds = min(_passes(model, batch))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(count, seconds, peak / 2**20)


def _passes(model: ScaleGMN, batch: NetworkBatch) -> list[float]:
    """Processor seconds of each pass after the first."""
    seconds: list[float] = []
    for number in range(4):
        began = time.process_time()
        answer = model.predict(batch)
        if not torch.isfinite(answer).all():
            raise SystemExit(f"the prediction for a network is {answer.tolist()}")
        if number:
            seconds.append(time.process_time() - began)
        if sum(seconds) > REPEATED:
            break
    return seconds


def draw(rows: list[tuple[int, float, float]], path: Path) -> None:
    from scalegmn.reports import BLUE, GRAY, INK, TEXT, new_figure, save_figure, tidy

    figure = new_figure(width=10.0, height=4.4)
    edges = [row[0] for row in rows]
    for axis, values, label in zip(
        figure.subplots(1, 2),
        ([row[1] for row in rows], [row[2] for row in rows]),
        ("processor seconds", "GiB"),
        strict=True,
    ):
        tidy(axis)
        linear = [values[-1] * n / edges[-1] for n in edges]
        axis.loglog(edges, linear, "--", color=GRAY, label="linear")
        axis.loglog(edges, values, "o-", color=BLUE, linewidth=2, label="measured")
        axis.minorticks_off()
        axis.set_xlabel("edges of the network", color=INK)
        axis.set_ylabel(label, color=INK)
        axis.tick_params(labelsize=TEXT)
        axis.legend(frameon=False, fontsize=TEXT, labelcolor=INK)
    save_figure(figure, path)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--features", type=int, default=128)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--largest", type=int, default=EDGES[-1])
    parser.add_argument("--budget", type=float, default=300.0, help="seconds after which no size begins")
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--only", type=int, help="measure one number of edges in this process")
    parser.add_argument("--resnet18", action="store_true")
    parser.add_argument("--full-graph", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.only or options.resnet18:
        readout = "full_graph" if options.full_graph else "last_layer"
        measure(four_convolutions(options.only) if options.only else resnet18(), options.features, readout)
        return
    rows, began = [], time.perf_counter()
    print(f"{'edges':>10} {'seconds':>10} {'us per edge':>12} {'GiB':>8} {'KiB per edge':>13}")
    for edges in (count for count in EDGES if count <= options.largest):
        if time.perf_counter() - began > options.budget:
            print(f"{edges:>10} and more: left out, {options.budget:.0f} seconds are over")
            break
        command = [sys.executable, "-m", "benchmarks.scaling", "--only", str(edges)]
        command += ["--features", str(options.features), "--threads", str(options.threads)]
        command += ["--full-graph"] * options.full_graph
        found = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
        count, seconds, memory = int(found[0]), float(found[1]), float(found[2])
        rows.append((count, seconds, memory))
        print(
            f"{count:>10} {seconds:>10.3f} {1e6 * seconds / count:>12.2f} {memory:>8.3f} "
            f"{2**20 * memory / count:>13.2f}",
            flush=True,
        )
    if options.picture:
        draw(rows, options.picture)


if __name__ == "__main__":
    main()
