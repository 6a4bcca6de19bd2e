"""Repairs of programs: channels are found in the graph, gains of batch norms count, statistics follow."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from scalegmn.alignment import program_of
from scalegmn.graph import GraphSpec
from scalegmn.models import ModelConfig, ScaleGMNEditor
from scalegmn.seeding import derive_seed, numpy_generator
from scalegmn.trojans.repair.defenses import (
    AdversarialNeuronPruning,
    ChannelLipschitz,
    EditorRepair,
    FinePruning,
    FineTuning,
    MeanDifference,
    RepairMethod,
    Tuning,
)
from scalegmn.trojans.repair.defenses._channel_lipschitz import channel_bounds
from scalegmn.trojans.repair.defenses._channels import Channels, channels_of
from scalegmn.trojans.repair.defenses._last_convolution import last_maps, mean_activation
from scalegmn.zoo.classifiers import ClassifierDesign
from tests.trojans.repair.defenses.cases import TANH
from tests.trojans.repair.defenses.test_channels import WIDE
from tests.trojans.repair.program_cases import (
    DESIGNS,
    NORMED,
    PLAIN,
    RESIDUAL,
    SIZE,
    clean_digits,
    module_of,
    program,
    program_twins,
    success,
)

NONE, SHORT = Tuning(epochs=0), Tuning(epochs=1, batch_size=16)
SHAPE = (1, SIZE, SIZE)
FIELDS = ("layer", "normed", "incoming", "outgoing", "factor", "shift", "divisor")


def owned(channels: Channels, field: str, design: ClassifierDesign) -> dict[str, torch.Tensor]:
    """Channels of those parameters that have one."""
    places = program(design).unflatten(getattr(channels, field)[None])
    return {name: value[0] for name, value in places.items() if (value < channels.count).any()}


def output_of(module: nn.Module, place: str, inputs: torch.Tensor) -> torch.Tensor:
    """What a part of a module writes."""
    seen: list[torch.Tensor] = []
    module.get_submodule(place).register_forward_hook(lambda _, __, output: seen.append(output))
    module(inputs)
    return seen[0].detach()


def difference() -> MeanDifference:
    method = MeanDifference(step=0.5)
    for design in DESIGNS:
        theta = program_twins(design)
        method = method.fit(program(design), theta[::2], theta[1::2])
    return method


@pytest.mark.parametrize("listed", [WIDE, TANH], ids=["grouped", "tanh"])
def test_a_list_of_layers_has_the_channels_of_its_program(listed: Architecture) -> None:
    found, expected = channels_of(program_of(listed, shape=SHAPE)), channels_of(listed)
    assert found.count > 0
    for field in FIELDS:
        assert torch.equal(getattr(found, field), getattr(expected, field)), field


def test_channels_with_norms_by_hand() -> None:
    channels = channels_of(program(NORMED))
    assert channels.layer.tolist() == [0] * 5 + [1] * 6 and channels.normed.all()
    first, second = torch.arange(5), torch.arange(5, 11)
    made = owned(channels, "incoming", NORMED)
    for stage, own in ((0, first), (3, second)):
        kernel = made.pop(f"stages.{stage}.weight")
        assert torch.equal(kernel, own[:, None, None, None].expand_as(kernel))
        for name in ("weight", "bias", "running_mean"):
            assert torch.equal(made.pop(f"stages.{stage + 1}.{name}"), own)
    assert not made
    read = owned(channels, "outgoing", NORMED)
    assert torch.equal(read.pop("head.weight"), second.expand(10, -1))
    assert torch.equal(read.pop("stages.3.weight")[2, :, 1, 1], first) and not read
    for field, name in (("factor", "weight"), ("shift", "bias"), ("divisor", "running_deviation")):
        found = owned(channels, field, NORMED)
        assert set(found) == {f"stages.1.{name}", f"stages.4.{name}"}
        assert torch.equal(found[f"stages.4.{name}"], second)


def test_what_sums_read_belongs_to_no_channel_alone() -> None:
    channels = channels_of(program(RESIDUAL))
    assert [one.name for one in channels.weights] == [
        "stem.weight",
        "blocks.0.first.weight",
        "blocks.0.second.weight",
        "blocks.1.first.weight",
        "blocks.1.second.weight",
        "blocks.1.shortcut.0.weight",
    ]
    assert set(owned(channels, "outgoing", RESIDUAL)) == {
        "blocks.0.first.weight",
        "blocks.0.second.weight",
        "blocks.1.second.weight",
    }


@pytest.mark.parametrize("number", [2, 4, 5, 10])
def test_a_channel_is_silent_and_the_others_are_as_they_were(number: int) -> None:
    """As if its norm gave 0 and nobody read it."""
    architecture, theta = program(NORMED), program_twins(NORMED)[:1]
    channels, inputs = channels_of(architecture), clean_digits().inputs
    gone = torch.zeros(1, channels.count, dtype=torch.bool)
    gone[0, number] = True
    state = {name: value.clone() for name, value in architecture.unflatten(theta).items()}
    stage, row = (0, number) if number < 5 else (3, number - 5)
    state[f"stages.{stage + 1}.weight"][:, row] = state[f"stages.{stage + 1}.bias"][:, row] = 0
    expected = architecture.run(architecture.flatten(state), inputs)
    torch.testing.assert_close(architecture.run(channels.prune(theta, gone), inputs), expected)
    assert not torch.allclose(expected, architecture.run(theta, inputs), atol=1e-3)


def test_a_contribution_to_a_sum_is_silent() -> None:
    architecture, theta = program(RESIDUAL), program_twins(RESIDUAL)[:1]
    channels, inputs = channels_of(architecture), clean_digits().inputs
    name = "blocks.1.second"
    own = [one.name for one in channels.weights].index(f"{name}.weight")
    gone = torch.zeros(1, channels.count, dtype=torch.bool)
    gone[0, torch.nonzero(channels.layer == own)[3]] = True
    state = {name: value.clone() for name, value in architecture.unflatten(theta).items()}
    state[f"{name}_norm.weight"][:, 3] = state[f"{name}_norm.bias"][:, 3] = 0
    expected = architecture.run(architecture.flatten(state), inputs)
    torch.testing.assert_close(architecture.run(channels.prune(theta, gone), inputs), expected)


def test_bounds_have_the_norm_folded_in() -> None:
    architecture, theta = program(NORMED), program_twins(NORMED).double()
    state, found = architecture.unflatten(theta), channel_bounds(architecture, theta)
    for stage, bounds in zip((0, 3), found, strict=True):
        factor = state[f"stages.{stage + 1}.weight"] / state[f"stages.{stage + 1}.running_deviation"]
        folded = (state[f"stages.{stage}.weight"] * factor[..., None, None, None]).numpy()
        for network, channel in np.ndindex(bounds.shape):
            kernel = folded[network, channel]
            expected = np.linalg.svd(kernel.reshape(len(kernel), -1), compute_uv=False)[0]
            assert float(bounds[network, channel]) == pytest.approx(expected)
    # A norm takes out a factor of its kernel, and so does the bound.
    scaled = {name: value.clone() for name, value in state.items()}
    for name in ("stages.0.weight", "stages.1.running_mean", "stages.1.running_deviation"):
        scaled[name] *= 100.0
    moved = architecture.flatten(scaled)
    for before, after in zip(found, channel_bounds(architecture, moved), strict=True):
        torch.testing.assert_close(before, after)


def test_masks_are_on_the_gains_alone() -> None:
    """One step without changes goes down the slope by gains, and nothing else is masked."""
    architecture, images = program(NORMED), clean_digits()
    # To a network that has learned something, every channel is of use.
    theta = program_twins(NORMED)[:2]
    head = architecture.parameter("head.weight")
    theta[:, head.start : head.stop] *= -1
    method = AdversarialNeuronPruning(
        count=len(images), budget=0.0, steps=1, batch_size=len(images), learning_rate=0.02
    )
    found = method.masks(architecture, theta, images, seed=0)
    for own, masks in zip(theta.double(), found, strict=True):
        gains = torch.ones(11, dtype=torch.float64, requires_grad=True)
        state = dict(architecture.unflatten(own))
        state["stages.1.weight"] = state["stages.1.weight"] * gains[:5]
        state["stages.4.weight"] = state["stages.4.weight"] * gains[5:]
        flat = torch.cat([state[one.name].flatten() for one in architecture.parameters])
        outputs = architecture.run(flat[None], images.inputs.double())[0]
        (slope,) = torch.autograd.grad(nn.functional.cross_entropy(outputs, images.labels), gains)
        expected = (1 - 0.02 * slope).clamp(0, 1).float()
        assert (expected < 1).any()
        torch.testing.assert_close(masks, expected, rtol=1e-4, atol=1e-5)


def test_the_last_maps_are_behind_norm_sum_and_activation() -> None:
    kernels = {design.family: last_maps(program(design), SHAPE).kernels for design in (NORMED, RESIDUAL)}
    assert kernels["cnn"] == {"stages.3.weight"}
    assert kernels["resnet"] == {"blocks.1.second.weight", "blocks.1.shortcut.0.weight"}
    for design, place in ((NORMED, "stages"), (RESIDUAL, "blocks"), (PLAIN, "stages.3")):
        module, theta, images = module_of(design), program_twins(design)[:1], clean_digits("test")
        module.load_state_dict(program(design).write_state(theta[0], like=module.state_dict()))
        expected = output_of(module, place, images.inputs).abs().mean(dim=(0, 2, 3))
        found = mean_activation(program(design), theta, images)
        torch.testing.assert_close(found[0], expected, rtol=1e-4, atol=1e-5)


def test_summed_channels_are_taken_out_together() -> None:
    architecture, theta = program(RESIDUAL), program_twins(RESIDUAL)
    channels, images = channels_of(architecture), clean_digits()
    gone = FinePruning(count=120, limit=1.0).gone(architecture, theta, images)
    names = [one.name for one in channels.weights]
    pair = [
        gone[:, channels.layer == names.index(f"blocks.1.{name}.weight")] for name in ("second", "shortcut.0")
    ]
    assert torch.equal(*pair) and pair[0].sum(dim=1).tolist() == [4] * 4
    assert gone.sum() == 2 * pair[0].sum()
    left = mean_activation(architecture, channels.prune(theta, gone), images)
    assert ((left == 0) == pair[0]).all()


@pytest.mark.parametrize("design", [NORMED, RESIDUAL], ids=lambda design: design.family)
def test_training_is_that_of_a_module(design: ClassifierDesign) -> None:
    """Statistics of mini-batches, and running ones that follow, for several steps, in double precision."""
    architecture, images = program(design), clean_digits()
    inputs, labels = images.inputs.double(), images.labels
    tuning = Tuning(epochs=2, batch_size=50, learning_rate=0.05, optimizer="sgd", l2=0.01)
    theta = program_twins(design)[:2].double()
    found = tuning.train(architecture, theta, type(images)(inputs, labels), seed=3)
    for own, trained in zip(theta, found, strict=True):
        module = module_of(design).double().train()
        like = {name: value.double() for name, value in module.state_dict().items()}
        module.load_state_dict(architecture.write_state(own, like=like))
        maps = [one for one in module.parameters() if one.ndim > 1]
        others = [one for one in module.parameters() if one.ndim == 1]
        for one in module.parameters():
            one.requires_grad_()
        optimizer = torch.optim.SGD([{"params": maps, "weight_decay": 0.02}, {"params": others}], lr=0.05)
        for epoch in range(2):
            order = numpy_generator(derive_seed(3, "fine-tuning"), "order", epoch).permutation(len(labels))
            for rows in torch.from_numpy(order).split(50):
                optimizer.zero_grad()
                nn.functional.cross_entropy(module(inputs[rows]), labels[rows]).backward()
                optimizer.step()
        expected = architecture.read_state(module.eval().state_dict())
        torch.testing.assert_close(trained, expected, rtol=1e-7, atol=1e-9)
        assert not torch.equal(trained, own)


def test_a_network_that_diverges_stays_and_the_others_learn() -> None:
    architecture, theta, images = program(NORMED), program_twins(NORMED)[:2], clean_digits()
    broken = theta.clone()
    broken[0, architecture.parameter("head.weight").start] = 2e4
    trained = SHORT.train(architecture, broken, images, seed=0)
    assert torch.equal(trained[0], broken[0]) and torch.isfinite(trained).all()
    alone = SHORT.train(architecture, theta[1:], images, seed=0)
    torch.testing.assert_close(trained[1:], alone, rtol=1e-4, atol=1e-5)
    assert not torch.equal(trained[1], broken[1])


@pytest.mark.slow
def test_tuning_learns_the_clean_images() -> None:
    architecture, theta, images = program(NORMED), program_twins(NORMED), clean_digits()
    tuned = FineTuning(count=120, tuning=Tuning(epochs=5, batch_size=20)).repair(
        architecture, theta, images=images, seed=0
    )
    gained = images.accuracy(architecture, tuned) - images.accuracy(architecture, theta)
    assert gained.mean() > 0.05


def test_a_mean_difference_keeps_deviations_positive() -> None:
    method = difference().stepping(1e6)
    for design in (NORMED, RESIDUAL):
        architecture = program(design)
        found = method.repair(architecture, program_twins(design), images=None, seed=0)
        assert architecture.positive is not None and (found[:, architecture.positive] > 0).all()


@pytest.mark.slow
def test_a_planted_trigger_loses_its_hold() -> None:
    theta = program_twins(NORMED)[::2]
    assert success(NORMED, theta).min() > 0.9
    method = AdversarialNeuronPruning(count=120, steps=30, batch_size=32, limit=0.3)
    repaired = method.repair(program(NORMED), theta, images=clean_digits(), seed=0)
    assert success(NORMED, repaired).mean() < success(NORMED, theta).mean() - 0.2


def methods() -> list[RepairMethod]:
    spec = GraphSpec.from_architectures([program(design) for design in DESIGNS])
    torch.default_generator.manual_seed(0)
    editor = ScaleGMNEditor(spec=spec, config=ModelConfig(features=8, layers=2, update_scale=0.1)).eval()
    return [
        FineTuning(count=16, tuning=SHORT),
        FinePruning(count=20, limit=0.5, tuning=NONE),
        AdversarialNeuronPruning(count=20, steps=1, batch_size=16, learning_rate=5.0, limit=1.0),
        difference(),
        ChannelLipschitz(deviations=0.8),
        EditorRepair(editor),
    ]


@pytest.mark.slow
@pytest.mark.parametrize("design", DESIGNS, ids=lambda design: design.label)
def test_programs_are_repaired_alone(design: ClassifierDesign, monkeypatch: pytest.MonkeyPatch) -> None:
    """Batched, in more than one block, as one by one; networks that were given stay."""
    architecture, images = program(design), clean_digits()
    theta = program_twins(design)[:3]
    before = theta.clone()
    for method in methods():
        monkeypatch.setattr(type(method), "together", 2)
        found = method.repair(architecture, theta, images=images, seed=3)
        assert torch.equal(theta, before), method.name
        assert found.shape == theta.shape and torch.isfinite(found).all(), method.name
        assert not torch.equal(found, theta), method.name
        positive = architecture.positive
        assert positive is None or (found[:, positive] > 0).all(), method.name
        alone = method.repair(architecture, theta[1:2], images=images, seed=3)
        torch.testing.assert_close(found[1:2], alone, rtol=1e-3, atol=1e-4, msg=method.name)
