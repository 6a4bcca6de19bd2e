"""Trojan repair: change the parameters of a trojaned network so that its trigger no longer works.

The model reads the weights and writes an update for every parameter.  It learns from what the changed
networks do: on clean images they should be right, and on images with the triggers of the training population
too.  The trigger and the images are known while learning only; a repair takes the weights alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, final

import numpy as np
import torch
from torch import Tensor

from scalegmn.configuration import Configuration, Count, NonNegative
from scalegmn.errors import PopulationError, ScaleGMNError
from scalegmn.graph import NetworkBatch
from scalegmn.models import Metanetwork
from scalegmn.networks import Architecture
from scalegmn.populations import Population
from scalegmn.training import EditingTask, Report, TaskContext
from scalegmn.trojans.making import PopulationImages, Preparation, preparations_of
from scalegmn.trojans.repair._report import repair_report
from scalegmn.trojans.repair._scenes import (
    AttackScene,
    LabeledImages,
    RepairImages,
    RepairOutputs,
    RepairTargets,
    evaluate_with,
)
from scalegmn.trojans.triggers import triggers_of
from scalegmn.zoo.cnns import image_outputs

if TYPE_CHECKING:
    # For annotations alone: repairs need no metrics of a training, which take a second to import.
    from torchmetrics import MetricCollection

FACTS: Final = ("trojaned", "target", "c_acc", "asr", "ra")
"""Columns that say what is known of a network before repair."""
_FIGURES: Final = FACTS[2:]
_OWN: Final = ("preparation", "others")
"""Entries of a run folder that are no options."""


@dataclass(frozen=True, kw_only=True)
class RepairConfig(Configuration):
    """What to learn a repair from.

    Attributes:
        images: clean images per training step; the networks of a step see the same ones, as they are and each
            with its own trigger.
        validation_images: training images that are kept from learning, to choose the best model by.
        trigger_weight: weight of the loss on images with triggers; that on clean images has weight 1.
        distance_weight: weight of the squared distance to the parameters of the clean twin, divided by their
            squared size; 0 for none.
        image_folder: where images are; by default the environment variable SCALEGMN_DATA says it.
    """

    images: Count = 64
    validation_images: Count = 1000
    trigger_weight: NonNegative = 1.0
    distance_weight: NonNegative = 0.0
    image_folder: Path | None = None


@final
class TrojanRepair(EditingTask[RepairOutputs, RepairTargets]):
    """Cross-entropy of repaired networks on clean images and on images with their triggers, true labels both.

    Outputs are what repaired networks do (:class:`~scalegmn.trojans.repair._scenes.RepairOutputs`), and
    targets what they are evaluated with (:class:`~scalegmn.trojans.repair._scenes.RepairTargets`).

    The best model has the highest `balance`: the mean of the accuracy on clean images, over all networks, and
    of ``1 - ASR`` over the trojaned ones.

    Args:
        config: what to learn from.
        preparation: how networks take images.
        others: how others take them, where a population was joined from several.
    """

    name = "trojan_repair"
    sections = MappingProxyType({"repair": RepairConfig})
    monitor = "balance"
    headline = ("der", "asr", "c_acc")
    untrained = ("no_repair",)
    breakdowns = ("trigger_kind", "activation")

    def __init__(
        self, *, config: RepairConfig, preparation: Preparation, others: tuple[Preparation, ...] = ()
    ) -> None:
        self.config, self.preparation, self.others = config, preparation, others

    @classmethod
    def build(cls, context: TaskContext) -> TrojanRepair:
        return cls.from_population(context.population, config=context.options.of(RepairConfig))

    @classmethod
    def from_population(cls, population: Population, *, config: RepairConfig) -> TrojanRepair:
        """The task for networks that take images as those of a population do.

        Raises:
            PopulationError: the population does not say how it was made.
        """
        first, *others = preparations_of(population)
        return cls(config=config, preparation=first, others=tuple(others))

    def targets(self, population: Population, rows: np.ndarray) -> RepairTargets:
        """Scene, clean twin, and the figures before repair, of every network.

        Raises:
            PopulationError: the population does not hold twins as ``scalegmn make trojans`` makes them.
            ImageSourceError: its images are not at hand.
            ConfigurationError: it has too few training images.
        """
        missing = [name for name in (*FACTS, "pair", "twin", "trigger") if name not in population.columns]
        if missing:
            raise PopulationError(
                f"{population.folder}: lacks the columns {missing}; a repair is learned from a population "
                "that `scalegmn make trojans` wrote"
            )
        images = PopulationImages.from_population(population, rows, folder=self.config.image_folder)
        for own in images.sets:
            if own.preparation not in (self.preparation, *self.others):
                raise PopulationError(
                    f"{population.folder}: its networks take images by {own.preparation}, those of the "
                    f"training by {self.preparation}; train another repairer"
                )
        kept = self.config.validation_images
        sets = [RepairImages.from_trojan_images(own, validation=kept) for own in images.sets]
        attackers = population.column("target")[rows].tolist()
        figures = {name: torch.from_numpy(population.column(name)[rows]).double() for name in _FIGURES}
        return RepairTargets(
            scenes=tuple(
                AttackScene(sets[owner], trigger, int(target))
                for owner, trigger, target in zip(
                    images.owners[rows], triggers_of(population, rows), attackers, strict=True
                )
            ),
            twins=self._twins(population, rows) if self.config.distance_weight else None,
            trojaned=torch.from_numpy(population.column("trojaned")[rows].astype(bool)),
            **figures,
        )

    def _twins(self, population: Population, rows: np.ndarray) -> tuple[Tensor, ...]:
        """Parameters of the clean twin of every network; of a clean network its own."""
        places = {int(number): row for row, number in enumerate(population.column("number").tolist())}
        trojaned = population.column("poisoned")[rows].astype(bool)
        own, other = population.column("number")[rows], population.column("twin")[rows]
        twins = np.where(trojaned, other, own).tolist()
        return tuple(population.theta(np.array([places[int(number)]]))[0] for number in twins)

    def predict(self, model: Metanetwork, batch: NetworkBatch) -> RepairOutputs:
        """What repaired networks do with training images: some, or in validation those kept back."""
        if not model.training:
            return self._judged(model, batch, lambda images: images.validation)

        def some(images: RepairImages) -> LabeledImages:
            # The global generator, which is seeded for every epoch, as dropout's is.
            return images.learning.at(torch.randint(len(images.learning), (self.config.images,)))

        return self._judged(model, batch, some)

    def predict_for_report(self, model: Metanetwork, batch: NetworkBatch) -> RepairOutputs:
        """What repaired networks do with the test images."""
        return self._judged(model, batch, lambda images: images.test)

    def _judged(
        self, model: Metanetwork, batch: NetworkBatch, choose: Callable[[RepairImages], LabeledImages]
    ) -> RepairOutputs:
        repaired, targets = self.edited(model, batch), _targets(batch)
        # In half precision small updates would be lost beside the parameters they change.
        with torch.autocast(batch.device.type, enabled=False):
            return evaluate_with(repaired, targets.scenes, choose, twins=targets.twins)

    def preparation_for(self, architecture: Architecture, pixels: Tensor) -> Preparation:
        """How networks of an architecture take images ``(n, C, H, W)``: the first way that they are able to.

        The first of all where they are able to none.
        """
        for one in (self.preparation, *self.others):
            try:
                image_outputs(
                    architecture, torch.ones(1, architecture.num_parameters), one.inputs(pixels[:1])
                )
            except (ScaleGMNError, RuntimeError):
                continue
            return one
        return self.preparation

    def loss(self, outputs: RepairOutputs, targets: RepairTargets) -> Tensor:
        clean, triggered = outputs.clean_loss.mean(), outputs.triggered_loss.mean()
        distance = outputs.distance.mean()
        return clean + self.config.trigger_weight * triggered + self.config.distance_weight * distance

    def metrics(self) -> MetricCollection:
        from torchmetrics import MetricCollection

        from scalegmn.trojans.repair._metrics import Balance, MeanFigure

        return MetricCollection(
            {
                "balance": Balance(),
                "c_acc": MeanFigure("c_acc", trojaned=False),
                "asr": MeanFigure("asr", trojaned=True),
                "ra": MeanFigure("ra", trojaned=True),
            },
            # Metrics with states of the same names would be taken for one.
            compute_groups=False,
        )

    def measure(self, metrics: MetricCollection, outputs: RepairOutputs, targets: RepairTargets) -> None:
        metrics.update(outputs, targets.trojaned)

    def report(
        self, outputs: RepairOutputs, targets: RepairTargets, *, groups: np.ndarray | None = None
    ) -> Report:
        """Report the repair of all networks; see :func:`~scalegmn.trojans.repair._report.repair_report`."""
        if len(targets) == 0:
            raise PopulationError("there are no networks to evaluate; choose a split that has some")
        before, after = (
            np.stack([_numbers(getattr(figures, name)) for name in _FIGURES], axis=1)
            for figures in (targets, outputs)
        )
        return repair_report(before=before, after=after, trojaned=targets.trojaned.numpy(), groups=groups)

    def describe(self, outputs: RepairOutputs) -> list[dict[str, Any]]:
        """What every repaired network does."""
        columns = {field.name: getattr(outputs, field.name).float().tolist() for field in fields(outputs)}
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    def arguments(self) -> Mapping[str, Any]:
        found: dict[str, Any] = {"config": self.config, "preparation": self.preparation}
        return {**found, "others": self.others} if self.others else found

    def to_config(self) -> dict[str, Any]:
        """The entries of the configuration lie beside the preparation."""
        entries = super().to_config()
        return {**{name: entries[name] for name in _OWN if name in entries}, **entries["config"]}

    @classmethod
    def from_config(cls, data: Mapping[str, Any]) -> TrojanRepair:
        entries = {name: value for name, value in data.items() if name not in _OWN}
        own = {name: data[name] for name in _OWN if name in data}
        return super().from_config({"preparation": None, **own, "config": entries})


def _targets(batch: NetworkBatch) -> RepairTargets:
    assert isinstance(batch.targets, RepairTargets), (
        "repairs are evaluated with the triggers that targets name"
    )
    return batch.targets


def _numbers(values: Tensor) -> np.ndarray:
    return values.detach().cpu().double().numpy()
