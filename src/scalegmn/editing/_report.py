"""How close edited networks come to the edited images, beside networks that were left as they were."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from scalegmn.editing._image_error import ImageTargets, decibels, squared_errors
from scalegmn.errors import PopulationError
from scalegmn.metrics import bootstrap_interval
from scalegmn.training import Report, Table

SHOWN: Final = 8
"""Networks in the arrays of a report."""

PICTURES: Final = ("before", "target", "after")
"""Names of these arrays, in the order of a contact sheet."""

SHEET: Final = "contact_sheet.png"
"""The name of the picture in a run folder."""


def editing_report(outputs: Tensor, targets: ImageTargets, *, groups: np.ndarray | None = None) -> Report:
    """Mean squared error (also times 100, as published tables have it) with its 95 % bootstrap interval over
    networks, and the mean PSNR of single drawings; the same for no edit.

    The arrays `before`, `target` and `after`, ``(k, H, W[, C])``, show a few networks from the whole set;
    `errors`, ``(n, 2)``, are the squared errors of all networks before and after the edit.

    Args:
        outputs: what the edited networks draw, ``(n, H, W[, C])``.
        targets: edited images, and drawings before the edit.
        groups: ``(n,)``, which networks belong together, such as several fits of one image.

    Raises:
        PopulationError: there are no networks to evaluate.
    """
    if len(targets) == 0:
        raise PopulationError("there are no networks to evaluate; choose a split that has some")
    outputs, wanted, before = (
        images.detach().cpu().float() for images in (outputs, targets.edited, targets.before)
    )
    edited, unedited = squared_errors(outputs, wanted), squared_errors(before, wanted)
    summary: dict[str, Any] = {"networks": len(targets), **_figures(edited, groups)}
    summary["closer"] = float((edited < unedited).double().mean())
    summary["no_edit"] = _figures(unedited, groups)
    table = Table(
        "Drawings beside the edited images",
        ("networks", "MSE x 100", "95 % from", "to", "PSNR in dB"),
        (_row("edited", summary), _row("no edit", summary["no_edit"])),
    )
    shown = np.unique(np.linspace(0, len(targets) - 1, SHOWN).astype(np.int64))
    pictures = zip(PICTURES, (before, wanted, outputs), strict=True)
    arrays = {name: images[shown].numpy() for name, images in pictures}
    return Report(summary, (table,), {**arrays, "errors": torch.stack([unedited, edited], dim=1).numpy()})


def _figures(errors: Tensor, groups: np.ndarray | None) -> dict[str, Any]:
    values = errors.double().numpy()
    interval = bootstrap_interval(lambda rows: float(values[rows].mean()), count=len(values), groups=groups)
    return {
        "mse": float(values.mean()),
        "mse_x100": 100 * float(values.mean()),
        "mse_x100_interval_95": None if interval is None else [100 * end for end in interval],
        "psnr": float(decibels(errors.double()).mean()),
    }


def _row(name: str, figures: dict[str, Any]) -> tuple[str | int | float, ...]:
    return (name, figures["mse_x100"], *(figures["mse_x100_interval_95"] or ("", "")), figures["psnr"])
