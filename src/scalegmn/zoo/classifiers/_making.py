"""A population of small modern classifiers that are trained here, written shard by shard.

What a network becomes depends on the seed, on its number, on the images and on the recipe: not on the number
of workers, the size of shards, or whether the work was interrupted (to the bit).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import final

import torch

from scalegmn.images import ImageSet
from scalegmn.networks import Architecture
from scalegmn.populations import PopulationWriter, progress_bar
from scalegmn.workers import Report, open_executor, usable_device
from scalegmn.zoo import ranges
from scalegmn.zoo.cnns import Row, TrainingWork, append_rows, explain_disk_errors, in_order

from ._fit import ClassifierTraining
from ._initialization import initial_state
from ._judging import Outcome, Settled, settle
from ._plan import ClassifierJob, ClassifierPlan
from ._recipe import ClassifierRecipe


@final
@dataclass(frozen=True)
class ClassifierReport:
    """What :func:`make_classifiers` made.

    Attributes:
        folder: of the population.
        networks: trained networks, each of which is stored once.
        diverged: indices of networks that diverged; they are in the population, marked.
    """

    folder: Path
    networks: int
    diverged: tuple[int, ...]


def make_classifiers(
    images: ImageSet,
    folder: str | Path,
    *,
    recipe: ClassifierRecipe | None = None,
    networks: int,
    seed: int = 0,
    shard_size: int = 64,
    workers: int | None = None,
    cluster: str | None = None,
    device: str | torch.device = "cpu",
    resume: bool = False,
    progress: bool = True,
) -> ClassifierReport:
    """Train networks of several designs on images and write them, with their figures, as a population.

    Each network is stored when its training ends, as an architecture and its parameters.  The columns are
    `network` (its number), `dataset` (name of the images), `recipe` (its name), `architecture_number` (of its
    design), `family`, `design`, `activation`, `normalization`, `depth` and `width`, the hyper-parameters
    (:class:`ClassifierRecipe`; `steps` are mini-batches), `seed`, `train_accuracy` and `train_loss` (on
    images that this network saw, with the labels that it was trained by), `test_accuracy` and `test_loss`,
    `generalization_gap` (the difference of the accuracies) and `diverged`.

    A network that diverged is kept: it is what it was when loss and gradient were last finite and no
    parameter was beyond 10,000.

    Args:
        images: with training and test images; the former are learned from, the latter evaluate.
        folder: of the new population.
        recipe: of the networks.
        networks: how many to train.
        seed: of everything that is drawn.
        shard_size: networks that are written, and lost by an interruption, at a time; rounded up to whole
            pieces.
        workers: pieces at a time; by default PyTorch's number of threads on a CPU, otherwise 1.
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
    plan = ClassifierPlan(
        images, recipe or ClassifierRecipe(), networks, seed, shard_size, usable_device(device)
    )
    executor = open_executor(cluster=cluster, workers=workers, device=plan.device)
    plan.check()
    with executor, PopulationWriter(folder, provenance=plan.provenance(), resume=resume) as writer:
        done = min(writer.shards_done * plan.shard_size, networks)
        shards = ranges(done, networks, size=plan.shard_size)
        with progress_bar("training networks", total=networks, done=done, show=progress) as advance:
            # Programs are traced here, before several threads ask for them.
            work = TrainingWork(partial(train_job, plan, plan.architectures))
            results = executor.run(work, map(plan.jobs, shards), advance=advance)
            for shard, made in zip(shards, results, strict=True):
                _make_shard(writer, made, shard)
        with explain_disk_errors(writer.folder):
            writer.finish()
        diverged = [int(number) for notes in writer.notes for number in notes["diverged"]]  # type: ignore[index]
        return ClassifierReport(writer.folder, networks, tuple(diverged))


def _make_shard(writer: PopulationWriter, results: Sequence[list[Row]], networks: range) -> None:
    rows = in_order(results, by="network")
    diverged = [row.columns["network"] for row in rows if row.columns["diverged"]]
    append_rows(writer, rows, notes={"diverged": diverged})


def train_job(
    plan: ClassifierPlan, architectures: Sequence[Architecture], job: ClassifierJob, report: Report
) -> list[Row]:
    """Train the networks of a piece; one row for each, in the order of their numbers.

    Args:
        plan: that the piece belongs to.
        architectures: of every design in use.
        job: which networks.
        report: is told now and then what part of the work was done since, and may raise.
    """
    module, architecture = plan.module(job.design), architectures[job.design]
    starts = [initial_state(module, hyper) for hyper in job.hypers]
    training = ClassifierTraining(
        module=module,
        starts=starts,
        networks=job.hypers,
        images=plan.train[0],
        labels=torch.stack([plan.labels(hyper) for hyper in job.hypers]),
        shares=[plan.share(hyper) for hyper in job.hypers],
        batch_size=plan.recipe.batch_size,
    )
    work = sum(hyper.steps for hyper in job.hypers)
    places = list(range(len(job.networks)))
    rows: dict[int, Row] = {}
    for end in sorted({hyper.steps for hyper in job.hypers}):
        while training.steps < end:
            training.step()
            report(len(places) / work)
        ending = [slot for slot, place in enumerate(places) if job.hypers[place].steps == end]
        for slot in ending:
            tried = Outcome(training.state(slot), bool(training.diverged[slot]), training.is_sound(slot))
            place = places[slot]
            rows[place] = _row(
                plan, job, place, settle(plan, architecture, tried, starts[place], job.hypers[place])
            )
        rest = [slot for slot in range(len(places)) if slot not in ending]
        places = [places[slot] for slot in rest]
        if places:
            training.keep(rest)
    return [rows[place] for place in sorted(rows)]


def _row(plan: ClassifierPlan, job: ClassifierJob, place: int, settled: Settled) -> Row:
    design = plan.recipe.designs[job.design]
    columns: dict[str, object] = {
        "network": job.networks[place],
        "dataset": plan.images.name,
        "recipe": plan.recipe.name,
        "architecture_number": job.design,
        "family": design.family,
        "design": design.label,
        **design.columns(),
        **asdict(job.hypers[place]),
        **settled.figures,
        "generalization_gap": settled.figures["train_accuracy"] - settled.figures["test_accuracy"],
        "diverged": settled.diverged,
    }
    return Row(settled.architecture, settled.theta, columns)
