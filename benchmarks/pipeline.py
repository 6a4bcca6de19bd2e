"""From a population on disk to training steps: networks per second, and what an epoch takes beside its steps.

    python -m benchmarks.pipeline [--networks 20000] [--batch-sizes 16 64 256] [--epoch-networks 256]
                                  [--configs inr_classification/mnist ...] [--folder POPULATION]
                                  [--wall] [--threads 1]

The first table says how many networks per second come as batches, with their parameters and targets alone,
which is all that a model of parameters reads, and with their graph.  The populations are random sine networks
2-32-32-1, CNNs of the Small CNN Zoo's kind, and such CNNs with two activations, in a temporary folder; or the
one in `--folder`.  "memory" keeps all parameters, "disk" reads every batch from the (cached) files.

The second table comes from training runs with the library's own `train`: which fraction of an epoch's
training, before the validation, goes to something else than the model's forward pass, the backward pass and
the optimizer: to batches, graphs, loss, metrics, logging.  Both are timed in the same epoch; the better of
two.

Seconds are those of the processor, which other programs on the machine disturb least; `--wall` takes the
clock's.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import lightning.pytorch as pl
import numpy as np
import torch
from benchmarks.sides import CONFIGS

from scalegmn.networks import Activation, Architecture, cnn, siren
from scalegmn.populations import Population, PopulationWriter
from scalegmn.training import BatchOrder, NetworkDataset, kept_memory, parse_config, train

Clock = Callable[[], float]
INRS = (siren(),)
KINDS: dict[str, tuple[Architecture, ...]] = {
    "inrs": INRS,
    "cnns": (cnn(activations=[Activation("relu")] * 3),),
    "mixed cnns": tuple(cnn(activations=[Activation(kind)] * 3) for kind in ("relu", "tanh")),
}
EPOCHS = ("inr_classification/mnist", "inr_classification/fashion_mnist_small")


def write(folder: Path, architectures: tuple[Architecture, ...], networks: int) -> Population:
    """Random networks with random labels."""
    rng = np.random.default_rng(0)
    with PopulationWriter(folder, provenance={"maker": "benchmark"}) as writer:
        for architecture in architectures:
            count = networks // len(architectures)
            theta = 0.1 * rng.standard_normal((count, architecture.num_parameters), np.float32)
            writer.append(architecture, theta, {"label": rng.integers(0, 10, count)})
        writer.finish()
    return Population.open(folder)


def assembled(networks: NetworkDataset, batch_size: int, *, graph: bool, clock: Clock) -> float:
    """Networks per second, the best of a few rounds over batches in random order."""
    best = 0.0
    for epoch in range(4):
        order = BatchOrder(length=len(networks), batch_size=batch_size, seed=0)
        order.set_epoch(epoch)
        done, began = 0, clock()
        for positions in list(order)[:60]:
            batch = networks[positions]
            # A cached property: asking for it draws it.
            done += batch.graph.num_graphs if graph else len(batch)
        best = max(best, done / (clock() - began))
    return best


def assembling(name: str, population: Population, batch_sizes: list[int], clock: Clock) -> None:
    for place, limit in (("memory", float("inf")), ("disk", 0.0)):
        networks = NetworkDataset(
            population=population,
            rows=np.arange(len(population)),
            targets=torch.zeros(len(population)),
            canonicalize=False,
            memory_limit=limit,
        )
        for size in batch_sizes:
            rates = [assembled(networks, size, graph=graph, clock=clock) for graph in (False, True)]
            print(f"{name:14}{place:>8}{size:>7}{rates[0]:14,.0f}{rates[1]:14,.0f}", flush=True)


class Steps(pl.Callback):
    """Adds up the time of bare training steps, epoch by epoch."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.epochs: list[tuple[float, float]] = []
        self._began = self._started = self._steps = 0.0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        model = pl_module.model
        model.register_forward_pre_hook(lambda *_: self._begin())
        model.register_forward_hook(lambda *_: self._end())
        for optimizer in trainer.optimizers:
            optimizer.register_step_post_hook(lambda *_: self._end())

    def _begin(self) -> None:
        self._began = self.clock()

    def _end(self) -> None:
        self._steps += self.clock() - self._began

    def on_train_epoch_start(self, *_: object) -> None:
        self._started, self._steps = self.clock(), 0.0

    def on_before_zero_grad(self, *_: object) -> None:
        self._begin()

    def on_after_backward(self, *_: object) -> None:
        self._end()

    def on_before_optimizer_step(self, *_: object) -> None:
        self._begin()

    def on_validation_start(self, *_: object) -> None:
        self.epochs.append((self.clock() - self._started, self._steps))


def epoch(config_name: str, population: Path, networks: int, output: Path, clock: Clock) -> None:
    """Print seconds of an epoch and of its steps."""
    values = {
        "data.population": population,
        "data.validation": 0.1,
        "data.train_limit": networks,
        "data.val_limit": 32,
        "data.test_limit": 32,
        "training.epochs": 3,
        "training.threads": torch.get_num_threads(),
        "training.accelerator": "cpu",
        "logging.progress": "false",
        "output": output,
    }
    changes = [f"--{key}={value}" for key, value in values.items()]
    config, problems = parse_config(["--config", str(CONFIGS / f"{config_name}.yaml"), *changes])
    assert config is not None and not problems, problems
    steps = Steps(clock)
    train(config, callbacks=[steps])
    # The first epoch warms up.
    whole, bare = min(steps.epochs[1:], key=lambda pair: pair[0] / pair[1])
    batch = config.data.batch_size
    print(f"{config_name:44}{networks:9}{batch:7}{whole:10.2f}{bare:10.2f}{100 * (whole / bare - 1):9.1f} %")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--networks", type=int, default=20_000)
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[16, 64, 256])
    parser.add_argument("--epoch-networks", type=int, default=256, help="training networks of an epoch")
    parser.add_argument(
        "--configs", nargs="*", default=list(EPOCHS), help="of training runs on sine networks"
    )
    parser.add_argument("--folder", type=Path, help="a population to assemble batches from")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--wall", action="store_true", help="the clock's seconds, for machines with nothing else"
    )
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    clock = time.perf_counter if options.wall else time.process_time
    with tempfile.TemporaryDirectory() as scratch, kept_memory():
        heads = f"{'networks':14}{'in':>8}{'batch':>7}{'batches':>14}{'with graph':>14}"
        print(heads + "  networks per second")
        if options.folder:
            assembling(options.folder.name, Population.open(options.folder), options.batch_sizes, clock)
        else:
            for name, architectures in KINDS.items():
                population = write(Path(scratch) / name, architectures, options.networks)
                assembling(name, population, options.batch_sizes, clock)
        print(f"\n{'training':44}{'networks':>9}{'batch':>7}{'epoch s':>10}{'steps s':>10}{'overhead':>11}")
        inrs = write(Path(scratch) / "for epochs", INRS, 2 * options.epoch_networks + 512)
        for number, name in enumerate(options.configs):
            epoch(name, inrs.folder, options.epoch_networks, Path(scratch) / f"run {number}", clock)


if __name__ == "__main__":
    main()
