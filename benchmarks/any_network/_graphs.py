"""One network as a graph: whether it comes back, and whether metanetworks keep the network's symmetries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import torch
from torch import Tensor

from scalegmn.graph import GraphSpec, NetworkBatch, batch_graphs, layout_of, to_parameters
from scalegmn.models import Direction, ModelConfig, ScaleGMN, ScaleGMNEditor, Symmetry
from scalegmn.programs import ProgramArchitecture, run_program
from scalegmn.seeding import generator
from scalegmn.symmetry.discovery import GroupElement, SymmetryGroup
from scalegmn.testing import randomize

EXACT = 1e-10
"""Largest change of what a metanetwork says, in units of its size."""
VISIBLE = 1e-8
"""Least change of it where there has to be one."""
SPREAD: Final = 1.0
ELEMENTS: Final = 2
FEATURES: Final = 6


@dataclass(frozen=True, kw_only=True)
class GraphOutcome:
    """What came out for the graph of one network.

    Attributes:
        nodes: how many.
        edges: how many.
        layers: hidden ones.
        lost: parameters that come back changed, or have numbers that answers depend on and that do not stand
            in the graph.
        errors: by metanetwork, how far what it says moves under random elements of the group.
        other: how far what it says about another network is from it.
        permutation: how far what a metanetwork says that knows permutations alone moves; None where the
            network has neither scales nor signs.
    """

    nodes: int
    edges: int
    layers: int
    lost: tuple[str, ...]
    errors: dict[str, float]
    other: float
    permutation: float | None

    @property
    def error(self) -> float:
        """The largest of the errors."""
        return max(self.errors.values())

    def faults(self) -> list[str]:
        """What is wrong, without the name of the network."""
        wrong = [f"the graph loses {', '.join(self.lost)}"] if self.lost else []
        for kind, error in self.errors.items():
            if not error <= EXACT:
                wrong.append(f"random elements move what the {kind} says by {error:.1e} of its size")
        if not self.other >= VISIBLE:
            wrong.append(f"other parameters move what a metanetwork says by {self.other:.1e} only")
        if self.permutation is not None and not self.permutation >= VISIBLE:
            wrong.append(
                f"a metanetwork that knows permutations alone moves by {self.permutation:.1e} only; the "
                "elements did nothing"
            )
        return wrong

    def row(self) -> dict[str, Any]:
        """For a file."""
        row = asdict(self)
        row["lost"] = list(self.lost)
        row["errors"] = {kind: float(f"{error:.0e}") for kind, error in self.errors.items()}
        row["other"] = float(f"{self.other:.0e}")
        row["permutation"] = None if self.permutation is None else float(f"{self.permutation:.0e}")
        return row


def examine_graph(
    group: SymmetryGroup, effective: Mapping[str, Tensor], inputs: Sequence[Tensor]
) -> GraphOutcome:
    """Make the graph of a network and of it moved, and compare what metanetworks say of them.

    Args:
        group: of the program.
        effective: parameters of the program, float64.
        inputs: to ask the network about.
    """
    architecture = ProgramArchitecture(group.program)
    layout = layout_of(architecture)
    theta = _flat(architecture, effective)
    numbers = generator(0, "graph")
    elements = [group.random(numbers, spread=SPREAD) for _ in range(ELEMENTS)]
    moved = torch.stack([theta, *(_moved(architecture, element, theta) for element in elements)])
    errors = {}
    for direction in (Direction.forward, Direction.bidirectional):
        model = _metanetwork(architecture, direction=direction)
        said = model(batch_graphs(architecture, moved))
        errors[f"{direction.value} metanetwork"] = _apart(said[1:], said[:1])
    other = model(batch_graphs(architecture, 1.3 * theta[None]))
    errors["editor"] = _editing_error(architecture, moved, elements, layout.owned)
    free = group.scales.dimension + group.signs.dimension
    plain = _metanetwork(architecture, symmetry=Symmetry.permutation)(batch_graphs(architecture, moved))
    return GraphOutcome(
        nodes=layout.num_nodes,
        edges=layout.num_edges,
        layers=layout.hidden_layers,
        lost=_lost(architecture, theta, inputs),
        errors=errors,
        other=_apart(other, said[:1]),
        permutation=_apart(plain[1:], plain[:1]) if free else None,
    )


def _lost(architecture: ProgramArchitecture, theta: Tensor, inputs: Sequence[Tensor]) -> tuple[str, ...]:
    """What the graph does not give back."""
    owned = layout_of(architecture).owned
    back = to_parameters(batch_graphs(architecture, theta[None]), architecture)[0]
    before = run_program(architecture.program, architecture.unflatten(theta), inputs)
    # Rows of tables that the example does not reach, and buffers that nothing reads, may be anything.
    other = architecture.unflatten(torch.where(owned, back, theta + 1))
    after = run_program(architecture.program, other, inputs)
    if all(torch.equal(a, b) for a, b in zip(before, after, strict=True)):
        return ()
    kept = owned & (back == theta)
    return tuple(one.name for one in architecture.parameters if not bool(kept[one.start : one.stop].all()))


def _metanetwork(architecture: ProgramArchitecture, **options: Any) -> torch.nn.Module:
    config = ModelConfig(features=FEATURES, layers=3, readout="full_graph", **options)
    model = ScaleGMN(spec=GraphSpec.from_architectures([architecture]), outputs=4, config=config)
    return _frozen(model)


def _frozen(model: torch.nn.Module) -> torch.nn.Module:
    # Random weights: a fresh metanetwork is nearly constant, which hides errors.
    return randomize(model, generator=generator(0, "model")).double().eval().requires_grad_(False)


def _editing_error(
    architecture: ProgramArchitecture, moved: Tensor, elements: list[GroupElement], owned: Tensor
) -> float:
    config = ModelConfig(features=FEATURES, layers=3, direction=Direction.bidirectional)
    editor = ScaleGMNEditor(spec=GraphSpec.from_architectures([architecture]), config=config)
    edited = _frozen(editor).edit(NetworkBatch.from_parameters(architecture, moved))  # type: ignore[operator]
    update = (edited.parts[0][1] - moved) * owned
    errors = []
    for number, element in enumerate(elements, 1):
        errors.append(_apart(update[number], _moved(architecture, element, update[0])))
    return max(errors)


def _moved(architecture: ProgramArchitecture, element: GroupElement, theta: Tensor) -> Tensor:
    return _flat(architecture, element.apply(architecture.unflatten(theta)))


def _flat(architecture: ProgramArchitecture, parameters: Mapping[str, Tensor]) -> Tensor:
    return torch.cat([parameters[one.name].reshape(-1) for one in architecture.parameters])


def _apart(found: Tensor, expected: Tensor) -> float:
    """The largest difference in units of the size of what was expected; NaN is infinite."""
    relative = float((found - expected).abs().max() / expected.abs().max())
    return relative if relative == relative else float("inf")
