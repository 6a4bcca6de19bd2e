"""The folder that a training leaves, and reading it again.

==================== ==================================================================
 config.yaml          the whole configuration, defaults included
 run.json             what the model must be fed with and what its predictions mean; versions
 networks.npy         numbers that name the networks of the training, and their splits
 metrics.csv          one row per epoch
 checkpoints/         best.ckpt and last.ckpt, to go on training
 model/               the best model: config.json and model.safetensors
 results.json         its figures on the test networks
 outputs.npy          what the best model returned about each test network, where it predicts
 confusion.npy        its confusion matrix there
 calibration.*        of a detector: what ``scalegmn scan`` must know (:mod:`scalegmn.trojans.detection`)
 reference.json       what predictions are compared with (:mod:`scalegmn.training._reference`)
 tensorboard/         event files
==================== ==================================================================
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from torch import Tensor

from scalegmn.configuration import format_value
from scalegmn.errors import ConfigurationError, GraphError, ScaleGMNError
from scalegmn.graph import GraphSpec
from scalegmn.models import EDITORS, PREDICTORS, Metanetwork, Predictor
from scalegmn.networks import Architecture, read_json
from scalegmn.networks.recognition import Recognizer
from scalegmn.registry import Registered
from scalegmn.shipped import located
from scalegmn.symmetry import canonicalize_sine_phase
from scalegmn.training._config import DataConfig, RunConfig
from scalegmn.training._files import write_json
from scalegmn.training._inference import outputs_of
from scalegmn.training._metanetworks import load_metanetwork
from scalegmn.training._parsing import parse_plain
from scalegmn.training._task import TASKS, AnyTask
from scalegmn.training._tasks import load_task

_LOG: Final = logging.getLogger(__name__)

FORMAT = 1
RUN = "run.json"
MODEL = "model"
CONFIG = "config.yaml"
RESULTS = "results.json"
METRICS = "metrics.csv"
CHECKPOINTS = "checkpoints"
BEST = "best.ckpt"
LAST = "last.ckpt"
OUTPUTS = "outputs"
"""Name of the array with what the best model returned about each test network, ``(n, outputs)``."""


@dataclass(frozen=True, eq=False)
class Run:
    """A finished training run: the model and what it takes to use it.

    Args:
        folder: where it lies; :meth:`open` reads it.
        model: the best model, in evaluation mode.
        task: what its outputs mean.
        architectures: of the networks it was trained on.
        canonicalize: whether phases of sine neurons are brought into one range first.
        data: how networks were chosen.
        facts: everything in ``run.json``.

    Shapes: :meth:`outputs` maps ``theta (N, P)`` to ``(N, outputs)``.

    Example:
        >>> import tempfile, torch
        >>> from pathlib import Path
        >>> from scalegmn import ModelConfig, Run, siren, train
        >>> from scalegmn.configuration import Sections
        >>> from scalegmn.populations import PopulationWriter
        >>> from scalegmn.training import DataConfig, LoggingConfig, RunConfig, TrainingConfig
        >>> folder, network, labels = Path(tempfile.mkdtemp()), siren(widths=(2, 6, 1)), torch.arange(48) % 2
        >>> theta = (1 + labels[:, None]) * (torch.rand(48, network.num_parameters) - 0.5)
        >>> with PopulationWriter(folder / "networks", provenance={"maker": "an example"}) as writer:
        ...     writer.append(network, theta, {"label": labels.numpy()})
        ...     writer.finish()
        >>> config = RunConfig(
        ...     data=DataConfig(population=folder / "networks", validation=0.25, test=0.25),
        ...     options=Sections({"model": ModelConfig(features=8, layers=1)}),
        ...     training=TrainingConfig(epochs=1),
        ...     logging=LoggingConfig(tensorboard=False, progress=False),
        ...     output=folder / "run",
        ... )
        >>> outcome = train(config)
        >>> run = Run.open(folder / "run")
        >>> run.model.name, run.architectures == (network,)
        ('scalegmn', True)
        >>> run.outputs(network, theta[:3]).shape
        torch.Size([3, 2])
    """

    folder: Path
    model: Metanetwork
    task: AnyTask
    architectures: tuple[Architecture, ...]
    canonicalize: bool
    data: DataConfig
    facts: dict[str, Any]

    @classmethod
    def open(cls, folder: str | Path) -> Run:
        """Read a run folder.

        Args:
            folder: that a training wrote, or the name of a model that comes with the library, such as
                ``scalegmn/trojan-detector``.

        Raises:
            ConfigurationError: it is none, or the training did not come to its end.
            CheckpointError: the weights are missing or damaged, or a file of the model that comes with the
                library was changed.
        """
        folder = located(folder)
        if not folder.is_dir():
            raise ConfigurationError(
                f"{folder}: there is no such run folder; give one that `scalegmn train` wrote, or a name "
                "of `scalegmn models`"
            )
        _LOG.debug("opening the run %s", folder)
        facts = read_json(folder / RUN, what="description of a run")
        if facts.get("format") != FORMAT:
            raise ConfigurationError(f"{folder / RUN}: has format {facts.get('format')!r}, expected {FORMAT}")
        if not (folder / MODEL).is_dir():
            raise ConfigurationError(
                f"{folder}: the training did not come to its end; run the same command with --resume"
            )
        _check_known(facts, folder / RUN)
        try:
            task = load_task(facts["task"])
            architectures = tuple(Architecture.from_dict(entry) for entry in facts["architectures"])
            if not architectures:
                raise ValueError("it names no architecture")
            data = parse_plain(DataConfig, facts["data"], origin=str(folder / RUN))
            model = load_metanetwork(folder / MODEL)
            if model.name != facts["metanetwork"]:
                raise ValueError(f"it holds {model.name} and says {facts['metanetwork']!r}")
            return cls(
                folder=folder,
                model=model,
                task=task,
                architectures=architectures,
                canonicalize=data.canonicalize,
                data=data,
                facts=facts,
            )
        except ScaleGMNError:
            raise
        except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise ConfigurationError(
                f"{folder / RUN}: damaged, {error!r}; restore it or train again"
            ) from error

    @property
    def predictor(self) -> Predictor:
        """The model, where it is one that predicts.

        Raises:
            ConfigurationError: it writes networks instead.
        """
        if not isinstance(self.model, Predictor):
            raise ConfigurationError(
                f"{self.folder}: its model writes networks and does not make predictions for them; "
                "use scalegmn edit"
            )
        return self.model

    def outputs(self, architecture: Architecture, theta: Tensor, *, batch_size: int = 256) -> Tensor:
        """Predictions ``(N, outputs)`` about networks ``theta (N, P)``, prepared as in training."""
        model = self.predictor
        self.check(architecture)
        if self.canonicalize:
            theta = canonicalize_sine_phase(architecture, theta)
        return outputs_of(model, architecture, theta, batch_size=batch_size)

    def check(self, architecture: Architecture) -> None:
        """Refuse networks that are too large for the model.

        Raises:
            GraphError: more inputs, outputs or hidden layers than it was made for.
        """
        if self.model.limits is not None:
            limits = dataclasses.asdict(self.model.limits)
            needed = dataclasses.asdict(GraphSpec.from_architectures([architecture]))
            over = [
                f"{needed[name]} {name} (at most {limits[name]})"
                for name in limits
                if needed[name] > limits[name]
            ]
            if over:
                raise GraphError(
                    f"{self.folder}: the model cannot read networks {architecture.describe()}, which have "
                    f"{', '.join(over)}; "
                    "train it on a population that holds such networks"
                )

    @cached_property
    def recognizer(self) -> Recognizer:
        """Recognizes networks of files among those of the training, and near them.

        Some tasks say nothing about others: what a detector was calibrated with says nothing about these.
        """
        return Recognizer(self.architectures, beyond=not self.task.only_known)

    def recognizer_with(self, own: Sequence[Architecture]) -> Recognizer:
        """The same, which knows other architectures as well."""
        if not own:
            return self.recognizer
        return Recognizer((*self.architectures, *own), beyond=not self.task.only_known)

    def outside_note(self, architecture: Architecture) -> str | None:
        """What is to be said of a network that is none of the training's; None of others."""
        return None if self.recognizer.knows(architecture) else self.recognizer.outside_note(architecture)


def _check_known(facts: Mapping[str, Any], path: Path) -> None:
    """Refuse a run whose task or model is not known here, and say where its class was found at the time.

    Raises:
        ConfigurationError: names it; nothing is imported because a run folder says so.
    """
    task, classes = facts.get("task"), facts.get("classes")
    names = {
        "task": (Registered(TASKS), task.get("name") if isinstance(task, dict) else None),
        "metanetwork": (Registered(PREDICTORS, EDITORS), facts.get("metanetwork")),
    }
    for what, (known, name) in names.items():
        if isinstance(name, str) and not known.admits(name):
            place = classes.get(what) if isinstance(classes, dict) else None
            then = "" if place is None else f"; when it was trained, this was the class {format_value(place)}"
            raise ConfigurationError(
                f"{path}: {what} is {format_value(name)}, expected {known.expected(name)}{then}"
            )


def checkpoint_to_resume(config: RunConfig) -> Path | None:
    """The checkpoint that a training goes on from; None where it begins."""
    last = config.folder / CHECKPOINTS / LAST
    return last if config.resume and last.is_file() else None


def write_run(folder: Path, facts: dict[str, Any]) -> None:
    """Write ``run.json``."""
    write_json(folder / RUN, {"format": FORMAT, **facts})
