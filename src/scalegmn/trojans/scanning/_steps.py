"""The steps of a scan that take time, and where they are done: here, or on the machines of a cluster."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import final

from scalegmn.checkpoints import FileReader, FoundFile
from scalegmn.checkpoints.worker import Reader, shared_reader
from scalegmn.errors import ScaleGMNError
from scalegmn.networks import Architecture
from scalegmn.trojans.scanning._detector import Detector
from scalegmn.trojans.scanning._identity import Identity, identify, parts_of
from scalegmn.trojans.scanning._placing import FamilyRecognizer
from scalegmn.trojans.scanning._reading import (
    FileReading,
    error_result,
    read_file,
    unexpected_error_result,
)
from scalegmn.trojans.scanning._results import FileResult, Verdict
from scalegmn.trojans.scanning._settings import ScanSettings
from scalegmn.trojans.scanning._verdicts import Candidate, evaluate_candidates
from scalegmn.workers import Executor, Report, Work, require_folder


class ScanSteps(ABC):
    """What is done with every file and every batch; called from several threads."""

    @property
    @abstractmethod
    def workers(self) -> int:
        """Files that are read at a time."""

    @property
    @abstractmethod
    def batches(self) -> int:
        """Batches that are evaluated at a time."""

    @abstractmethod
    def identify(self, found: FoundFile) -> Identity:
        """Read all bytes of what was found."""

    @abstractmethod
    def read(self, found: FoundFile, identity: Identity) -> FileReading:
        """The networks of a file; whatever goes wrong is a result."""

    @abstractmethod
    def judge(self, candidates: Sequence[Candidate]) -> list[FileResult]:
        """Results of a batch, in its order."""

    @abstractmethod
    def describe_limits(self) -> str:
        """One line: which limits held while files were read."""


@final
class LocalSteps(ScanSteps):
    """In this process, and files in confined ones.

    Args:
        detector: evaluates.
        settings: of the scan.
        reader: reads files of strangers.
    """

    def __init__(self, detector: Detector, settings: ScanSettings, reader: Reader) -> None:
        self._detector, self._settings, self._reader = detector, settings, reader
        self._recognizer = FamilyRecognizer(detector.architectures, any_width=detector.any_width)

    @property
    def workers(self) -> int:
        return self._reader.workers

    @property
    def batches(self) -> int:
        return 1

    def identify(self, found: FoundFile) -> Identity:
        return identify(found, max_bytes=self._settings.max_bytes)

    def read(self, found: FoundFile, identity: Identity) -> FileReading:
        return _read(found, identity, self._reader, self._recognizer, self._settings)

    def judge(self, candidates: Sequence[Candidate]) -> list[FileResult]:
        return _judged(self._detector, candidates, self._settings)

    def describe_limits(self) -> str:
        return self._reader.describe_limits()


@final
class ClusterSteps(ScanSteps):
    """On the machines of a cluster, which see the files at the same place.

    Args:
        detector: evaluates; every process gets a copy.
        settings: of the scan.
        executor: open.
    """

    def __init__(self, detector: Detector, settings: ScanSettings, executor: Executor) -> None:
        self._executor = executor
        self._identify = IdentityWork(settings.max_bytes)
        self._reading = ReadingWork(detector.architectures, detector.any_width, settings)
        self._judging = JudgingWork(detector, settings)
        self._limits: dict[str, None] = {}
        self._lock = threading.Lock()

    @property
    def workers(self) -> int:
        return self._executor.slots

    @property
    def batches(self) -> int:
        return self._executor.slots

    def identify(self, found: FoundFile) -> Identity:
        return self._executor.do(self._identify, found)

    def read(self, found: FoundFile, identity: Identity) -> FileReading:
        reading, limits = self._executor.do(self._reading, (found, identity))
        with self._lock:
            self._limits[limits] = None
        return reading

    def judge(self, candidates: Sequence[Candidate]) -> list[FileResult]:
        return self._executor.do(self._judging, candidates)

    def describe_limits(self) -> str:
        # Machines of one kind have the same limits.
        return " ".join(sorted(self._limits)) or Reader(workers=1).describe_limits()


@final
@dataclass(frozen=True)
class IdentityWork(Work[FoundFile, Identity]):
    """Reading the bytes of one file after the other."""

    max_bytes: int

    def do(self, piece: FoundFile, report: Report) -> Identity:
        require_folder(piece.path.parent)
        return identify(piece, max_bytes=self.max_bytes)

    def size(self, piece: FoundFile) -> float:
        return 1.0


@final
@dataclass(frozen=True)
class ReadingWork(Work[tuple[FoundFile, Identity], tuple[FileReading, str]]):
    """Reading the networks of one file after the other, and which limits held.

    Attributes:
        architectures: of the detector.
        any_width: whether its model takes no notice of widths.
        settings: of the scan.
    """

    architectures: tuple[Architecture, ...]
    any_width: bool
    settings: ScanSettings

    @cached_property
    def recognizer(self) -> FamilyRecognizer:
        """Knows the architectures of the detector."""
        return FamilyRecognizer(self.architectures, any_width=self.any_width)

    def do(self, piece: tuple[FoundFile, Identity], report: Report) -> tuple[FileReading, str]:
        reader = shared_reader()
        return _read(*piece, reader, self.recognizer, self.settings), reader.describe_limits()

    def size(self, piece: tuple[FoundFile, Identity]) -> float:
        return 1.0


@final
@dataclass(frozen=True, eq=False)
class JudgingWork(Work[Sequence[Candidate], list[FileResult]]):
    """Evaluating one batch after the other."""

    detector: Detector
    settings: ScanSettings

    def do(self, piece: Sequence[Candidate], report: Report) -> list[FileResult]:
        return _judged(self.detector, piece, self.settings)

    def size(self, piece: Sequence[Candidate]) -> float:
        return float(len(piece))


def _read(
    found: FoundFile,
    identity: Identity,
    reader: FileReader,
    recognizer: FamilyRecognizer,
    settings: ScanSettings,
) -> FileReading:
    blank = FileResult(
        path=str(found.path), verdict=Verdict.error, sha256=identity.sha256, size=identity.size
    )
    try:
        return read_file(
            blank,
            parts=parts_of(found, identity),
            reader=reader,
            recognizer=recognizer,
            settings=settings,
        )
    except (ScaleGMNError, MemoryError, RecursionError) as error:
        return FileReading((error_result(blank, error),))
    except Exception as error:
        return FileReading((unexpected_error_result(blank, error),))


def _judged(detector: Detector, candidates: Sequence[Candidate], settings: ScanSettings) -> list[FileResult]:
    try:
        return evaluate_candidates(detector, candidates, settings=settings)
    except ScaleGMNError as error:
        if len(candidates) == 1:
            return [error_result(candidates[0].blank, error)]
    except Exception as error:
        if len(candidates) == 1:
            return [unexpected_error_result(candidates[0].blank, error)]
    # One network must not take the others of its batch with it.
    return [result for one in candidates for result in _judged(detector, [one], settings)]
