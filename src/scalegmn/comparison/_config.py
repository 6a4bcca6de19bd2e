"""The configuration of a comparison: several models that differ from one base, and several seeds."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

from scalegmn.configuration import Configuration, Count, Distinct, Entries, Limits
from scalegmn.training import TASKS, DataConfig, RunConfig

OWN_OF_RUNS: Final = ("output", "resume", "training.seed")
"""What a comparison decides for each of its training runs."""

JUDGED_BY: Final = (
    "task",
    "data.population",
    "data.test_population",
    "data.label",
    "data.where",
    "data.split",
    "data.group",
    "data.validation",
    "data.test",
    "data.folds",
    "data.fold",
    "data.train_groups",
    "data.split_seed",
    "data.val_limit",
    "data.test_limit",
)
"""What decides by which networks models are evaluated: the same for all, as is what the task names."""


@dataclass(frozen=True, kw_only=True)
class ComparisonOptions(Configuration):
    """How a comparison is made, whatever its models are.

    Attributes:
        seeds: of the training runs: each model is trained once with every one. Which networks are for
            training, validation and test is decided by data.split_seed, and is the same for all.
        output: folder of the comparison; by default one in ``runs`` with the name of the file.
        reference: name of the model from which the others' differences are given; by default the first.
        folds: train each model once for every one of so many parts of the networks, in whole groups, and
            predict each part by the model that did not see it; figures are then about all networks.
        sizes: train each model on so many groups (pairs of twins, say), a fixed share of them for validation,
            for every one of these numbers: learning curves on the same test networks.
        curves: columns of numbers, such as the success of an attack; out of fold, figures are also drawn over
            their bins.
        only: names of the models to train now; by default all. What is finished of the others is shown too.
        jobs: training runs side by side, each in a process with its share of the processor cores.
        cluster: address of a Ray cluster whose machines train, one run on a processor or GPU of its own:
            HOST:PORT, ray://HOST:PORT, auto, or local.
        resume: go on with training runs that were interrupted.
    """

    seeds: Annotated[tuple[int, ...], Entries(least=1), Distinct()] = (0, 1, 2)
    output: Path | None = None
    reference: str | None = None
    folds: Annotated[int, Limits(low=2)] | None = None
    sizes: Annotated[tuple[Annotated[int, Limits(low=2)], ...], Distinct()] = ()
    curves: Annotated[tuple[str, ...], Distinct()] = ()
    only: tuple[str, ...] = ()
    jobs: Count = 1
    cluster: str | None = None
    resume: bool = False


@dataclass(frozen=True)
class ComparedModel(Configuration):
    """One of the models.

    Attributes:
        name: as people call it.
        config: of its training runs; seed and run folder are those of the single training.
    """

    name: str
    config: RunConfig

    @property
    def slug(self) -> str:
        """The name in names of folders."""
        return re.sub(r"[^a-z0-9]+", "-", self.name.lower()).strip("-")

    def with_data(self, **changes: Any) -> ComparedModel:
        """The same model on other networks: changes of its ``data``."""
        data = dataclasses.replace(self.config.data, **changes)
        return dataclasses.replace(self, config=dataclasses.replace(self.config, data=data))


@dataclass(frozen=True)
class ComparedRun(Configuration):
    """One training of one model.

    Attributes:
        model: name of the model.
        seed: of the training.
        config: of the training, with its run folder.
        joined: folder of the predictions of all folds together; None where there are no folds.
    """

    model: str
    seed: int
    config: RunConfig
    joined: Path | None = None

    @property
    def folder(self) -> Path:
        """The run folder."""
        return self.config.folder

    @property
    def part(self) -> str:
        """Which of several numbers of groups and folds it is of, in words; empty where there is one."""
        data = self.config.data
        sized = [] if data.train_groups is None else [f"{data.train_groups} groups"]
        return ", ".join([*sized, *([] if data.folds is None else [f"fold {data.fold}"])])


@dataclass(frozen=True, kw_only=True)
class ComparisonConfig(Configuration):
    """Everything that decides a comparison.

    Attributes:
        models: in the order of the file.
        seeds: of the training runs.
        output: folder of the comparison.
        reference: name of the model from which differences are given.
        only: names of the models to train now.
        jobs: training runs side by side.
        cluster: address of a Ray cluster whose machines train; None for processes of this machine.
        resume: go on with training runs that were interrupted.
        folds: parts of the networks that are predicted by models that did not see them; None for one test.
        sizes: numbers of groups to learn from; none to learn from all.
        curves: columns of numbers over whose bins figures out of fold are given.
    """

    models: tuple[ComparedModel, ...]
    seeds: tuple[int, ...]
    output: Path
    reference: str
    only: tuple[str, ...]
    jobs: Count
    resume: bool
    folds: int | None = None
    sizes: tuple[int, ...] = ()
    curves: tuple[str, ...] = ()
    cluster: str | None = None

    @property
    def data(self) -> DataConfig:
        """Which networks the models are tested on."""
        return self.models[0].config.data

    @property
    def parts(self) -> tuple[ComparisonConfig, ...]:
        """A comparison for each of the sizes, ascending; this one where there are none."""
        return tuple(self._at(size) for size in sorted(self.sizes)) or (self,)

    @property
    def runs(self) -> tuple[ComparedRun, ...]:
        """All training runs: of the smallest size those with the first seed, every model with each fold."""
        return tuple(
            part._run(model, seed, fold)
            for part in self.parts
            for seed in part.seeds
            for fold in range(part.folds or 1)
            for model in part.models
        )

    @property
    def selected_runs(self) -> tuple[ComparedRun, ...]:
        """The training runs to be done now, or to be there."""
        return tuple(run for run in self.runs if run.model in self.only)

    def _at(self, size: int) -> ComparisonConfig:
        models = tuple(model.with_data(train_groups=size) for model in self.models)
        return dataclasses.replace(self, models=models, sizes=())

    def _run(self, model: ComparedModel, seed: int, fold: int) -> ComparedRun:
        data = model.config.data
        name = f"{model.slug}-seed{seed}"
        if data.train_groups is not None:
            name += f"-groups{data.train_groups}"
        folded = f"{name}-{self.folds}folds"
        if self.folds is not None:
            data = dataclasses.replace(data, folds=self.folds, fold=fold)
            name = f"{folded}-{fold}"
        config = dataclasses.replace(
            model.config,
            data=data,
            training=dataclasses.replace(model.config.training, seed=seed),
            output=self.output / name,
            resume=False,
        )
        if self.jobs > 1 or self.cluster is not None:
            # Lines and bars of several training runs would run into each other.
            quiet = dataclasses.replace(config.logging, progress=False)
            config = dataclasses.replace(config, logging=quiet)
        return ComparedRun(model.name, seed, config, None if self.folds is None else self.output / folded)


def same_for_all(key: str, *, task: str) -> bool:
    """Whether models of one comparison, for the task of this name, must agree on this value."""
    names = (*JUDGED_BY, *TASKS.get(task).same_for_all)
    return any(key.startswith(name) if name.endswith(".") else key == name for name in names)


def option_errors(
    options: ComparisonOptions, *, models: Mapping[str, ComparedModel], known: tuple[str, ...]
) -> list[str]:
    """What is wrong with options, and with names: of models, and those that options refer to.

    Args:
        options: of the comparison.
        models: those whose configuration could be read.
        known: the names of all models in the file.
    """
    problems = []
    owners: dict[str, str] = {}
    for model in models.values():
        if not model.slug:
            problems.append(f"models: the name {model.name!r} has no letter and no digit to name a folder by")
        elif model.slug in owners:
            problems.append(
                f"models: {owners[model.slug]!r} and {model.name!r} would share the folders "
                f"{model.slug}-seed...; rename one"
            )
        owners.setdefault(model.slug, model.name)
    referred = [("reference", options.reference)] if options.reference is not None else []
    referred += [("only", name) for name in options.only]
    problems += [
        f"{option}: there is no model {name!r}; there are {', '.join(map(repr, known))}"
        for option, name in referred
        if name not in known
    ]
    return problems


def fold_errors(options: ComparisonOptions, models: Mapping[str, ComparedModel]) -> Iterator[str]:
    """What keeps models from being evaluated out of fold."""
    if options.folds is None:
        if options.curves:
            yield "curves: they are drawn of all networks, each predicted out of fold; give folds as well"
        return
    for task in dict.fromkeys(model.config.task for model in models.values()):
        if TASKS.get(task).writes_networks:
            yield (
                f"folds: the task {task} writes networks, and figures out of fold are those of predictions; "
                "leave folds out"
            )
    if any(model.config.data.test_population is not None for model in models.values()):
        yield (
            "folds: data.test_population says what is tested on, and folds would as well; leave one of the "
            "two out"
        )
