"""Trojan repair: change the parameters of a trojaned network so that its trigger no longer works.

The model reads the weights and writes an update for every parameter.  It learns from what the changed
networks do: on clean images they should be right, and on images with the triggers of the training population
too.  The trigger and the images are known while learning only; a repair takes the weights alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, final

import numpy as np
import torch
from torch import Tensor
from torchmetrics import MetricCollection

from scalegmn.configuration import Configuration, Count, NonNegative
from scalegmn.errors import PopulationError
from scalegmn.graph import NetworkBatch
from scalegmn.models import Metanetwork
from scalegmn.populations import Population
from scalegmn.training import EditingTask, Report, TaskContext
from scalegmn.trojans.making import Preparation, TrojanImages
from scalegmn.trojans.repair._metrics import Balance, MeanFigure
from scalegmn.trojans.repair._report import repair_report
from scalegmn.trojans.repair._scenes import (
    AttackScene,
    LabeledImages,
    RepairImages,
    RepairOutputs,
    RepairTargets,
    evaluate_networks,
)
from scalegmn.trojans.triggers import triggers_of

FACTS: Final = ("trojaned", "target", "c_acc", "asr", "ra")
"""Columns that say what is known of a network before repair."""
_FIGURES: Final = FACTS[2:]


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
    """

    name = "trojan_repair"
    sections = MappingProxyType({"repair": RepairConfig})
    monitor = "balance"
    headline = ("der", "asr", "c_acc")
    untrained = ("no_repair",)
    breakdowns = ("trigger_kind", "activation")

    def __init__(self, *, config: RepairConfig, preparation: Preparation) -> None:
        self.config, self.preparation = config, preparation

    @classmethod
    def build(cls, context: TaskContext) -> TrojanRepair:
        return cls.from_population(context.population, config=context.options.of(RepairConfig))

    @classmethod
    def from_population(cls, population: Population, *, config: RepairConfig) -> TrojanRepair:
        """The task for networks that take images as those of a population do.

        Raises:
            PopulationError: the population does not say how it was made.
        """
        return cls(config=config, preparation=Preparation.from_population(population))

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
        if Preparation.from_population(population) != self.preparation:
            raise PopulationError(
                f"{population.folder}: its networks take images by "
                f"{Preparation.from_population(population)}, those of the training by {self.preparation}; "
                "train another repairer"
            )
        images = RepairImages.from_trojan_images(
            TrojanImages.from_population(population, folder=self.config.image_folder),
            validation=self.config.validation_images,
        )
        attackers = population.column("target")[rows].tolist()
        figures = {name: torch.from_numpy(population.column(name)[rows]).double() for name in _FIGURES}
        return RepairTargets(
            scenes=tuple(
                AttackScene(images, trigger, int(target))
                for trigger, target in zip(triggers_of(population, rows), attackers, strict=True)
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
        images = _targets(batch).scenes[0].images
        if model.training:
            # The global generator, which is seeded for every epoch, as dropout's is.
            chosen = torch.randint(len(images.learning), (self.config.images,))
            return self._judged(model, batch, images.learning.at(chosen))
        return self._judged(model, batch, images.validation)

    def predict_for_report(self, model: Metanetwork, batch: NetworkBatch) -> RepairOutputs:
        """What repaired networks do with the test images."""
        return self._judged(model, batch, _targets(batch).scenes[0].images.test)

    def _judged(self, model: Metanetwork, batch: NetworkBatch, images: LabeledImages) -> RepairOutputs:
        repaired, targets = self.edited(model, batch), _targets(batch)
        # In half precision small updates would be lost beside the parameters they change.
        with torch.autocast(batch.device.type, enabled=False):
            return evaluate_networks(repaired, targets.scenes, images.to(batch.device), twins=targets.twins)

    def loss(self, outputs: RepairOutputs, targets: RepairTargets) -> Tensor:
        clean, triggered = outputs.clean_loss.mean(), outputs.triggered_loss.mean()
        distance = outputs.distance.mean()
        return clean + self.config.trigger_weight * triggered + self.config.distance_weight * distance

    def metrics(self) -> MetricCollection:
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
        """See :func:`~scalegmn.trojans.repair._report.repair_report`."""
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
        return {"config": self.config, "preparation": self.preparation}

    def to_config(self) -> dict[str, Any]:
        """The entries of the configuration lie beside the preparation."""
        entries = super().to_config()
        return {"preparation": entries["preparation"], **entries["config"]}

    @classmethod
    def from_config(cls, data: Mapping[str, Any]) -> TrojanRepair:
        entries = {name: value for name, value in data.items() if name != "preparation"}
        return super().from_config({"preparation": data.get("preparation"), "config": entries})


def _targets(batch: NetworkBatch) -> RepairTargets:
    assert isinstance(batch.targets, RepairTargets), (
        "repairs are evaluated with the triggers that targets name"
    )
    return batch.targets


def _numbers(values: Tensor) -> np.ndarray:
    return values.detach().cpu().double().numpy()
