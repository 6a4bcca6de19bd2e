"""The configuration of a training, as one typed value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

from scalegmn.configuration import (
    Configuration,
    Count,
    Fraction,
    Limits,
    Natural,
    NonNegative,
    Positive,
    Rate,
    Sections,
    from_plain,
)
from scalegmn.errors import ConfigurationError
from scalegmn.models import EDITORS, PREDICTORS, Metanetwork
from scalegmn.registry import Registered
from scalegmn.training._task import TASKS, AnyTask


class Schedule(Enum):
    """What becomes of the learning rate after the warm-up.

    ``one_cycle`` has a warm-up of its own: up over the first 30 % of all steps, then down to almost zero.
    """

    constant = "constant"
    cosine = "cosine"
    one_cycle = "one_cycle"


class Precision(Enum):
    """Lightning's names of number formats."""

    single = "32-true"
    bf16_mixed = "bf16-mixed"
    fp16_mixed = "16-mixed"


class Accelerator(Enum):
    """Where to train."""

    auto = "auto"
    cpu = "cpu"
    gpu = "gpu"


class DistributedStrategy(Enum):
    """How several processes train one model: by DDP, PyTorch's distributed data parallel.

    ``auto`` allows batches that use only some of the parameters, as those of mixed architectures do.  ``ddp``
    saves the search for these, and stops where a parameter gets no gradient.
    """

    auto = "auto"
    ddp = "ddp"


@dataclass(frozen=True, kw_only=True)
class DataConfig(Configuration):
    """Which networks to learn from.

    Where the population has the column `split`, its words train, val and test decide; without it, images
    are split at random by `validation` and `test`.

    Attributes:
        population: folder of the networks.
        test_population: folder of other networks to test on; by default those of `population`.
        label: column with what is to be predicted: classes (numbers 0, 1, ... or words), or real numbers.
        where: only networks with these values: a column and its value, or a list of values.
        train_where: networks for training and validation must have these values as well; to hold something
            out that the test networks have.
        keep_diverged: keep networks that the column `diverged` marks, and those whose weights are more than a
            thousand times as large as usual; without it they are left out, and the run says how many.
        split: column with the words train, val and test.
        group: column whose groups never cross splits; by default `network` (one training run leaves several
            checkpoints) or `image` (one image may have several networks), where the population has it.
        validation: validation networks, where no column names them: a fraction of the groups, or from 1 on
            their number.
        test: test networks, where no column and no population names them: a fraction of the groups.
        folds: test on one of so many parts of all networks, each of whole groups, and learn from the others;
            the column `split` does not count then.
        fold: which part, from 0.
        train_groups: learn from so many groups, a fixed share of them for validation; a larger number takes
            the groups of a smaller one and more.
        split_seed: of the choice of validation and test networks, of folds, and of limits.
        train_limit: use at most this many training networks, chosen at random.
        val_limit: use at most this many validation networks, chosen at random.
        test_limit: use at most this many test networks, chosen at random.
        batch_size: networks per step, on all devices together.
        evaluation_batch_size: networks at a time on each device in validation and test.
        canonicalize: bring the phases of sine neurons into one range first; the function stays the same.
        num_workers: processes that prepare batches; 0 for none.
        memory_limit: GiB of parameters that are kept in memory; what is larger is read batch by batch.
    """

    population: Path
    test_population: Path | None = None
    label: str = "label"
    where: dict[str, Any] = field(default_factory=dict)
    train_where: dict[str, Any] = field(default_factory=dict)
    keep_diverged: bool = False
    split: str = "split"
    group: str | None = None
    validation: Positive | Count = 0.1
    test: Fraction = 0.1
    folds: Annotated[int, Limits(low=2)] | None = None
    fold: Natural = 0
    train_groups: Annotated[int, Limits(low=2)] | None = None
    split_seed: int = 0
    train_limit: Count | None = None
    val_limit: Count | None = None
    test_limit: Count | None = None
    batch_size: Count = 128
    evaluation_batch_size: Count = 256
    canonicalize: bool = True
    num_workers: Natural = 0
    memory_limit: NonNegative = 4.0

    def contradictions(self) -> Iterator[str]:
        if self.validation > 1 and self.validation != int(self.validation):
            yield f"validation is {self.validation}, expected a fraction above 0 or a whole number"
        if self.fold >= (self.folds or 1):
            many = "no folds" if self.folds is None else f"{self.folds} folds"
            yield f"fold is {self.fold} of {many}, expected a number from 0 to below that of folds"
        if self.folds is not None and self.test_population is not None:
            yield "folds and test_population are both given; leave one out, both say what is tested on"


@dataclass(frozen=True, kw_only=True)
class TrainingConfig(Configuration):
    """How to learn.

    Attributes:
        epochs: passes over the training networks.
        learning_rate: of AdamW, at its highest.
        weight_decay: of AdamW.
        warmup_steps: steps over which the learning rate rises from 0 in a straight line.
        schedule: what it does afterwards.
        gradient_clip: the norm of the gradient is cut to this; none to leave it.
        precision: number format.
        seed: of the initial weights, the order of networks and dropout.
        start_from: run folder of a model of the same kind, whose weights the training starts from; those of
            other shapes start anew.
        weight_average: validate and keep an exponential moving average of the weights, which keeps this
            fraction of itself at every step, such as 0.999; none to keep the weights themselves.
        early_stopping_patience: stop after this many epochs without a better validation; none for never.
        accelerator: where to train.
        devices: how many devices of a machine, one process each; 0 for all there are.
        nodes: how many machines, with as many devices each.
        strategy: how they train together.
        accumulate: parts of a batch that each device computes one after the other, before the step; more need
            less memory, and the step stays the same to rounding where the loss is a mean over networks.
        threads: of PyTorch on a CPU; none to leave it to PyTorch.
        recompute: keep only what goes from layer to layer of ScaleGMN for the gradient, and compute the rest
            again; for large networks or batches that do not fit in memory otherwise.
    """

    epochs: Count = 100
    learning_rate: Positive = 0.001
    weight_decay: NonNegative = 0.01
    warmup_steps: Natural = 1000
    schedule: Schedule = Schedule.constant
    gradient_clip: Positive | None = 10.0
    precision: Precision = Precision.single
    seed: int = 0
    start_from: Path | None = None
    weight_average: Rate | None = None
    early_stopping_patience: Count | None = None
    accelerator: Accelerator = Accelerator.auto
    devices: Natural = 1
    nodes: Count = 1
    strategy: DistributedStrategy = DistributedStrategy.auto
    accumulate: Count = 1
    threads: Count | None = None
    recompute: bool = False


@dataclass(frozen=True, kw_only=True)
class LoggingConfig(Configuration):
    """Where numbers go while training; ``metrics.csv`` in the run folder is always written.

    Attributes:
        tensorboard: write event files for TensorBoard.
        wandb: log to Weights & Biases, which must be installed.
        wandb_offline: keep the W&B files in the run folder and send nothing.
        wandb_project: name of the project there.
        progress: show a progress bar, or one line per epoch where the output is no terminal.
    """

    tensorboard: bool = True
    wandb: bool = False
    wandb_offline: bool = False
    wandb_project: str = "scalegmn"
    progress: bool = True


@dataclass(frozen=True, kw_only=True)
class RunConfig(Configuration):
    """Everything that decides a training.

    Attributes:
        data: which networks to learn from.
        task: what to learn.
        metanetwork: which model.
        options: of the task and of the model, by their sections; in files and on the command line these
            sections stand beside the others. What is left out has its defaults.
        training: how to learn.
        logging: where numbers go.
        output: run folder; by default one in ``runs`` that is named after the population and the model.
        resume: continue the training in the run folder where it was interrupted.
    """

    data: DataConfig
    task: Annotated[str, Registered(TASKS)] = "classification"
    metanetwork: Annotated[str, Registered(PREDICTORS, EDITORS)] = "scalegmn"
    options: Sections = field(default_factory=Sections)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    logging: LoggingConfig = field(default_factory=LoggingConfig)
    output: Path | None = None
    resume: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "options", self.options.completed(sections_of(self.task, self.metanetwork)))

    def named_values(self) -> Iterator[tuple[str, object]]:
        """All fields by name, with the sections of `options` among them."""
        for name, value in super().named_values():
            yield from self.options.items() if name == "options" else [(name, value)]

    @classmethod
    def gathered(cls, data: object) -> object:
        """Gather the sections of tasks and models into one entry."""
        if not isinstance(data, Mapping):
            return data
        kinds = {name: kind for name, kind in known_sections().items() if name in data}
        rest = {name: value for name, value in data.items() if name not in kinds}
        held = {name: from_plain(kind, data[name], origin=name) for name, kind in kinds.items()}
        return {**rest, "options": Sections(held)} if held else rest

    @property
    def folder(self) -> Path:
        """The run folder."""
        if self.output is not None:
            return self.output
        table = EDITORS if TASKS.get(self.task).writes_networks else PREDICTORS
        known = self.metanetwork in table
        words = table.get(self.metanetwork).words(self.options) if known else ()
        parts = [self.data.population.name, self.metanetwork, *words]
        return Path("runs") / "-".join([*parts, f"seed{self.training.seed}"])


def sections_of(task: str, metanetwork: str) -> dict[str, type[Configuration]]:
    """The sections of options that a task and a model have."""
    models = [table.get(metanetwork) for table in (PREDICTORS, EDITORS) if metanetwork in table]
    return _merged([TASKS.get(task), *models])


def known_sections() -> dict[str, type[Configuration]]:
    """The sections of options that any task or model has.

    Raises:
        ConfigurationError: two have different options under one name.
    """
    return _merged([*TASKS.values(), *PREDICTORS.values(), *EDITORS.values()])


def _merged(owners: Iterable[type[AnyTask] | type[Metanetwork]]) -> dict[str, type[Configuration]]:
    found: dict[str, type[Configuration]] = {}
    taken = {entry.name for entry in fields(RunConfig)}
    for owner in owners:
        for name, kind in owner.sections.items():
            if found.setdefault(name, kind) is not kind or name in taken:
                raise ConfigurationError(
                    f"the section {name!r} of {owner.__name__} is that of something else already; call it "
                    "otherwise"
                )
    return found
