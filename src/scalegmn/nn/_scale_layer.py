r"""One message passing layer that respects permutations and rescalings, forwards and in both directions.

The whole of what it computes stands in four files: this one, `_message.py`, `_equivariant.py` and
`_invariant.py`.  `docs/the_layer.md` has the equations, the paper's numbers, and the layer built by hand.

Source: Kalogeropoulos et al. 2024, section 5.2.  Beyond the paper: dual features for the backward direction.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from scalegmn.nn._edge_maps import EdgeMaps
from scalegmn.nn._equivariant import IOMaps, ScaleEquivariant
from scalegmn.nn._group_rows import GroupRows
from scalegmn.nn._invariant import ScaleInvariant, length, unit
from scalegmn.nn._message import Message, MessageFunction
from scalegmn.nn._message_passing_layer import MessagePassingLayer
from scalegmn.nn._mlp import MLP
from scalegmn.nn._neurons import Neurons, SortedGraph
from scalegmn.nn._old_names import load_old_names
from scalegmn.nn._phases import PhaseGate
from scalegmn.nn._products import ProductExchange
from scalegmn.nn._state import State
from scalegmn.nn._style import LayerStyle
from scalegmn.shapes import EdgeFeatures, NodeFeatures, NodePhases, Rows, RowScalars, SquareWeight


@final
class ScaleMessagePassing(MessagePassingLayer):
    r"""Messages, node updates and, where edge features are read afterwards, an edge update.

    Forward, with :math:`\mathrm{Message}` the sum over the edges :math:`j \to i` and :math:`d_j` the degree
    of the activation of j (1 but for powers of ReLU):

    .. math::

        m_i   &= \textstyle\sum_{j} \mathrm{ScaleEq}\big(W_1 x_j \lVert x_j \rVert^{d_j - 1}
                 \odot W_2 e_{ij}\big) \\
        x'_i  &= \mathrm{ScaleEq}\big([x_i,\, m_i]\big) \\
        e'_{ij} &= W_3 e_{ij} \odot \rho(\zeta_i, \zeta_j), \qquad \zeta_i = \mathrm{ScaleInv}(x_i)

    Networks that multiply activations have neurons that are products; the messages between these and
    their factors, :class:`~scalegmn.nn.ProductMessages`, are added to m and r (*beyond the paper*).

    In both directions (*beyond the paper*), with dual features u and their messages r against the edges:

    .. math::

        r_j   &= \lVert x_j \rVert^{d_j - 1} \textstyle\sum_{i} \mathrm{ScaleEq}\big(W'_1 u_i
                 \odot W'_2 e_{ij}\big) \\
        x'_i  &= \mathrm{ScaleEq}\big([x_i,\, m_i,\, \mathrm{carry}(r_i, x_i)];\; x_i \odot u_i\big) \\
        u'_i  &= \mathrm{ScaleEq}\big([u_i,\, r_i,\, \mathrm{carry}(m_i, u_i)];\; x_i \odot u_i\big) \\
        \zeta_i &= \mathrm{ScaleInv}(x_i;\; x_i \odot u_i) + \mathrm{ScaleInv}(u_i)

    With phases in place of the biases of sine neurons (*beyond the paper*), what these send, and what they
    receive from behind, goes through a :class:`~scalegmn.nn.PhaseGate`.

    The edge update reads the *old* node features, as the paper and its public code do.  These are the
    equations of hidden neurons; input and output neurons have maps of their own
    (:class:`~scalegmn.nn.IOMap`).

    Source: Kalogeropoulos et al. 2024, section 5.2, equations (10) to (12) for the forward messages and
    updates.

    Args:
        style: options.
        update_edges: whether later layers or the head read edge features.
        message: the class of what reaches neurons along edges.

    Shapes: x, u, m, r, z ``(V, D)``; e ``(E, D)``.

    Law: x, m primal; u, r dual; e edge.  Each is kept.
    """

    def __init__(
        self, *, style: LayerStyle, update_edges: bool, message: type[MessageFunction] = Message
    ) -> None:
        super().__init__()
        width, both = style.features, style.bidirectional
        parts = 3 if both else 2
        extras = width * (style.positional_in_updates + both)
        self.style = style
        self.forward_messages = message(style=style)
        self.backward_messages = message(style=style) if both else None
        self.primal_update = NodeUpdate(width * parts, style=style, extras=extras)
        self.dual_update = NodeUpdate(width * parts, style=style, extras=extras) if both else None
        self.edge_update = EdgeUpdate(style=style) if update_edges else None
        self.products = ProductExchange(style=style) if style.products else None
        self.phases = PhaseGate(style=style) if style.phases else None
        self.edge_maps = EdgeMaps(width, width, backward=both, update=update_edges)

    def forward(self, state: State, graph: SortedGraph) -> State:
        """The equations of the class; dropout and residual connections stand around the layer."""
        x, u, e, z = state.primal, state.dual, state.edges, state.encoding
        neurons, source, target = graph.neurons, graph.source, graph.target
        groups, w = neurons.all_groups, self.edge_maps.by_name()
        extras = [z] if self.style.positional_in_updates else []
        phase = state.phase
        sent = self.send(x, z, phase, neurons)
        m = self.forward_messages(sent, e, w.forward, z, sender=source, receiver=target, neurons=neurons)
        if self.products is not None:
            m = m + self.products.primal(x, graph.products, neurons)
        if self.backward_messages is None or self.dual_update is None or u is None:
            new_x, new_u = self.primal_update([x, m], neurons, extras), None
        else:
            r = self.backward_messages(u, e, w.backward, z, sender=target, receiver=source, neurons=neurons)
            r = self.accept(r, x, phase, neurons)
            if self.products is not None:
                r = r + self.products.dual(u, x, graph.products, neurons)
            extras = [*extras, x * u]
            new_x = self.primal_update([x, m, carry(r, x, groups)], neurons, extras)
            new_u = self.dual_update([u, r, carry(m, u, groups)], neurons, extras)
        # x and u are the features of before the node update.
        new_e = e if self.edge_update is None else self.edge_update(e, w.update, x, u, graph)
        return State(new_x, new_u, new_e, z, phase)

    def send(
        self, x: NodeFeatures, z: NodeFeatures, phase: NodePhases | None, neurons: Neurons
    ) -> NodeFeatures:
        """What neurons send forwards, of the law of their outputs (:func:`emit`, :class:`PhaseGate`)."""
        sent: NodeFeatures = emit(x, neurons.excess)
        if self.phases is None or phase is None:
            return sent
        return self.phases.emit(sent, z, phase, neurons)

    def accept(
        self, r: NodeFeatures, x: NodeFeatures, phase: NodePhases | None, neurons: Neurons
    ) -> NodeFeatures:
        """What arrives from behind, brought to the dual law (:func:`receive`, :class:`PhaseGate`)."""
        received: NodeFeatures = receive(r, x, neurons.excess)
        if self.phases is None or phase is None:
            return received
        return self.phases.receive(received, x, phase)


def emit(x: Rows, excess: RowScalars | None) -> Rows:
    r"""What neurons send forwards, :math:`x_j \lVert x_j \rVert^{d_j - 1}`; *beyond the paper* unless d is 1.

    Args:
        x: primal features ``(V, D)``.
        excess: ``d - 1`` of every neuron, ``(V, 1)``, or None where it is 0 throughout.

    Law: ``q**d`` (signs count once), the law of a neuron's output, so that products with edge features have
    the law of the target.
    """
    return x if excess is None else x * _power(x, excess)


def receive(r: Rows, x: Rows, excess: RowScalars | None) -> Rows:
    r"""Backward messages of law ``1 / q**d``, times :math:`\lVert x_j \rVert^{d_j - 1}`.  Law: dual."""
    return r if excess is None else r * _power(x, excess)


def _power(x: Tensor, excess: Tensor) -> Tensor:
    size = length(x)
    return torch.where(excess == 0, 1, torch.where(size > 0, size, 1) ** excess * (size > 0))


def carry(m: Rows, like: Rows, groups: GroupRows) -> Rows:
    r"""Bring m from the primal to the dual law or back, to that of `like`.  *Beyond the paper.*

    .. math:: \mathrm{carry}(m, x) = m\, \lVert x \rVert / \lVert m \rVert

    where positive scales act.  Where the group holds signs only the two laws are the same, and m stays as
    it is.

    Law: that of `like`.
    """
    return torch.where(groups.scale_mask, unit(m) * length(like), m)


@final
class NodeUpdate(nn.Module):
    r"""New features of neurons from their old ones and their messages.

    .. math:: x'_i = \mathrm{ScaleEq}\big([x_i,\, m_i,\, \dots];\; z_i\big)

    for hidden neurons; input and output neurons have maps of their own.

    Source: Kalogeropoulos et al. 2024, section 5.2, equations (10) to (12).

    Args:
        inputs: width of ``[x, m, ...]``, all of one law.
        style: ``features`` is the width of the result.
        extras: width of the invariant extras z.

    Shapes: x, m and each of the extras ``(V, D)`` to ``(V, D)``.

    Law: that of the features.
    """

    def __init__(self, inputs: int, *, style: LayerStyle, extras: int) -> None:
        super().__init__()
        outputs = style.features
        self.hidden = ScaleEquivariant(
            inputs, outputs, extras=extras, symmetrize=style.symmetrize, style=style.mlp
        )
        self.io = IOMaps(inputs, outputs, style=style)
        load_old_names(self)

    def forward(
        self, features: Sequence[NodeFeatures], neurons: Neurons, extras: Sequence[NodeFeatures]
    ) -> NodeFeatures:
        """Features of one law and invariant extras, of all neurons, to new features."""
        inputs, hidden, outputs = neurons.split(torch.cat(list(features), dim=1))
        z = neurons.split(torch.cat(list(extras), dim=1))[1] if extras else None
        return torch.cat(
            [
                self.io.of_inputs(inputs),
                self.hidden(hidden, neurons.groups, z),
                self.io.of_outputs(outputs),
            ]
        )


@final
class EdgeUpdate(nn.Module):
    r"""New features of edges from their old ones and the invariants of both ends.

    .. math:: e'_{ij} = (W_3 e_{ij}) \odot \rho(\zeta_i, \zeta_j)

    :math:`\rho` is an MLP, and :math:`\zeta` are the :class:`NodeInvariants`.

    Source: Kalogeropoulos et al. 2024, section 5.2.

    Shapes: e ``(E, D)``, :math:`W_3` ``(D, D)``, x and u ``(V, D)``, result ``(E, D)``.

    Law: edge, since the first factor is linear in e and the second is invariant.
    """

    def __init__(self, *, style: LayerStyle) -> None:
        super().__init__()
        width = style.features
        self.invariants = NodeInvariants(style=style)
        # The first map of rho reads both ends: `rho.first` that at the target, `of_source` the other.
        self.rho = MLP(width, width, style=style.mlp)
        self.of_source = nn.Linear(width, style.mlp.hidden, bias=False)

    def forward(
        self,
        e: EdgeFeatures,
        edge_weight: SquareWeight,
        x: NodeFeatures,
        u: NodeFeatures | None,
        graph: SortedGraph,
    ) -> EdgeFeatures:
        """Old edge features, ``W_3``, and old node features to new edge features."""
        zeta = self.invariants(x, u, graph.neurons)
        ends = self.rho.first(zeta[graph.target]) + self.of_source(zeta[graph.source])
        return linear(e, edge_weight) * self.rho.rest(ends)


@final
class NodeInvariants(nn.Module):
    r"""What edges may know about the neurons at their ends.

    .. math::

        \zeta_i = \mathrm{ScaleInv}(x_i) \quad\text{or}\quad
        \zeta_i = \mathrm{ScaleInv}(x_i;\; x_i \odot u_i) + \mathrm{ScaleInv}(u_i)

    for hidden neurons, the latter with dual features; any function of ``[x, u]`` for input and output
    neurons.

    Shapes: x and u ``(V, D)`` to ``(V, D)``.

    Law: invariant.
    """

    def __init__(self, *, style: LayerStyle) -> None:
        super().__init__()
        width, both = style.features, style.bidirectional
        self.primal = ScaleInvariant(
            width, width, extras=width * both, symmetrize=style.symmetrize, style=style.mlp
        )
        self.dual = (
            ScaleInvariant(width, width, symmetrize=style.symmetrize, style=style.mlp) if both else None
        )
        self.io = IOMaps(width * (1 + both), width, style=style)
        load_old_names(self)

    def forward(self, x: NodeFeatures, u: NodeFeatures | None, neurons: Neurons) -> NodeFeatures:
        """Primal and dual features of all neurons to invariants."""
        inputs, _, outputs = neurons.split(x if u is None else torch.cat([x, u], dim=1))
        hidden, groups = neurons.split(x)[1], neurons.groups
        if u is None or self.dual is None:
            own = self.primal(hidden, groups)
        else:
            dual = neurons.split(u)[1]
            own = self.primal(hidden, groups, hidden * dual) + self.dual(dual, groups)
        return torch.cat([self.io.of_inputs(inputs), own, self.io.of_outputs(outputs)])
