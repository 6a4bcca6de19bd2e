"""Checkpoints of a training: written in one step, and read without running what they hold."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, Final, final

import torch
from lightning.pytorch.plugins import CheckpointIO

from scalegmn.checkpoints import read_values
from scalegmn.disk import make_folder, replace_file
from scalegmn.errors import CheckpointError

# As large as a training on this machine could have written.
_MOST_BYTES: Final = 2**35


@final
class PlainCheckpointIO(CheckpointIO):
    """A kill at any moment leaves the old checkpoint or the new one, never half of one."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        content = io.BytesIO()
        torch.save(checkpoint, content)
        make_folder(Path(path).parent)
        replace_file(path, content.getvalue())

    def load_checkpoint(
        self, path: Any, map_location: Any = "cpu", weights_only: Any = True
    ) -> dict[str, Any]:
        return read_checkpoint(Path(path))

    def remove_checkpoint(self, path: Any) -> None:
        Path(path).unlink(missing_ok=True)


def read_checkpoint(path: Path) -> dict[str, Any]:
    """The content of a checkpoint: tensors and plain values; nothing in the file runs.

    Raises:
        CheckpointError: missing, damaged, or it would run code.
    """
    try:
        checkpoint = read_values(path, max_bytes=_MOST_BYTES)
    except CheckpointError as error:
        raise CheckpointError(
            f"{path}: not a readable checkpoint of a training ({error}); train again in another folder"
        ) from error
    if not isinstance(checkpoint, dict) or "state_dict" not in checkpoint:
        raise CheckpointError(f"{path}: expected a checkpoint of a training, with an entry 'state_dict'")
    return checkpoint
