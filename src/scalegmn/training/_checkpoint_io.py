"""Checkpoints of a training: written in one step, and read without running what they hold."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, final

import torch
from lightning.pytorch.plugins import CheckpointIO

from scalegmn.checkpoints import read_values
from scalegmn.disk import make_folder, replace_file
from scalegmn.errors import CheckpointError, ScaleGMNError

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
        # Lightning knows folders by their real paths; run folders are often given relative to this one.
        return _moved(read_checkpoint(Path(path)), Path(os.path.realpath(Path(path).parent)))

    def remove_checkpoint(self, path: Any) -> None:
        Path(path).unlink(missing_ok=True)


def _moved(checkpoint: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The checkpoint as if it had been written in `folder`.

    A run folder may have been renamed since.  Lightning would forget its best epoch, and take a later and
    worse one for it.
    """
    callbacks = checkpoint.get("callbacks")
    for state in callbacks.values() if isinstance(callbacks, dict) else ():
        if isinstance(state, dict) and "dirpath" in state:
            state["dirpath"] = str(folder)
            for name in ("best_model_path", "kth_best_model_path", "last_model_path"):
                if isinstance(state.get(name), str) and state[name]:
                    state[name] = str(folder / Path(state[name]).name)
            if isinstance(state.get("best_k_models"), dict):
                state["best_k_models"] = {
                    str(folder / Path(str(path)).name): score
                    for path, score in state["best_k_models"].items()
                }
    return checkpoint


@contextlib.contextmanager
def restoring(path: Path, *, done: Callable[[], bool]) -> Iterator[None]:
    """Explain what goes wrong while a training is brought back to where it was.

    Args:
        path: of the checkpoint.
        done: whether the training goes on; later errors are left as they are.

    Raises:
        CheckpointError: the checkpoint is not one of this training, or is damaged.
    """
    try:
        yield
    except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
        if done() or isinstance(error, ScaleGMNError):
            raise
        first = (str(error).splitlines() or [""])[0][:100]
        raise CheckpointError(
            f"{path}: the training cannot go on from it ({type(error).__name__}: {first}); train again in "
            "another folder"
        ) from error


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
