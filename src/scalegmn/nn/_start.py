"""The features of neurons before the first layer."""

from __future__ import annotations

import torch
from torch import Tensor

from scalegmn.errors import GraphError
from scalegmn.nn._group_rows import GroupRows
from scalegmn.nn._neurons import Neurons
from scalegmn.shapes import NodeFeatures, Rows


def start_primal(bias: Tensor, encoding: Tensor, neurons: Neurons, *, multiply: bool) -> NodeFeatures:
    r"""Features of biases and encodings.

    .. math::

        x^0_i = \begin{cases} (W b_i) \odot z_i & \text{hidden neurons} \\
                              W b_i + z_i       & \text{inputs and outputs} \end{cases}

    Args:
        bias: mapped biases :math:`W b`, ``(V, D)``, primal.
        encoding: z, ``(V, D)``, invariant.
        neurons: the rows.
        multiply: False adds on hidden neurons as well, for models without scale symmetry.

    Law: primal.

    Raises:
        GraphError: the two have different shapes.
    """
    if bias.shape != encoding.shape:
        raise GraphError(f"biases {tuple(bias.shape)} and encodings {tuple(encoding.shape)} differ in shape")
    if not multiply:
        return bias + encoding
    return torch.where(neurons.is_hidden, bias * encoding, bias + encoding)


def start_dual(
    primal: NodeFeatures, encoding: NodeFeatures, ends: Tensor, neurons: Neurons, *, any_width: bool = False
) -> NodeFeatures:
    r"""Dual features: learned at inputs and outputs, and at hidden neurons 0 where scales act.

    *Beyond the paper.*

    .. math::

        u^0_i = \begin{cases} z_i \odot s_\text{in},\ z_i \odot s_\text{out} & \text{inputs, outputs} \\
                              0     & \text{hidden neurons with positive scales} \\
                              x^0_i & \text{other hidden neurons} \end{cases}

    Args:
        primal: :math:`x^0`, ``(V, D)``.
        encoding: z, ``(V, D)``.
        ends: :math:`s_\text{in}` and :math:`s_\text{out}`, ``(2, D)``.
        neurons: the rows.
        any_width: 0 at all hidden neurons: copies of a neuron have equal x, and duals that add up.

    Law: dual.
    """
    inputs, _, outputs = neurons.split(encoding)
    own = neurons.split(primal)[1]
    hidden = torch.zeros_like(own) if any_width else dual_start(own, neurons.groups)
    return torch.cat([inputs * ends[0], hidden, outputs * ends[1]])


def dual_start(x: Rows, groups: GroupRows) -> Rows:
    """0 on rows that scale, x elsewhere.

    ``x / |x|**2`` would have the dual law too, but a neuron with a bias of 1e-12 would start with a
    feature of norm 1e+12, next to others of norm 1.  From 0 the duals grow out of the encodings of the
    input and output neurons, as gradients do.

    Law: primal to dual.
    """
    return torch.where(groups.scale_mask, 0, x)
