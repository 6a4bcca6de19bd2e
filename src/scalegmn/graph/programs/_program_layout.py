"""The graph of a program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, final

import torch
from torch import Tensor

from scalegmn.graph import GraphLayout
from scalegmn.networks import CONSTANT, EdgeType, Role, activation_kind
from scalegmn.programs import ProgramArchitecture, interpret
from scalegmn.symmetry import SCALE_BIT, SIGN_BIT

from ._algebra import GraphAlgebra
from ._laws import Laws
from ._merging import Chains, merged
from ._wiring import NOTHING, JoinedWires, Wiring

ACTIVATIONS: Final[Mapping[str, str]] = {
    "aten.relu.default": "relu",
    "aten.leaky_relu.default": "leaky_relu",
    "aten.tanh.default": "tanh",
    "aten.atan.default": "arctan",
    "aten.erf.default": "erf",
    "aten.sin.default": "sine",
    "aten.sigmoid.default": "sigmoid",
    "aten.gelu.default": "gelu",
    "aten.silu.default": "silu",
    "aten.elu.default": "elu",
    "aten.selu.default": "selu",
    "aten.softplus.default": "softplus",
    "aten._softmax.default": "softmax",
    "aten._log_softmax.default": "log_softmax",
}
"""Operations that are activations with a name; others count as none."""
NO_LINKS: Final = torch.empty(0, 2, dtype=torch.int64)


def program_layout(architecture: ProgramArchitecture) -> GraphLayout:
    """Nodes are channels, of what parameters write and of functions of these; edges are weights.

    Raises:
        GraphError: it would be too large.
    """
    algebra = GraphAlgebra(architecture.program)
    interpret(architecture.program, algebra)
    wiring = algebra.wiring
    outputs = _output_nodes(wiring)
    inputs = torch.cat([*wiring.inputs, *([algebra.one[None]] if _is_read(algebra.one, wiring) else [])])
    role = torch.full((wiring.count,), int(Role.hidden))
    role[inputs], role[outputs] = int(Role.input), int(Role.output)
    return _assembled(
        Found(wiring, Laws.from_algebra(algebra), role, inputs, outputs), architecture.num_parameters
    )


@final
@dataclass(frozen=True, eq=False)
class Found:
    """What a program was found to be made of.

    Attributes:
        wiring: nodes and edges.
        laws: of the nodes.
        role: of the nodes.
        inputs: nodes that are inputs, in order.
        outputs: nodes that are outputs, in order.
    """

    wiring: Wiring
    laws: Laws
    role: Tensor
    inputs: Tensor
    outputs: Tensor


def _is_read(node: Tensor, wiring: Wiring) -> bool:
    return any(bool((wires.source == node).any()) for wires in wiring.wires)


def _output_nodes(wiring: Wiring) -> Tensor:
    """A node of its own for every output."""
    ends = torch.cat(wiring.outputs) if wiring.outputs else torch.empty(0, dtype=torch.int64)
    start = wiring.reserve(len(ends))
    made = torch.arange(start, wiring.count)
    wiring.connect(ends, made)
    return made


def _assembled(found: Found, num_parameters: int) -> GraphLayout:
    """The graph, without nodes that say nothing and with chains as one node each."""
    wiring, role = found.wiring, found.role.clone()
    bias, (function, names) = wiring.biases_of(), wiring.functions_of()
    edges = JoinedWires.from_wires(wiring.wires, NO_LINKS)
    links, squares = _lawful_links(wiring, found.laws)
    products = torch.cat([*(torch.stack(pair, dim=1) for pair in wiring.pairs), squares])
    factors = torch.cat([products[:, [0, 2]], products[:, [1, 2]]])
    useful, links, factors = _useful(links, factors, edges.ends, bias, role)
    products = products[useful[products].all(dim=1)]
    chains = _chains(links, torch.cat([edges.ends, factors]), bias, function, role)
    # An output that merged with what it repeats leaves its role there.
    role[chains.root[found.outputs]] = int(Role.output)
    links = chains.root[links]
    edges = JoinedWires.from_wires(wiring.wires, links[links[:, 0] != links[:, 1]])
    alive = useful & (chains.root == torch.arange(wiring.count))
    number = (alive.cumsum(0) - 1)[chains.root]
    edge_index, product_index = number[edges.ends].T.contiguous(), number[products].T.contiguous()
    along = torch.cat([edge_index[:, edges.kind != int(EdgeType.divisor)], number[factors].T], dim=1)
    position = torch.zeros(wiring.count, dtype=torch.int64)
    position[found.inputs] = torch.arange(len(found.inputs))
    position[chains.root[found.outputs]] = torch.arange(len(found.outputs))
    role, nothing = role[alive], torch.full((int(alive.sum()),), CONSTANT)
    group = SIGN_BIT * found.laws.flips[alive].long() + SCALE_BIT * found.laws.scales[alive].long()
    codes, values = _activations(chains.function[alive], names)
    return GraphLayout(
        structure={
            "edge_index": edge_index,
            "product_index": product_index,
            "edge_type": edges.kind,
            "edge_kernel": edges.kernel,
            "node_role": role,
            "node_layer": _layers(along, role),
            "node_position": position[alive],
            "node_group": torch.where(role == int(Role.hidden), group, 0),
            "node_degree": torch.ones(len(role)),
            "node_activation": codes,
        },
        tap_parameter=edges.places,
        tap_reciprocal=edges.reciprocal if bool(edges.reciprocal.any()) else None,
        bias_parameter=chains.bias[alive],
        value_parameter=nothing,
        value=values,
        num_parameters=num_parameters,
    )


def _lawful_links(wiring: Wiring, laws: Laws) -> tuple[Tensor, Tensor]:
    """Links along which something can be told.

    Returns:
        Those between nodes of one law, ``(n, 2)``; and as products of a node with itself, ``(m, 3)``, those
        to a node of twice the law, such as the square, or the cosine of what has a sign only.
    """
    links = torch.cat([NO_LINKS, *(torch.stack(pair, dim=1) for pair in wiring.links)])
    source, target = links[:, 0], links[:, 1]
    alike = laws.alike(source, target)
    squares = ~alike & laws.doubled(source, target)
    return links[alike], links[squares][:, [0, 0, 1]]


def _useful(
    links: Tensor, factors: Tensor, wires: Tensor, bias: Tensor, role: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Nodes that have something to say to somebody, or hold a parameter; links and factors between these."""
    count = len(role)
    holds = (bias != NOTHING) | (role != int(Role.hidden))
    holds[wires.reshape(-1)] = True
    useful = torch.ones(count, dtype=torch.bool)
    while True:
        ends = torch.cat([links, factors])
        told = torch.bincount(ends[:, 1], minlength=count) > 0
        heard = torch.bincount(ends[:, 0], minlength=count) > 0
        now = useful & (holds | (told & heard))
        if bool((now == useful).all()):
            return useful, links, factors
        useful = now
        links, factors = links[now[links].all(dim=1)], factors[now[factors].all(dim=1)]


def _chains(links: Tensor, wires: Tensor, bias: Tensor, function: Tensor, role: Tensor) -> Chains:
    ends = torch.cat([wires, links])
    return merged(
        links,
        ins=torch.bincount(ends[:, 1], minlength=len(role)),
        outs=torch.bincount(ends[:, 0], minlength=len(role)),
        bias=bias,
        function=function,
        movable=role != int(Role.input),
    )


def _layers(edge_index: Tensor, role: Tensor) -> Tensor:
    """The longest way from the inputs to every node; outputs are one layer behind all hidden nodes."""
    source, target = edge_index
    leaving = torch.bincount(source, minlength=len(role))
    targets, starts = target[source.argsort()], leaving.cumsum(0) - leaving
    waiting = torch.bincount(target, minlength=len(role))
    layer = torch.where(role == int(Role.input), 0, 1)
    ready = torch.nonzero(waiting == 0).squeeze(1)
    # Every edge is followed once, when nothing can lengthen the way to its source any more.
    while ready.numel():
        counts = leaving[ready]
        skipped = (starts[ready] - (counts.cumsum(0) - counts)).repeat_interleave(counts)
        ends = targets[torch.arange(len(skipped)) + skipped]
        layer = layer.scatter_reduce(0, ends, layer[ready].repeat_interleave(counts) + 1, "amax")
        waiting = waiting - torch.bincount(ends, minlength=len(role))
        reached = torch.unique(ends)
        ready = reached[waiting[reached] == 0]
    hidden = layer[role == int(Role.hidden)]
    last = int(hidden.max()) + 1 if hidden.numel() else 1
    return torch.where(role == int(Role.output), last, layer)


def _activations(function: Tensor, names: list[str]) -> tuple[Tensor, Tensor]:
    """Codes of the activations of nodes, and their usual numbers."""
    kinds = [activation_kind(ACTIVATIONS.get(name, "identity")) for name in names]
    none = activation_kind("identity")
    # The last entry is found by the index NOTHING.
    codes = torch.tensor([kind.code for kind in (*kinds, none)])
    values = torch.tensor([kind.value or 0.0 for kind in (*kinds, none)])
    return codes[function], values[function]
