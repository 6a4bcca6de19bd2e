"""One layer with scale symmetry, edge by edge and neuron by neuron, as the equations say it."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm, linear, silu

from scalegmn.nn._equivariant import IOMap, IOMaps, ScaleEquivariant
from scalegmn.nn._invariant import ScaleInvariant
from scalegmn.nn._message import Message
from scalegmn.nn._mlp import MLP
from scalegmn.nn._neurons import SortedGraph
from scalegmn.nn._scale_layer import EdgeUpdate, NodeUpdate, ScaleMessagePassing
from scalegmn.nn._state import State
from scalegmn.symmetry import SCALE_BIT, SIGN_BIT


class LayerByHand:
    """What a layer computes; every method is about one neuron or one edge.

    Args:
        layer: whose weights are used.
        state: features before it.
        graph: the batch.
    """

    def __init__(self, layer: ScaleMessagePassing, state: State, graph: SortedGraph) -> None:
        self.layer, self.state, self.graph = layer, state, graph
        neurons = graph.neurons
        self.codes = neurons.all_groups.codes.tolist()
        self.degrees = neurons.take(neurons.structure.node_degree).tolist()
        self.roles = neurons.take(neurons.structure.node_role).tolist()
        nodes = range(len(self.roles))
        self.messages = [self.message(i) for i in nodes]
        self.returned = [] if state.dual is None else [self.returned_to(j) for j in nodes]

    def new_state(self) -> State:
        """Features after it."""
        nodes = range(len(self.codes))
        primal = torch.stack([self.new_primal(i) for i in nodes])
        dual = None if self.state.dual is None else torch.stack([self.new_dual(i) for i in nodes])
        edges = torch.stack([self.new_edge(k) for k in range(len(self.graph.source))])
        return State(primal, dual, edges, self.state.encoding)

    def new_primal(self, i: int) -> Tensor:
        x, parts = self.state.primal[i], [self.state.primal[i], self.messages[i]]
        if self.state.dual is not None:
            parts.append(self.carry(self.returned[i], x, i))
        return self.update(self.layer.primal_update, torch.cat(parts), i)

    def new_dual(self, i: int) -> Tensor:
        assert self.state.dual is not None and self.layer.dual_update is not None
        u = self.state.dual[i]
        return self.update(
            self.layer.dual_update, torch.cat([u, self.returned[i], self.carry(self.messages[i], u, i)]), i
        )

    def new_edge(self, k: int) -> Tensor:
        update, i, j = self.layer.edge_update, int(self.graph.target[k]), int(self.graph.source[k])
        assert update is not None
        hidden = update.rho.first(self.zeta(update, i)) + update.of_source(self.zeta(update, j))
        mapped = linear(self.state.edges[k], self.layer.edge_maps.by_name().update)
        return mapped * behind_first(update.rho, hidden)

    def message(self, i: int) -> Tensor:
        """m of neuron i."""
        x, weight = self.state.primal, self.layer.edge_maps.by_name().forward
        sums = torch.zeros_like(x[i])
        for k in (self.graph.target == i).nonzero().flatten().tolist():
            j = int(self.graph.source[k])
            sent = x[j] * self.power(j)
            sums = sums + self.one_message(self.layer.forward_messages, sent, weight, k, i)
        return sums

    def returned_to(self, j: int) -> Tensor:
        """r of neuron j."""
        u, weight = self.state.dual, self.layer.edge_maps.by_name().backward
        assert u is not None and self.layer.backward_messages is not None
        sums = torch.zeros_like(u[j])
        for k in (self.graph.source == j).nonzero().flatten().tolist():
            i = int(self.graph.target[k])
            sums = sums + self.one_message(self.layer.backward_messages, u[i], weight, k, j)
        return sums * self.power(j)

    def one_message(self, message: Message, sent: Tensor, weight: Tensor, k: int, reached: int) -> Tensor:
        product = (message.rescale.sender.weight @ sent) * (weight @ self.state.edges[k])
        if self.roles[reached] != 1:
            return self.of_end(message.io, product)
        z = self.state.encoding[reached] if message.positional else None
        return self.equivariant(message.hidden, product, reached, z)

    def update(self, update: NodeUpdate, x: Tensor, i: int) -> Tensor:
        if self.roles[i] != 1:
            return self.of_end(self.io(update.io, i), x)
        extras = [self.state.encoding[i]] if self.layer.style.positional_in_updates else []
        if self.state.dual is not None:
            extras.append(self.state.primal[i] * self.state.dual[i])
        return self.equivariant(update.hidden, x, i, torch.cat(extras) if extras else None)

    def zeta(self, update: EdgeUpdate, i: int) -> Tensor:
        maps, x, u = (
            update.invariants,
            self.state.primal[i],
            None if self.state.dual is None else self.state.dual[i],
        )
        if self.roles[i] != 1:
            return self.of_end(self.io(maps.io, i), x if u is None else torch.cat([x, u]))
        if u is None or maps.dual is None:
            return self.invariant(maps.primal, x, i, None)
        return self.invariant(maps.primal, x, i, x * u) + self.invariant(maps.dual, u, i, None)

    def equivariant(self, f: ScaleEquivariant, x: Tensor, i: int, z: Tensor | None) -> Tensor:
        return (f.linear.weight @ x) * self.invariant(f.invariant, x, i, z)

    def invariant(self, f: ScaleInvariant, x: Tensor, i: int, z: Tensor | None) -> Tensor:
        """rho of the unit vector where scales act, of both signs where signs do; one last bias."""
        if self.codes[i] & SCALE_BIT:
            x = direction(x)

        def rho(argument: Tensor) -> Tensor:
            hidden = f.rho.first(argument)
            if f.extras is not None and z is not None:
                hidden = hidden + f.extras(z)
            return behind_first(f.rho, hidden)

        if not self.codes[i] & SIGN_BIT:
            return rho(x)
        return rho(x) + rho(-x) - f.rho.last.bias if f.symmetrize else rho(x.abs())

    def of_end(self, f: IOMap, x: Tensor) -> Tensor:
        found = behind_first(f.mlp, f.mlp.first(x))
        return found if f.linear is None else (f.linear.weight @ x) * found

    def io(self, maps: IOMaps, i: int) -> IOMap:
        return maps.of_inputs if self.roles[i] == 0 else maps.of_outputs

    def carry(self, m: Tensor, like: Tensor, i: int) -> Tensor:
        return direction(m) * like.norm() if self.codes[i] & SCALE_BIT else m

    def power(self, j: int) -> Tensor | float:
        degree = self.degrees[j]
        return 1.0 if degree == 1 else self.state.primal[j].norm() ** (degree - 1)


def behind_first(mlp: MLP, hidden: Tensor) -> Tensor:
    """What an MLP does behind its first map."""
    norm = next((part for part in mlp.activate if isinstance(part, nn.LayerNorm)), None)
    if norm is not None:
        hidden = layer_norm(hidden, hidden.shape, norm.weight, norm.bias, norm.eps)
    return mlp.last.weight @ silu(hidden) + mlp.last.bias


def direction(x: Tensor) -> Tensor:
    """``x / |x|``; neither a value nor a gradient where x is 0."""
    return x / x.norm() if x.any() else 0 * x
