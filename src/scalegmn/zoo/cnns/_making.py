"""A population of small convolutional networks that are trained here, written shard by shard.

What a network becomes depends on the seed, on its number, on the images and on the recipe: not on the number
of workers, the size of shards, or whether the work was interrupted (to the bit), nor on its company (to
rounding: other inner batches, devices and versions of libraries sum in another order, and training carries
such differences on).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import final

import torch

from scalegmn.images import ImageSet
from scalegmn.populations import PopulationWriter, progress_bar
from scalegmn.workers import Report, open_executor, usable_device
from scalegmn.zoo import ranges
from scalegmn.zoo.cnns._fit import CnnTraining
from scalegmn.zoo.cnns._initialization import initial_parameters
from scalegmn.zoo.cnns._plan import CnnPlan, TrainingJob
from scalegmn.zoo.cnns._recipe import CnnRecipe
from scalegmn.zoo.cnns._shards import Row, append_rows, explain_disk_errors, in_order
from scalegmn.zoo.cnns._work import TrainingWork


@final
@dataclass(frozen=True)
class CnnReport:
    """What :func:`make_cnns` made.

    Attributes:
        folder: of the population.
        networks: trained networks.
        rows: stored networks, one per checkpoint of each.
        diverged: indices of networks that diverged; they are in the population, marked.
    """

    folder: Path
    networks: int
    rows: int
    diverged: tuple[int, ...]


def make_cnns(
    images: ImageSet,
    folder: str | Path,
    *,
    recipe: CnnRecipe | None = None,
    networks: int,
    seed: int = 0,
    shard_size: int = 128,
    inner_batch: int = 8,
    workers: int | None = None,
    cluster: str | None = None,
    device: str | torch.device = "cpu",
    resume: bool = False,
    progress: bool = True,
) -> CnnReport:
    """Train small networks on images and write them, with their figures, as a population.

    The columns are `network` (its number; all checkpoints of a network share it), `epoch`, `activation`
    (``mixed`` where the hidden layers of a network differ), `w_init`, `init_std` (0 where the layer gives
    it), `learning_rate`, `l2`, `dropout`, `train_fraction`, `optimizer`, `seed`, `train_accuracy` and
    `train_loss` (on all images that this network saw), `test_accuracy` and `test_loss`, and `diverged`;
    the mixed family adds `architecture_number`, `depth` and `activations` (of the convolutions, in order).
    Losses are mean cross-entropies without dropout and without the penalty on weights.

    A network that diverged is kept: its parameters are the last for which loss and gradient were finite and
    no parameter was beyond 10,000, its figures are those of these parameters.

    Args:
        images: with training and test images; the former are learned from, the latter evaluate.
        folder: of the new population.
        recipe: of the networks; the Small CNN Zoo's by default.
        networks: how many to train.
        seed: of everything that is drawn.
        shard_size: networks that are written, and lost by an interruption, at a time; rounded up to whole
            blocks.
        inner_batch: networks that are trained together by one worker at most.
        workers: jobs at a time; by default PyTorch's number of threads on a CPU, otherwise 1.
        cluster: address of a Ray cluster that does the work (:func:`~scalegmn.workers.open_executor`).
        device: where to train.
        resume: continue an interrupted call with the same arguments.
        progress: show a progress bar on the standard error stream.

    Raises:
        ConfigurationError: a count is not positive, images and recipe do not fit together, or there is no
            such device.
        ImageSourceError: there are no images to train on or to test with.
        PopulationError: the folder is in use, or holds networks made differently.
    """
    recipe = recipe or CnnRecipe()
    plan = CnnPlan(images, recipe, networks, seed, shard_size, inner_batch, usable_device(device))
    executor = open_executor(cluster=cluster, workers=workers, device=plan.device)
    plan.check()
    with executor, PopulationWriter(folder, provenance=plan.provenance(), resume=resume) as writer:
        done = min(writer.shards_done * plan.shard_size, networks)
        shards = ranges(done, networks, size=plan.shard_size)
        with progress_bar("training networks", total=networks, done=done, show=progress) as advance:
            work = TrainingWork(partial(train_job, plan))
            results = executor.run(work, map(plan.jobs, shards), advance=advance)
            for shard, made in zip(shards, results, strict=True):
                _make_shard(writer, made, shard)
        with explain_disk_errors(writer.folder):
            writer.finish()
        diverged = [int(number) for notes in writer.notes for number in notes["diverged"]]  # type: ignore[index]
        return CnnReport(writer.folder, networks, len(writer), tuple(diverged))


def train_job(plan: CnnPlan, job: TrainingJob, report: Report) -> list[Row]:
    """Train the networks of a job; the rows stand network by network, then epoch by epoch.

    Args:
        plan: that the job belongs to.
        job: which networks.
        report: is told now and then what part of the job was done since, and may raise.
    """
    recipe, last = plan.recipe, plan.recipe.checkpoints[-1]
    training = CnnTraining(
        architecture=job.architecture,
        theta=initial_parameters(job.architecture, job.hypers).to(plan.device),
        networks=job.hypers,
        images=plan.train[0],
        labels=plan.train[1],
        shares=plan.image_subsets(job),
        batch_size=recipe.batch_size,
    )
    rows: list[list[Row]] = [[] for _ in job.networks]
    if last == 0:
        report(1.0)
    for epoch in range(last + 1):
        if epoch in recipe.checkpoints:
            for place, row in enumerate(_checkpoint(plan, job, training)):
                rows[place].append(row)
        if epoch < last:
            training.epoch(lambda part: report(part / last))
    return [row for own in rows for row in own]


def _checkpoint(plan: CnnPlan, job: TrainingJob, training: CnnTraining) -> list[Row]:
    own, other = training.settle(*plan.test)
    theta, diverged = training.theta.cpu(), training.diverged.cpu()
    rows = []
    for place, (number, hyper) in enumerate(zip(job.networks, job.hypers, strict=True)):
        kinds = {stage.activate.activation.kind for stage in job.architecture.stages[:-1]}
        columns: dict[str, object] = {
            "network": number,
            "epoch": training.epochs,
            "activation": kinds.pop() if len(kinds) == 1 else "mixed",
            "w_init": hyper.w_init,
            "init_std": hyper.init_std,
            "learning_rate": hyper.learning_rate,
            "l2": hyper.l2,
            "dropout": hyper.dropout,
            "train_fraction": hyper.train_fraction,
            "optimizer": hyper.optimizer,
            "seed": hyper.seed,
            "train_accuracy": float(own.accuracy[place]),
            "train_loss": float(own.loss[place]),
            "test_accuracy": float(other.accuracy[place]),
            "test_loss": float(other.loss[place]),
            "diverged": bool(diverged[place]),
            **plan.recipe.family.columns(number, job.architecture),
        }
        # A copy, so that nobody who is sent a row gets those of its company with it.
        rows.append(Row(job.architecture, theta[place].clone(), columns))
    return rows


def _make_shard(writer: PopulationWriter, results: Sequence[list[Row]], networks: range) -> None:
    rows = in_order(results, by="network")
    diverged = {row.columns["network"] for row in rows if row.columns["diverged"]}
    append_rows(writer, rows, notes={"diverged": [number for number in networks if number in diverged]})
