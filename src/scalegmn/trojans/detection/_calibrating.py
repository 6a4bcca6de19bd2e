"""What a trained detector must know about itself before it evaluates single networks, beside its weights.

Measured on the validation networks when a training of ``trojan_detection`` ends: how logits become
probabilities, which logits clean networks have, and how far from the training networks typical networks lie.
The best epoch was chosen on the same networks by its AUROC, so figures on them are slightly too good.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, final

import numpy as np
import torch
from torch import Tensor

from scalegmn import __version__
from scalegmn.disk import file_sha256
from scalegmn.errors import ConfigurationError
from scalegmn.graph import NetworkBatch
from scalegmn.metrics import (
    brier_score,
    calibration_bins,
    expected_calibration_error,
    smallest_p_value,
    upper_quantile,
)
from scalegmn.models import WEIGHTS_FILE
from scalegmn.networks import Architecture, read_json
from scalegmn.populations import ARCHITECTURE_COLUMN
from scalegmn.training import (
    MODEL,
    SHARE,
    AnyTask,
    FinishedTraining,
    InvariantStatistics,
    NetworkDataset,
    Report,
    Typicality,
    outputs_on,
    statistics_of,
    write_json,
)
from scalegmn.trojans.detection import _calibration_values as values
from scalegmn.trojans.detection._calibration import (
    CalibrationMethod,
    Calibrator,
    fit_calibrator,
    log_loss,
    sigmoid,
    with_prior,
)
from scalegmn.trojans.detection._reference_inputs import (
    ReferenceInputs,
    load_inputs,
    measure_answers,
    save_inputs,
)
from scalegmn.trojans.detection._report import SCORES

FORMAT: Final = 2
# Without reference inputs.
_BEFORE: Final = 1
CALIBRATION: Final = "calibration.json"
TYPICALITY: Final = "calibration.safetensors"
INPUTS: Final = "calibration_inputs.safetensors"
"""In a run folder, where a detector has reference inputs."""


@final
@dataclass(frozen=True, eq=False)
class Calibration:
    """What was measured on validation networks.

    Attributes:
        calibrator: from logits to log odds at `prior`.
        prior: fraction of trojaned networks among those of validation.
        networks: of validation, and clean ones that were added since.
        clean: logits of the clean ones, ascending, ``(n,)``.
        by_architecture: the same by fingerprint; one entry for every architecture of the training networks.
        typicality: of training networks.
        threshold: the largest distance of typical networks.
        place: which of the distances of validation networks the threshold is, counted from the smallest.
        model_sha256: checksum of the weights of the model that it belongs to.
        inputs: whose answers tell whether a network was trained on the like; none where nobody gave any, and
            from versions before.
    """

    calibrator: Calibrator
    prior: float
    networks: int
    clean: np.ndarray
    by_architecture: Mapping[str, np.ndarray]
    typicality: Typicality
    threshold: float
    place: int
    model_sha256: str
    inputs: tuple[ReferenceInputs, ...] = ()

    def reference(self, architecture: Architecture, *, fpr: float) -> tuple[np.ndarray, bool]:
        """Logits of clean networks to compare with, and whether they are of this architecture alone.

        They are where there are enough of them to reach a p-value of `fpr`; otherwise of all architectures.
        """
        own = self.by_architecture.get(architecture.fingerprint, np.empty(0))
        enough = smallest_p_value(len(own)) <= fpr
        return (own, True) if enough else (self.clean, False)

    def log_odds(self, logits: np.ndarray, *, prior: float | None) -> np.ndarray:
        """Calibrated log odds where the fraction of trojaned networks is `prior`; None for as in
        validation.
        """
        found = self.calibrator.log_odds(logits)
        return found if prior is None else with_prior(found, before=self.prior, after=prior)

    def save(self, folder: Path) -> None:
        """Write ``calibration.safetensors``, with reference inputs ``calibration_inputs.safetensors``, then
        ``calibration.json``, which names their checksums.
        """
        self.typicality.save(folder / TYPICALITY)
        if self.inputs:
            save_inputs(folder / INPUTS, self.inputs)
        else:
            (folder / INPUTS).unlink(missing_ok=True)
        data = {
            "format": FORMAT,
            "scalegmn": __version__,
            "model_sha256": self.model_sha256,
            "typicality_sha256": file_sha256(folder / TYPICALITY),
            "inputs_sha256": file_sha256(folder / INPUTS) if self.inputs else None,
            "calibrator": self.calibrator.to_dict(),
            "prior": self.prior,
            "networks": self.networks,
            "clean_logits": self.clean.tolist(),
            "clean_logits_by_architecture": {
                name: values.tolist() for name, values in self.by_architecture.items()
            },
            "typicality": {"threshold": self.threshold, "place": self.place, "share": SHARE},
        }
        write_json(folder / CALIBRATION, data)

    @classmethod
    def load(cls, folder: Path) -> Calibration:
        """Read what :meth:`save` wrote into a run folder, and check that it belongs to the model there.

        Raises:
            ConfigurationError: it is missing, of another format, damaged, or of another model.
            CheckpointError: the statistics are missing or damaged.
        """
        path = folder / CALIBRATION
        if not path.is_file():
            raise ConfigurationError(
                f"{folder}: has no {CALIBRATION}; expected a finished training of the task trojan_detection "
                "by this version or a later one; train the detector again"
            )
        data = read_json(path, what="calibration of a detector")
        try:
            return Calibration._from_data(data, folder)
        except ConfigurationError as error:
            raise ConfigurationError(f"{path}: {error}; restore it or train again") from error

    @classmethod
    def _from_data(cls, data: dict[str, Any], folder: Path) -> Calibration:
        if data.get("format") not in (_BEFORE, FORMAT):
            raise ConfigurationError(f"has format {str(data.get('format'))[:40]!r}, expected {FORMAT}")
        model = file_sha256(folder / MODEL / WEIGHTS_FILE)
        if data.get("model_sha256") != model:
            raise ConfigurationError(
                f"belongs to a model with the checksum {str(data.get('model_sha256'))[:64]!r}, but the model "
                f"beside it has {model!r}"
            )
        networks = values.count(data, "networks")
        clean, by_architecture = values.clean_logits(data, networks=networks)
        typical = values.entries(data, "typicality")
        named = data["format"] != _BEFORE and data.get("inputs_sha256", "") is not None
        return cls(
            calibrator=values.calibrator(data, "calibrator"),
            prior=values.fraction(data, "prior"),
            networks=networks,
            clean=clean,
            by_architecture=by_architecture,
            typicality=Typicality.load(folder / TYPICALITY, sha256=values.text(data, "typicality_sha256")),
            threshold=values.distance(typical, "threshold"),
            place=values.count(typical, "place"),
            model_sha256=model,
            inputs=load_inputs(folder / INPUTS, sha256=values.text(data, "inputs_sha256")) if named else (),
        )


def calibrate_run(
    training: FinishedTraining,
    *,
    task: AnyTask,
    method: CalibrationMethod,
    report: Report | None,
    inputs: Sequence[Tensor] = (),
) -> dict[str, Any]:
    """Calibrate a detector whose model was saved in its run folder.

    Args:
        training: its model, networks and folder.
        task: of the detector.
        method: by which logits become probabilities.
        report: on the test networks.
        inputs: reference inputs, see :func:`measure_answers`.

    Returns:
        What ``results.json`` says about it: the figures of calibrated probabilities on the test networks
        under ``calibrated``; None where there are none, or the model does not predict with finite numbers.
    """
    found = calibrate(training, task=task, method=method, inputs=inputs)
    if found is None:
        return {"calibrated": None}
    found.save(training.folder)
    return {"calibrated": None if report is None else _figures(found, report.arrays[SCORES])}


def calibrate(
    training: FinishedTraining, *, task: AnyTask, method: CalibrationMethod, inputs: Sequence[Tensor] = ()
) -> Calibration | None:
    """Measure on the validation networks what :class:`Calibration` holds; None if a logit is not finite."""
    size = training.batch_size
    outputs, targets = outputs_on(task, training.model, training.val, batch_size=size)
    logits, labels = outputs[:, 0].double().numpy(), targets.trojaned.numpy()
    if not np.isfinite(logits).all():
        return None
    calibrator = fit_calibrator(logits, labels, method=method, groups=training.groups)
    statistics = InvariantStatistics(training.architectures)
    typicality = Typicality.from_statistics(statistics_of(statistics, _batches(training.train, size)))
    distances = typicality.distance(statistics_of(statistics, _batches(training.val, size)))
    threshold, place = upper_quantile(distances.numpy(), SHARE)
    clean = labels == 0
    known, of_network = _architectures(training)
    return Calibration(
        calibrator=calibrator,
        prior=float(labels.mean()),
        networks=len(labels),
        clean=np.sort(logits[clean]),
        by_architecture={
            architecture.fingerprint: np.sort(logits[clean & (of_network == number)])
            for number, architecture in known.items()
        },
        typicality=typicality,
        threshold=threshold,
        place=place,
        model_sha256=file_sha256(training.folder / MODEL / WEIGHTS_FILE),
        inputs=measure_answers(
            inputs, train=_batches(training.train, size), validation=_batches(training.val, size)
        ),
    )


def _architectures(training: FinishedTraining) -> tuple[dict[int, Architecture], np.ndarray]:
    """Architectures of the training networks by their numbers, and the number of each validation network."""
    population = training.train.population
    numbers = population.column(ARCHITECTURE_COLUMN)
    known = np.unique(numbers[training.train.rows]).tolist()
    return {n: population.architectures[n] for n in known}, numbers[training.val.rows]


def _batches(networks: NetworkDataset, size: int) -> Iterator[NetworkBatch]:
    for start in range(0, len(networks), size):
        yield networks[np.arange(start, min(start + size, len(networks)))]


def _figures(found: Calibration, scores: np.ndarray) -> dict[str, Any]:
    """Metrics of truth and logits ``(n, 2)``, with the prior of validation."""
    truth, logits = torch.from_numpy(scores).double().unbind(1)
    odds = found.log_odds(logits.numpy(), prior=None)
    probabilities = sigmoid(odds)
    return {
        "method": found.calibrator.method.value,
        "prior": found.prior,
        "validation_networks": found.networks,
        "clean_validation_networks": len(found.clean),
        "smallest_p_value": smallest_p_value(len(found.clean)),
        "networks": len(truth),
        "brier": brier_score(truth.numpy(), probabilities),
        "ece": expected_calibration_error(calibration_bins(truth.numpy(), probabilities)),
        "log_loss": log_loss(odds, truth.numpy()),
        "distance_threshold": found.threshold if math.isfinite(found.threshold) else None,
    }
