"""Trojan repair: change the parameters of a trojaned network so that its trigger no longer works.

The model reads the weights and writes an update for every parameter.  It learns from what the changed
networks do: on clean images they should be right, and on images with the triggers of the training population
too.  The trigger and the images are known while learning only; a repair takes the weights alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, final

import numpy as np
import torch
from torch import Tensor
from torchmetrics import MetricCollection

from scalegmn.configuration import Configuration, Count, NonNegative
from scalegmn.errors import ConfigurationError, PopulationError
from scalegmn.graph.network_batch import NetworkBatch
from scalegmn.models.metanetwork import Editor, Metanetwork
from scalegmn.populations.makers.trojan_images import Preparation, TrojanImages
from scalegmn.populations.store import Population
from scalegmn.populations.triggers import triggers_of
from scalegmn.tasks.repair.answers import (
    Column,
    LabelledPixels,
    RepairImages,
    Scene,
    is_trojaned,
    judge,
)
from scalegmn.tasks.repair.metrics import Balance, MeanAnswer
from scalegmn.tasks.repair.report import repair_report
from scalegmn.tasks.task import Report, Task

FACTS: Final = ("trojaned", "target", "c_acc", "asr", "ra")
"""Columns that targets hold, behind the numbers of the scene and of the twin."""
_NO_TWIN: Final = -1


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
class TrojanRepair(Task):
    """Cross-entropy of repaired networks on clean images and on images with their triggers, true labels both.

    Outputs ``(B, 6)`` are what repaired networks do, see :class:`~scalegmn.tasks.repair.answers.Column`.
    Targets ``(n, 7)`` float64: numbers of the scene and of the clean twin in the tables of the task, and what
    is known of the network before repair (:data:`FACTS`).

    The best model has the highest `balance`: the mean of the accuracy on clean images, over all networks, and
    of ``1 - ASR`` over the trojaned ones.

    Args:
        config: what to learn from.
        preparation: how networks take images.
    """

    name = "trojan_repair"
    monitor = "balance"
    headline = ("der", "asr", "c_acc")
    untrained = ("no_repair",)
    breakdowns = ("trigger_kind", "activation")

    def __init__(self, *, config: RepairConfig, preparation: Preparation) -> None:
        self.config, self.preparation = config, preparation
        # What targets point to; both grow when targets of another population are asked for.
        self._scenes: list[Scene] = []
        self._twins: list[Tensor] = []

    @staticmethod
    def of(population: Population, *, config: RepairConfig) -> TrojanRepair:
        """The task for networks that take images as those of a population do.

        Raises:
            PopulationError: the population does not say how it was made.
        """
        return TrojanRepair(config=config, preparation=Preparation.of(population))

    @property
    def outputs(self) -> int:
        """0: an editor answers with networks."""
        return 0

    def targets(self, population: Population, rows: np.ndarray) -> Tensor:
        """Scene, clean twin, and the figures before repair, ``(n, 7)``.

        Raises:
            PopulationError: the population does not hold twins as ``scalegmn make trojans`` makes them.
            ImageSourceError: its images are not at hand.
            ConfigurationError: it has too few training images.
        """
        missing = [name for name in (*FACTS, "pair", "twin", "trigger") if name not in population.columns]
        if missing:
            raise PopulationError(
                f"{population.folder}: lacks the columns {missing}; a repair is learnt from a population "
                "that `scalegmn make trojans` wrote"
            )
        if Preparation.of(population) != self.preparation:
            raise PopulationError(
                f"{population.folder}: its networks take images by {Preparation.of(population)}, those of "
                f"the training by {self.preparation}; train another repairer"
            )
        images = RepairImages.of(
            TrojanImages.of(population, folder=self.config.image_folder),
            validation=self.config.validation_images,
        )
        facts = np.stack([population.column(name)[rows].astype(np.float64) for name in FACTS], axis=1)
        first = len(self._scenes)
        attackers = population.column("target")[rows].tolist()
        self._scenes += [
            Scene(images, trigger, int(target))
            for trigger, target in zip(triggers_of(population, rows), attackers, strict=True)
        ]
        numbers = np.stack([np.arange(first, len(self._scenes)), self._twins_of(population, rows)], axis=1)
        return torch.from_numpy(np.concatenate([numbers, facts], axis=1))

    def _twins_of(self, population: Population, rows: np.ndarray) -> np.ndarray:
        """Numbers of the parameters of the clean twins, where the loss asks for them."""
        if not self.config.distance_weight:
            return np.full(len(rows), _NO_TWIN)
        places = {int(number): row for row, number in enumerate(population.column("number").tolist())}
        trojaned = population.column("poisoned")[rows].astype(bool)
        own, other = population.column("number")[rows], population.column("twin")[rows]
        first = len(self._twins)
        for number in np.where(trojaned, other, own).tolist():
            self._twins.append(population.theta(np.array([places[int(number)]]))[0])
        return np.arange(first, len(self._twins))

    def answer(self, model: Metanetwork, batch: NetworkBatch) -> Tensor:
        """What repaired networks do with training images: some, or in validation those kept back."""
        repaired, scenes = self._repaired(model, batch)
        images = scenes[0].images
        if model.training:
            # The global generator, which is seeded for every epoch, as dropout's is.
            chosen = torch.randint(len(images.learning), (self.config.images,))
            return self._judged(repaired, batch, scenes, images.learning.at(chosen))
        return self._judged(repaired, batch, scenes, images.validation)

    def final_answer(self, model: Metanetwork, batch: NetworkBatch) -> Tensor:
        """What repaired networks do with the test images."""
        repaired, scenes = self._repaired(model, batch)
        return self._judged(repaired, batch, scenes, scenes[0].images.test)

    def _repaired(self, model: Metanetwork, batch: NetworkBatch) -> tuple[NetworkBatch, list[Scene]]:
        if not isinstance(model, Editor):
            raise ConfigurationError(
                f"{self.name} needs a model that writes networks; {type(model).__name__} answers questions"
            )
        assert batch.targets is not None, "repairs are judged with the triggers that targets name"
        return model.edit(batch), [self._scenes[int(number)] for number in batch.targets[:, 0].tolist()]

    def _judged(
        self, repaired: NetworkBatch, batch: NetworkBatch, scenes: list[Scene], images: LabelledPixels
    ) -> Tensor:
        # In half precision small updates would be lost beside the parameters they change.
        with torch.autocast(batch.device.type, enabled=False):
            done = judge(repaired, scenes, images.to(batch.device))
            return torch.cat([done, self._distances(repaired, batch)[:, None]], dim=1)

    def _distances(self, repaired: NetworkBatch, batch: NetworkBatch) -> Tensor:
        """Squared distance to the clean twin over its squared size, ``(B,)``; 0 where it does not count."""
        theta = [row for _, part in repaired.parts for row in part]
        if not self.config.distance_weight:
            return torch.zeros(len(theta), device=batch.device)
        assert batch.targets is not None
        twins = [self._twins[int(number)].to(batch.device) for number in batch.targets[:, 1].tolist()]
        return torch.stack(
            [
                (new - twin).square().sum() / twin.square().sum()
                for new, twin in zip(theta, twins, strict=True)
            ]
        )

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        clean, triggered, distance = (
            outputs[:, column].mean()
            for column in (Column.clean_loss, Column.triggered_loss, Column.distance)
        )
        return clean + self.config.trigger_weight * triggered + self.config.distance_weight * distance

    def metrics(self) -> MetricCollection:
        return MetricCollection(
            {
                "balance": Balance(),
                "c_acc": MeanAnswer(Column.c_acc, trojaned=False),
                "asr": MeanAnswer(Column.asr, trojaned=True),
                "ra": MeanAnswer(Column.ra, trojaned=True),
            },
            # Metrics with states of the same names would be taken for one.
            compute_groups=False,
        )

    def report(self, outputs: Tensor, targets: Tensor, *, groups: np.ndarray | None = None) -> Report:
        """See :func:`~scalegmn.tasks.repair.report.repair_report`."""
        if len(targets) == 0:
            raise PopulationError("there are no networks to evaluate; choose a split that has some")
        before = targets[:, -3:].numpy()
        after = outputs[:, [Column.c_acc, Column.asr, Column.ra]].detach().cpu().double().numpy()
        return repair_report(before=before, after=after, trojaned=is_trojaned(targets).numpy(), groups=groups)

    def describe(self, outputs: Tensor) -> list[dict[str, Any]]:
        """What every repaired network does."""
        names = [column.name for column in Column]
        return [dict(zip(names, row.tolist(), strict=True)) for row in outputs.float()]

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
