"""The scan itself: files in, verdicts out.

Files are read one after the other and judged in batches, so the memory that is needed does not grow with
their number.  Files with the same content are judged once.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

import torch

from scalegmn import __version__
from scalegmn.errors import CheckpointError, NonFiniteError, ScaleGMNError
from scalegmn.networks.checkpoints import read_state
from scalegmn.networks.recognition import Recognizer, Unrecognized
from scalegmn.populations.progress import progress_bar
from scalegmn.training.scanning.detector import Detector
from scalegmn.training.scanning.files import Found, checksum, find_files
from scalegmn.training.scanning.journal import Journal, Key
from scalegmn.training.scanning.judging import Candidate, judge
from scalegmn.training.scanning.results import (
    FileResult,
    ScanReport,
    ScanSettings,
    Verdict,
)

# Parameters of all networks of a batch, so that large networks come in smaller batches.
_MOST_PARAMETERS: Final = 2**24


def scan(
    paths: Sequence[str | Path],
    *,
    detector: str | Path | Detector,
    settings: ScanSettings | None = None,
    journal: str | Path | None = None,
    resume: bool = False,
    progress: bool = False,
) -> ScanReport:
    """Judge checkpoint files, and all checkpoint files in folders.

    Nothing in a file is executed, and no file can end the scan: what cannot be read gets the verdict
    ``error``.

    Args:
        paths: files and folders.
        detector: an open one, or the run folder of a training of the task ``trojan_detection``.
        settings: how to judge.
        journal: file in which finished files are noted.
        resume: files that the journal knows are not judged again.
        progress: show a bar on the standard error stream.

    Raises:
        ConfigurationError: the folder holds no such detector, the settings ask for what it cannot do, or the
            journal is another's.
        CheckpointError: the weights of the detector are missing or damaged.
    """
    settings = settings or ScanSettings()
    judge_of = detector if isinstance(detector, Detector) else Detector.open(detector)
    judge_of.check_fpr(settings.fpr)
    files, skipped = find_files(paths)
    identity = dataclasses.asdict(judge_of.identity)
    header = {"version": __version__, "detector": identity, "settings": settings.to_dict()}
    with (
        Journal(None if journal is None else Path(journal), header=header, resume=resume) as kept,
        progress_bar("Scanning", total=len(files), show=progress) as advance,
    ):
        results = _Scan(judge_of, settings, kept, advance).run(files)
    calibration = judge_of.calibration
    return ScanReport(
        files=tuple(results),
        skipped=tuple(str(path) for path in skipped),
        detector=judge_of.identity,
        settings=settings,
        prior=calibration.prior if settings.prior is None else settings.prior,
        version=__version__,
        clean_logits=calibration.clean,
        threshold=calibration.threshold,
    )


@final
@dataclass(frozen=True)
class _Waiting:
    """A file whose network is in the next batch."""

    place: int
    key: Key


@final
class _Scan:
    """One pass over the files."""

    def __init__(
        self,
        detector: Detector,
        settings: ScanSettings,
        journal: Journal,
        advance: Callable[[int | float], None],
    ) -> None:
        self._detector, self._settings, self._journal, self._advance = detector, settings, journal, advance
        self._recognizer = Recognizer(detector.architectures, beyond=False)
        self._results: dict[int, FileResult] = {}
        self._batch: dict[Key, Candidate] = {}
        self._waiting: list[_Waiting] = []

    def run(self, files: Sequence[Found]) -> list[FileResult]:
        """Results in the order of the files."""
        for place, found in enumerate(files):
            self._take(place, found)
            if self._is_full():
                self._judge()
        self._judge()
        return [
            dataclasses.replace(self._results[place], path=str(found.path))
            for place, found in enumerate(files)
        ]

    def _take(self, place: int, found: Found) -> None:
        try:
            if found.problem is not None:
                raise CheckpointError(found.problem)
            key = (checksum(found.path), found.path.suffix.lower())
        except ScaleGMNError as error:
            self._finish(place, _failed(found.path, error, sha256=None))
            return
        if key in self._journal.known:
            self._finish(place, self._journal.known[key])
            return
        if key not in self._batch:
            read = self._read(found.path, key[0])
            if isinstance(read, FileResult):
                self._journal.add([(key, read)])
                self._finish(place, read)
                return
            self._batch[key] = read
        self._waiting.append(_Waiting(place, key))

    def _read(self, path: Path, sha256: str) -> Candidate | FileResult:
        try:
            state = read_state(path, dtype=torch.float32, max_bytes=self._settings.max_bytes)
            if state.sha256 != sha256:
                raise CheckpointError("the file was changed while it was read; scan it again")
            found = self._recognizer.recognize(state, activation=self._settings.activation)
            if isinstance(found, Unrecognized):
                return FileResult(path=str(path), verdict=Verdict.abstain, sha256=sha256, reason=found.reason)
            theta = found.architecture.flatten(found.tensors, origin=str(path))
        except NonFiniteError as error:
            return _failed(path, error, sha256=sha256, verdict=Verdict.abstain)
        except (ScaleGMNError, MemoryError, RecursionError) as error:
            return _failed(path, error, sha256=sha256)
        return Candidate(str(path), sha256, found.architecture, theta, found.notes)

    def _is_full(self) -> bool:
        parameters = sum(candidate.theta.numel() for candidate in self._batch.values())
        return len(self._batch) >= self._settings.batch_size or parameters >= _MOST_PARAMETERS

    def _judge(self) -> None:
        if not self._batch:
            return
        results = dict(zip(self._batch, self._judged(list(self._batch.values())), strict=True))
        self._journal.add(list(results.items()))
        for waiting in self._waiting:
            self._finish(waiting.place, results[waiting.key])
        self._batch, self._waiting = {}, []

    def _judged(self, candidates: list[Candidate]) -> list[FileResult]:
        try:
            return judge(self._detector, candidates, settings=self._settings)
        except (ScaleGMNError, RuntimeError) as error:
            if len(candidates) == 1:
                (one,) = candidates
                return [_failed(Path(one.path), error, sha256=one.sha256)]
        # One network must not take the others of its batch with it.
        return [result for one in candidates for result in self._judged([one])]

    def _finish(self, place: int, result: FileResult) -> None:
        self._results[place] = result
        self._advance(1)


def _failed(
    path: Path, error: BaseException, *, sha256: str | None, verdict: Verdict = Verdict.error
) -> FileResult:
    # The path stands beside the reason, and other files may have the same content.
    reason = (str(error) or type(error).__name__).removeprefix(str(path)).removeprefix(":").strip()
    return FileResult(path=str(path), verdict=verdict, sha256=sha256, reason=reason)
