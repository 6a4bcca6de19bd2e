from __future__ import annotations

import dataclasses
from collections import Counter

import pytest
import torch

from scalegmn.errors import ConfigurationError
from scalegmn.programs import ProgramArchitecture
from scalegmn.zoo.classifiers import (
    MODERN_DESIGNS,
    TROJAN_DESIGNS,
    ClassifierDesign,
    ConvolutionalDesign,
    ResidualDesign,
    TransformerDesign,
)
from scalegmn.zoo.classifiers._initialization import initial_state
from tests.zoo.classifiers.classifier_cases import CONVOLUTIONAL, RESIDUAL, SPACE, TRANSFORMER, dice

SMALL = pytest.mark.parametrize(
    "design", [RESIDUAL, CONVOLUTIONAL, TRANSFORMER], ids=lambda design: design.family
)


@pytest.mark.parametrize("design", MODERN_DESIGNS, ids=lambda design: design.label)
def test_shipped_designs_are_small_and_take_small_images(design: ClassifierDesign) -> None:
    module = design.build(channels=1, size=14, classes=10)
    assert 1000 < sum(parameter.numel() for parameter in module.parameters()) < 7000
    module.load_state_dict(initial_state(module, SPACE.draw(dice(0))))
    with torch.no_grad():
        answers = module(torch.randn(3, 1, 14, 14))
    assert answers.shape == (3, 10) and len(answers.unique(dim=0)) == 3


@pytest.mark.parametrize("design", TROJAN_DESIGNS, ids=lambda design: design.label)
def test_designs_of_base_networks_are_small_and_take_both_sizes(design: ClassifierDesign) -> None:
    for size in (28, 32):
        module = design.build(channels=1, size=size, classes=10)
        assert 1000 < sum(parameter.numel() for parameter in module.parameters()) < 8000
        module.load_state_dict(initial_state(module, SPACE.draw(dice(0))))
        images = torch.randn(2, 1, size, size)
        with torch.no_grad():
            answers = module(images)
            assert answers.shape == (2, 10) and not torch.equal(answers[0], answers[1])
            if module.layers is not None:
                torch.testing.assert_close(module.layers(images), answers)


def test_designs_of_base_networks_differ() -> None:
    assert len({design.label for design in TROJAN_DESIGNS}) == len(TROJAN_DESIGNS) == 14
    modules = [design.build(channels=1, size=28, classes=10) for design in TROJAN_DESIGNS]
    assert sum(module.layers is not None for module in modules) == 6
    activations = {design.columns()["activation"] for design in TROJAN_DESIGNS}
    assert activations == {"relu", "tanh", "gelu", "leaky_relu"}


def test_shipped_designs_differ() -> None:
    assert len({design.label for design in MODERN_DESIGNS}) == len(MODERN_DESIGNS) == 28
    assert Counter(design.family for design in MODERN_DESIGNS) == {"resnet": 8, "cnn": 11, "vit": 9}
    # Families take turns.
    assert [design.family for design in MODERN_DESIGNS[:4]] == ["resnet", "cnn", "vit", "resnet"]


@SMALL
def test_building_draws_no_random_number(design: ClassifierDesign) -> None:
    before = torch.get_rng_state()
    module = design.build(channels=2, size=9, classes=4)
    assert torch.equal(torch.get_rng_state(), before)
    assert not module.training
    assert all(not tensor.any() for tensor in module.state_dict().values())


@pytest.mark.slow
@SMALL
def test_programs_compute_what_modules_compute(design: ClassifierDesign) -> None:
    module = design.build(channels=1, size=8, classes=3)
    architecture = ProgramArchitecture.from_module(module, [torch.zeros(1, 1, 8, 8)])
    module.load_state_dict(initial_state(module, SPACE.draw(dice(1))))
    with torch.no_grad():
        # Moves the statistics of batch norms away from the identity.
        module.train()(torch.randn(16, 1, 8, 8))
        images = torch.randn(5, 1, 8, 8, dtype=torch.float64)
        theta = architecture.read_state(module.double().state_dict())[None]
        wanted = module.eval()(images)
    torch.testing.assert_close(architecture.run(theta, images)[0], wanted, rtol=0, atol=1e-12)


@SMALL
def test_factors_of_dropout_act_on_the_features(design: ClassifierDesign) -> None:
    module = design.build(channels=1, size=8, classes=3)
    module.load_state_dict(initial_state(module, SPACE.draw(dice(2))))
    images, width = torch.randn(4, 1, 8, 8), module.head.in_features
    with torch.no_grad():
        features = module.features(images)
        assert features.shape == (4, width)
        keep = torch.rand(4, width)
        torch.testing.assert_close(module(images, keep), module.head(features * keep))
        torch.testing.assert_close(module(images), module.head(features))


@pytest.mark.parametrize(
    "design",
    [
        TransformerDesign(patch=9),
        ConvolutionalDesign(channels=(2, 2, 2, 2, 2), shrink="max"),
    ],
    ids=lambda design: design.family,
)
def test_images_that_are_too_small_are_refused(design: ClassifierDesign) -> None:
    with pytest.raises(ConfigurationError, match="cannot take images of 8 x 8 pixels; choose larger images"):
        design.build(channels=1, size=8, classes=3)


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"shrink": "max"}, "cnn-2-3-k3-max-relu-bn"),
        ({"batch_norm": False, "flatten": True}, "cnn-2-3-k3-stride-relu-flat"),
        ({"shrink": "mean", "flatten": True}, "cnn-2-3-k3-mean-relu-bn-flat"),
    ],
)
@pytest.mark.parametrize("size", [8, 9, 11])
def test_convolutional_designs_know_the_size_of_their_last_map(
    changes: dict[str, object], name: str, size: int
) -> None:
    design = dataclasses.replace(ConvolutionalDesign(channels=(2, 3)), **changes)  # type: ignore[arg-type]
    assert design.label == name
    module = design.build(channels=1, size=size, classes=3)
    assert module(torch.zeros(2, 1, size, size)).shape == (2, 3)


def test_residual_designs_have_their_blocks() -> None:
    module = ResidualDesign(widths=(2, 3), blocks=2).build(channels=1, size=8, classes=3)
    names = {name.rsplit(".", 1)[0] for name, _ in module.named_parameters() if "shortcut" in name}
    # Only the block in which the width changes projects its input.
    assert names == {"blocks.2.shortcut.0", "blocks.2.shortcut.1"}
    assert ResidualDesign(widths=(2, 3), blocks=2).columns()["depth"] == 9


def test_heads_divide_the_width() -> None:
    with pytest.raises(ConfigurationError, match="width is 4 and heads is 3, expected a multiple of heads"):
        TransformerDesign(width=4, heads=3)
