"""What a scan says, as values."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, final

import numpy as np

from scalegmn.trojans.scanning._family import NetworkFamily
from scalegmn.trojans.scanning._settings import Explain as Explain
from scalegmn.trojans.scanning._settings import ScanSettings as ScanSettings

FORMAT: Final = 3


class Verdict(Enum):
    """What is said about a file.

    ``suspect``: its score is so high that at most the wanted fraction of clean networks has such a one.
    ``clean``: it is not.  ``abstain``: the detector abstains on such a network.  ``error``: there is no
    network that could be read.
    """

    clean = "clean"
    suspect = "suspect"
    abstain = "abstain"
    error = "error"


SEVERITY: Final = (Verdict.suspect, Verdict.error, Verdict.abstain, Verdict.clean)
"""Verdicts, the gravest first."""


@final
@dataclass(frozen=True)
class DetectorIdentity:
    """Identity of the detector.

    Attributes:
        run: name of its run folder.
        model_sha256: checksum of its weights.
        calibration_sha256: checksum of its calibration.
        version: of the library that trained it.
        metanetwork: kind of its model.
        warnings: what is to be known about it.
        files_sha256: checksum of the checksums of all files that its predictions rest on.
    """

    run: str
    model_sha256: str
    calibration_sha256: str
    version: str
    metanetwork: str
    warnings: tuple[str, ...] = ()
    files_sha256: str = ""


@final
@dataclass(frozen=True)
class Attribution:
    """A layer, or one of its neurons, and its share in what the prediction depends on; all fractions sum to
    1.
    """

    layer: str
    fraction: float
    neuron: int | None = None

    def describe(self) -> str:
        """Such as ``conv.1[3] 12 %``."""
        place = "" if self.neuron is None else f"[{self.neuron}]"
        return f"{self.layer}{place} {self.fraction:.0%}".replace("%", " %")


@final
@dataclass(frozen=True)
class BoundFile:
    """A file that a verdict is about.

    Attributes:
        path: as it was found.
        size: in bytes.
        sha256: of the bytes; None where they could not be read.
    """

    path: str
    size: int | None = None
    sha256: str | None = None


@final
@dataclass(frozen=True, kw_only=True)
class FileResult:
    """What is said about one network of a file, or about a file that holds none.

    Attributes:
        path: as it was given or found.
        verdict: what it comes to.
        network: where it lies in a file that holds several networks; keys with dots between them.
        sha256: of its bytes; none where they could not be read.
        reason: of an abstention or an error.
        notes: how the file was read, where there was a choice.
        architecture: which architecture it was taken for, in words.
        logit: the detector's prediction.
        probability: of being trojaned, calibrated, at the prior of the scan.
        p_value: conformal, against clean networks of the calibration.
        compared: with how many of them.
        target: the suspected class of the attacker; none where the detector does not predict it.
        target_probability: of this class, if the network is trojaned.
        distance: from the training networks.
        inputs_p_value: conformal, how like those of validation networks the answers to reference inputs are;
            none where the detector has no such inputs.
        layers: all layers by their fractions, the largest first.
        neurons: the neurons of the largest fractions.
        unread: tensors of the file, single numbers aside, that were evaluated neither in this network nor in
            another; where there are some, a network is at best left undecided.
        size: bytes of the file.
        from_journal: whether an earlier scan gave the prediction.

    Raises:
        ValueError: the file is called clean although something in it was not evaluated, or a number is not
            finite.
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
    inputs_p_value: float | None = None
    layers: tuple[Attribution, ...] = ()
    neurons: tuple[Attribution, ...] = ()
    network: str | None = None
    unread: tuple[str, ...] = ()
    size: int | None = None
    from_journal: bool = False

    def __post_init__(self) -> None:
        if self.verdict is Verdict.clean and self.unread:
            raise ValueError(f"a file with {len(self.unread)} tensors that were not evaluated is not clean")
        found = (self.logit, self.probability, self.p_value, self.target_probability)
        numbers = (*found, self.distance, self.inputs_p_value)
        if not all(number is None or math.isfinite(number) for number in numbers):
            raise ValueError(f"figures of a file are {numbers}, expected finite numbers or None")

    @property
    def location(self) -> str:
        """The path, and the network where the file holds several."""
        return self.path if self.network is None else f"{self.path} [{self.network}]"

    def to_dict(self) -> dict[str, Any]:
        """Plain data, fit for JSON."""
        return dataclasses.asdict(self) | {"verdict": self.verdict.value}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> FileResult:
        """The inverse of :meth:`to_dict`.

        Raises:
            KeyError, TypeError, ValueError: the data are something else.
        """
        return cls(
            **{
                **data,
                "verdict": Verdict(data["verdict"]),
                "notes": tuple(data["notes"]),
                "unread": tuple(data["unread"]),
                "layers": tuple(Attribution(**share) for share in data["layers"]),
                "neurons": tuple(Attribution(**share) for share in data["neurons"]),
            }
        )


@final
@dataclass(frozen=True, eq=False)
class ScanReport:
    """Result of a scan.

    Attributes:
        files: one entry per network, and per file without one, in the order in which files were given and
            found.
        skipped: files in folders that were not looked at, because neither their names nor their first bytes
            are those of models.
        detector: who evaluated.
        settings: how.
        prior: fraction of trojaned networks that probabilities assume.
        version: of this library.
        clean_logits: of the calibration, ascending; what the files' logits are compared with.
        threshold: the largest distance from the training networks that is evaluated.
        limits: which limits held where files were read, in words.
        bound: the files of each network that lies in several, by its path.
        family: the networks that the detector knows.
    """

    files: tuple[FileResult, ...]
    skipped: tuple[str, ...]
    detector: DetectorIdentity
    settings: ScanSettings
    prior: float
    version: str
    clean_logits: np.ndarray
    threshold: float
    limits: str = ""
    bound: Mapping[str, tuple[BoundFile, ...]] = field(default_factory=dict)
    family: NetworkFamily = field(default_factory=lambda: NetworkFamily(()))

    @property
    def known(self) -> int:
        """How many files hold a network that the detector knows, whatever it says about it."""
        return sum(any(one.architecture is not None for one in own) for own in self.paths.values())

    @property
    def knowledge(self) -> str:
        """Who evaluated, what it knows, and how many files are of that, in words."""
        files, known = len(self.paths), self.known
        them = "it" if len(self.family.architectures) == 1 else "them"
        yours = f"your {files} files are" if files != 1 else f"your {files} file is"
        return (
            f"the detector {self.detector.run} knows {self.family.describe()}; {known} of {yours} of {them}"
        )

    @property
    def counts(self) -> dict[Verdict, int]:
        """Results by verdict, the gravest first."""
        found = Counter(result.verdict for result in self.files)
        return {verdict: found[verdict] for verdict in SEVERITY}

    @property
    def paths(self) -> dict[str, tuple[FileResult, ...]]:
        """Results by file, in order."""
        found: dict[str, list[FileResult]] = {}
        for result in self.files:
            found.setdefault(result.path, []).append(result)
        return {path: tuple(results) for path, results in found.items()}

    @property
    def every_path(self) -> frozenset[str]:
        """Paths of all files that were evaluated, parts of networks and their indices included."""
        parts = (file.path for own in self.bound.values() for file in own)
        return frozenset((*self.paths, *parts))

    @property
    def from_journal(self) -> int:
        """How many predictions an earlier scan gave."""
        return sum(result.from_journal for result in self.files)

    @property
    def gravest(self) -> Verdict:
        """The gravest verdict of all files."""
        return worst(result.verdict for result in self.files)

    def to_dict(self) -> dict[str, Any]:
        """Plain data, fit for JSON; ``docs/scanning.md`` explains the entries."""
        return {
            "format": FORMAT,
            "tool": {"name": "scalegmn", "version": self.version},
            "detector": dataclasses.asdict(self.detector),
            "settings": {**self.settings.to_plain(), "prior": self.prior},
            "calibration": {
                "clean_networks": len(self.clean_logits),
                "distance_threshold": self.threshold if math.isfinite(self.threshold) else None,
            },
            "summary": {
                "verdict": self.gravest.value,
                **{verdict.value: count for verdict, count in self.counts.items()},
                "files": len(self.paths),
                "skipped": len(self.skipped),
                "from_journal": self.from_journal,
            },
            "family": {**dataclasses.asdict(self.family), "files": self.known},
            "limits": self.limits,
            "files": [encodable({**result.to_dict(), "parts": self._parts(result)}) for result in self.files],
            "skipped": encodable(self.skipped),
        }

    def _parts(self, result: FileResult) -> list[dict[str, Any]]:
        return [dataclasses.asdict(one) for one in self.bound.get(result.path, ())]


def encodable(data: Any) -> Any:
    """Plain data whose texts all programs can read.

    Names of files with bytes that are no text hold halves of characters, which most readers of JSON refuse;
    they are written as escapes.
    """
    if isinstance(data, str):
        return data.encode("utf-8", "backslashreplace").decode()
    if isinstance(data, list | tuple):
        return [encodable(one) for one in data]
    if isinstance(data, dict):
        return {encodable(key): encodable(one) for key, one in data.items()}
    return data


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The gravest of some verdicts: suspect before error before abstain before clean.

    No verdicts at all are an error: nothing was found clean.
    """
    found = set(verdicts) or {Verdict.error}
    return next(verdict for verdict in SEVERITY if verdict in found)


def failing(report: ScanReport, verdicts: Sequence[Verdict]) -> Verdict:
    """The gravest verdict of those that matter; clean where no file has one of them."""
    found = {result.verdict for result in report.files} & set(verdicts)
    return worst(found) if found else Verdict.clean
