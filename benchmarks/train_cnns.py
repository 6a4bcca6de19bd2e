"""How many small convolutional networks per second the maker trains, next to one after the other.

    python -m benchmarks.train_cnns [--networks 128] [--images 1000] [--test-images 500] [--epochs 2]
                                    [--size 28] [--workers 2] [--device cpu] [--plain 4] [--batch-size 32]
                                    [--profile]

Trains networks of the Small CNN Zoo, with hyper-parameters from its whole space, on random images.  The time
is that of the whole call, with drawing the start, evaluating the checkpoints (start, first and last epoch),
writing and checksums.  "plain" trains `--plain` of the same networks one by one with `torch.nn`, a PyTorch
optimizer and its own threads; 0 leaves it out.  `--profile` says instead where the processor time of the
maker goes, with one worker.  Also says what the rate would mean for 1,000 networks of 5
epochs on 5,000 images, and prints the load of the machine, because a shared machine makes the figures
smaller.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from benchmarks.stopwatch import Places, Stopwatch
from torch import nn

from scalegmn.images import ImageSet
from scalegmn.networks import Activation, cnn
from scalegmn.networks.modules import build_module
from scalegmn.populations import PopulationWriter
from scalegmn.zoo.cnns import (
    CnnRecipe,
    CnnTraining,
    DropoutTape,
    Hyperparameters,
    HyperSpace,
    Optimizers,
    initial_parameters,
    make_cnns,
    prepared_images,
)
from scalegmn.zoo.cnns import _convolution as cnn_convolution
from scalegmn.zoo.cnns import _forward as cnn_forward
from scalegmn.zoo.cnns import _making as cnn_populations

CLASSES = 10
# A population of a useful size: networks, images, epochs.
MANY = (1000, 5000, 5)


def random_images(train: int, test: int, size: int) -> ImageSet:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (train + test, size, size), np.uint8)
    split = np.array(["train"] * train + ["test"] * test)
    return ImageSet(pixels, np.arange(train + test) % CLASSES, split, "random")


def maker_seconds(images: ImageSet, recipe: CnnRecipe, options: argparse.Namespace) -> float:
    with tempfile.TemporaryDirectory() as scratch:
        start = time.perf_counter()
        make_cnns(
            images,
            Path(scratch) / "p",
            recipe=recipe,
            networks=options.networks,
            workers=options.workers,
            device=options.device,
            progress=False,
        )
        return time.perf_counter() - start


def plain_optimizer(module: nn.Module, hyper: Hyperparameters) -> torch.optim.Optimizer:
    kinds = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD, "rmsprop": torch.optim.RMSprop}
    return kinds[hyper.optimizer](module.parameters(), lr=hyper.learning_rate)  # type: ignore[no-any-return]


def plain_seconds(images: ImageSet, recipe: CnnRecipe, options: argparse.Namespace) -> float:
    train = images.subset(np.flatnonzero(images.split == "train"))
    test = images.subset(np.flatnonzero(images.split == "test"))
    pixels, labels = prepared_images(train).to(options.device), torch.from_numpy(train.labels)
    shown = prepared_images(test).to(options.device)
    start = time.perf_counter()
    for number in range(options.plain):
        hyper = recipe.hyper(0, number)
        architecture = cnn(activations=[Activation(hyper.activation)] * 3)
        module = build_module(architecture, initial_parameters(architecture, [hyper])[0]).to(options.device)
        optimizer = plain_optimizer(module, hyper)
        weights = [parameter for parameter in module.parameters() if parameter.ndim > 1]
        share = torch.randperm(len(pixels))[: max(1, int(hyper.train_fraction * len(pixels)))]
        for _ in range(options.epochs):
            for rows in share[torch.randperm(len(share))].split(recipe.batch_size):
                optimizer.zero_grad()
                loss = F.cross_entropy(module(pixels[rows]), labels[rows].to(options.device))
                loss = loss + hyper.l2 * sum(weight.square().sum() for weight in weights)
                loss.backward()
                optimizer.step()
        with torch.no_grad():
            for part in (pixels[share], shown):
                module(part)
    return time.perf_counter() - start


def print_profile(images: ImageSet, recipe: CnnRecipe, options: argparse.Namespace) -> None:
    kinds = (cnn_convolution._InPlace, cnn_convolution._ByCopies)
    places: Places = {
        "convolutions": [(kind, name) for kind in kinds for name in ("forward", "backward")],
        "activations, forward": [(cnn_forward, "_activate")],
        "pooling, forward": [(cnn_forward, "_pool")],
        "dropout, forward": [(DropoutTape, "__call__")],
        "loss, dense layer, their backward pass and that of the above": [(CnnTraining, "gradient")],
        "optimizers": [(CnnTraining, "_step"), (Optimizers, "step")],
        "orders and images of the steps": [(CnnTraining, "epoch")],
        "evaluating checkpoints": [(CnnTraining, "settle")],
        "drawing the start": [(cnn_populations, "initial_parameters"), (CnnTraining, "__init__")],
        "writing": [(PopulationWriter, "append_groups"), (PopulationWriter, "finish")],
    }
    stopwatch = Stopwatch(whole=("evaluating checkpoints",))
    options.workers = 1
    with stopwatch.watching(places), stopwatch.watch("everything else"):
        maker_seconds(images, recipe, options)
    print(stopwatch.table())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--networks", type=int, default=128)
    parser.add_argument("--images", type=int, default=1000, help="training images")
    parser.add_argument("--test-images", type=int, default=500)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--size", type=int, default=28, help="height and width of the images")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--plain", type=int, default=4, help="networks that are trained one by one")
    parser.add_argument("--batch-size", type=int, default=32, help="images per step")
    parser.add_argument("--profile", action="store_true", help="say where the maker's time goes")
    options = parser.parse_args()
    torch.set_num_threads(options.workers)
    images = random_images(options.images, options.test_images, options.size)
    recipe = CnnRecipe(checkpoints=tuple(sorted({0, 1, options.epochs})), batch_size=options.batch_size)
    # Networks see a fraction of the images, so that is what a network costs on average.
    seen = float(np.mean([recipe.hyper(0, n).train_fraction for n in range(options.networks)]))
    print(
        f"{options.networks} networks; {options.images} images {options.size} x {options.size}, of which one "
        f"sees {seen:.0%} on average; {options.epochs} epochs; {options.device}"
    )
    print(f"load before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    if options.profile:
        print_profile(images, recipe, options)
        return
    seconds = maker_seconds(images, recipe, options)
    rate = options.networks / seconds
    print(f"maker: {rate:6.2f} networks a second ({seconds:.1f} s, {options.workers} workers)")
    share = float(np.mean(HyperSpace().train_fractions)) / seen
    minutes = MANY[0] / rate * (MANY[1] / options.images) * (MANY[2] / options.epochs) * share / 60
    print(f"       about {minutes:.0f} minutes for {MANY[0]} networks, {MANY[1]} images, {MANY[2]} epochs")
    if options.plain:
        seconds = plain_seconds(images, recipe, options)
        print(f"plain: {options.plain / seconds:6.2f} networks a second, one after the other")
    print(f"load after: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
