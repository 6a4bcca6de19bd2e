"""A population of sine networks, one or several per image, fitted and written shard by shard.

What a network becomes depends on the seed, on its image, on the recipe and on nothing else: not on the
number of workers, the size of shards, or whether the work was interrupted (to the bit), nor on its
company (to rounding: other inner batches, devices and versions of libraries sum in another order, and a
thousand steps carry such differences on).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

import numpy as np
import torch
from torch import Tensor

from scalegmn.errors import ImageSourceError, PopulationError
from scalegmn.images import ImageSet
from scalegmn.networks import LayeredArchitecture
from scalegmn.populations import PopulationWriter, progress_bar
from scalegmn.workers import Report, Work, device_of_work, open_executor
from scalegmn.zoo import check_counts, ranges
from scalegmn.zoo.inrs._fit import SirenFit
from scalegmn.zoo.inrs._recipe import InrRecipe, initial_sine_parameters

# Numbers in one buffer of hidden values of one inner batch.  On a CPU the buffers of one worker should
# stay in its cache; a GPU wants much to do per call.
_CPU_BATCH: Final = 200_000
_GPU_BATCH: Final = 2**27
# Below this error the PSNR says nothing more (and the logarithm of zero is avoided).
_LEAST_MSE: Final = 1e-12

_Fitted = tuple[Tensor, Tensor]
"""Parameters ``(n, P)`` and errors ``(n,)`` of an inner batch."""


@dataclass(frozen=True)
class FitReport:
    """What :func:`fit_inrs` made.

    Attributes:
        folder: of the population.
        networks: how many it holds.
        diverged: (split, image, copy) of networks that ended with NaN or infinite parameters; they are
            not in the population, and its notes list them.
    """

    folder: Path
    networks: int
    diverged: tuple[tuple[str, int, int], ...]


def fit_inrs(
    images: ImageSet,
    folder: str | Path,
    *,
    recipe: InrRecipe | None = None,
    copies: int = 1,
    seed: int = 0,
    shard_size: int = 1000,
    inner_batch: int | None = None,
    workers: int | None = None,
    cluster: str | None = None,
    device: str | torch.device = "cpu",
    resume: bool = False,
    progress: bool = True,
) -> FitReport:
    """Fit sine networks to images and write them as a population.

    The columns are `label`, `image` (the image's number within its split), `split` (``train`` or
    ``test``, that of the image), `copy`, `mse` and `psnr` (in dB, for a peak of 1).  The networks of one
    image stand side by side.

    Args:
        images: all of the same size, with one or three channels.
        folder: of the new population.
        recipe: of the fit; the published one by default.
        copies: networks per image, which differ in their initialization.
        seed: of the initializations.
        shard_size: networks that are written, and lost by an interruption, at a time; rounded up to a
            multiple of the inner batch.
        inner_batch: networks that are fitted at a time by one worker; by default as many as suit the device.
        workers: inner batches that are fitted at a time; by default PyTorch's number of threads on a
            CPU, otherwise 1.
        cluster: address of a Ray cluster that does the work (:func:`~scalegmn.workers.open_executor`).
        device: where to fit.
        resume: continue an interrupted call with the same arguments.
        progress: show a progress bar on the standard error stream.

    Raises:
        ConfigurationError: a count is not positive, or there is no such device.
        ImageSourceError: there are no images.
        PopulationError: the folder is in use, or holds networks made differently; or every network of a
            shard diverged.

    Example:
        >>> import tempfile
        >>> from scalegmn import Population, load_images
        >>> from scalegmn.zoo.inrs import InrRecipe, fit_inrs
        >>> digits, folder = load_images("digits").subset(range(4)), tempfile.mkdtemp() + "/inrs"
        >>> report = fit_inrs(digits, folder, recipe=InrRecipe(hidden=(8,), steps=20), progress=False)
        >>> Population.open(folder).architecture.describe()
        '2-8-1 (sine), 33 parameters'
    """
    place = device_of_work(device, cluster=cluster)
    plan = _Plan(images, recipe or InrRecipe(), copies, seed, shard_size, inner_batch, place)
    executor = open_executor(cluster=cluster, workers=workers, device=plan.device)
    with executor, PopulationWriter(folder, provenance=plan.provenance(), resume=resume) as writer:
        done = min(writer.shards_done * plan.shard_size, len(plan))
        shards = ranges(done, len(plan), size=plan.shard_size)
        with progress_bar("fitting networks", total=len(plan), done=done, show=progress) as advance:
            results = executor.run(InrWork(plan), map(plan.batches, shards), advance=advance)
            for shard, fitted in zip(shards, results, strict=True):
                _write_shard(plan, fitted, writer, shard)
        writer.finish()
        diverged = [tuple(entry) for notes in writer.notes for entry in notes["diverged"]]  # type: ignore[index]
        return FitReport(writer.folder, len(writer), tuple(diverged))


@dataclass(frozen=True)
class _Plan:
    """Which networks to make, in what pieces.  Network k is copy ``k % copies`` of image ``k // copies``."""

    images: ImageSet
    recipe: InrRecipe
    copies: int
    seed: int
    wanted_shard: int
    wanted_batch: int | None
    device: torch.device

    def __post_init__(self) -> None:
        check_counts(
            {"copies": self.copies, "shard_size": self.wanted_shard, "inner_batch": self.wanted_batch}
        )
        if not len(self.images):
            raise ImageSourceError(f"{self.images.name}: there are no images to fit networks to")

    def __len__(self) -> int:
        return len(self.images) * self.copies

    @property
    def architecture(self) -> LayeredArchitecture:
        return self.recipe.architecture(self.images.channels)

    @property
    def batch(self) -> int:
        if self.wanted_batch is not None:
            return self.wanted_batch
        budget = _CPU_BATCH if self.device.type == "cpu" else _GPU_BATCH
        return max(1, budget // (max(self.recipe.hidden) * math.prod(self.images.size)))

    @property
    def shard_size(self) -> int:
        # Whole inner batches, so that no network's arithmetic depends on where shards end.
        return -(-self.wanted_shard // self.batch) * self.batch

    def batches(self, networks: range) -> list[range]:
        """The inner batches of any number of networks."""
        return ranges(networks.start, networks.stop, size=self.batch)

    def provenance(self) -> dict[str, object]:
        """Everything that decides what the networks become."""
        return {
            "maker": "fit_inrs",
            "recipe": self.recipe.to_plain(),
            "images": self.images.name,
            "images_shape": list(self.images.images.shape),
            "images_checksum": self.images.checksum,
            "class_names": list(self.images.class_names),
            "copies": self.copies,
            "seed": self.seed,
            "shard_size": self.shard_size,
            "inner_batch": self.batch,
            "device": self.device.type,
        }

    def keys(self, networks: range) -> list[tuple[str, int, int]]:
        """Split, number of the image and copy of each network."""
        split, index, copies = self.images.split, self.images.index, self.copies
        return [(str(split[k // copies]), int(index[k // copies]), k % copies) for k in networks]

    def fit(self, networks: range, report: Callable[[int], None]) -> tuple[Tensor, Tensor]:
        """Parameters ``(n, P)`` and errors ``(n,)`` of one inner batch, on the CPU."""
        chosen = np.arange(networks.start, networks.stop) // self.copies
        pixels = torch.from_numpy(self.images.images[chosen]).to(self.device, torch.float32) / 255
        targets = pixels.flatten(1, 2).unsqueeze(-1) if pixels.ndim == 3 else pixels.flatten(1, 2)
        start = initial_sine_parameters(
            self.recipe, self.architecture, seed=self.seed, networks=self.keys(networks)
        )
        fit = SirenFit(
            recipe=self.recipe,
            height=self.images.size[0],
            width=self.images.size[1],
            theta=start.to(self.device),
            targets=targets.mT.contiguous(),
        )
        fit.run(report)
        return fit.theta.cpu(), fit.mse().cpu()


@final
@dataclass(frozen=True, eq=False)
class InrWork(Work[range, _Fitted]):
    """Fitting one inner batch after the other."""

    plan: _Plan

    def do(self, piece: range, report: Report) -> _Fitted:
        return self.plan.fit(piece, lambda steps: report(steps / self.plan.recipe.steps))

    def size(self, piece: range) -> float:
        return float(len(piece))


def _write_shard(plan: _Plan, fitted: Sequence[_Fitted], writer: PopulationWriter, networks: range) -> None:
    theta, mse = torch.cat([theta for theta, _ in fitted]), torch.cat([mse for _, mse in fitted])
    good = (torch.isfinite(theta).all(dim=1) & torch.isfinite(mse)).numpy()
    if not good.any():
        raise PopulationError(
            f"{writer.folder}: all {len(networks)} networks from number {networks.start} on diverged; lower "
            f"the learning rate, which is {plan.recipe.learning_rate}"
        )
    keys = plan.keys(networks)
    kept = [key for key, is_good in zip(keys, good, strict=True) if is_good]
    error = mse.double().numpy()[good]
    columns = {
        "label": plan.images.labels[np.asarray(networks) // plan.copies][good].astype(np.int64),
        "image": np.array([image for _, image, _ in kept], np.int64),
        "split": [split for split, _, _ in kept],
        "copy": np.array([copy for _, _, copy in kept], np.int64),
        "mse": error,
        "psnr": -10 * np.log10(np.maximum(error, _LEAST_MSE)),
    }
    diverged = [list(key) for key, is_good in zip(keys, good, strict=True) if not is_good]
    writer.append(plan.architecture, theta[torch.from_numpy(good)], columns, notes={"diverged": diverged})
