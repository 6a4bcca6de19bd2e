"""Has somebody put a trojan into a network, and for which class?  Evaluated from its weights alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, final

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from scalegmn.errors import ConfigurationError, PopulationError
from scalegmn.graph import Records
from scalegmn.models.baselines import OutputType
from scalegmn.networks import Architecture
from scalegmn.populations import Population
from scalegmn.training import (
    FinishedTraining,
    NetworkDataset,
    PredictionTask,
    Report,
    ReportPicture,
    TaskContext,
)
from scalegmn.trojans.detection._answered import answered_networks
from scalegmn.trojans.detection._calibrating import Calibration, calibrate_run
from scalegmn.trojans.detection._config import DetectionConfig
from scalegmn.trojans.detection._report import RELIABILITY, ROC, detection_report

if TYPE_CHECKING:
    # For annotations alone: predictions need no metrics of a training, which take a second to import.
    from torchmetrics import MetricCollection

TARGET_WEIGHT: Final = 0.2
"""Default weight of the loss on the suspected class, where the population names it."""
UNKNOWN: Final = -1
"""The target of a network that has none, or whose target is not known."""
# A network whose attack failed has a target in its row, but nothing in its weights that would tell it.
_FAILED: Final = "failed_attack"


@final
@dataclass(frozen=True, eq=False)
class DetectionTargets(Records):
    """What is known about networks, int64 ``(n,)`` each.

    Attributes:
        trojaned: 1 or 0.
        suspect: the attacker's class, or -1 where there is none, or it is not known.
    """

    trojaned: Int[Tensor, "n"]
    suspect: Int[Tensor, "n"]


# What draws is imported when something is drawn: scans draw nothing.
def _draw_roc(curve: np.ndarray, *, title: str) -> Any:
    from scalegmn.reports import draw_roc

    return draw_roc({"the detector": curve}, title=title)


def _draw_calibration(bins: np.ndarray, *, title: str) -> Any:
    from scalegmn.trojans.detection._calibration_diagram import draw_calibration

    return draw_calibration(bins, title=title)


@final
class TrojanDetection(PredictionTask[DetectionTargets]):
    """Binary cross-entropy, and that of the suspected class; the best model has the largest validation AUROC.

    Shapes: predictions ``(B, 1 + classes)``: the logit of "trojaned", then logits of the attacker's class.
    Models that only address the first question may return ``(B, 1)``: figures about the second are then left
    out.

    Args:
        label: column that says whether a network is trojaned.
        target: column with the attacker's class.
        classes: of the networks' own task; 0 where the attacker's class is not asked for.
        target_weight: of the second loss; 0 with no classes.
    """

    name = "trojan_detection"
    label: str
    sections = MappingProxyType({"detection": DetectionConfig})
    same_for_all = ("detection.label", "detection.target")
    only_known = True
    pictures = MappingProxyType(
        {
            "roc.png": ReportPicture((ROC,), _draw_roc),
            "calibration.png": ReportPicture((RELIABILITY,), _draw_calibration),
        }
    )
    monitor = "auroc"
    breakdowns = ("trigger_kind", "activation")
    fractions = ("auroc", "tpr_at_1_fpr", "tpr_at_5_fpr")

    def __init__(self, *, label: str, target: str, classes: int, target_weight: float) -> None:
        self.label, self.target, self.classes, self.target_weight = label, target, classes, target_weight
        if classes == 1 or classes < 0 or (target_weight > 0) != (classes > 0):
            raise ConfigurationError(
                f"detection: {classes} classes with a target_weight of {target_weight}, expected at least 2 "
                "and a weight above 0, or none and 0"
            )
        self.headline = ("auroc", "tpr_at_1_fpr", "tpr_at_5_fpr", *(("target_accuracy",) if classes else ()))

    @classmethod
    def build(cls, context: TaskContext) -> TrojanDetection:
        context.options.of(DetectionConfig).check_inputs(context.architectures)
        return cls.from_population(
            context.population,
            config=context.options.of(DetectionConfig),
            rows={"training": context.train, "validation": context.val},
            architectures=context.architectures,
        )

    @property
    def output_type(self) -> OutputType:
        return OutputType.log_odds

    @property
    def fitted_outputs(self) -> int:
        """1: whether a network is trojaned, not for which class."""
        return 1

    @classmethod
    def from_population(
        cls,
        population: Population,
        *,
        config: DetectionConfig,
        rows: Mapping[str, np.ndarray],
        architectures: Sequence[Architecture],
    ) -> TrojanDetection:
        """The task for networks of a population; classes are the outputs of the networks.

        Args:
            population: the networks.
            config: what is to be detected.
            rows: networks by what they are for, such as "training"; there must be both kinds in each.
            architectures: of all networks.

        Raises:
            PopulationError: a column is missing or holds something else, or all networks for one purpose are
                of one kind, so that nothing can be learned or chosen by.
        """
        weight, known = config.target_weight, config.target in population.columns
        if weight is None:
            weight = TARGET_WEIGHT if known else 0.0
        if weight > 0 and not known:
            raise PopulationError(
                f"{population.folder}: has no column {config.target!r} with the attacker's class; name it as "
                "detection.target, or set detection.target_weight to 0"
            )
        classes = max(architecture.num_outputs for architecture in architectures) if weight > 0 else 0
        task = cls(label=config.label, target=config.target, classes=classes, target_weight=weight)
        for purpose, numbers in rows.items():
            found = np.unique(task._truth(population, numbers))
            if len(found) < 2:
                what = "no networks" if not len(found) else f"only networks with {config.label} {found[0]}"
                raise PopulationError(
                    f"{population.folder}: has {what} for {purpose}, expected networks of both kinds; choose "
                    "others with data.where, or another data.split_seed"
                )
        return task

    @property
    def outputs(self) -> int:
        return 1 + self.classes

    def targets(self, population: Population, rows: np.ndarray) -> DetectionTargets:
        """Whether networks are trojaned, and for which class."""
        truth = self._truth(population, rows)
        suspects = np.full(len(rows), UNKNOWN, dtype=np.int64)
        if self.classes and self.target in population.columns:
            known = truth == 1
            if _FAILED in population.columns:
                known &= ~population.column(_FAILED)[rows].astype(bool)
            suspects[known] = self._suspects(population, rows[known])
        return DetectionTargets(torch.from_numpy(truth), torch.from_numpy(suspects))

    def fit_targets(self, targets: DetectionTargets) -> Int[Tensor, "n"]:
        """Whether networks are trojaned; models that are fitted at once do not predict for which class."""
        return targets.trojaned

    def loss(self, outputs: Float[Tensor, "B outputs"], targets: DetectionTargets) -> Float[Tensor, ""]:
        """Binary cross-entropy, plus the weight times the cross-entropy of targets that are known.

        The second part is a mean over networks with a known target, and 0 in a batch without any.
        """
        outputs = outputs.float()
        loss = binary_cross_entropy_with_logits(outputs[:, 0], targets.trojaned.float())
        if outputs.shape[1] == 1:
            return loss
        suspects = targets.suspect
        total = cross_entropy(outputs[:, 1:], suspects, ignore_index=UNKNOWN, reduction="sum")
        return loss + self.target_weight * total / (suspects != UNKNOWN).sum().clamp_min(1)

    def metrics(self) -> MetricCollection:
        from torchmetrics import MetricCollection

        from scalegmn.metrics import DetectionAUROC

        return MetricCollection({"auroc": DetectionAUROC()})

    def measure(self, metrics: MetricCollection, outputs: Tensor, targets: DetectionTargets) -> None:
        metrics.update(outputs, targets.trojaned)

    def report(
        self, outputs: Tensor, targets: DetectionTargets, *, groups: np.ndarray | None = None
    ) -> Report:
        """AUROC, rates at few false alarms, calibration and targets, as :func:`detection_report` says.

        Args:
            outputs: ``(n, 1 + classes)``, or ``(n, 1)``.
            targets: of these networks.
            groups: ``(n,)``, which networks come from one base network; intervals resample whole groups.

        Raises:
            PopulationError: there are no networks to evaluate, or a prediction is not finite.
        """
        outputs, targets = outputs.detach().cpu(), targets.cpu()
        return detection_report(
            targets.trojaned.numpy(),
            outputs[:, 0].double().numpy(),
            suspects=targets.suspect.numpy(),
            guesses=outputs[:, 1:].argmax(dim=1).numpy() if outputs.shape[1] > 1 else None,
            label=self.label,
            loss=float(self.loss(outputs, targets)) if len(targets) else 0.0,
            groups=groups,
        )

    def shared_outputs(self, outputs: Tensor, *, of: PredictionTask[Any], folder: Path) -> Tensor:
        """Replace logits, whose scale differs between training runs, by calibrated log odds."""
        odds = Calibration.load(folder).log_odds(outputs[:, 0].double().numpy(), prior=None)
        return torch.cat([torch.from_numpy(odds)[:, None], outputs[:, 1:].double()], dim=1)

    def answers(self, outputs: Tensor) -> Tensor:
        """1 where a network is more likely trojaned than not, otherwise 0."""
        return (outputs[:, 0] >= 0).long()

    def describe(self, outputs: Tensor) -> list[dict[str, Any]]:
        """Whether a network is more likely trojaned than not, how likely, and for which class.

        The target is the likeliest class if the network is trojaned, whatever the verdict; None from a model
        that does not predict it.
        """
        outputs = outputs.detach().cpu().double()
        described = []
        for row in outputs:
            probability = float(row[0].sigmoid())
            answer: dict[str, Any] = {"trojaned": probability >= 0.5, "probability": probability}
            shares = row[1:].softmax(dim=0).tolist()
            answer["target"] = int(np.argmax(shares)) if shares else None
            answer["target_probabilities"] = {str(number): share for number, share in enumerate(shares)}
            described.append(answer)
        return described

    def in_every_bin(self, targets: DetectionTargets) -> np.ndarray:
        """The clean networks: trojaned ones of every bin are told from all of them."""
        return (targets.trojaned == 0).cpu().numpy()

    def answered(
        self, networks: NetworkDataset, *, folder: Path, known: Sequence[Architecture]
    ) -> dict[str, np.ndarray]:
        """Which networks the detector decides about; see :func:`answered_networks`."""
        return answered_networks(networks, folder=folder, known=known)

    def finish(self, training: FinishedTraining, report: Report | None) -> dict[str, Any]:
        """Calibrate the detector, see :func:`~scalegmn.trojans.detection.calibrate_run`."""
        config = training.options.of(DetectionConfig)
        inputs = config.reference_inputs(training.options)
        return calibrate_run(training, task=self, method=config.calibration, report=report, inputs=inputs)

    def arguments(self) -> Mapping[str, Any]:
        return {
            "label": self.label,
            "target": self.target,
            "classes": self.classes,
            "target_weight": self.target_weight,
        }

    def _truth(self, population: Population, rows: np.ndarray) -> np.ndarray:
        """0 or 1 for every network, int64 ``(n,)``."""
        values = population.column(self.label)[rows]
        origin = f"{population.folder}: column {self.label!r}"
        if values.dtype.kind not in "biuf":
            raise PopulationError(
                f"{origin}: has type {values.dtype}, expected true and false, or 1 and 0; choose another "
                "column as detection.label"
            )
        wrong = np.flatnonzero((values != 0) & (values != 1))
        if len(wrong):
            raise PopulationError(
                f"{origin}: is {values[wrong[0]]} for network {int(rows[wrong[0]])} (and wrong for "
                f"{len(wrong) - 1} more of {len(values)}), expected true and false, or 1 and 0"
            )
        return values.astype(np.int64)

    def _suspects(self, population: Population, rows: np.ndarray) -> np.ndarray:
        values = population.column(self.target)[rows]
        origin = f"{population.folder}: column {self.target!r}"
        if values.dtype.kind not in "iu":
            raise PopulationError(f"{origin}: has type {values.dtype}, expected class indices")
        if len(values) and not UNKNOWN <= values.min() <= values.max() < self.classes:
            raise PopulationError(
                f"{origin}: runs from {values.min()} to {values.max()}, expected 0 to {self.classes - 1} for "
                f"the {self.classes} classes of the networks; or set detection.target_weight to 0"
            )
        return values.astype(np.int64)
