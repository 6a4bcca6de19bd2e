"""A trained detector, ready to evaluate single networks."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final, final

import torch

from scalegmn import __version__
from scalegmn.disk import file_sha256
from scalegmn.errors import ConfigurationError
from scalegmn.metrics import smallest_p_value
from scalegmn.models import FittedPredictor
from scalegmn.networks import Architecture
from scalegmn.shipped import folder_name, is_shipped, shipped_model
from scalegmn.training import MODEL, RUN, InvariantStatistics, Run, device_called
from scalegmn.trojans.detection import CALIBRATION, INPUTS, TYPICALITY, Calibration, TrojanDetection
from scalegmn.trojans.scanning._family import NetworkFamily
from scalegmn.trojans.scanning._results import DetectorIdentity

SHIPPED_DETECTOR: Final = "scalegmn/trojan-detector"
"""The detector that comes with the library."""


@final
@dataclass(frozen=True, eq=False)
class Detector:
    """A run of the task ``trojan_detection`` and its calibration.

    Attributes:
        run: the training.
        calibration: what was measured when it ended.
        identity: for reports.
        architectures: of its training networks; no others are evaluated.
    """

    run: Run
    calibration: Calibration
    identity: DetectorIdentity
    architectures: tuple[Architecture, ...]

    @classmethod
    def open(cls, folder: str | Path, *, device: str | None = None) -> Detector:
        """Read a run folder.

        Args:
            folder: of the training, or the name of a detector that comes with the library.
            device: where to compute; by default a GPU if there is one.

        Raises:
            ConfigurationError: it is none of a finished training of this task, of another format, or lacks
                its calibration.
            CheckpointError: its weights are missing or damaged.
        """
        run = Run.open(folder)
        folder = run.folder
        if not isinstance(run.task, TrojanDetection):
            raise ConfigurationError(
                f"{folder}: was trained for the task {run.task.name}, expected trojan_detection; give the "
                "run folder of a detector"
            )
        calibration = Calibration.load(folder)
        run.predictor.to(device_called(device))
        versions = run.facts.get("versions")
        version = str(versions.get("scalegmn", "unknown") if isinstance(versions, dict) else "unknown")
        warnings = []
        # Those that come with the library were checked with it.
        if version != __version__ and not is_shipped(folder):
            warnings.append(
                f"the detector was trained by scalegmn {version}, and this is {__version__}: predictions may "
                "differ from those that it was calibrated with"
            )
        if isinstance(run.predictor, FittedPredictor):
            warnings.append("the detector has no gradients: layers and neurons are not named")
        if not calibration.inputs:
            warnings.append(
                "the detector has no reference inputs: it does not see whether a network was trained on "
                "other data than those that it knows"
            )
        known = tuple(a for a in run.architectures if a.fingerprint in calibration.by_architecture)
        identity = DetectorIdentity(
            run=folder_name(folder),
            model_sha256=calibration.model_sha256,
            calibration_sha256=file_sha256(folder / CALIBRATION),
            version=version,
            metanetwork=str(run.facts["metanetwork"]),
            warnings=tuple(warnings),
            files_sha256=_files_sha256(folder),
        )
        if not known:
            raise ConfigurationError(
                f"{folder / CALIBRATION}: has clean networks of none of the {len(run.architectures)} "
                "architectures of the training; restore it or train again"
            )
        found = cls(run, calibration, identity, known)
        if not found.asks_alone and len(calibration.typicality.mean) != found.statistics.size:
            raise ConfigurationError(
                f"{folder / TYPICALITY}: holds {len(calibration.typicality.mean)} statistics of a network, "
                f"expected {found.statistics.size}; restore it or train again"
            )
        return found

    @classmethod
    def shipped(cls, *, device: str | None = None) -> Detector:
        """The detector that comes with the library, whatever lies in the current folder; raises as
        :meth:`open` does, and where none came with it.
        """
        return cls.open(shipped_model(SHIPPED_DETECTOR).verify(), device=device)

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return next(iter(self.run.model.parameters()), torch.empty(0)).device

    @cached_property
    def any_width(self) -> bool:
        """Whether its model takes no notice of unread neurons and of copies."""
        return self.run.predictor.any_width

    @property
    def asks_alone(self) -> bool:
        """Whether a network's answers tell by themselves if it is like those of the training.

        With reference inputs, a model that takes no notice of widths needs nobody who looks at weights: no
        rewriting moves such a detector, neither its verdicts nor its abstentions.
        """
        return self.any_width and bool(self.calibration.inputs)

    @cached_property
    def family(self) -> NetworkFamily:
        """The networks that it knows."""
        return NetworkFamily.of(self.architectures, self.run.facts, any_width=self.any_width)

    @cached_property
    def statistics(self) -> InvariantStatistics:
        """Reads what tells whether a network is typical."""
        return InvariantStatistics(self.run.architectures)

    def check_fpr(self, fpr: float) -> None:
        """Refuse a fraction of false alarms that no network could reach.

        Raises:
            ConfigurationError: it is below the smallest p-value.
        """
        count = len(self.calibration.clean)
        least = smallest_p_value(count)
        if fpr < least:
            raise ConfigurationError(
                f"--fpr is {fpr}, but the detector {self.identity.run!r} was calibrated with {count} clean "
                f"networks and no network can have a p-value below {least:.4g}; give a larger one, or "
                "train the detector with more validation networks"
            )


def _files_sha256(folder: Path) -> str:
    """Checksum of everything that is read when a detector is opened."""
    model = sorted(path for path in (folder / MODEL).iterdir() if path.is_file())
    digest = hashlib.sha256()
    inputs = [folder / INPUTS] if (folder / INPUTS).is_file() else []
    for path in (folder / RUN, folder / CALIBRATION, folder / TYPICALITY, *inputs, *model):
        digest.update(f"{path.relative_to(folder).as_posix()} {file_sha256(path)}\n".encode())
    return digest.hexdigest()
