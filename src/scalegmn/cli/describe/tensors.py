"""A checkpoint file, and a saved model."""

from __future__ import annotations

import math
from pathlib import Path

from scalegmn.checkpoints import DEFAULT_MAX_BYTES, Checkpoint, read_state
from scalegmn.checkpoints.worker import shared_reader
from scalegmn.cli.describe.statistics import PARAMETER_COLUMNS, facts_table, flat, parameter_row
from scalegmn.models import CONFIG_FILE, WEIGHTS_FILE
from scalegmn.networks import read_json
from scalegmn.reports import ResultTable


def describe_checkpoint(
    path: Path, *, key: str | None = None, max_bytes: int = DEFAULT_MAX_BYTES
) -> list[ResultTable]:
    """The tensors of a file, and what stands beside them.

    Raises:
        CheckpointError: it cannot be read safely.
    """
    checkpoint = read_state(path, key=key, max_bytes=max_bytes, reader=shared_reader())
    precision = sorted({str(dtype).removeprefix("torch.") for dtype in checkpoint.original_dtypes.values()})
    facts: dict[str, object] = {
        "tensors": len(checkpoint.tensors),
        "numbers": _numbers(checkpoint),
        "precision": ", ".join(precision),
        "lies under": None if checkpoint.key == "." else checkpoint.key,
        "buffers": ", ".join(checkpoint.buffers) or None,
        "left out": ", ".join(checkpoint.ignored) or None,
        "numbers not read": ", ".join(checkpoint.unread) or None,
        "called elsewhere": ", ".join(checkpoint.calls) or None,
        "notes": "; ".join(checkpoint.notes) or None,
        "checksum": checkpoint.sha256,
    }
    facts |= {f"entry {name!r}": value for name, value in checkpoint.extras.items()}
    return [facts_table(f"Checkpoint {path}", facts), _parameters(checkpoint)]


def describe_model(folder: Path) -> list[ResultTable]:
    """The options and the tensors of a saved metanetwork.

    Raises:
        ConfigurationError, CheckpointError: its files are missing or damaged.
    """
    config = read_json(folder / CONFIG_FILE, what="model configuration")
    checkpoint = read_state(folder / WEIGHTS_FILE)
    facts = {"numbers": _numbers(checkpoint), **flat(config)}
    return [facts_table(f"Saved model {folder}", facts), _parameters(checkpoint)]


def _numbers(checkpoint: Checkpoint) -> int:
    return sum(math.prod(tensor.shape) for tensor in checkpoint.tensors.values())


def _parameters(checkpoint: Checkpoint) -> ResultTable:
    rows = tuple(parameter_row(name, tuple(t.shape), t) for name, t in checkpoint.tensors.items())
    return ResultTable(PARAMETER_COLUMNS, rows, "Tensors")
