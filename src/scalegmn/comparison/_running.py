"""Training all models of a comparison, one after the other or side by side."""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
import time
import traceback
import warnings
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final, final

from lightning.pytorch.callbacks import Callback

from scalegmn.comparison._config import ComparedRun, ComparisonConfig
from scalegmn.comparison._finished import read_result
from scalegmn.comparison._joining import join_folds
from scalegmn.comparison._parallel import ParallelJob, run_side_by_side
from scalegmn.comparison._status import RECORD, RunStatus, status_of
from scalegmn.configuration import to_plain
from scalegmn.disk import claim_folder, sentence_of
from scalegmn.errors import ScaleGMNError, TrainingWarning
from scalegmn.networks import read_json
from scalegmn.registry import load_extension, loaded_extensions
from scalegmn.training import RESULTS, RUN, Accelerator, RunConfig, load_task, to_yaml, train, write_text
from scalegmn.workers import Report, Work, open_executor, require_folder

FAILURES: Final = "failures"
"""In the folder of a comparison: where the errors of training runs are, with what led to them."""


@dataclass(frozen=True)
class Failure:
    """A training that did not come to its end.

    Attributes:
        run: the training.
        reason: the message of the error.
        details: where in the code it arose.
    """

    run: ComparedRun
    reason: str
    details: str


# The command line, and callbacks: the same for all training runs.
_Given = tuple[list[str] | None, tuple[Callback, ...]]


@dataclass(frozen=True)
class _Done:
    """A training that was tried: what went wrong, and the seconds that it took."""

    run: ComparedRun
    failure: Failure | None
    seconds: float


def compare(
    config: ComparisonConfig,
    *,
    tell: Callable[[str], None],
    command: Sequence[str] | None = None,
    callbacks: Sequence[Callback] = (),
) -> tuple[Failure, ...]:
    """Train what is not finished yet.  A training that fails is reported, and the others go on.

    Args:
        config: checked (:func:`scalegmn.comparison.comparison_errors`).
        tell: is given a line of text per training.
        command: the command line, to be kept in the run folders.
        callbacks: of every training (:func:`~scalegmn.training.train`); other processes get copies.

    Returns:
        The training runs that failed.

    Raises:
        ConfigurationError: a run folder holds something else.
        DiskError: another comparison is at work in the folder, or it cannot be written to.
        KeyboardInterrupt: interrupted; the same call with `resume` goes on.
    """
    with claim_folder(config.output):
        return _compare(config, tell=tell, command=command, callbacks=callbacks)


def _compare(
    config: ComparisonConfig,
    *,
    tell: Callable[[str], None],
    command: Sequence[str] | None,
    callbacks: Sequence[Callback],
) -> tuple[Failure, ...]:
    states = [(run, status_of(run)) for run in config.selected_runs]
    todo = [_resumed(run, state) for run, state in states if state is not RunStatus.finished]
    write_text(config.output / RECORD, to_yaml(_record(config)))
    there = len(states) - len(todo)
    tell(f"{len(todo)} training runs to do" + (f", {there} are finished already" if there else ""))
    failures: list[Failure] = []
    given = (None if command is None else list(command), tuple(callbacks))
    if config.cluster is not None:
        done = _on_cluster(todo, config, given)
    else:
        done = _side_by_side(todo, config.jobs, given) if config.jobs > 1 else _in_turn(todo, given)
    with contextlib.closing(done):
        for number, one in enumerate(done, start=1):
            _keep(config.output, one)
            if one.failure is not None:
                failures.append(one.failure)
            part = f", {one.run.part}" if one.run.part else ""
            said = f"{_said(one)} ({number} of {len(todo)})"
            tell(f"{one.run.model}, seed {one.run.seed}{part}: {said}")
    return (*failures, *_joined(config, tell))


def _joined(config: ComparisonConfig, tell: Callable[[str], None]) -> Iterator[Failure]:
    """Join the predictions of all folds; what cannot be joined."""
    for run, reason in join_folds(config.selected_runs, curves=config.curves):
        assert run.joined is not None, "it is one of several folds"
        path = config.output / FAILURES / f"{run.joined.name}.txt"
        said = f"{run.model}, seed {run.seed}, {config.folds} folds"
        if reason is None:
            _forget(path)
            tell(f"{said}: {_figures(run.folder, read_result(run.joined, seed=run.seed).test)}")
        else:
            write_text(path, f"{reason}\n")
            tell(f"{said}: cannot be joined: {reason}")
            yield Failure(run, reason, "")


def _record(config: ComparisonConfig) -> dict[str, Any]:
    return {
        "seeds": list(config.seeds),
        "reference": config.reference,
        "folds": config.folds,
        "sizes": list(config.sizes),
        "models": {model.name: to_plain(model.config) for model in config.models},
    }


def _resumed(run: ComparedRun, state: RunStatus) -> ComparedRun:
    return dataclasses.replace(run, config=dataclasses.replace(run.config, resume=state is RunStatus.started))


def _in_turn(runs: Sequence[ComparedRun], given: _Given) -> Generator[_Done, None, None]:
    for run in runs:
        began = time.perf_counter()
        problem = _problem_of(run.config, *given)
        yield _done(run, problem, time.perf_counter() - began)


def _side_by_side(runs: Sequence[ComparedRun], jobs: int, given: _Given) -> Generator[_Done, None, None]:
    # Another process has the installed extensions, but not those that this one was told to load.
    more = (*given, loaded_extensions())
    work = [
        ParallelJob(key=str(run.folder), function=_problem_of, arguments=(run.config, *more)) for run in runs
    ]
    owners = {str(run.folder): run for run in runs}
    with contextlib.closing(run_side_by_side(work, jobs=jobs)) as ended:
        for end in ended:
            yield _done(owners[end.key], end.result, end.seconds)


@final
@dataclass(frozen=True)
class RunWork(Work[ComparedRun, tuple[tuple[str, str] | None, float]]):
    """Training one run after the other; what went wrong, and the seconds that it took.

    Attributes:
        command: the command line, to be kept in the run folders.
        callbacks: of every training.
    """

    command: list[str] | None
    callbacks: tuple[Callback, ...]

    # A run folder has one writer at a time.
    repeatable: ClassVar[bool] = False

    def do(self, piece: ComparedRun, report: Report) -> tuple[tuple[str, str] | None, float]:
        require_folder(piece.folder.parent)
        began = time.perf_counter()
        # Another machine may have begun it, and died.
        run = _resumed(piece, status_of(piece))
        problem = _problem_of(run.config, self.command, self.callbacks)
        return problem, time.perf_counter() - began

    def size(self, piece: ComparedRun) -> float:
        return 1.0


def _on_cluster(
    runs: Sequence[ComparedRun], config: ComparisonConfig, given: _Given
) -> Generator[_Done, None, None]:
    if not runs:
        return
    workers = config.jobs if config.jobs > 1 else None
    gpu = any(run.config.training.accelerator is Accelerator.gpu for run in runs)
    with (
        open_executor(cluster=config.cluster, workers=workers, device="cuda" if gpu else "cpu") as executor,
        contextlib.closing(executor.each(RunWork(*given), runs)) as ended,
    ):
        for run, future in ended:
            try:
                yield _done(run, *future.result())
            except ScaleGMNError as error:
                # It could not be done anywhere; the others are worth doing.
                yield _done(run, (str(error), traceback.format_exc()), 0.0)


def _problem_of(
    config: RunConfig,
    command: list[str] | None,
    callbacks: tuple[Callback, ...],
    extensions: tuple[str, ...] = (),
) -> tuple[str, str] | None:
    """Train, and return what went wrong: a message, and where it arose."""
    try:
        # What training runs find out about networks is much the same for all, and told once at the end.
        for place in extensions:
            load_extension(place)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", TrainingWarning)
            train(config, command=command, callbacks=callbacks)
    except Exception as error:
        # Whatever it is, the other training runs are worth doing; it is reported and written down.
        return _message(error), traceback.format_exc()
    return None


def _message(error: Exception) -> str:
    match error:
        case ScaleGMNError():
            return str(error)
        case OSError():
            return sentence_of(error)
    return f"{type(error).__name__}: {error}"


def _done(run: ComparedRun, problem: tuple[str, str] | None, seconds: float) -> _Done:
    return _Done(run, None if problem is None else Failure(run, *problem), seconds)


def _keep(output: Path, one: _Done) -> None:
    """Write down what went wrong, and forget what went wrong before."""
    path = output / FAILURES / f"{one.run.folder.name}.txt"
    if one.failure is not None:
        write_text(path, f"{one.failure.reason}\n\n{one.failure.details}")
    else:
        _forget(path)


def _forget(path: Path) -> None:
    if path.parent.is_dir():
        path.unlink(missing_ok=True)
        if not any(path.parent.iterdir()):
            shutil.rmtree(path.parent)


def _said(one: _Done) -> str:
    if one.failure is not None:
        return f"failed after {one.seconds:.0f} s: {one.failure.reason}"
    test = read_json(one.run.folder / RESULTS, what="results of a run", constants=True)["test"]
    return f"{_figures(one.run.folder, test)}, {one.seconds:.1f} s"


def _figures(folder: Path, test: Mapping[str, Any]) -> str:
    """The figures that a comparison shows, of a training run with this folder."""
    task = load_task(read_json(folder / RUN, what="description of a run")["task"])
    return ", ".join(f"{name} {_number(test.get(name))}" for name in task.headline or (task.monitor,))


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4f}"
