"""Applying a trained editor to checkpoint files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

import torch
from torch import Tensor

from scalegmn.checkpoints import write_like
from scalegmn.editing._applying import SHOWN, Pictures, TrainedEditor
from scalegmn.editing._drawing import check_siren
from scalegmn.errors import CheckpointError, ConfigurationError, DiskError, ScaleGMNError
from scalegmn.networks import Architecture
from scalegmn.networks.recognition import restated, stored_tensors
from scalegmn.training import NetworkFile, ReadingOptions, RefusedNetwork, read_network


@dataclass(frozen=True, eq=False)
class EditedFiles:
    """What :func:`edit_files` did.

    Attributes:
        written: the new files.
        refused: files that could not be edited, and why.
        pictures: of the first networks; None where none was edited.
        notes: files, and what had to be assumed to read them.
    """

    written: tuple[Path, ...]
    refused: tuple[RefusedNetwork, ...]
    pictures: Pictures | None
    notes: tuple[tuple[Path, str], ...] = ()


def edit_files(
    editor: TrainedEditor,
    paths: Sequence[Path],
    output: Path,
    *,
    as_file: bool = False,
    reading: ReadingOptions | None = None,
) -> EditedFiles:
    """Edit networks in checkpoint files and write new ones of the same names and formats.

    Parameters keep their names, their precision and the dictionaries that they lie in, and plain
    entries beside them, such as a label, are kept.  What cannot be read is refused and the rest is done.
    Where the model writes means of several networks, a new file holds one network of wider hidden layers,
    and what the old one says of its own architecture is said of that.

    Args:
        editor: of a run that was trained on networks of these architectures.
        paths: one network each.
        output: an existing folder that holds no file of these names; with `as_file`, the new file itself.
        as_file: whether `output` is the file to write.
        reading: what is known about the files, such as an activation that names and shapes leave open.

    Raises:
        DiskError: the operating system refuses to write.
    """
    targets = [output if as_file else output / path.name for path in paths]
    work = _Work(editor, [Path(path) for path in paths], targets, reading or ReadingOptions())
    read: dict[Architecture, list[tuple[int, NetworkFile]]] = {}
    for number in range(len(paths)):
        found = work.read(number)
        if found is not None:
            read.setdefault(found.architecture, []).append((number, found))
    for architecture, files in read.items():
        work.edit(architecture, files)
    return work.result()


@final
class _Work:
    """Files on their way from reading to writing."""

    def __init__(
        self, editor: TrainedEditor, paths: list[Path], targets: list[Path], reading: ReadingOptions
    ) -> None:
        self._editor, self._paths, self._targets, self._reading = editor, paths, targets, reading
        self._refused: dict[int, RefusedNetwork] = {}
        self._written: dict[int, Path] = {}
        self._notes: dict[int, tuple[str, ...]] = {}
        self._pictures: Pictures | None = None

    def read(self, number: int) -> NetworkFile | None:
        """The network of a file, or None where it was refused."""
        path, run = self._paths[number], self._editor.run
        try:
            if self._targets[number] in self._targets[:number]:
                raise CheckpointError(
                    f"{path}: an earlier file has the same name; edit it into another folder"
                )
            found = read_network(path, run.recognizer, options=self._reading)
            check_siren(found.architecture, origin=str(path))
            run.check(found.architecture)
        except ConfigurationError:
            # The options are wrong, not the file.
            raise
        except ScaleGMNError as error:
            self._refused[number] = RefusedNetwork(path, str(error))
            return None
        return found

    def edit(self, architecture: Architecture, files: Sequence[tuple[int, NetworkFile]]) -> None:
        """Edit networks of one architecture, and write them."""
        before = torch.stack([found.theta.double() for _, found in files])
        after = self._editor.edit(architecture, before)
        wide = self._editor.edited_architecture(architecture)
        good = []
        for place, (number, found) in enumerate(files):
            try:
                _write(self._targets[number], wide, after[place], found)
            except DiskError:
                # It would be the same for all that follow.
                raise
            except ScaleGMNError as error:
                self._refused[number] = RefusedNetwork(self._paths[number], str(error))
            else:
                self._written[number], self._notes[number] = self._targets[number], found.notes
                good.append(place)
        if self._pictures is None and good:
            shown = good[:SHOWN]
            self._pictures = self._editor.pictures(architecture, before[shown], after[shown])

    def result(self) -> EditedFiles:
        """Everything in the order of the files."""
        order = sorted(self._written)
        return EditedFiles(
            tuple(self._written[number] for number in order),
            tuple(self._refused[number] for number in sorted(self._refused)),
            self._pictures,
            tuple((self._paths[number], note) for number in order for note in self._notes[number]),
        )


def _write(path: Path, architecture: Architecture, theta: Tensor, found: NetworkFile) -> None:
    kept = stored_tensors(found.state, found.names, architecture.unflatten(theta))
    if not all(bool(torch.isfinite(tensor).all()) for tensor in kept.values()):
        raise CheckpointError(
            f"{found.path}: the edited network is not finite, so it was not written; look for huge parameters"
        )
    write_like(path, restated(found.state, found.architecture, architecture), kept)
