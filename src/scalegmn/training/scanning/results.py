"""What a scan says, as values."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, final

import numpy as np

from scalegmn.errors import ConfigurationError

FORMAT: Final = 1
DEFAULT_FPR: Final = 0.05
DEFAULT_MAX_BYTES: Final = 2**28
DEFAULT_BATCH_SIZE: Final = 64


class Verdict(Enum):
    """What is said about a file.

    ``suspect``: its score is so high that at most the wanted share of clean networks has such a one.
    ``clean``: it is not.  ``abstain``: the detector has no say about such a network.  ``error``: there is no
    network that could be read.
    """

    clean = "clean"
    suspect = "suspect"
    abstain = "abstain"
    error = "error"


SEVERITY: Final = (Verdict.suspect, Verdict.error, Verdict.abstain, Verdict.clean)
"""Verdicts, the gravest first."""


class Explain(Enum):
    """For which networks the layers and neurons are named that the answer depends on most."""

    all = "all"
    suspect = "suspect"
    none = "none"


@final
@dataclass(frozen=True, kw_only=True)
class ScanSettings:
    """How to judge.

    Attributes:
        fpr: share of clean networks that may be called suspect.
        prior: share of trojaned networks that probabilities assume; none for that of the calibration.
        activation: of the networks, where names and shapes leave several architectures.
        explain: which networks are explained.
        batch_size: networks at a time.
        max_bytes: larger files, and files that unpack to more, are not read.

    Raises:
        ConfigurationError: a share is not between 0 and 1, or a number not positive.
    """

    fpr: float = DEFAULT_FPR
    prior: float | None = None
    activation: str | None = None
    explain: Explain = Explain.all
    batch_size: int = DEFAULT_BATCH_SIZE
    max_bytes: int = DEFAULT_MAX_BYTES

    def __post_init__(self) -> None:
        mistakes = [
            f"{name} is {value}, expected a share between 0 and 1"
            for name, value in (("fpr", self.fpr), ("prior", self.prior))
            if value is not None and not 0 < value < 1
        ]
        mistakes += [
            f"{name} is {value}, expected at least 1"
            for name, value in (("batch_size", self.batch_size), ("max_bytes", self.max_bytes))
            if value < 1
        ]
        if mistakes:
            raise ConfigurationError("scan: " + "; ".join(mistakes))

    def to_dict(self) -> dict[str, Any]:
        """Plain data, fit for JSON: what decides answers, and not how fast they come."""
        data = dataclasses.asdict(self)
        del data["batch_size"]
        return data | {"explain": self.explain.value}


@final
@dataclass(frozen=True)
class DetectorIdentity:
    """Which detector judged.

    Attributes:
        run: name of its run folder.
        model_sha256: checksum of its weights.
        calibration_sha256: checksum of its calibration.
        version: of the library that trained it.
        metanetwork: kind of its model.
        warnings: what is to be known about it.
    """

    run: str
    model_sha256: str
    calibration_sha256: str
    version: str
    metanetwork: str
    warnings: tuple[str, ...] = ()


@final
@dataclass(frozen=True)
class Share:
    """A layer, or one of its neurons, and its share in what the answer depends on; all shares sum to 1."""

    layer: str
    share: float
    neuron: int | None = None

    def describe(self) -> str:
        """Such as ``conv.1[3] 12 %``."""
        place = "" if self.neuron is None else f"[{self.neuron}]"
        return f"{self.layer}{place} {self.share:.0%}".replace("%", " %")


@final
@dataclass(frozen=True, kw_only=True)
class FileResult:
    """What is said about one file.

    Attributes:
        path: as it was given or found.
        verdict: what it comes to.
        sha256: of its bytes; none where they could not be read.
        reason: of an abstention or an error.
        notes: how the file was read, where there was a choice.
        architecture: which architecture it was taken for, in words.
        logit: the detector's answer.
        probability: of being trojaned, calibrated, at the prior of the scan.
        p_value: conformal, against clean networks of the calibration.
        compared: with how many of them.
        target: the suspected class of the attacker; none where the detector does not answer it.
        target_probability: of this class, if the network is trojaned.
        distance: from the training networks.
        layers: all layers by their shares, the largest first.
        neurons: the neurons of the largest shares.
    """

    path: str
    verdict: Verdict
    sha256: str | None = None
    reason: str | None = None
    notes: tuple[str, ...] = ()
    architecture: str | None = None
    logit: float | None = None
    probability: float | None = None
    p_value: float | None = None
    compared: int | None = None
    target: int | None = None
    target_probability: float | None = None
    distance: float | None = None
    layers: tuple[Share, ...] = ()
    neurons: tuple[Share, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain data, fit for JSON."""
        return dataclasses.asdict(self) | {"verdict": self.verdict.value}

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> FileResult:
        """The inverse of :meth:`to_dict`.

        Raises:
            KeyError, TypeError, ValueError: the data are something else.
        """
        return FileResult(
            **{
                **data,
                "verdict": Verdict(data["verdict"]),
                "notes": tuple(data["notes"]),
                "layers": tuple(Share(**share) for share in data["layers"]),
                "neurons": tuple(Share(**share) for share in data["neurons"]),
            }
        )


@final
@dataclass(frozen=True, eq=False)
class ScanReport:
    """What a scan came to.

    Attributes:
        files: one entry per file, in the order in which they were given and found.
        skipped: files in folders that were not looked at, because their suffix is none of a checkpoint.
        detector: who judged.
        settings: how.
        prior: share of trojaned networks that probabilities assume.
        version: of this library.
        clean_logits: of the calibration, ascending; what the files' logits are compared with.
        threshold: the largest distance from the training networks that is judged.
    """

    files: tuple[FileResult, ...]
    skipped: tuple[str, ...]
    detector: DetectorIdentity
    settings: ScanSettings
    prior: float
    version: str
    clean_logits: np.ndarray
    threshold: float

    @property
    def counts(self) -> dict[Verdict, int]:
        """Files by verdict, the gravest first."""
        found = Counter(result.verdict for result in self.files)
        return {verdict: found[verdict] for verdict in SEVERITY}

    @property
    def gravest(self) -> Verdict:
        """The gravest verdict of all files."""
        return gravest(result.verdict for result in self.files)

    def to_dict(self) -> dict[str, Any]:
        """Plain data, fit for JSON; ``docs/scanning.md`` explains the entries."""
        return {
            "format": FORMAT,
            "tool": {"name": "scalegmn", "version": self.version},
            "detector": dataclasses.asdict(self.detector),
            "settings": {**self.settings.to_dict(), "prior": self.prior},
            "calibration": {
                "clean_networks": len(self.clean_logits),
                "distance_threshold": self.threshold,
            },
            "summary": {
                "verdict": self.gravest.value,
                **{verdict.value: count for verdict, count in self.counts.items()},
                "skipped": len(self.skipped),
            },
            "files": [result.to_dict() for result in self.files],
            "skipped": list(self.skipped),
        }


def gravest(verdicts: Any) -> Verdict:
    """The gravest of some verdicts: suspect before error before abstain before clean.

    No verdicts at all are an error: nothing was found clean.
    """
    found = set(verdicts) or {Verdict.error}
    return next(verdict for verdict in SEVERITY if verdict in found)


def failing(report: ScanReport, verdicts: Sequence[Verdict]) -> Verdict:
    """The gravest verdict of those that matter; clean where no file has one of them."""
    found = {result.verdict for result in report.files} & set(verdicts)
    return gravest(found) if found else Verdict.clean
