from __future__ import annotations

import pytest
import torch

from scalegmn.errors import ConfigurationError
from scalegmn.networks import Architecture, Dense, mlp
from scalegmn.zoo.inrs import draw_images, image_coordinates


def first_coordinate(outputs: int = 1) -> tuple[Architecture, torch.Tensor]:
    """A linear network whose outputs are all its first input."""
    architecture = mlp(widths=(2, outputs), activations=())
    theta = torch.zeros(1, architecture.num_parameters)
    theta[0, : 2 * outputs : 2] = 1
    return architecture, theta


def test_xy_is_column_then_row() -> None:
    points = image_coordinates(2, 3)
    assert points.tolist() == [[-1, -1], [0, -1], [1, -1], [-1, 1], [0, 1], [1, 1]]


def test_ij_is_row_then_column() -> None:
    assert torch.equal(image_coordinates(2, 3, "ij"), image_coordinates(2, 3, "xy").flip(1))


@pytest.mark.parametrize("size", [(0, 3), (3, -1)])
def test_impossible_sizes_are_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ConfigurationError, match="at least 1 x 1"):
        image_coordinates(*size)


def test_drawing_places_pixels() -> None:
    architecture, theta = first_coordinate()
    along_columns = draw_images(architecture, theta, height=2, width=3)
    assert along_columns.tolist() == [[[-1, 0, 1], [-1, 0, 1]]]
    along_rows = draw_images(architecture, theta, height=2, width=3, order="ij")
    assert along_rows.tolist() == [[[-1, -1, -1], [1, 1, 1]]]


def test_colors_come_last_and_any_number_of_networks_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scalegmn.zoo.inrs._coordinates._MOST_POINTS", 16)
    architecture, theta = first_coordinate(3)
    theta = theta * torch.arange(5.0)[:, None]
    pictures = draw_images(architecture, theta, height=2, width=4)
    assert pictures.shape == (5, 2, 4, 3)
    assert pictures[:, 0, -1, 2].tolist() == [0, 1, 2, 3, 4]
    assert draw_images(architecture, theta[:0], height=2, width=4).shape == (0, 2, 4, 3)


def test_drawing_is_differentiable() -> None:
    architecture, theta = first_coordinate()
    theta.requires_grad_()
    draw_images(architecture, theta, height=2, width=2).square().sum().backward()
    assert theta.grad is not None and theta.grad.abs().sum() > 0


def test_the_network_of_this_test_is_linear() -> None:
    architecture, _ = first_coordinate()
    assert architecture.layers == (Dense("0", 2, 1),)
