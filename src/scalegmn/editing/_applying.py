"""A trained editor, and applying it to populations; :mod:`scalegmn.editing._files` is for files."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

import numpy as np
from torch import Tensor

from scalegmn.editing._drawing import check_siren
from scalegmn.editing._task import InrEditing, Target
from scalegmn.editing.edits import edit_names
from scalegmn.errors import ConfigurationError, PopulationError, ScaleGMNError
from scalegmn.graph import NetworkBatch
from scalegmn.models import WEIGHTS_FILE, Editor
from scalegmn.networks import Architecture
from scalegmn.populations import (
    ARCHITECTURE_COLUMN,
    Population,
    PopulationWriter,
    sha256,
    write_changed,
)
from scalegmn.symmetry import canonicalize_sine_phase
from scalegmn.training import MODEL, Run, device_called, edited_by

SHOWN: Final = 8
"""Networks on a contact sheet."""
_SHARD: Final = 2000


@dataclass(frozen=True, eq=False)
class Pictures:
    """What a few networks draw.

    Attributes:
        before, after: drawings ``(k, H, W[, C])``.
        target: edited images, or None where the edit is not known here.
        reference: what `target` is made from, in words.
    """

    before: np.ndarray
    target: np.ndarray | None
    after: np.ndarray
    reference: str


@dataclass(frozen=True, eq=False)
class EditedPopulation:
    """What :func:`edit_population` did.

    Attributes:
        folder: of the new population.
        networks: how many it holds.
        pictures: of a few networks.
    """

    folder: Path
    networks: int
    pictures: Pictures


@final
class TrainedEditor:
    """The editor of a run, ready to be used.

    Args:
        run: of a training for the task ``inr_editing``.
        device: where to compute, such as ``cpu`` or ``cuda:1``; by default a GPU if there is one.
        batch_size: networks at a time.

    Raises:
        ConfigurationError: the model of the run does not write networks, or there is no such device.
    """

    def __init__(self, run: Run, *, device: str | None = None, batch_size: int = 64) -> None:
        if not isinstance(run.model, Editor) or not isinstance(run.task, InrEditing):
            raise ConfigurationError(
                f"{run.folder}: its model predicts questions about networks and does not write them; use "
                "scalegmn predict, or train with task: inr_editing"
            )
        self.run, self.task, self.batch_size = run, run.task, batch_size
        self._model: Editor = copy.deepcopy(run.model).to(device_called(device))

    def edit(self, architecture: Architecture, theta: Tensor) -> Tensor:
        """Edited networks ``(N, P)``, on the CPU, in the precision of `theta`.

        They are of the architecture :meth:`edited_architecture`.  Phases of sine neurons are brought into one
        range first, if the training did so.

        Raises:
            GraphError: the model cannot read such networks.
            ArchitectureError: they draw no images.
        """
        self.run.check(architecture)
        check_siren(architecture)
        if self.run.canonicalize:
            theta = canonicalize_sine_phase(architecture, theta)
        return edited_by(self._model, architecture, theta, batch_size=self.batch_size)

    def edited_architecture(self, architecture: Architecture) -> Architecture:
        """The architecture of edited networks: a wider one where the model writes means of several.

        Raises:
            ArchitectureError: such networks cannot be averaged in one.
        """
        return self._model.edited_architecture(architecture)

    def pictures(
        self, architecture: Architecture, before: Tensor, after: Tensor, *, target: np.ndarray | None = None
    ) -> Pictures:
        """What networks ``(k, P)`` draw before and after; `target` is by default an edit of the former."""
        pairs = ((architecture, before), (self.edited_architecture(architecture), after))
        drawn = [
            self.task.draw(NetworkBatch.from_parameters(network, theta.float())).numpy()
            for network, theta in pairs
        ]
        true = target is not None and self.task.config.target is Target.image
        reference = "the edited true images" if true else "edits of what the networks drew"
        if target is None and self.task.config.edit in edit_names():
            target = self.task.edit(drawn[0].clip(0, 1))
        return Pictures(drawn[0], target, drawn[1], reference)


def edit_population(
    editor: TrainedEditor,
    population: Population,
    folder: Path,
    *,
    resume: bool = False,
    progress: bool = True,
) -> EditedPopulation:
    """Write a new population of edited networks, which keep their numbers and metadata.

    Columns that say how well a network draws its image (`mse`, `psnr`) are still those of the network before.

    Args:
        editor: of a run that was trained on networks like these.
        population: to be edited.
        folder: of the new population.
        resume: continue an interrupted call with the same arguments.
        progress: show a progress bar on the standard error stream.

    Raises:
        PopulationError: the folder is in use or holds something else, there are no networks, or they were
            fitted to images of another size than those that the editor was trained on.
        GraphError: the model cannot read such networks.
        ArchitectureError: there are networks that are no sine networks of two coordinates.
    """
    if not len(population):
        raise PopulationError(f"{population.folder}: holds no networks to edit")
    editor.task.check_size(population)
    for architecture in population.architectures:
        check_siren(architecture, origin=str(population.folder))
        editor.run.check(architecture)
    provenance = {
        "maker": "edit_population",
        "run": editor.run.folder.name,
        "model_sha256": sha256((editor.run.folder / MODEL / WEIGHTS_FILE).read_bytes()),
        "task": editor.task.to_config(),
        "source_checksum": population.checksum,
        "source": dict(population.provenance),
    }
    with PopulationWriter(folder, provenance=provenance, resume=resume) as writer:
        write_changed(
            writer,
            population,
            lambda kind, theta: (editor.edited_architecture(kind), editor.edit(kind, theta)),
            shard_size=_SHARD,
            doing="editing",
            progress=progress,
        )
    return EditedPopulation(
        writer.folder, len(writer), _of_population(editor, population, Population.open(folder))
    )


def _of_population(editor: TrainedEditor, population: Population, edited: Population) -> Pictures:
    """Pictures of a few networks that share an architecture."""
    owner = population.column(ARCHITECTURE_COLUMN)
    alike = np.flatnonzero(owner == owner[0])
    rows = alike[np.unique(np.linspace(0, len(alike) - 1, SHOWN).astype(np.int64))]
    architecture = population.architectures[owner[0]]
    try:
        target = editor.task.targets(population, rows).edited.numpy()
    except ScaleGMNError:
        # The true images are not at hand, or never were; what the networks drew always is.
        target = None
    return editor.pictures(architecture, population.theta(rows), edited.theta(rows), target=target)
