"""Repairs of trojaned networks in one table: a trained editor beside methods that are not learned.

    python -m benchmarks.repair_table POPULATION [--run RUN] [--split test] [--clean-images 100 500 2500]
                                      [--limit N] [--tune-pairs 12] [--threads 1] [--device cpu]

POPULATION is a folder that `scalegmn make trojans` wrote, RUN one of a training with `task: trojan_repair`
on it; without a run there is no editor, and splits are those of a training with the usual settings and
`where: {usable: true}`.  Trojaned networks of the split and their clean twins are repaired by every method
and evaluated on all test images, each network with its own trigger.

Clean images of methods that are given some are training images of the population: those that both twins were
trained on, before any were poisoned.  Test images are used for nothing but the figures.  What is a setting of
a method for all networks (the learning rates of training runs, the step along the mean difference, the bound
of channel Lipschitz pruning) is chosen on pairs of the validation split, with their triggers in training
images that no method was given; the editor's best epoch was chosen on the same pairs.  What ANP and
fine-pruning choose for each network, they choose on clean accuracy alone.

Trigger unlearning is given clusters and principal components of the classes, and no image; it is left out
where networks were trained on several sets of images.

Populations may hold several architectures, programs with batch norm among them; where some are in the test
split alone, the mean difference leaves these networks as they are.

Prints the table, and writes `repair_table.json` and `repair_table.png` into --output.  Times are processor
seconds per network, which other programs on the machine disturb least.
"""

from __future__ import annotations

import argparse
import os
import platform
import shlex
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch

from scalegmn.models import Editor
from scalegmn.populations import Population
from scalegmn.reports import ResultTable, percent, save_figure
from scalegmn.seeding import numpy_generator
from scalegmn.training import DataConfig, Run, select, versions, write_json
from scalegmn.trojans.making import PopulationImages, TrojanImages
from scalegmn.trojans.repair import (
    RepairPoint,
    Repairs,
    Thetas,
    best_of,
    draw_repairs,
    evaluate_methods,
    networks_of,
    with_clean_twins,
)
from scalegmn.trojans.repair.defenses import (
    AdversarialNeuronPruning,
    ChannelLipschitz,
    ClassImages,
    CleanImages,
    EditorRepair,
    FinePruning,
    FineTuning,
    MeanDifference,
    NoRepair,
    RepairMethod,
    RepairSequence,
    TriggerUnlearning,
    Tuning,
)

# Training images that no method is given, on which settings are chosen.
HELD = 600
STEPS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
DEVIATIONS = (1.0, 1.5, 2.0, 2.5, 3.0)
LEARNING_RATES = (0.003, 0.01, 0.03)
# Directions in which images of a class are drawn, for trigger unlearning.
COMPONENTS = 60
# So many images pass through a network in fine-tuning: more epochs where there are fewer images.
IMAGES_SEEN = 15_000

M = TypeVar("M", bound=RepairMethod)


@dataclass(frozen=True)
class Bench:
    """What all repairs have in common."""

    population: Population
    images: PopulationImages
    seed: int
    device: str

    def repaired(self, method: RepairMethod, rows: np.ndarray) -> tuple[Thetas, float]:
        """Networks after a repair, and processor seconds per network."""
        began, done = time.process_time(), {}
        for architecture, positions, theta in self.population.groups(rows):
            found = theta.clone()
            for images, places in self.images.parts(rows[positions]):
                own = theta[places].to(self.device)
                clean = CleanImages(images.train_inputs, images.train_labels)
                found[places] = method.repair(architecture, own, images=clean, seed=self.seed).cpu()
            done[architecture] = found
        return done, (time.process_time() - began) / len(rows)


@dataclass(frozen=True)
class Tuner:
    """Chooses settings on pairs of the validation split."""

    bench: Bench
    rows: np.ndarray
    log: dict[str, Any]

    def best(self, candidates: Sequence[M], settings: Sequence[float], label: str) -> M:
        def judge(methods: Sequence[M]) -> list[Repairs]:
            done = [self.bench.repaired(method, self.rows)[0] for method in methods]
            return evaluate_methods(self.bench.population, self.rows, done, self.bench.images)

        chosen, scores = best_of(candidates, judge)
        self.log[label] = {
            "scores": dict(zip(map(str, settings), scores, strict=True)),
            "chosen": settings[candidates.index(chosen)],
        }
        print(f"{label}: {self.log[label]}", flush=True)
        return chosen


def tuning_for(count: int, rate: float) -> Tuning:
    return Tuning(epochs=max(5, min(60, IMAGES_SEEN // count)), learning_rate=rate)


def mean_difference(population: Population, rows: np.ndarray) -> MeanDifference:
    """Fitted to all pairs of some rows, each architecture by itself; others are left alone."""
    method = MeanDifference(leaves_others=True)
    for architecture, positions, theta in population.groups(with_clean_twins(population, rows)):
        # Twins share an architecture and stand side by side.
        assert (positions.view(-1, 2).diff(dim=1) == 1).all()
        method = method.fit(architecture, theta[::2], theta[1::2])
    return method


def unlearning(images: PopulationImages) -> TriggerUnlearning:
    """With what is known of the classes of all training images; it is given none of these."""
    (only,) = images.sets
    known = ClassImages.fit(only.train_inputs, only.train_labels, clusters=10, components=COMPONENTS)
    return TriggerUnlearning(known)


def methods_of(
    tuner: Tuner, train: np.ndarray, editor: Editor | None, counts: list[int]
) -> list[RepairMethod]:
    difference = mean_difference(tuner.bench.population, train)
    methods: list[RepairMethod] = [
        NoRepair(),
        tuner.best([difference.stepping(step) for step in STEPS], STEPS, "mean difference, step"),
        tuner.best(
            [ChannelLipschitz(deviations=u) for u in DEVIATIONS], DEVIATIONS, "channel Lipschitz, deviations"
        ),
    ]
    if len(tuner.bench.images.sets) == 1:
        methods.append(unlearning(tuner.bench.images))
    trained = None if editor is None else EditorRepair(editor)
    if trained is not None:
        methods.append(trained)
    for count in counts:
        tunings = [tuning_for(count, rate) for rate in LEARNING_RATES]
        label = f"on {count}, learning rate"
        tuned = [FineTuning(count=count, tuning=tuning) for tuning in tunings]
        methods.append(tuner.best(tuned, LEARNING_RATES, f"fine-tuning {label}"))
        pruned = [FinePruning(count=count, tuning=tuning) for tuning in tunings]
        methods.append(tuner.best(pruned, LEARNING_RATES, f"fine-pruning {label}"))
        methods.append(AdversarialNeuronPruning(count=count))
        if trained is not None:
            both = [RepairSequence(trained, second) for second in tuned]
            methods.append(tuner.best(both, LEARNING_RATES, f"editor + fine-tuning {label}"))
    return methods


COLUMNS = (
    "method",
    "clean images",
    "DER",
    "ASR",
    "C-Acc",
    "RA",
    "ASR < 10 %",
    "ASR < 20 %",
    "C-Acc kept",
    "clean twins' C-Acc",
    "s per network",
)


def cells(method: RepairMethod, summary: dict[str, Any], seconds: float) -> tuple[str, ...]:
    def share(name: str) -> str:
        interval = summary[f"{name}_interval_95"]
        return percent(summary[name], None if interval is None else (interval[0], interval[1]))

    return (
        method.name,
        str(method.images) if method.images else "data-free",
        f"{summary['der']:.3f}",
        *(share(name) for name in ("asr", "c_acc", "ra")),
        *(percent(summary[f"share_{name}"]) for name in ("asr_below_0.1", "asr_below_0.2", "c_acc_kept")),
        f"{100 * summary['c_acc_change_of_clean']:+.1f}",
        f"{seconds:.3f}",
    )


def point(method: RepairMethod, summary: dict[str, Any]) -> RepairPoint:
    asr, c_acc = (summary[f"{name}_interval_95"] for name in ("asr", "c_acc"))
    return RepairPoint(
        method.name,
        method.images,
        summary["asr"],
        summary["c_acc"],
        None if asr is None else (asr[0], asr[1]),
        None if c_acc is None else (c_acc[0], c_acc[1]),
        reference=isinstance(method, NoRepair),
    )


def limited(rows: np.ndarray, limit: int | None, seed: int) -> np.ndarray:
    """Some pairs, (2 k,), of those that with_clean_twins gives."""
    pairs = rows.reshape(-1, 2)
    if limit is None or limit >= len(pairs):
        return rows
    chosen = numpy_generator(seed, "repair table").permutation(len(pairs))[:limit]
    return pairs[np.sort(chosen)].flatten()


def without_test(images: TrojanImages) -> TrojanImages:
    """The last training images in place of the test images, to choose settings with."""
    return replace(
        images,
        pixels={"train": images.pixels["train"][:-HELD], "test": images.pixels["train"][-HELD:]},
        labels={"train": images.labels["train"][:-HELD], "test": images.labels["train"][-HELD:]},
    )


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("population", type=Path)
    parser.add_argument("--run", type=Path)
    parser.add_argument("--split", default="test", choices=("train", "val", "test"))
    parser.add_argument("--clean-images", type=int, nargs="*", default=[100, 500, 2500])
    parser.add_argument("--limit", type=int, help="only so many pairs, chosen at random")
    parser.add_argument("--tune-pairs", type=int, default=12, help="pairs that settings are chosen on")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu", help="where networks are repaired")
    parser.add_argument("--folder", type=Path, help="where images are; by default SCALEGMN_DATA says it")
    parser.add_argument("--output", type=Path, default=Path("."))
    return parser.parse_args()


@dataclass(frozen=True)
class Setup:
    """Everything that is read before anything is repaired."""

    tuner: Tuner
    bench: Bench
    train: np.ndarray
    rows: np.ndarray
    images: PopulationImages
    editor: Editor | None


def setup(options: argparse.Namespace) -> Setup:
    run = None if options.run is None else Run.open(options.run)
    data = DataConfig(population=options.population, where={"usable": True}) if run is None else run.data
    # The folder may have been moved since the training, but the networks must be the same.
    selection = select(replace(data, population=options.population))
    if (
        run is not None
        and run.facts["populations"]["population"]["checksum"] != selection.population.checksum
    ):
        sys.exit(f"{options.population} is not the population that {options.run} was trained on")
    if run is not None and not isinstance(run.model, Editor):
        sys.exit(f"{options.run}: its model predicts questions; give a training for trojan_repair")
    editor = run.model.to(options.device) if run is not None and isinstance(run.model, Editor) else None
    population = selection.test_population if options.split == "test" else selection.population
    rows = with_clean_twins(population, getattr(selection, options.split))
    rows = limited(rows, options.limit, options.seed)
    choosing = with_clean_twins(selection.population, selection.val)
    choosing = limited(choosing, options.tune_pairs, options.seed)
    images = PopulationImages.from_population(population, rows, folder=options.folder)
    chosen_with = PopulationImages.from_population(selection.population, choosing, folder=options.folder)
    bench = Bench(selection.population, chosen_with.changed(without_test), options.seed, options.device)
    return Setup(
        tuner=Tuner(bench, choosing, {}),
        # Networks are given clean images of their own data set.
        bench=replace(bench, population=population, images=images.changed(without_test)),
        train=selection.train,
        rows=rows,
        images=images,
        editor=editor,
    )


def facts_of(options: argparse.Namespace, given: Setup) -> dict[str, Any]:
    return {
        "command": shlex.join(["python", "-m", "benchmarks.repair_table", *sys.argv[1:]]),
        "population_checksum": given.bench.population.checksum,
        "split": options.split,
        "pairs": len(given.rows) // 2,
        "architectures": len(networks_of(given.bench.population, given.rows)),
        "seed": options.seed,
        "clean_images_from": [
            f"{len(one.train_labels)} training images of {one.source}" for one in given.bench.images.sets
        ],
        "chosen_on_pairs": len(given.tuner.rows) // 2,
        "settings": given.tuner.log,
        "machine": {
            "processor": platform.machine(),
            "cores": os.cpu_count(),
            "threads": options.threads,
            "device": options.device,
        },
        "versions": versions(),
    }


def main() -> None:
    options = parse()
    torch.set_num_threads(options.threads)
    given = setup(options)
    methods = methods_of(given.tuner, given.train, given.editor, options.clean_images)
    done, seconds = [], []
    for method in methods:
        thetas, spent = given.bench.repaired(method, given.rows)
        done.append(thetas)
        seconds.append(spent)
        print(f"{method.name}, {method.images} images: {spent:.3f} s per network", flush=True)
    judged = evaluate_methods(given.bench.population, given.rows, done, given.images)
    summaries = [repairs.summary() for repairs in judged]
    count = len(networks_of(given.bench.population, given.rows))
    of = "" if count == 1 else f" of {count} architectures"
    title = f"{len(given.rows) // 2} trojaned networks{of} and their clean twins ({options.split})"
    lines = [cells(*entry) for entry in zip(methods, summaries, seconds, strict=True)]
    print("\n" + ResultTable(COLUMNS, tuple(lines), title).to_markdown())
    entries = [
        {"method": m.name, "images": m.images, "data_free": m.data_free, "seconds_per_network": s, **summary}
        for m, summary, s in zip(methods, summaries, seconds, strict=True)
    ]
    write_json(options.output / "repair_table.json", {**facts_of(options, given), "methods": entries})
    figure = draw_repairs([point(m, s) for m, s in zip(methods, summaries, strict=True)], title=title)
    save_figure(figure, options.output / "repair_table.png")


if __name__ == "__main__":
    main()
