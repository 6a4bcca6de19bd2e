r"""The message passing layer that reads networks of any width alike.  *Beyond the paper.*

Primal features are *intensive*: copies of a neuron have equal ones, up to their law.  Dual features and the
edges that leave a neuron are *extensive*: those of its copies add up to those of the neuron.  Whatever is
extensive is only ever mapped linearly, and summed, before a function of it is taken.
`docs/mathematics.md` proves what follows.
"""

from __future__ import annotations

import dataclasses
from typing import Final, final

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from scalegmn.nn._edge_maps import EdgeMaps
from scalegmn.nn._equivariant import IOMap, IOMaps, ScaleEquivariant
from scalegmn.nn._invariant import ScaleInvariant, length
from scalegmn.nn._message_passing_layer import MessagePassingLayer
from scalegmn.nn._network_sums import NetworkSums
from scalegmn.nn._neurons import Neurons, SortedGraph
from scalegmn.nn._products import LinearProducts
from scalegmn.nn._scale_layer import EdgeUpdate, emit, receive
from scalegmn.nn._state import State
from scalegmn.nn._style import LayerStyle
from scalegmn.shapes import NodeFeatures, RowScalars

_NOISE: Final = 256
"""In units of the machine's precision: copies of a neuron are not rounded alike."""


@final
class AnyWidthMessagePassing(MessagePassingLayer):
    r"""Messages that are linear in edges, and a backward pass that is linear in the dual features.

    .. math::

        s_j   &= \mathrm{ScaleEq}(x_j;\, z_j) \\
        m_i   &= \textstyle\sum_{j} s_j \lVert s_j \rVert^{d_j - 1} \odot W_1 e_{ij} \\
        x'_i  &= \big(W_2 [x_i,\, m_i]\big) \odot \mathrm{ScaleInv}\big([x_i,\, m_i];\, z_i\big) \\
        e'_{ij} &= W_3 e_{ij} \odot \rho(\zeta_i, \zeta_j), \qquad \zeta_i = \mathrm{ScaleInv}(x_i)

    In both directions, with :math:`h` the :class:`~scalegmn.nn.NetworkSums` of the network:

    .. math::

        z_i   &\gets z_i + h \\
        r_j   &= \lVert x_j \rVert^{d_j - 1} \textstyle\sum_{i} U_1 u_i \odot U_2 e_{ij} \\
        u'_j  &= \big(U_3 [u_j,\, r_j]\big) \odot \mathrm{ScaleInv}\big([x_j,\, m_j];\, z_j\big)

    No function is taken of a single message, and hidden neurons never see their own u, but as part of h.
    These are the equations of hidden neurons; input and output neurons, which have no copies, send and are
    updated by maps of their own (:class:`~scalegmn.nn.IOMap`), the latter of all their features.

    Args:
        style: options; gates always see z, whatever ``positional_in_messages`` and
            ``positional_in_updates`` say.
        layers: hidden layers of the networks at most.
        update_edges: whether later layers or the head read edge features.
        first: whether it is the first layer, before which no dual feature says anything, so that h is 0.

    Shapes: x, u, m, r, z ``(V, D)``; e ``(E, D)``.

    Law: x, m primal; u, r dual; e edge.  Each is kept.  Beside that, a neuron may be replaced by copies of
    it: x of every copy is that of the neuron, the edges that leave the copies add up to those of the
    neuron, and so do their duals.  Neurons that nobody reads, and those whose reading cancels, change
    nothing.
    """

    def __init__(self, *, style: LayerStyle, layers: int, update_edges: bool, first: bool = False) -> None:
        super().__init__()
        width, both = style.features, style.bidirectional
        ends = width * (4 if both else 2)
        self.context = NetworkSums(layers=layers, style=style) if both and not first else None
        self.send = ScaleEquivariant(width, width, extras=width, symmetrize=style.symmetrize, style=style.mlp)
        self.send_ends = IOMap(width, width, style=style)
        self.primal_update = GatedMap(2 * width, gates=2 * width, ends=ends, style=style)
        self.dual_send = nn.Linear(width, width, bias=False) if both else None
        self.dual_update = GatedMap(2 * width, gates=2 * width, ends=ends, style=style) if both else None
        forward_style = dataclasses.replace(style, bidirectional=False, dual=False)
        self.edge_update = EdgeUpdate(style=forward_style) if update_edges else None
        self.products = LinearProducts(style=style) if style.products else None
        self.edge_maps = EdgeMaps(width, width, backward=both, update=update_edges)

    def forward(self, state: State, graph: SortedGraph) -> State:
        """The equations of the class; dropout and residual connections stand around the layer."""
        x, u, e = state.primal, state.dual, state.edges
        neurons, source, target = graph.neurons, graph.source, graph.target
        w, excess = self.edge_maps.by_name(), neurons.excess
        z = self.told(state.encoding, x, u, neurons)
        inputs, hidden, outputs = neurons.split(x)
        own = self.send(hidden, neurons.groups, z[neurons.hidden])
        s = torch.cat([self.send_ends(inputs), own, self.send_ends(outputs)])
        terms = emit(s, excess)[source] * linear(e, w.forward)
        sizes = torch.linalg.vector_norm(terms.detach(), dim=1, keepdim=True)
        m = without_noise(_sums(terms, target, x), _sums(sizes, target, x))
        if self.products is not None:
            m = m + self.products.primal(s, graph.products)
        own = torch.cat([x, m], dim=1)
        if self.dual_send is None or self.dual_update is None or u is None:
            new_x, new_u = self.primal_update(own, own, z, own, neurons), None
        else:
            terms = self.dual_send(u)[target] * linear(e, w.backward)
            r = receive(_sums(terms, source, x), x, excess)
            if self.products is not None:
                r = r + self.products.dual(u, s, graph.products)
            back = torch.cat([u, r], dim=1)
            ends = torch.cat([own, back], dim=1)
            new_x = self.primal_update(own, own, z, ends, neurons)
            new_u = self.dual_update(back, own, z, ends, neurons)
        new_e = e if self.edge_update is None else self.edge_update(e, w.update, x, None, graph)
        return State(new_x, new_u, new_e, state.encoding)

    def told(
        self, z: NodeFeatures, x: NodeFeatures, u: NodeFeatures | None, neurons: Neurons
    ) -> NodeFeatures:
        """What gates see of the place of every neuron, and in both directions of its network.

        Law: invariant.
        """
        if self.context is None or u is None:
            return z
        return z + self.context(x, u, neurons).index_select(0, neurons.network)


def _sums(terms: Tensor, receiver: Tensor, like: Tensor) -> Tensor:
    """Sums of terms ``(E, F)`` at the nodes that they reach, ``(V, F)``."""
    return terms.new_zeros(len(like), terms.shape[1]).index_add(0, receiver, terms)


def without_noise(m: NodeFeatures, sizes: RowScalars) -> NodeFeatures:
    """The sums of messages, and 0 for those that are nothing but what rounding leaves of terms that cancel.

    A gate sees the direction of m, so that a neuron which is told nothing has to hear 0: with a remainder of
    1e-17 in its place, pairs of neurons that cancel would change the answers.

    Args:
        m: the sums, ``(V, D)``.
        sizes: the sums of the norms of their terms, ``(V, 1)``.

    Law: kept.
    """
    return torch.where(length(m.detach()) > _NOISE * torch.finfo(m.dtype).eps * sizes, m, 0)


@final
class GatedMap(nn.Module):
    r"""A linear map of features, times a function of other features that forgets their law.

    .. math:: f(a, b; z) = (W a) \odot \mathrm{ScaleInv}(b; z)

    on hidden neurons; on inputs and outputs an :class:`~scalegmn.nn.IOMap` of what these know.

    Args:
        inputs: width of a.
        gates: width of b.
        ends: width of what inputs and outputs know.
        style: ``features`` is the width of the result and of z.

    Shapes: a ``(V, inputs)``, b ``(V, gates)``, z ``(V, D)``, result ``(V, D)``.

    Law: that of a, and linear in a: where a adds up over copies of a neuron whose b are alike, so does the
    result.
    """

    def __init__(self, inputs: int, *, gates: int, ends: int, style: LayerStyle) -> None:
        super().__init__()
        width = style.features
        self.linear = nn.Linear(inputs, width, bias=False)
        self.invariant = ScaleInvariant(
            gates, width, extras=width, symmetrize=style.symmetrize, style=style.mlp
        )
        self.io = IOMaps(ends, width, style=style)

    def forward(self, a: Tensor, b: Tensor, z: NodeFeatures, ends: Tensor, neurons: Neurons) -> NodeFeatures:
        """Features of all neurons.

        Args:
            a: what hidden neurons are mapped from.
            b: what their gates see.
            z: invariant extras of the gates.
            ends: what inputs and outputs are mapped from.
            neurons: the rows.
        """
        hidden = neurons.hidden
        mapped = self.linear(a[hidden]) * self.invariant(b[hidden], neurons.groups, z[hidden])
        return torch.cat(
            [
                self.io.of_inputs(ends[neurons.inputs]),
                mapped,
                self.io.of_outputs(ends[neurons.outputs]),
            ]
        )
