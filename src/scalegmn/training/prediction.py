"""What a trained model says about single checkpoint files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from scalegmn.errors import ScaleGMNError
from scalegmn.networks.architecture import Architecture
from scalegmn.training.reading import ReadingOptions, read_network
from scalegmn.training.run_folder import Run


@dataclass(frozen=True)
class Prediction:
    """The answer about one file.

    Attributes:
        path: of the file.
        answer: what it says (:meth:`scalegmn.tasks.task.Task.describe`), the most important entry first.
    """

    path: Path
    answer: Mapping[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Plain data, fit for JSON."""
        return {"file": str(self.path), **self.answer}


@dataclass(frozen=True)
class Refusal:
    """Why there is no answer about a file."""

    path: Path
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """Plain data, fit for JSON."""
        return {"file": str(self.path), "error": self.reason}


def predict_files(run: Run, paths: Sequence[Path]) -> list[Prediction | Refusal]:
    """Answers in the order of `paths`; what cannot be read is refused and the rest is done."""
    answers: dict[int, Prediction | Refusal] = {}
    read: dict[Architecture, list[tuple[int, Tensor]]] = {}
    for number, path in enumerate(paths):
        try:
            found = read_network(path, run.recognizer, options=ReadingOptions(), dtype=torch.float32)
            architecture, theta = found.architecture, found.theta
        except ScaleGMNError as error:
            answers[number] = Refusal(path, str(error))
        else:
            read.setdefault(architecture, []).append((number, theta))
    for architecture, files in read.items():
        outputs = run.outputs(architecture, torch.stack([theta for _, theta in files]))
        for (number, _), answer in zip(files, run.task.describe(outputs), strict=True):
            answers[number] = Prediction(paths[number], answer)
    return [answers[number] for number in range(len(paths))]
