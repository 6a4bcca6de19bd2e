"""How many sine networks per second the maker fits, next to the same fit by automatic differentiation.

    python benchmarks/fit_inrs.py [--size 28] [--channels 1] [--hidden 32 32] [--networks 120] [--steps 100]
                                  [--workers 2] [--device cpu] [--no-plain]

Fits to random images for a small number of steps and scales the rate to the 1,000 steps of the published
recipe.  The time is that of the whole call, with drawing the start, writing and checksums.  "plain" is
`networks.run`, autograd and `torch.optim.Adam` on batches of the same size, with PyTorch's own threads.
Also prints the load of the machine, because a shared machine makes the figures smaller.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from scalegmn.networks.functional import run
from scalegmn.populations.images import ImageSet
from scalegmn.populations.makers.coordinates import image_coordinates
from scalegmn.populations.makers.inrs import fit_inrs
from scalegmn.populations.makers.recipes import InrRecipe, initial_parameters

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
            initial_parameters(recipe, architecture, seed=0, networks=networks).to(device).requires_grad_()
        )
        optimizer = torch.optim.Adam([theta], lr=recipe.learning_rate)
        for _ in range(recipe.steps):
            optimizer.zero_grad()
            errors = (run(architecture, theta, points) - targets).square().mean(dim=(1, 2))
            errors.sum().backward()
            optimizer.step()
        theta.detach().cpu()
    return len(images) / (time.perf_counter() - start)


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
    options = parser.parse_args()
    torch.set_num_threads(options.workers)
    images = random_images(options.networks, options.size, options.channels)
    recipe = InrRecipe(hidden=tuple(options.hidden), steps=options.steps)
    scale = options.steps / PUBLISHED_STEPS
    described = recipe.architecture(images.channels).describe()
    print(f"{described}; images {options.size} x {options.size}; {options.device}")
    print(f"load before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
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
