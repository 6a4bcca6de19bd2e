"""How many sine networks per second the maker fits, next to the same fit by automatic differentiation.

    python -m benchmarks.fit_inrs [--size 28] [--channels 1] [--hidden 32 32] [--networks 120] [--steps 100]
                                  [--workers 2] [--device cpu] [--no-plain] [--profile]

Fits to random images for a small number of steps and scales the rate to the 1,000 steps of the published
recipe.  The time is that of the whole call, with drawing the start, writing and checksums.  "plain" is
`networks.run`, autograd and `torch.optim.Adam` on batches of the same size, with PyTorch's own threads.
`--profile` says instead where the processor time of the maker goes, with one worker.
Also prints the load of the machine, because a shared machine makes the figures smaller.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from benchmarks.stopwatch import Places, Stopwatch

from scalegmn.images import ImageSet
from scalegmn.networks import run
from scalegmn.populations import PopulationWriter
from scalegmn.zoo.inrs import InrRecipe, SirenFit, fit_inrs, image_coordinates, initial_sine_parameters
from scalegmn.zoo.inrs import _making as inrs

PUBLISHED_STEPS = 1000
PLAIN_BATCH = 32


def random_images(count: int, size: int, channels: int) -> ImageSet:
    shape = (count, size, size) if channels == 1 else (count, size, size, channels)
    images = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    return ImageSet(images, np.zeros(count, np.int64), np.full(count, "train"), "random")


def maker_rate(images: ImageSet, recipe: InrRecipe, workers: int, device: str) -> float:
    with tempfile.TemporaryDirectory() as scratch:
        start = time.perf_counter()
        fit_inrs(images, Path(scratch) / "p", recipe=recipe, workers=workers, device=device, progress=False)
        return len(images) / (time.perf_counter() - start)


def plain_rate(images: ImageSet, recipe: InrRecipe, device: str) -> float:
    architecture = recipe.architecture(images.channels)
    points = image_coordinates(*images.size, recipe.order).to(device)
    start = time.perf_counter()
    for first in range(0, len(images), PLAIN_BATCH):
        targets = (
            images.unit()[first : first + PLAIN_BATCH].reshape(-1, len(points), images.channels).to(device)
        )
        networks = [("train", first + i, 0) for i in range(len(targets))]
        theta = (
            initial_sine_parameters(recipe, architecture, seed=0, networks=networks)
            .to(device)
            .requires_grad_()
        )
        optimizer = torch.optim.Adam([theta], lr=recipe.learning_rate)
        for _ in range(recipe.steps):
            optimizer.zero_grad()
            errors = (run(architecture, theta, points) - targets).square().mean(dim=(1, 2))
            errors.sum().backward()
            optimizer.step()
        theta.detach().cpu()
    return len(images) / (time.perf_counter() - start)


def print_profile(images: ImageSet, recipe: InrRecipe, device: str) -> None:
    places: Places = {
        "matrix products": [(torch, name) for name in ("mv", "bmm", "baddbmm")],
        "sines and cosines": [(torch, "sin"), (torch.Tensor, "cos_")],
        "other operations of forward and backward pass": [(SirenFit, "_forward"), (SirenFit, "_backward")],
        "Adam": [(SirenFit, "step")],
        "drawing the start": [(inrs, "initial_sine_parameters")],
        "writing": [(PopulationWriter, "append"), (PopulationWriter, "finish")],
    }
    maker_rate(images, dataclasses.replace(recipe, steps=1), 1, device)  # What a process does once.
    stopwatch = Stopwatch()
    with stopwatch.watching(places), stopwatch.watch("everything else"):
        maker_rate(images, recipe, 1, device)
    print(stopwatch.table())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, default=28)
    parser.add_argument("--channels", type=int, default=1, choices=(1, 3))
    parser.add_argument("--hidden", type=int, nargs="+", default=(32, 32))
    parser.add_argument("--networks", type=int, default=120)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--no-plain", action="store_true", help="only measure the maker")
    parser.add_argument("--profile", action="store_true", help="say where the maker's time goes")
    options = parser.parse_args()
    torch.set_num_threads(options.workers)
    images = random_images(options.networks, options.size, options.channels)
    recipe = InrRecipe(hidden=tuple(options.hidden), steps=options.steps)
    scale = options.steps / PUBLISHED_STEPS
    described = recipe.architecture(images.channels).describe()
    print(f"{described}; images {options.size} x {options.size}; {options.device}")
    print(f"load before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    if options.profile:
        print_profile(images, recipe, options.device)
        return
    rate = maker_rate(images, recipe, options.workers, options.device)
    print(
        f"maker: {rate * scale:6.2f} networks a second at {PUBLISHED_STEPS} steps ({options.workers} workers)"
    )
    if not options.no_plain:
        rate = plain_rate(images, recipe, options.device)
        print(f"plain: {rate * scale:6.2f} networks a second at {PUBLISHED_STEPS} steps")
    print(f"load after: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
