"""The two training runs of the demonstration, side by side or one after the other."""

from __future__ import annotations

import contextlib
import multiprocessing
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor, wait
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from scalegmn.errors import ScaleGMNError
from scalegmn.populations import has_terminal
from scalegmn.reports import Metrics, read_metrics
from scalegmn.training import METRICS, RunConfig, train

_LOOK_EVERY: Final = 0.5


def train_side_by_side(runs: Mapping[str, RunConfig], *, progress: bool) -> dict[str, float]:
    """Train several models at once, each on one core.

    Small models gain little from a second core, and lose much where another program wants it too.

    Args:
        runs: configurations by the names of the models.
        progress: show a bar per model on the standard error stream.

    Returns:
        Seconds that each training took.
    """
    # Fork would copy locks that threads of this process may hold.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(len(runs), mp_context=context) as pool, children_stop_with_us():
        futures = {name: pool.submit(_train, config) for name, config in runs.items()}
        _watch(runs, futures, progress=progress)
        return {name: future.result() for name, future in futures.items()}


@contextlib.contextmanager
def children_stop_with_us() -> Iterator[None]:
    """Ask the processes that this one has started to stop if an error or an interruption gets out of here.

    Ctrl-C reaches them by itself, SIGTERM does not, and a pool would wait until their work is done.
    """
    try:
        yield
    except BaseException:
        for child in multiprocessing.active_children():
            child.terminate()
        raise


def train_in_turn(runs: Mapping[str, RunConfig]) -> dict[str, float]:
    """Train several models one after the other; returns the seconds that each training took."""
    return {name: _train(config) for name, config in runs.items()}


def _train(config: RunConfig) -> float:
    began = time.perf_counter()
    train(config)
    return time.perf_counter() - began


def _watch(runs: Mapping[str, RunConfig], futures: Mapping[str, Future[float]], *, progress: bool) -> None:
    """Read how far the training runs are from what they write, until all are done or one has failed."""
    columns = (
        TextColumn("training {task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("epochs  {task.fields[state]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), disable=not (progress and has_terminal())) as bars:
        tasks = {
            name: bars.add_task(name, total=config.training.epochs, state="") for name, config in runs.items()
        }
        waiting = set(futures.values())
        while waiting:
            waiting = wait(waiting, timeout=_LOOK_EVERY).not_done
            for name, config in runs.items():
                epochs, state = _state(config.folder / METRICS)
                bars.update(tasks[name], completed=epochs, state=state)
                if futures[name].done():
                    bars.stop_task(tasks[name])


def _state(path: Path) -> tuple[int, str]:
    """Epochs done, and the accuracy after the last."""
    try:
        metrics: Metrics = read_metrics(path)
        epochs, values = metrics.series("val/accuracy")
    except ScaleGMNError:
        # Nothing has been written so far.
        return 0, ""
    return epochs[-1] + 1, f"accuracy {100 * values[-1]:.0f} %"
