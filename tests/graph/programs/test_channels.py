"""Which axes of inputs are channels."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from scalegmn.graph.programs._channels import channel_axes
from scalegmn.programs.tracing import trace


class Both(nn.Module):
    """Images and numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.layer = nn.Conv2d(2, 3, 3), nn.Linear(4, 3)

    def forward(self, image: Tensor, numbers: Tensor) -> Tensor:
        return self.conv(image).mean((2, 3)) + self.layer(numbers)


class Patches(nn.Module):
    """Patches that do not overlap: the weights of all patches are the same."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = x.unfold(2, 2, 2).unfold(3, 2, 2).permute(0, 2, 3, 1, 4, 5)
        return self.layer(x.flatten(3))


class Recurrent(nn.Module):
    """A convolution of an image of a film and of what the images before left."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(5, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        state = x.new_zeros(1, 3, 4, 4)
        for image in x.unbind(1):
            state = self.conv(torch.cat([image, state], 1)).tanh()
        return state


class Joined(nn.Module):
    """Two images, one after the other along their channels."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return self.conv(torch.cat([x, y], 1))


def flat() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(18, 2))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "shapes", "expected"),
    [
        (nn.Linear(3, 2), [(1, 3)], [(True, True)]),
        (nn.Linear(3, 2), [(4, 3)], [(False, True)]),
        (nn.Linear(3, 2), [(1, 5, 3)], [(True, False, True)]),
        (nn.Linear(3, 2), [(2, 5, 3)], [(False, False, True)]),
        (nn.Conv2d(2, 3, 3), [(1, 2, 5, 5)], [(True, True, False, False)]),
        (nn.Conv2d(2, 3, (1, 5)), [(1, 2, 5, 5)], [(True, True, False, True)]),
        (nn.Conv1d(2, 3, 3), [(1, 2, 6)], [(True, True, False)]),
        (flat(), [(1, 2, 3, 3)], [(True, True, True, True)]),
        (Patches(), [(1, 2, 4, 4)], [(True, True, False, False)]),
        (Recurrent(), [(1, 2, 2, 4, 4)], [(True, True, True, False, False)]),
        (Joined(), [(1, 2, 4, 4), (1, 1, 4, 4)], [(True, True, False, False)] * 2),
        (Both(), [(1, 2, 5, 5), (1, 4)], [(True, True, False, False), (True, True)]),
    ],
)
def test_axes(module: nn.Module, shapes: list[tuple[int, ...]], expected: list[tuple[bool, ...]]) -> None:
    program = trace(module, tuple(torch.zeros(shape) for shape in shapes))
    assert list(channel_axes(program)) == expected
