from __future__ import annotations

from collections import Counter
from itertools import product

import pytest
import torch

from scalegmn.errors import ConfigurationError
from scalegmn.networks import ACTIVATIONS, WildLayout
from scalegmn.seeding import generator, numpy_generator
from scalegmn.symmetry import SymmetryAction, function_change
from scalegmn.testing.parameters import random_parameters
from scalegmn.zoo.cnns import WildSpace
from scalegmn.zoo.cnns._wild import draw_architecture, draw_layout

SMALL = WildSpace(depths=(2, 3, 4, 5), channels=(2, 3, 4), kernel_sizes=(1, 3), image_size=(8, 8))


def drawn(space: WildSpace, count: int, *, seed: int = 0) -> list[WildLayout]:
    g = numpy_generator(seed, "wild")
    return [draw_layout(generator=g, space=space, inputs=3, outputs=10) for _ in range(count)]


def test_draws_depend_on_the_generator_alone() -> None:
    assert drawn(WildSpace(), 5) == drawn(WildSpace(), 5)
    assert drawn(WildSpace(), 5) != drawn(WildSpace(), 5, seed=1)
    g, h = numpy_generator(3), numpy_generator(3)
    layout = draw_layout(generator=g, space=SMALL, inputs=1, outputs=2)
    architecture = draw_architecture(generator=h, space=SMALL, inputs=1, outputs=2)
    assert architecture == layout.architecture(inputs=1, outputs=2)


def test_published_space_is_covered() -> None:
    layouts = drawn(WildSpace(), 800)
    assert {len(layout.channels) for layout in layouts} == set(range(2, 9))
    assert {width for layout in layouts for width in layout.channels} == {4, 8, 16, 32, 64}
    assert {kernel for layout in layouts for kernel in layout.kernels} == {3, 5, 7}
    assert {name for layout in layouts for name in layout.activations} == set(ACTIVATIONS)
    pairs = {(s, t) for layout in layouts for t, s in enumerate(layout.residuals) if s >= 0}
    # From any earlier layer but the one just before.
    assert pairs == {(s, t) for s, t in product(range(8), range(8)) if s < t - 1}


def test_published_share_of_residuals() -> None:
    """No residual is as likely as any of the sources."""
    of_layer_3 = Counter(layout.residuals[3] for layout in drawn(WildSpace(depths=(4,)), 1500))
    assert set(of_layer_3) == {-1, 0, 1}
    assert all(abs(count / 1500 - 1 / 3) < 0.05 for count in of_layer_3.values())


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_given_share_of_residuals(share: float) -> None:
    found = [s >= 0 for layout in drawn(WildSpace(residual=share), 400) for s in layout.residuals[2:]]
    assert abs(sum(found) / len(found) - share) < (0.05 if 0 < share < 1 else 1e-12)


def test_limits_are_kept() -> None:
    free = drawn(WildSpace(), 60)
    limited = drawn(WildSpace(max_parameters=20_000, max_macs=10**7, image_size=(16, 16)), 60)

    def most(layouts: list[WildLayout]) -> tuple[int, int]:
        return (
            max(layout.parameters(inputs=3, outputs=10) for layout in layouts),
            max(layout.macs(inputs=3, outputs=10, image_size=(16, 16)) for layout in layouts),
        )

    assert most(limited)[0] <= 20_000 < most(free)[0]
    assert most(limited)[1] <= 10**7 < most(free)[1]


@pytest.mark.parametrize("seed", range(3))
def test_symmetries_keep_the_function(seed: int) -> None:
    images = torch.randn(3, 3, 8, 8, generator=generator(seed), dtype=torch.float64)
    moved_some = False
    for layout in drawn(SMALL, 8, seed=seed):
        architecture = layout.architecture(inputs=3, outputs=10)
        action = SymmetryAction(architecture)
        theta = random_parameters(architecture, 2, generator=generator(seed))
        element = action.draw(generator=generator(seed, architecture.fingerprint))
        action.check(element)
        moved = action.apply(theta, element)
        moved_some |= not torch.allclose(theta, moved)
        assert function_change(architecture, theta, moved, images) < 1e-10
    assert moved_some


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"depths": ()}, "depths"),
        ({"channels": (4, 0)}, "channels"),
        ({"kernel_sizes": (3, 4)}, r"kernel_sizes is \(3, 4\)"),
        ({"activations": ("relu", "swish")}, "swish"),
        ({"residual": 1.5}, "1.5"),
        ({"image_size": (0, 8)}, "image_size"),
        ({"max_parameters": 100}, "max_parameters is 100"),
        ({"max_macs": 10}, "max_macs is 10"),
    ],
)
def test_impossible_spaces(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        WildSpace(**wrong)  # type: ignore[arg-type]


def test_limits_that_hardly_any_network_keeps() -> None:
    tight = WildSpace(max_parameters=WildSpace().smallest().parameters(inputs=1, outputs=1))
    with pytest.raises(ConfigurationError, match="raise max_parameters"):
        draw_architecture(generator=numpy_generator(0), space=tight, inputs=3, outputs=10)
