"""Channels that are added to programs."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from scalegmn.alignment.rewriting import Rewriting, change_of_function, rewrite
from scalegmn.alignment.rewriting._channels import channel_places
from scalegmn.errors import ArchitectureError
from scalegmn.programs import ProgramArchitecture
from scalegmn.symmetry.discovery import random_parameters

from .networks import normed


class Residual(nn.Module):
    """A norm, a residual connection of the width of its stem, a shortcut, and maps that are flattened."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.norm = nn.Conv2d(1, 3, 3, padding=1), nn.BatchNorm2d(3)
        self.inner, self.outer = nn.Conv2d(3, 4, 1), nn.Conv2d(4, 3, 1)
        self.second, self.shortcut = nn.Conv2d(3, 5, 1), nn.Conv2d(3, 5, 1)
        self.head = nn.Linear(20, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = nn.functional.gelu(self.norm(self.stem(x)))
        x = x + self.outer(torch.tanh(self.inner(x)))
        x = torch.relu(self.second(x)) + self.shortcut(x)
        return self.head(nn.functional.avg_pool2d(x, 2).flatten(1))


def residual() -> tuple[ProgramArchitecture, Tensor]:
    """The network, and parameters some of which are 0."""
    architecture = ProgramArchitecture.from_module(Residual(), torch.zeros(1, 1, 4, 4))
    drawn = random_parameters(architecture.program, torch.Generator().manual_seed(2))
    drawn["inner.weight"][1], drawn["head.weight"][:, 4:8] = 0, 0
    return architecture, architecture.flatten(drawn)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["unread", "split", "cancel"])
def test_channels_are_added_everywhere_and_the_function_stays(kind: str) -> None:
    architecture, theta = residual()
    wider, found = rewrite(architecture, theta, rewriting=Rewriting(kinds=(kind,), neurons=2))
    assert change_of_function((architecture, theta), (wider, found)) < 1e-12
    shapes = {one.name: one.shape for one in wider.parameters}
    more = 4 if kind == "cancel" else 2
    assert shapes["stem.weight"][0] == shapes["norm.running_mean"][0] == shapes["outer.weight"][0] == 3 + more
    assert shapes["inner.weight"][:2] == (4 + more, 3 + more)
    assert shapes["second.weight"][0] == shapes["shortcut.weight"][0] == 5 + more
    assert shapes["head.weight"] == (3, 4 * (5 + more))
    # Who adds up what leaves a channel without its new copy would compute something else.
    cut = wider.unflatten(found.clone())
    cut["head.weight"][:, -1] = 0
    kept = change_of_function((architecture, theta), (wider, wider.flatten(cut)))
    assert kept > 1e-3 or kind == "unread"


@pytest.mark.slow
def test_all_kinds_one_after_another() -> None:
    architecture, theta = residual()
    wider, found = rewrite(architecture, theta)
    assert wider.num_parameters > 3 * architecture.num_parameters
    assert change_of_function((architecture, theta), (wider, found)) < 1e-9
    again = rewrite(architecture, theta)
    assert again[0] == wider and torch.equal(again[1], found)


def test_channels_that_a_norm_looks_at_together_keep_their_number() -> None:
    architecture, _ = normed()
    (place,) = channel_places(architecture)
    assert {axis.name for axis in place.axes} >= {"0.weight", "1.weight", "4.weight"}
    assert {axis.each for axis in place.axes if axis.leaves} == {4}


def test_channels_that_read_themselves_keep_their_number() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.again, self.last = nn.Linear(2, 3), nn.Linear(3, 3), nn.Linear(3, 1)

        def forward(self, x: Tensor) -> Tensor:
            x = torch.relu(self.first(x))
            return self.last(x + torch.relu(self.again(x)))

    architecture = ProgramArchitecture.from_module(Twice(), torch.zeros(1, 2))
    assert channel_places(architecture) == ()
    with pytest.raises(ArchitectureError, match="'split': no hidden layer has a width of its own"):
        rewrite(architecture, torch.ones(architecture.num_parameters), rewriting=Rewriting(kinds=("split",)))
