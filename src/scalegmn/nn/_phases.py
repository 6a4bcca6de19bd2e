r"""Phases of sine neurons as features: no value of a bias is special, and none jumps.  *Beyond the paper.*

A sine neuron of frequency :math:`\omega` computes :math:`\sin(\omega (w x + b))`.  Two flips act on it: s
multiplies its incoming weights and its bias, and its output with them; a shift of b by an odd number of half
periods multiplies its output alone, by t.  So its sum has the law s, its output the law s t, and with
:math:`\varphi = \omega b`

.. math:: \cos\varphi \to t \cos\varphi, \qquad \sin\varphi \to s t \sin\varphi .

Features of neurons have the law s, as biases have in the rest of the library.
"""

from __future__ import annotations

from typing import Final, final

import torch
from torch import nn

from scalegmn.graph import AnyGraph
from scalegmn.nn._invariant import ScaleInvariant
from scalegmn.nn._neurons import Neurons
from scalegmn.nn._style import LayerStyle
from scalegmn.shapes import NodeFeatures, NodePhases, NodeScalars

_ROUNDINGS: Final = 4
"""An angle is known to this many units in its last place: that of the bias, its shift and the product."""


@final
class PhaseStart(nn.Module):
    r"""What stands in the place of the biases of sine neurons before the first layer.

    .. math::

        b_i \to \sin 2\varphi_i, \qquad z_i \to z_i + c \cos 2\varphi_i

    with a learned vector c.  A shift by half periods turns the angle :math:`2\varphi` by whole turns.

    Args:
        features: D.

    Law: of :math:`\sin 2\varphi` primal, with the sign s; of :math:`\cos 2\varphi` invariant.
    """

    def __init__(self, *, features: int) -> None:
        super().__init__()
        self.of_double = nn.Parameter(torch.randn(features))

    def forward(
        self, bias: NodeScalars, encoding: NodeFeatures, phase: NodePhases, neurons: Neurons
    ) -> tuple[NodeScalars, NodeFeatures]:
        """Biases and encodings of all rows, with those of sine neurons replaced."""
        phased = neurons.phased
        assert phased is not None, "phases are of neurons that have them"
        cosine, sine = phase.split(1, dim=1)
        double = torch.where(phased, 2 * cosine * cosine - 1, 0)
        own = torch.where(phased, 2 * sine * cosine, bias.unsqueeze(1))
        return own.squeeze(1), encoding + self.of_double * double


def phases_of(graph: AnyGraph, neurons: Neurons) -> NodePhases | None:
    r"""Cosine and sine of :math:`\omega b` of sine neurons, 1 and 0 of others, ``(V, 2)``; None without any.

    Args:
        graph: whose `node_value` is the frequency of a sine neuron.
        neurons: the rows of the result.

    Law: a shift by k half periods multiplies both by ``(-1)**k``, a sign of the neuron the sine.
    """
    if neurons.phased is None:
        return None
    # The number of another activation is no frequency.
    frequency = torch.where(neurons.phased.squeeze(1), neurons.take(graph.node_value), 0)
    angle = neurons.take(graph.node_bias) * frequency.to(graph.node_bias)
    pair = torch.stack([angle.cos(), angle.sin()], dim=1)
    # The sine of a dead neuron is 0, and that of its shifted copy is not, by rounding of the angle.  Positive
    # scales behind it would make of any size size 1.
    rounding = _ROUNDINGS * torch.finfo(pair.dtype).eps * angle.abs().unsqueeze(1)
    return torch.where(pair.abs() < rounding, 0, pair)


@final
class PhaseGate(nn.Module):
    r"""Map features between the law of a sine neuron's sum and that of its output.

    Both follow :math:`\sin(\omega (v + b)) = \sin \omega v \cos\varphi + \cos \omega v \sin\varphi` and its
    derivative, with a learned even function in place of the cosine and a linear one in place of the sine:

    .. math::

        \mathrm{emit}(x) &= x \cos\varphi + \mathrm{ScaleInv}(x; z) \sin\varphi \\
        \mathrm{receive}(r) &= r \cos\varphi - (W x) \odot r \sin\varphi

    For neurons that are no sines both leave everything as it is.

    Args:
        style: of the layer.

    Shapes: x, z and r ``(V, D)``, phases ``(V, 2)``, results ``(V, D)``.

    Law: emitted features have the sign s t of the output, and with edges, whose sign is :math:`s_i s_j t_j`,
    the law of the target; what is received has the sign s t, and then s.
    """

    def __init__(self, *, style: LayerStyle) -> None:
        super().__init__()
        width = style.features
        self.even = ScaleInvariant(width, width, extras=width, symmetrize=style.symmetrize, style=style.mlp)
        self.odd = nn.Linear(width, width, bias=False) if style.bidirectional else None

    def emit(self, x: NodeFeatures, z: NodeFeatures, phase: NodePhases, neurons: Neurons) -> NodeFeatures:
        """What neurons send forwards, of primal features and encodings."""
        inputs, hidden, outputs = neurons.split(x)
        cosine, sine = neurons.split(phase)[1].split(1, dim=1)
        even = self.even(hidden, neurons.groups, neurons.split(z)[1])
        return torch.cat([inputs, hidden * cosine + even * sine, outputs])

    def receive(self, r: NodeFeatures, x: NodeFeatures, phase: NodePhases) -> NodeFeatures:
        """Backward messages, of the law of a neuron's output, with that of its sum."""
        assert self.odd is not None, "only layers in both directions receive from behind"
        cosine, sine = phase.split(1, dim=1)
        turned: NodeFeatures = r * cosine - self.odd(x) * r * sine
        return turned
