"""Putting each network's own trigger into test images, and seeing what repaired networks make of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from scalegmn.errors import PopulationError
from scalegmn.networks import Architecture
from scalegmn.populations import Population
from scalegmn.trojans.making import PopulationImages, TrojanImages, trojan_figures
from scalegmn.trojans.repair._report import Repairs
from scalegmn.trojans.triggers import triggers_of

Thetas = Mapping[Architecture, Tensor]
"""Parameters ``(b, P)`` per architecture, in the order of their networks among some rows."""

_COLUMNS = ("number", "twin", "trigger", "target", "trojaned", "poisoned", "network")


def networks_of(population: Population, rows: np.ndarray) -> dict[Architecture, Tensor]:
    """The networks of some rows as they are."""
    return {architecture: theta for architecture, _, theta in population.groups(rows)}


def with_clean_twins(population: Population, rows: np.ndarray) -> np.ndarray:
    """The trojaned ones of some networks, and their clean twins, ``(2 k,)``: trojaned, clean, trojaned, ...

    Raises:
        PopulationError: the population does not say, or none of them is trojaned.
    """
    _check(population)
    trojaned = rows[population.column("trojaned")[rows].astype(bool)]
    if not len(trojaned):
        raise PopulationError(
            f"{population.folder}: none of the {len(rows)} networks asked for is trojaned, so there is "
            "nothing to repair; choose others"
        )
    places = {int(number): row for row, number in enumerate(population.column("number").tolist())}
    twins = [places[int(number)] for number in population.column("twin")[trojaned]]
    return np.stack([trojaned, np.array(twins)], axis=1).flatten()


def evaluate_repairs(
    population: Population, rows: np.ndarray, repaired: Thetas, images: TrojanImages | PopulationImages
) -> Repairs:
    """Figures of repaired networks, and of the same networks before; see :func:`evaluate_methods`."""
    return evaluate_methods(population, rows, [repaired], images)[0]


def evaluate_methods(
    population: Population,
    rows: np.ndarray,
    repairs: Sequence[Thetas],
    images: TrojanImages | PopulationImages,
) -> list[Repairs]:
    """Figures of several repairs of the same networks.

    Every network is evaluated on the test images, without and with the trigger of its pair; a clean twin
    with the trigger and the target of its sibling.

    Args:
        population: of twins.
        rows: indices of networks, trojaned ones and clean ones.
        repairs: their parameters after each repair.
        images: that the population was made with, or those of each network where it was joined.

    Raises:
        PopulationError: the population does not say what the triggers and the trojaned networks are, or a
            repair has other networks than `rows`.
    """
    _check(population)
    found = np.zeros((1 + len(repairs), len(rows), 3))
    for architecture, positions, theta in population.groups(rows):
        versions = [theta, *(_of(repair, architecture, theta, population) for repair in repairs)]
        stacked = torch.stack([version.detach().cpu().float() for version in versions], dim=1)
        for position, own in zip(positions.tolist(), stacked, strict=True):
            row = int(rows[position])
            found[:, position] = _judge(population, row, architecture, own, images.of(row))
    trojaned, groups = (population.column(name)[rows] for name in ("trojaned", "network"))
    return [Repairs(found[0], after, trojaned.astype(bool), groups) for after in found[1:]]


def _of(repair: Thetas, architecture: Architecture, like: Tensor, population: Population) -> Tensor:
    have = repair.get(architecture)
    if have is None or have.shape != like.shape:
        shape = None if have is None else tuple(have.shape)
        raise PopulationError(
            f"{population.folder}: the repair has networks {architecture.describe()} of shape "
            f"{shape}, expected {tuple(like.shape)}; give all networks of these rows, in the order of "
            "networks_of()"
        )
    return have


def _judge(
    population: Population, row: int, architecture: Architecture, theta: Tensor, images: TrojanImages
) -> np.ndarray:
    """C-Acc, ASR and RA of several versions ``(M, P)`` of one network, ``(M, 3)``."""
    (trigger,) = triggers_of(population, [row])
    figures = trojan_figures(
        architecture,
        theta,
        clean=images.test_inputs,
        triggered=images.with_trigger(trigger, "test"),
        labels=images.test_labels,
        target=int(population.column("target")[row]),
    )
    return torch.stack([figures.c_acc, figures.asr, figures.ra], dim=1).numpy()


def _check(population: Population) -> None:
    missing = [name for name in _COLUMNS if name not in population.columns]
    if missing:
        raise PopulationError(
            f"{population.folder}: has no columns {missing}, so repairs cannot be evaluated; give a "
            "population that `scalegmn make trojans` wrote"
        )
