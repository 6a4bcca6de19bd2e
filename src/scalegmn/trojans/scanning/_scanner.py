"""The scan itself: files in, verdicts out.

A few files are read ahead, and networks are evaluated in batches, so the memory that is needed does not grow
with their number.  Files with the same content are evaluated once.
"""

from __future__ import annotations

import contextlib
import dataclasses
import platform
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, final

import torch

from scalegmn import __version__
from scalegmn.checkpoints import FoundFile, find_files
from scalegmn.checkpoints.worker import Reader
from scalegmn.populations import progress_bar
from scalegmn.trojans.scanning._ahead import Arrival, BackgroundThread, ReadAheadQueue
from scalegmn.trojans.scanning._detector import Detector
from scalegmn.trojans.scanning._joining import join_parts, loose_parts
from scalegmn.trojans.scanning._journal import Key, ScanJournal, check_journal_place
from scalegmn.trojans.scanning._reading import (
    FileReading,
    add_unread,
    error_result,
)
from scalegmn.trojans.scanning._results import BoundFile, FileResult, ScanReport, Verdict
from scalegmn.trojans.scanning._settings import ScanSettings
from scalegmn.trojans.scanning._steps import ClusterSteps, LocalSteps, ScanSteps
from scalegmn.trojans.scanning._verdicts import Candidate
from scalegmn.workers import open_executor

# Parameters of all networks of a batch, so that large networks come in smaller batches.
_MOST_PARAMETERS: Final = 2**24


def scan(
    paths: Sequence[str | Path],
    *,
    detector: str | Path | Detector | None = None,
    settings: ScanSettings | None = None,
    journal: str | Path | None = None,
    resume: bool = False,
    follow_links: bool = False,
    cluster: str | None = None,
    progress: bool = False,
) -> ScanReport:
    """Evaluate checkpoint files, and all checkpoint files in folders.

    Nothing in a file is executed, and no file can end the scan: what cannot be read gets the verdict
    ``error``.

    Args:
        paths: files and folders.
        detector: an open one, or the run folder of a training of the task ``trojan_detection``; by default
            the one that comes with the library.
        settings: how to evaluate.
        journal: file in which finished files are noted, such as
            :func:`scalegmn.trojans.scanning.own_journal`.
        resume: files that the journal knows are not evaluated again.
        follow_links: look into linked folders, which are errors otherwise.
        cluster: address of a Ray cluster that reads and evaluates (:func:`~scalegmn.workers.open_executor`),
            whose machines see the files.
        progress: show a bar on the standard error stream.

    Raises:
        ConfigurationError: the folder holds no such detector, the settings ask for what it cannot do, or the
            journal is another's, or lies where the scan looks.
        CheckpointError: the weights of the detector are missing or damaged.
    """
    settings = settings or ScanSettings()
    judge_of = _opened(detector)
    judge_of.check_fpr(settings.fpr)
    own = None if journal is None else Path(journal)
    if own is not None:
        check_journal_place(own, paths)
    sought = join_parts(find_files(paths, follow_links=follow_links))
    with (
        ScanJournal(own, header=question(judge_of, settings), resume=resume) as kept,
        _steps(judge_of, settings, cluster) as steps,
        progress_bar("Scanning", total=len(sought.files), show=progress) as advance,
    ):
        one = _Scan(steps, settings, kept, advance)
        results = one.run(sought.files)
        limits = steps.describe_limits()
    calibration = judge_of.calibration
    return ScanReport(
        files=tuple(results),
        skipped=tuple(str(path) for path in sought.skipped),
        detector=judge_of.identity,
        settings=settings,
        prior=calibration.prior if settings.prior is None else settings.prior,
        version=__version__,
        clean_logits=calibration.clean,
        threshold=calibration.threshold,
        limits=limits,
        bound=one.bound,
        family=judge_of.family,
    )


def _opened(detector: str | Path | Detector | None) -> Detector:
    if isinstance(detector, Detector):
        return detector
    return Detector.shipped() if detector is None else Detector.open(detector)


@contextlib.contextmanager
def _steps(detector: Detector, settings: ScanSettings, cluster: str | None) -> Iterator[ScanSteps]:
    if cluster is None:
        with Reader() as reader:
            yield LocalSteps(detector, settings, reader)
        return
    with open_executor(cluster=cluster, device=detector.device) as executor:
        yield ClusterSteps(detector, settings, executor)


def question(detector: Detector, settings: ScanSettings) -> dict[str, Any]:
    """All that decides a prediction beside the bytes of a file: who evaluates, how, and on which machine."""
    return {
        "version": __version__,
        "detector": dataclasses.asdict(detector.identity),
        "settings": settings.to_plain(),
        "machine": {
            "torch": torch.__version__,
            "device": str(detector.device),
            "processor": platform.machine(),
        },
    }


@final
@dataclass
class _File:
    """A content that is being evaluated, and the places of the files that have it."""

    reading: FileReading
    places: list[int] = field(default_factory=list)

    @property
    def candidates(self) -> list[Candidate]:
        """Networks that the detector has not yet seen."""
        return [one for one in self.reading.parts if isinstance(one, Candidate)]

    def results(self, answers: Sequence[FileResult]) -> tuple[FileResult, ...]:
        """Final results: those of the candidates put in their places, and unread tensors named."""
        waiting = iter(answers)
        results = [next(waiting) if isinstance(one, Candidate) else one for one in self.reading.parts]
        return tuple(add_unread(result, self.reading.unread) for result in results)


@final
@dataclass(frozen=True)
class _Batch:
    """Contents that are being evaluated, and what will be found."""

    files: Mapping[Key, _File]
    answers: Future[list[FileResult]]


@final
class _Scan:
    """One pass over the files."""

    def __init__(
        self,
        steps: ScanSteps,
        settings: ScanSettings,
        journal: ScanJournal,
        advance: Callable[[int | float], None],
    ) -> None:
        self._steps, self._settings, self._journal, self._advance = steps, settings, journal, advance
        self._done: dict[int, tuple[FileResult, ...]] = {}
        self._batch: dict[Key, _File] = {}
        self._judging: deque[_Batch] = deque()
        self.bound: dict[str, tuple[BoundFile, ...]] = {}

    def run(self, files: Sequence[FoundFile]) -> list[FileResult]:
        """Results in the order of the files."""
        results = self._judge_all(files)
        # What only an index calls a part is evaluated by itself too, unless the whole was evaluated.
        loose = {
            place: loose_parts(found.bundle)
            for place, found in enumerate(files)
            if found.bundle is not None and not _has_say(results[place])
        }
        listed = {found.path for found in files}
        more = [found for parts in loose.values() for found in parts if found.path not in listed]
        rest = {found.path: own for found, own in zip(more, self._judge_all(more), strict=True)}
        for place, parts in loose.items():
            for found in parts:
                results[place] += rest.pop(found.path, ())
        return [result for own in results for result in own]

    def _judge_all(self, files: Sequence[FoundFile]) -> list[tuple[FileResult, ...]]:
        """Results of each file."""
        self._done = {}
        with (
            BackgroundThread(self._steps.batches) as aside,
            ReadAheadQueue(
                self._steps.read,
                needed=self._is_new,
                workers=self._steps.workers,
                max_bytes=self._settings.max_bytes,
                identify=self._steps.identify,
            ) as ahead,
        ):
            for place, arrival in enumerate(ahead.over(files)):
                self._take(place, arrival, ahead)
                while self._judging and self._judging[0].answers.done():
                    self._settle()  # so that the journal has it soon
                if self._is_full():
                    self._judge(aside)
            self._judge(aside)
            while self._judging:
                self._settle()
        return [
            tuple(dataclasses.replace(result, path=str(found.path)) for result in self._done[place])
            for place, found in enumerate(files)
        ]

    def _is_new(self, key: Key) -> bool:
        return not (key in self._journal.known or key in self._batch or self._judged(key))

    def _judged(self, key: Key) -> _File | None:
        """The content with this key, if it is being evaluated."""
        return next((batch.files[key] for batch in self._judging if key in batch.files), None)

    def _take(self, place: int, arrival: Arrival[FileReading], ahead: ReadAheadQueue[FileReading]) -> None:
        identity, path = arrival.identity, str(arrival.found.path)
        if identity.bound:
            self.bound[path] = identity.bound
        if identity.problem is not None:
            blank = FileResult(path=path, verdict=Verdict.error)
            self._finish(place, (error_result(blank, identity.problem),))
            return
        key = identity.key
        if key in self._journal.known:
            self._finish(place, self._journal.known[key])
            return
        judged = self._judged(key)
        if judged is not None:
            judged.places.append(place)
            return
        if key not in self._batch:
            file = _File(ahead.reading(arrival))
            if not file.candidates:
                self._keep({key: file.results([])})
                self._finish(place, file.results([]))
                return
            self._batch[key] = file
        self._batch[key].places.append(place)

    def _is_full(self) -> bool:
        candidates = [one for file in self._batch.values() for one in file.candidates]
        parameters = sum(candidate.theta.numel() for candidate in candidates)
        return len(candidates) >= self._settings.batch_size or parameters >= _MOST_PARAMETERS

    def _judge(self, aside: BackgroundThread) -> None:
        """Have the batch evaluated while the next one is read."""
        while len(self._judging) >= self._steps.batches:
            self._settle()
        waiting = [candidate for file in self._batch.values() for candidate in file.candidates]
        if waiting:
            self._judging.append(_Batch(self._batch, aside.begin(lambda: self._steps.judge(waiting))))
        self._batch = {}

    def _settle(self) -> None:
        """Take the predictions for the batch that was first to be evaluated."""
        batch = self._judging[0]
        answers = iter(batch.answers.result())
        results = {
            key: file.results([next(answers) for _ in file.candidates]) for key, file in batch.files.items()
        }
        self._keep(results)
        self._judging.popleft()
        for key, file in batch.files.items():
            for place in file.places:
                self._finish(place, results[key])

    def _keep(self, results: Mapping[Key, tuple[FileResult, ...]]) -> None:
        """Errors may be the machine's, such as too little memory; they are tried again after a crash."""
        self._journal.add(
            {
                key: own
                for key, own in results.items()
                if not any(result.verdict is Verdict.error for result in own)
            }
        )

    def _finish(self, place: int, results: tuple[FileResult, ...]) -> None:
        self._done[place] = results
        self._advance(1)


def _has_say(results: Sequence[FileResult]) -> bool:
    return all(result.verdict in (Verdict.clean, Verdict.suspect) for result in results)
