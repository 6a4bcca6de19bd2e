"""What holds for every repair."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import torch

import scalegmn.trojans.repair.defenses
from scalegmn.errors import ConfigurationError
from scalegmn.networks import Architecture
from scalegmn.trojans.repair.defenses import (
    AdversarialNeuronPruning,
    ChannelLipschitz,
    FinePruning,
    FineTuning,
    MeanDifference,
    NoRepair,
    RepairMethod,
    RepairSequence,
    Tuning,
)
from tests.trojans.repair.defenses.cases import ARCHITECTURE, TANH, clean_images, twins

SHORT = Tuning(epochs=1, batch_size=8)


def difference() -> MeanDifference:
    method = MeanDifference(step=0.5)
    for architecture in (ARCHITECTURE, TANH):
        theta = twins(architecture)
        method = method.fit(architecture, theta[::2], theta[1::2])
    return method


METHODS: list[tuple[RepairMethod, int]] = [
    (NoRepair(), 0),
    (FineTuning(count=20, tuning=SHORT), 20),
    (FinePruning(count=20, tuning=SHORT), 20),
    (AdversarialNeuronPruning(count=25, steps=3, batch_size=16, learning_rate=5.0, limit=1.0), 25),
    (difference(), 0),
    (ChannelLipschitz(deviations=1.0), 0),
    (RepairSequence(difference(), FineTuning(count=20, tuning=SHORT)), 20),
    (RepairSequence(NoRepair(), ChannelLipschitz()), 0),
]


@pytest.mark.parametrize("architecture", [ARCHITECTURE, TANH], ids=["relu", "tanh"])
@pytest.mark.parametrize(("method", "count"), METHODS, ids=lambda value: getattr(value, "name", ""))
def test_networks_are_repaired_alone(
    method: RepairMethod, count: int, architecture: Architecture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batched, in more than one block, as one by one; the same again; networks that were given stay."""
    assert (method.images, method.data_free) == (count, count == 0)
    images = clean_images() if count else None
    monkeypatch.setattr(RepairMethod, "together", 2)
    theta = twins(architecture)[:3]
    before = theta.clone()
    found = method.repair(architecture, theta, images=images, seed=3)
    assert torch.equal(theta, before)
    assert found.shape == theta.shape and found.dtype == torch.float32 and torch.isfinite(found).all()
    if not isinstance(method, NoRepair) and not method.name.startswith("no repair"):
        assert not torch.equal(found, theta)
    alone = [method.repair(architecture, own[None], images=images, seed=3) for own in theta]
    torch.testing.assert_close(found, torch.cat(alone), rtol=1e-4, atol=1e-5)
    assert torch.equal(method.repair(architecture, theta, images=images, seed=3), found)
    wide = method.repair(architecture, theta.double(), images=images, seed=3)
    assert torch.equal(wide, found)
    assert method.repair(architecture, theta[:0], images=images, seed=3).shape == (0, theta.shape[1])


@pytest.mark.parametrize(("method", "count"), METHODS[1:4], ids=lambda value: getattr(value, "name", ""))
def test_only_the_images_that_are_due_are_looked_at(method: RepairMethod, count: int) -> None:
    images, theta = clean_images(), twins()
    found = method.repair(ARCHITECTURE, theta, images=images, seed=0)
    own = images.draw(count, seed=0)
    others = torch.ones(len(images), dtype=torch.bool)
    order = [int((images.inputs == image).flatten(1).all(1).nonzero()[0, 0]) for image in own.inputs]
    others[order] = False
    images.inputs[others] = 100.0
    assert others.sum() == 60 - count
    assert torch.equal(method.repair(ARCHITECTURE, theta, images=images, seed=0), found)
    assert not torch.equal(method.repair(ARCHITECTURE, theta, images=images, seed=1), found)
    for few in (None, images.draw(count - 1, seed=0)):
        with pytest.raises(ConfigurationError, match=f"is given {count} clean images, but there are"):
            method.repair(ARCHITECTURE, theta, images=few, seed=0)


KNOWING = {"triggers", "making", "populations", "_scenes"}
"""Modules of the library that know triggers, targets, or which networks are trojaned."""


DEFENSES = sorted(Path(scalegmn.trojans.repair.defenses.__path__[0]).glob("_[a-z]*.py"))


@pytest.mark.parametrize("path", DEFENSES, ids=lambda path: path.stem)
def test_no_repair_can_see_a_trigger(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert not KNOWING & set((node.module or "").split("."))
