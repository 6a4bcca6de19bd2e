"""Representatives of a network under its symmetries: other parameters, the same function."""

from __future__ import annotations

from functools import singledispatch

import torch
from torch import Tensor

from scalegmn.errors import SymmetryError
from scalegmn.networks import CONSTANT, Architecture, LayeredArchitecture
from scalegmn.programs import ProgramArchitecture
from scalegmn.shapes import Parameters
from scalegmn.symmetry._action import Element, SymmetryAction


def canonicalize_sine_phase(architecture: Architecture, theta: Parameters) -> Parameters:
    r"""Bring the bias of every hidden sine neuron into ``(-pi / 2w, pi / 2w]``, w its frequency.

    .. math::

        \sin(w (z + k \pi / w)) = (-1)^k \sin(w z)

    so ``k pi / w`` is subtracted from the bias, and the outgoing weights are multiplied by ``(-1)**k``.
    Layers that are no sines, and the output layer, are left alone; so are neurons that a skip connection ties
    to others, whose sign cannot be moved.

    Args:
        architecture: of all networks.
        theta: parameters ``(*batch, P)``.

    Returns:
        Parameters of the same shape and dtype.

    Law: the function stays the same.  Commutes with the sign group, which is left to the metanetwork;
    idempotent to the bit.

    Example:
        >>> import math, torch
        >>> from scalegmn import canonicalize_sine_phase, siren
        >>> from scalegmn.networks import run
        >>> network = siren(widths=(2, 16, 1), frequency=30.0)
        >>> theta = torch.randn(network.num_parameters, dtype=torch.float64)
        >>> canonical = canonicalize_sine_phase(network, theta)
        >>> bool(network.unflatten(canonical)["seq.0.bias"].abs().max() <= math.pi / 60)
        True
        >>> x = torch.randn(7, 2, dtype=torch.float64)
        >>> torch.allclose(run(network, canonical[None], x), run(network, theta[None], x))
        True
    """
    if not any(activation.properties.periodic for activation in architecture.hidden_activations):
        return theta.clone()
    action = SymmetryAction(architecture)
    places = action.topology.bias_parameter
    nodes = torch.nonzero((action.half_period > 0) & action.free & (places != CONSTANT)).squeeze(1)
    if nodes.numel() == 0:
        return theta.clone()
    half_period = action.half_period[nodes].to(theta.device)
    nodes_on = nodes.to(theta.device)
    places = places.to(theta.device)[nodes_on]
    bias = theta[..., places].double()
    ratio = bias / half_period
    # Subtracting 0.5 rounds; biases that are in range already must be found to be so.
    turns = torch.where((ratio > -0.5) & (ratio <= 0.5), 0, torch.ceil(ratio - 0.5))
    canonical = theta.clone()
    canonical[..., places] = _into_range((bias - turns * half_period).to(theta.dtype), half_period)
    flips = torch.ones(*theta.shape[:-1], action.topology.num_nodes, dtype=theta.dtype, device=theta.device)
    flips[..., nodes_on] = (1 - 2 * (turns.abs() % 2)).to(theta.dtype)
    taps = action.topology.tap_parameter != CONSTANT
    sources = action.topology.source[action.topology.tap_edge[taps]].to(theta.device)
    parameters = action.topology.tap_parameter[taps].to(theta.device)
    canonical[..., parameters] = canonical[..., parameters] * flips[..., sources]
    return canonical


def _into_range(bias: Tensor, half_period: Tensor) -> Tensor:
    """Undo what rounding may have pushed over the edge of ``(-h/2, h/2]``, so that a second pass is idle."""
    limit = half_period / 2
    top = limit.to(bias.dtype)
    zero = torch.zeros_like(top)
    top = torch.where(top.double() / half_period > 0.5, torch.nextafter(top, zero), top)
    bottom = torch.where(-top.double() / half_period <= -0.5, torch.nextafter(-top, zero), -top)
    return torch.minimum(torch.maximum(bias, bottom), top)


@singledispatch
def canonicalize_scale(architecture: Architecture, theta: Parameters) -> Parameters:
    """The representative of a network among all that differ from it by positive scales.

    In a list of layers, the incoming weights and bias of every homogeneous hidden neuron get the norm 1; dead
    neurons (all zero) and those tied by skip connections are left alone.  For a program see
    :func:`scalegmn.symmetry.discovery.canonical_scales`.  Idempotent to float precision.

    Args:
        architecture: of the network.
        theta: parameters of one network, ``(P,)``.

    Law: the function stays the same.

    Example:
        >>> import torch
        >>> from scalegmn import Activation, mlp
        >>> from scalegmn.symmetry import canonicalize_scale
        >>> network = mlp(widths=(2, 4, 1), activations=[Activation("relu")])
        >>> state = network.unflatten(canonicalize_scale(network, torch.randn(17, dtype=torch.float64)))
        >>> incoming = torch.cat([state["0.weight"], state["0.bias"][:, None]], dim=1)
        >>> torch.allclose(incoming.norm(dim=1), torch.ones(4, dtype=torch.float64))
        True
    """
    raise SymmetryError(
        f"no canonical scales are known of the kind {type(architecture).__name__}, expected a list of "
        "layers or a program; register them by canonicalize_scale.register"
    )


@canonicalize_scale.register
def _(architecture: ProgramArchitecture, theta: Parameters) -> Parameters:
    parameters = architecture.unflatten(theta)
    # Imported here: discovery takes SciPy along, which sine networks and layers do without.
    from scalegmn.symmetry.discovery import canonical_scales

    return architecture.flatten(canonical_scales(architecture.program, parameters).apply(parameters))


@canonicalize_scale.register
def _(architecture: LayeredArchitecture, theta: Parameters) -> Parameters:
    action = SymmetryAction(architecture)
    top = action.topology
    scalable = torch.tensor([group.has_scale for group in action.groups]) & action.free
    taps = top.tap_parameter != CONSTANT
    targets = top.target[top.tap_edge[taps]]
    for layer in range(1, len(action.architecture.stages)):
        squares = torch.zeros(top.num_nodes, dtype=torch.float64)
        squares.index_add_(0, targets, theta[top.tap_parameter[taps]].double().square())
        biased = top.bias_parameter != CONSTANT
        squares[biased] += theta[top.bias_parameter[biased]].double().square()
        chosen = scalable & (top.node_layer == layer) & (squares > 0)
        identity = action.identity()
        scale = torch.where(chosen, squares.clamp_min(1e-300).rsqrt(), identity.scale)
        theta = action.apply(theta, Element(scale, identity.phase, identity.permutation))
    return theta
