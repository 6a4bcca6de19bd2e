from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.collections import PathCollection

from scalegmn.errors import SymmetryError
from scalegmn.networks import Activation, Architecture, mlp, siren
from scalegmn.reports import draw_symmetric_twin, new_figure, save_figure
from scalegmn.reports._twin_picture import TwinPictureError, draw_neurons, twins_of
from scalegmn.seeding import generator
from scalegmn.symmetry import Element, SymmetryAction

CURVE = mlp(widths=(1, 3, 4, 1), activations=[Activation("relu"), Activation("tanh")])
IMAGE = siren(widths=(2, 4, 1), frequency=3.0)


def parameters(architecture: Architecture) -> torch.Tensor:
    return torch.randn(architecture.num_parameters, generator=generator(0, "twin"), dtype=torch.float64)


def element_of(architecture: Architecture) -> Element:
    return SymmetryAction(architecture).draw(generator=generator(1, "twin"), spread=4.0, shift_phase=True)


def words(figure: object) -> list[str]:
    found = [text.get_text() for axes in figure.get_axes() for text in axes.texts]  # type: ignore[attr-defined]
    return [word for word in found if word]


@pytest.mark.parametrize("architecture", [CURVE, IMAGE], ids=["curve", "image"])
def test_factors_and_shifts_stand_beside_their_neurons(architecture: Architecture, tmp_path: Path) -> None:
    element = element_of(architecture)
    figure = draw_symmetric_twin(architecture, parameters(architecture), element, title="A twin")
    factors = [word for word in words(figure) if word.startswith("×")]
    assert len(factors) == int((element.scale != 1).sum())
    assert len([word for word in words(figure) if "π/ω" in word]) == int((element.phase != 0).sum())
    assert save_figure(figure, tmp_path / "twin.png").stat().st_size > 1000


def test_neurons_keep_their_numbers_where_they_move() -> None:
    action, element = SymmetryAction(CURVE), element_of(CURVE)
    first, second = twins_of(action, parameters(CURVE), element)
    np.testing.assert_array_equal(second.names[element.permutation.numpy()], first.names)
    torch.testing.assert_close(second.theta, action.apply(first.theta, element))
    np.testing.assert_array_equal(first.places, second.places)


def test_rings_follow_the_names() -> None:
    first, _ = twins_of(SymmetryAction(CURVE), parameters(CURVE), element_of(CURVE))
    axes = new_figure(width=3.0, height=3.0).add_subplot()
    draw_neurons(axes, first)
    rings, _ = (c for c in axes.collections if isinstance(c, PathCollection))
    colors = [tuple(color) for color in rings.get_edgecolor()]
    assert len(colors) == 7 and len(set(colors)) == 4
    assert colors[:3] == colors[3:6]


def test_what_is_too_large_to_be_drawn_is_refused() -> None:
    for architecture in (siren(widths=(2, 13, 1)), siren(widths=(3, 4, 1)), siren(widths=(2, 3, 3, 3, 3, 1))):
        with pytest.raises(TwinPictureError, match="draw a smaller network"):
            draw_symmetric_twin(architecture, parameters(architecture), element_of(architecture))


def test_an_element_of_another_network_is_refused() -> None:
    with pytest.raises(SymmetryError):
        draw_symmetric_twin(CURVE, parameters(CURVE), element_of(IMAGE))
