"""A family of permutations that changes the function is not given to anybody."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from scalegmn.programs import Program
from scalegmn.programs.tracing import trace
from scalegmn.symmetry.discovery import Permutations, description, permutations, symmetry_group
from scalegmn.symmetry.discovery import _symmetries as module
from scalegmn.symmetry.discovery._verified import verified


class First(nn.Module):
    """Reads one hidden channel by its place, so that it may not move."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.last = nn.Linear(3, 4), nn.Linear(4, 5), nn.Linear(5, 2)

    def forward(self, x: Tensor, *, at: int = 0) -> Tensor:
        hidden = torch.relu(self.first(x))
        out: Tensor = self.last(torch.relu(self.second(hidden))) + hidden[:, at : at + 1]
        return out


class Plain(First):
    def forward(self, x: Tensor, *, at: int = 0) -> Tensor:
        out: Tensor = self.last(torch.relu(self.second(torch.relu(self.first(x)))))
        return out


@pytest.mark.slow
def test_all_families_of_a_plain_network_stay() -> None:
    program = trace(Plain(), (torch.zeros(7, 3),))
    kept, refused = verified(permutations(program), [program])
    assert [family.notation for family in kept.families] == ["S_4", "S_5"]
    assert not refused


def test_what_changes_the_function_is_dropped_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    # The group of another network with the same parameters, as a wrong rule would give it.
    plain = permutations(trace(Plain(), (torch.zeros(7, 3),)))

    def wrong(*programs: Program) -> Permutations:
        return plain

    monkeypatch.setattr(module, "permutations", wrong)
    group = symmetry_group(trace(First(), (torch.zeros(7, 3),)))
    assert [family.notation for family in group.permutations.families] == ["S_5"]
    assert [family.notation for family in group.refused] == ["S_4"]
    assert "left out" in description(group)
