"""Repairs of networks that are no list of layers: with batch norm, residual, and mixed with others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from scalegmn.graph import GraphSpec, NetworkBatch
from scalegmn.models import ModelConfig, ScaleGMNEditor, Symmetry
from scalegmn.networks import Activation, cnn
from scalegmn.programs import run_programs
from scalegmn.seeding import generator
from scalegmn.symmetry.discovery import symmetry_group
from scalegmn.testing import randomize
from scalegmn.training import NetworkDataset, outputs_on
from scalegmn.trojans.making import NO_TARGET, Preparation, TrojanImages
from scalegmn.trojans.repair import LabeledImages, RepairConfig, TrojanRepair
from scalegmn.trojans.repair._scenes import AttackScene, RepairImages, evaluate_networks
from scalegmn.zoo.classifiers import ClassifierDesign
from scalegmn.zoo.cnns import network_inputs
from tests.trojans.repair.program_cases import (
    CLASSES,
    DESIGNS,
    NORMED,
    RESIDUAL,
    TARGET,
    TRIGGER,
    digit_pixels,
    program,
    program_population,
    program_twins,
)

LAYERED = cnn(channels=(1, 4, 5), classes=CLASSES, activations=[Activation("relu")] * 2)
EXACT = 1e-9
# Far above rounding, far below what moves.
VISIBLE = 1e-3


def images_of() -> RepairImages:
    train, test = digit_pixels("train"), digit_pixels("test")
    source = TrojanImages(
        pixels={"train": train[0], "test": test[0]},
        labels={"train": train[1], "test": test[1]},
        preparation=Preparation(grayscale=True, image_size=None),
        source="digits",
    )
    return RepairImages.from_trojan_images(source, validation=20)


def mixed(target: int) -> tuple[NetworkBatch, list[AttackScene]]:
    """Programs and a list of layers in one batch."""
    parts = [(program(design), program_twins(design)[:2].double()) for design in DESIGNS]
    listed = torch.randn(1, LAYERED.num_parameters, generator=generator(0), dtype=torch.float64)
    batch = NetworkBatch((*parts, (LAYERED, 0.3 * listed)), torch.arange(7))
    return batch, [AttackScene(images_of(), TRIGGER, target)] * 7


def editor(designs: tuple[ClassifierDesign, ...] = DESIGNS, **options: object) -> ScaleGMNEditor:
    spec = GraphSpec.from_architectures([*(program(design) for design in designs), LAYERED])
    model = ScaleGMNEditor(spec=spec, config=ModelConfig(features=8, layers=2, **options))  # type: ignore[arg-type]
    return randomize(model, generator=generator(0, "editor")).double().eval()


@pytest.mark.parametrize("target", [TARGET, NO_TARGET])
def test_losses_and_figures_by_hand(target: int) -> None:
    batch, scenes = mixed(target)
    pixels, labels = digit_pixels("test")
    pixels = pixels.double()
    with torch.no_grad():
        found = evaluate_networks(batch, scenes, LabeledImages(pixels, labels))
    place = 0
    wanted = (labels + 1) % CLASSES if target == NO_TARGET else torch.full_like(labels, target)
    others = labels != wanted
    assert int((~others).sum()) == (0 if target == NO_TARGET else int((labels == target).sum()))
    for architecture, theta in batch.parts:
        for own in theta:
            clean, bad = (
                architecture.run(own[None], network_inputs(images))[0]
                for images in (pixels, TRIGGER.apply(pixels))
            )
            answers = bad.argmax(1)
            expected = {
                "clean_loss": cross_entropy(clean, labels),
                "triggered_loss": cross_entropy(bad, labels),
                "c_acc": (clean.argmax(1) == labels).double().mean(),
                "asr": (answers == wanted)[others].double().mean(),
                "ra": (answers == labels)[others].double().mean(),
            }
            for name, value in expected.items():
                torch.testing.assert_close(getattr(found, name)[place], value)
            place += 1


@pytest.mark.slow
@pytest.mark.parametrize("design", [NORMED, RESIDUAL], ids=lambda design: design.family)
def test_a_moved_network_gets_the_moved_repair(design: ClassifierDesign) -> None:
    """Channels permuted, kernels, statistics and gains scaled: the repair moves along, deviations too."""
    architecture, theta = program(design), program_twins(design)[0].double()
    element = symmetry_group(architecture.program).random(generator(3), spread=2.0)

    def moved(networks: torch.Tensor) -> torch.Tensor:
        return architecture.flatten(element.apply(architecture.unflatten(networks)), origin="moved")

    there = moved(theta)
    inputs = network_inputs(digit_pixels("test")[0][:4]).double()
    torch.testing.assert_close(
        architecture.run(there[None], inputs), architecture.run(theta[None], inputs), rtol=0, atol=1e-9
    )

    def apart(model: ScaleGMNEditor) -> float:
        with torch.no_grad():
            batch = NetworkBatch.from_parameters(architecture, torch.stack([theta, there]))
            repaired = model.edit(batch).single[1]
        assert architecture.positive is not None
        assert (repaired[:, architecture.positive] > 0).all()
        changes = (repaired - torch.stack([theta, there]))[:, architecture.positive]
        assert (changes != 0).all(), "deviations are repaired as well"
        return float(((moved(repaired[0]) - repaired[1]).abs() / (1e-6 + repaired[1].abs())).max())

    assert apart(editor((design,), update_scale=0.5)) < EXACT
    assert apart(editor((design,), update_scale=0.5, symmetry=Symmetry.permutation)) > VISIBLE


def test_deviations_stay_above_zero_whatever_a_model_says() -> None:
    architecture, theta = program(NORMED), program_twins(NORMED).double()
    for scale in (-1e4, 1e4):
        model = editor((NORMED,))
        with torch.no_grad():
            model.weight_scale.fill_(scale)
            edited = model.edit(NetworkBatch.from_parameters(architecture, theta)).single[1]
        assert architecture.positive is not None
        assert (edited[:, architecture.positive] > 0).all()
        assert not torch.equal(edited, theta)


@pytest.mark.slow
def test_losses_of_a_mixed_batch_fall(tmp_path: Path) -> None:
    population = program_population(tmp_path / "twins")
    task = TrojanRepair.from_population(population, config=RepairConfig(images=24, validation_images=40))
    rows = np.arange(len(population))
    networks = NetworkDataset(
        population=population,
        rows=rows,
        targets=task.targets(population, rows),
        canonicalize=False,
        memory_limit=2.0**30,
    )
    batch = networks[rows]
    assert len(batch.parts) == len(DESIGNS)
    torch.default_generator.manual_seed(0)
    spec = GraphSpec.from_architectures(population.architectures)
    model = ScaleGMNEditor(spec=spec, config=ModelConfig(features=8, layers=2, update_scale=0.1))
    model.fit_scale(batch)
    before, targets = outputs_on(task, model, networks)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(20):
        optimizer.zero_grad()
        assert batch.targets is not None
        task.loss(task.predict(model.train(), batch), batch.targets).backward()
        optimizer.step()
    after, _ = outputs_on(task, model, networks)
    assert task.loss(after, targets) < 0.9 * task.loss(before, targets)
    assert task.report(after, targets).summary["asr"] < task.report(before, targets).summary["asr"] - 0.1


@pytest.mark.slow
def test_figures_before_are_those_of_the_program() -> None:
    """The cases know their digits and their trigger."""
    for design in DESIGNS:
        pixels, labels = digit_pixels("test")
        state = program(design).unflatten(program_twins(design))
        answers = torch.stack(
            [
                run_programs(program(design).program, state, [network_inputs(image)])[0][:, 0].argmax(1)
                for image in TRIGGER.apply(pixels).split(1)
            ],
            dim=1,
        )
        hits = (answers == TARGET)[:, labels != TARGET].double().mean(1)
        assert hits[::2].min() > 0.8 and hits[1::2].max() < 0.2
