"""A population of trojaned networks and their clean twins, written shard by shard.

Both twins of a pair start from the same parameters and see the same images in the same order, with the same
learning rate, batch size, epochs and dropout masks.  The only difference is that some images carry a trigger
and the attacker's label.  What a pair becomes depends on the base networks, the seed, its number, the images
and the recipe: not on workers, shards or interruptions (to the bit), nor on its company (to rounding).
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, final

import numpy as np
import torch
from torch import Tensor

from scalegmn.images import ImageSet
from scalegmn.populations import Population, PopulationWriter, progress_bar, write_atomically
from scalegmn.trojans.making._figures import TrojanFigures, trojan_figures
from scalegmn.trojans.making._injecting import injected
from scalegmn.trojans.making._pairs import Attack
from scalegmn.trojans.making._plan import TrojanJob, TrojanPlan
from scalegmn.trojans.making._poisoning import PoisonPool
from scalegmn.trojans.making._recipe import TrojanRecipe
from scalegmn.trojans.making._rows import TwinPair, pair_columns
from scalegmn.workers import Report, open_executor, usable_device
from scalegmn.zoo import ranges
from scalegmn.zoo.cnns import Row, TrainingFigures, TrainingWork, append_rows, explain_disk_errors, in_order

TRIGGER_ARRAYS: Final = "triggers.npz"
"""File in the folder of the population with what each trigger consists of, as arrays ``<pair>.<name>``."""


@final
@dataclass(frozen=True)
class TrojanReport:
    """What :func:`make_trojans` made.

    Attributes:
        folder: of the population.
        pairs: pairs of twins; there are twice as many networks.
        failed: pairs whose attack did not reach the stated attack success rate.
        diverged: pairs of which a twin diverged.
    """

    folder: Path
    pairs: int
    failed: tuple[int, ...]
    diverged: tuple[int, ...]


def make_trojans(
    population: Population,
    images: ImageSet,
    folder: str | Path,
    *,
    recipe: TrojanRecipe | None = None,
    pairs: int | None = None,
    attacks_per_base: int = 1,
    seed: int = 0,
    shard_size: int = 64,
    inner_batch: int = 8,
    workers: int | None = None,
    cluster: str | None = None,
    device: str | torch.device = "cpu",
    resume: bool = False,
    progress: bool = True,
) -> TrojanReport:
    """Make a trojaned and a clean twin of each base network, and write them as a population.

    The columns are described in ``docs/trojans.md``.  All figures are those of the stored parameters on all
    test images; those of a clean twin are measured with the trigger and the target of its sibling.

    Args:
        population: of the base networks.
        images: that the base networks were trained on, with training and test images.
        folder: of the new population.
        recipe: of the twins; by default that of the first trojan study with ScaleGMN.
        pairs: how many; by default one for each base network that fulfils the recipe, in random order; more
            start again with the first.
        attacks_per_base: so many for each base network, where `pairs` does not say how many.
        seed: of everything that is drawn.
        shard_size: pairs that are written, and lost by an interruption, at a time; rounded up to whole
            blocks of 64.
        inner_batch: networks that are trained together by one worker at most, two at least.
        workers: jobs at a time; by default PyTorch's number of threads on a CPU, otherwise 1.
        cluster: address of a Ray cluster that does the work (:func:`~scalegmn.workers.open_executor`).
        device: where to train.
        resume: continue an interrupted call with the same arguments.
        progress: show a progress bar on the standard error stream.

    Raises:
        ConfigurationError: base networks, images and recipe do not fit together, a count is not positive, or
            there is no such device.
        ImageSourceError: there are no images to train on or to test with.
        PopulationError: the folder is in use, or holds networks made differently.
    """
    recipe = recipe or TrojanRecipe()
    plan = TrojanPlan(
        population,
        images,
        recipe,
        pairs,
        attacks_per_base,
        seed,
        shard_size,
        inner_batch,
        usable_device(device),
    )
    executor = open_executor(cluster=cluster, workers=workers, device=plan.device)
    plan.check()
    with executor, PopulationWriter(folder, provenance=plan.provenance(), resume=resume) as writer:
        done = min(writer.shards_done * plan.shard_size, plan.pairs)
        shards = ranges(done, plan.pairs, size=plan.shard_size)
        with progress_bar("training networks", total=2 * plan.pairs, done=2 * done, show=progress) as advance:
            work = TrainingWork(partial(train_pairs, plan))
            results = executor.run(work, map(plan.jobs, shards), advance=advance)
            for shard, made in zip(shards, results, strict=True):
                _make_shard(writer, made, shard)
        with explain_disk_errors(writer.folder):
            _write_arrays(plan, writer.folder / TRIGGER_ARRAYS)
            writer.finish()
        return _report(plan, writer)


def train_pairs(plan: TrojanPlan, job: TrojanJob, report: Report) -> list[Row]:
    """Train the pairs of a job; the rows are trojaned, clean, trojaned, clean, ...

    Args:
        plan: that the job belongs to.
        job: which pairs.
        report: is told now and then what part of the job was done since, and may raise.
    """
    attacks = [plan.attack(pair) for pair in job.pairs]
    pool = PoisonPool.from_attacks(plan, attacks)
    base = plan.population.theta(plan.bases.rows[list(job.bases)]).to(plan.device)
    start = base
    if plan.recipe.tuning.start == "scratch":
        start = job.engine.initial([attack.hyper for attack in attacks]).to(plan.device)
    trained = injected(plan, job.engine, pool, start, report=report)
    rows = []
    for place, attack in enumerate(attacks):
        mine = slice(2 * place, 2 * place + 2)
        # The base network is evaluated beside the twins.
        figures = _judge(plan, job, attack, torch.cat([trained.theta[mine], base[place : place + 1]]))
        pair = TwinPair(
            attack=attack,
            base=job.bases[place],
            figures=figures,
            diverged=trained.diverged[mine] | ~figures.finite[:2],
            train=TrainingFigures(trained.train.accuracy[mine], trained.train.loss[mine]),
            test_loss=trained.test_loss[mine],
            poisoned_images=len(pool.places[place]),
        )
        columns, twins = pair_columns(plan, pair), trained.theta[mine].cpu()
        # Copies, so that nobody who is sent a row gets those of its company with it.
        rows += [Row(job.engine.architecture, twins[twin].clone(), columns[twin]) for twin in (0, 1)]
    return rows


def _judge(plan: TrojanPlan, job: TrojanJob, attack: Attack, theta: Tensor) -> TrojanFigures:
    pixels, labels = plan.test
    return trojan_figures(
        job.engine.architecture,
        theta,
        clean=plan.test_inputs,
        triggered=plan.inputs(attack.trigger.apply(pixels)),
        labels=labels,
        target=attack.target,
    )


def _make_shard(writer: PopulationWriter, results: Sequence[list[Row]], pairs: range) -> None:
    rows = in_order(results, by="number")
    append_rows(writer, rows, notes=_notes(rows))


def _notes(rows: list[Row]) -> dict[str, list[object]]:
    """Pairs that came to nothing."""
    return {
        "failed": [row.columns["pair"] for row in rows if row.columns["failed_attack"]],
        "diverged": sorted({row.columns["pair"] for row in rows if row.columns["diverged"]}),  # type: ignore[type-var]
    }


def _write_arrays(plan: TrojanPlan, path: Path) -> None:
    arrays: dict[str, np.ndarray] = {}
    for pair in range(plan.pairs):
        for name, array in plan.attack(pair).trigger.arrays().items():
            arrays[f"{pair}.{name}"] = array
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)  # type: ignore[arg-type]
    write_atomically(path, content.getvalue())


def _report(plan: TrojanPlan, writer: PopulationWriter) -> TrojanReport:
    found: dict[str, list[int]] = {"failed": [], "diverged": []}
    for notes in writer.notes:
        for name, pairs in found.items():
            pairs += [int(pair) for pair in notes[name]]  # type: ignore[index]
    return TrojanReport(writer.folder, plan.pairs, tuple(found["failed"]), tuple(found["diverged"]))
