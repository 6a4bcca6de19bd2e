"""What the predictions of a trained model are compared with: its errors on validation networks, and how large
the parameters of its training networks are.

Measured when a training ends.  The best epoch was chosen on the same validation networks, so errors on them
are slightly too small.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from scalegmn.configuration import Sections
from scalegmn.disk import file_sha256
from scalegmn.errors import ConfigurationError, ScaleGMNError
from scalegmn.models import WEIGHTS_FILE, Predictor
from scalegmn.networks import read_json
from scalegmn.seeding import numpy_generator
from scalegmn.training._data import NetworkDataset
from scalegmn.training._files import write_json
from scalegmn.training._finished import FinishedTraining
from scalegmn.training._inference import outputs_on
from scalegmn.training._run_folder import MODEL, Run
from scalegmn.training._selection import groups_among, select
from scalegmn.training._sizes import OF_SET, SETS, ParameterSizes
from scalegmn.training._task import AnyTask
from scalegmn.training._task_kinds import NumberTask

FORMAT: Final = 1
REFERENCE: Final = "reference.json"

FAR: Final = 10.0
"""Parameters so many times as large, or small, as those of training networks are said to be far outside."""

HOPELESS: Final = 1000.0
"""About a network whose parameters are so many times as large there is no prediction."""

_SAMPLE: Final = 512
_QUANTILES: Final = (0.01, 0.99)
_WORDS: Final = ("weights", "biases")


@final
@dataclass(frozen=True)
class Remark:
    """What is to be known about a prediction.

    Attributes:
        text: in words.
        hopeless: whether the prediction means nothing.
    """

    text: str
    hopeless: bool


@final
@dataclass(frozen=True, eq=False)
class Reference:
    """What was measured.

    Attributes:
        errors: of the predictions for validation networks, ascending, ``(n,)``, in the unit of the column
            or of its logarithm: one network of each group that stays together.  None for tasks that predict
            no number.
        low, high: how small and large parameters of training networks are, ``(layers, 4)``, see
            :class:`ParameterSizes`.
        model_sha256: checksum of the weights of the model.
    """

    errors: np.ndarray | None
    low: np.ndarray
    high: np.ndarray
    model_sha256: str

    def save(self, folder: Path) -> None:
        """Write ``reference.json``."""
        errors = (
            None if self.errors is None else [e if np.isfinite(e) else None for e in self.errors.tolist()]
        )
        sizes = {"low": self.low.tolist(), "high": self.high.tolist()}
        data = {"format": FORMAT, "model_sha256": self.model_sha256, "errors": errors, "sizes": sizes}
        write_json(folder / REFERENCE, data)

    @classmethod
    def load(cls, folder: Path) -> Reference:
        """Read what :meth:`save` wrote.

        Raises:
            ConfigurationError: it is missing, damaged, of another format, or of another model.
        """
        path = folder / REFERENCE
        data = read_json(path, what="reference of a run")
        if data.get("format") != FORMAT:
            raise ConfigurationError(f"{path}: has format {data.get('format')!r}, expected {FORMAT}")
        own = file_sha256(folder / MODEL / WEIGHTS_FILE)
        if data.get("model_sha256") != own:
            raise ConfigurationError(f"{path}: belongs to another model than the one beside it; train again")
        try:
            errors = data["errors"]
            return cls(
                None if errors is None else np.sort([np.inf if e is None else float(e) for e in errors]),
                _table(data["sizes"]["low"]),
                _table(data["sizes"]["high"]),
                own,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigurationError(f"{path}: damaged, {error!r}; restore it or train again") from error

    def remarks(self, sizes: Float[Tensor, "B layers 4"]) -> list[Remark | None]:
        """For each network, whether its parameters are far outside the range of the training networks."""
        values = sizes.double().numpy()
        # Layers that a network lacks have parameters of size 0.
        times = np.divide(values, self.high, out=np.ones_like(values), where=self.high > 0)
        small = (values > 0) & (values < self.low / FAR)
        return [
            self._remark(own, ratio, below) for own, ratio, below in zip(values, times, small, strict=True)
        ]

    def _remark(self, own: np.ndarray, times: np.ndarray, small: np.ndarray) -> Remark | None:
        large = ~(times <= FAR)
        if not (large | small).any():
            return None
        above = bool(large.any())
        layer, column = (int(place[0]) for place in np.nonzero(large if above else small))
        nearest = (self.high if above else self.low)[layer, column]
        text = (
            "its parameters are far outside of what the model was trained on: the "
            f"{_WORDS[column // 2]} of layer {layer + 1} have a size of {own[layer, column]:.3g}, those "
            f"of training networks {'at most' if above else 'at least'} {nearest:.3g}"
        )
        return Remark(text, hopeless=bool((~(times <= HOPELESS)).any()))


def measure_reference(training: FinishedTraining, *, task: AnyTask) -> Reference:
    """Measure what :class:`Reference` holds.

    Where networks of validation belong together, as checkpoints of one training do, their errors are not
    independent: one of each group counts, drawn at random.
    """
    errors, train, size = None, training.train, training.batch_size
    if isinstance(task, NumberTask):
        outputs, targets = outputs_on(task, training.model, training.val, batch_size=size)
        errors = task.errors(outputs, targets)[_one_of_each(training.groups, len(targets))]
        errors = np.sort(np.where(np.isfinite(errors), errors, np.inf))
    chosen = np.sort(numpy_generator(0, "reference").permutation(len(train))[:_SAMPLE])
    sizes = ParameterSizes(training.architectures)
    parts = [sizes.of(train[chosen[start : start + size]]) for start in range(0, len(chosen), size)]
    low, high = np.quantile(torch.cat(parts).numpy(), _QUANTILES, axis=0)
    # A size of 0 is not compared with.
    low, high = (np.where(np.isfinite(size), size, 0.0) for size in (low, high))
    return Reference(errors, low, high, file_sha256(training.folder / MODEL / WEIGHTS_FILE))


def write_reference(training: FinishedTraining, *, task: AnyTask) -> None:
    """Measure at the end of a training, and write ``reference.json``; nothing for editors."""
    if isinstance(training.model, Predictor):
        measure_reference(training, task=task).save(training.folder)


def reference_of(run: Run) -> tuple[Reference | None, str | None]:
    """The reference of a run: as the training left it, or measured now where an older version left none.

    Returns:
        The reference, and why there is none.
    """
    try:
        if (run.folder / REFERENCE).is_file():
            found = Reference.load(run.folder)
            layers = ParameterSizes(run.architectures).layers
            if not len(found.low) == len(found.high) == layers:
                raise ConfigurationError(
                    f"{run.folder / REFERENCE}: damaged, it has the sizes of {len(found.low)} and "
                    f"{len(found.high)} layers instead of {layers}; restore it or train again"
                )
            return found, None
        return _measured_now(run), None
    except ScaleGMNError as error:
        return None, str(error)


def _measured_now(run: Run) -> Reference:
    stated: Mapping[str, Any] = run.facts.get("populations", {}).get("population", {})
    selection = select(run.data)
    if selection.population.checksum != stated.get("checksum"):
        raise ConfigurationError(
            f"{run.folder}: has no {REFERENCE}, and {run.data.population} is another population than that of "
            "the training; train again"
        )

    def networks(rows: np.ndarray) -> NetworkDataset:
        targets = run.task.targets(selection.population, rows)
        return NetworkDataset(
            population=selection.population,
            rows=rows,
            targets=targets,
            canonicalize=run.canonicalize,
            memory_limit=0.0,
        )

    training = FinishedTraining(
        folder=run.folder,
        options=Sections(),
        model=run.predictor,
        train=networks(selection.train),
        val=networks(selection.val),
        groups=groups_among(selection.population, selection.val, run.data),
        architectures=run.architectures,
        batch_size=run.data.evaluation_batch_size,
    )
    return measure_reference(training, task=run.task)


def _one_of_each(groups: np.ndarray | None, count: int) -> np.ndarray:
    """Numbers of networks of which no two belong together, in ascending order."""
    if groups is None:
        return np.arange(count)
    order = numpy_generator(0, "one of each").permutation(count)
    _, first = np.unique(groups[order], return_index=True)
    return np.sort(order[first])


def _table(values: object) -> np.ndarray:
    found = np.asarray(values, np.float64)
    if found.ndim != 2 or found.shape[1] != len(SETS) * len(OF_SET) or not np.isfinite(found).all():
        raise ValueError(f"sizes have the shape {found.shape}")
    return found
