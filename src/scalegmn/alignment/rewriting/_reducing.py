"""Lists of layers without the hidden neurons that a rewriting may have added."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from scalegmn.networks import Architecture, LayeredArchitecture

from ._neurons import HiddenNeurons, rewritable_layers

_EXACT: Final = {torch.float32: 5e-7, torch.float64: 1e-12}
"""Relative differences that rounding explains."""
_ANGLE: Final = 1e-6
"""Angles below this are hard to tell from 0 by their cosine in float64; differences decide."""


def reduce(
    architecture: Architecture, theta: Tensor, *, tolerance: float | None = None
) -> tuple[Architecture, Tensor]:
    r"""Take away the hidden neurons that a network does without.

    From front to back and back again, until nothing changes:

    - neurons that compute the same up to an element of their group are merged into the first of them: with
      :math:`z_j = g\,z_i` for what enters, the outgoing weights of j times the factor of g are added to those
      of i; learned slopes have to agree;
    - what has canceled by that counts as 0;
    - neurons without incoming weights are constant and go into the next bias, where there is one and no
      border of zeros in between;
    - neurons that the next layer multiplies by 0 are left out.

    Args:
        architecture: of any kind.
        theta: parameters, ``(P,)``.
        tolerance: relative difference at which incoming weights count as the same, and sums as canceled; by
            default what rounding explains, 5e-7 in float32 and 1e-12 in float64.  Noise above it leaves a
            copy a neuron of its own: 1e-6 defeats the default.  For weights that were rounded to bfloat16
            since, 5e-3 is enough.

    Returns:
        The narrower architecture and its parameters, of the same dtype; a layer keeps at least one neuron.
        Layers at skip connections and convolutions in groups keep their width; programs, and networks with
        numbers that are NaN or infinite, come back as they are.

    Law: the function stays, up to the tolerance.  What :func:`rewrite` added by the kinds ``unread``,
    ``split`` and ``cancel`` is gone again, and the widths are what they were, if the network had no such
    neurons before.

    Example:
        >>> import torch
        >>> from scalegmn import Activation, mlp
        >>> from scalegmn.alignment.rewriting import Rewriting, reduce, rewrite
        >>> network = mlp(widths=(3, 8, 8, 2), activations=[Activation("relu"), Activation("tanh")])
        >>> theta = torch.randn(network.num_parameters, generator=torch.Generator().manual_seed(0))
        >>> wider, rewritten = rewrite(network, theta, rewriting=Rewriting(neurons=4))
        >>> wider.describe()
        '3-24-24-2 (relu, tanh), 746 parameters'
        >>> reduce(wider, rewritten)[0] == network
        True
    """
    layers = architecture.as_layers
    # An unread neuron whose weights are NaN makes every answer NaN.
    if layers is None or not bool(theta.isfinite().all()):
        return architecture, theta
    allowed = allowed_difference(theta, tolerance)
    found, exact = layers, theta.detach().double().cpu()
    widths = None
    while widths != (widths := [stage.weighted.outputs for stage in found.stages]):
        # From the front, as copies behind copies are alike only once those in front are merged; then from the
        # back, as a neuron that only unread ones read is unread.
        numbers = rewritable_layers(found)
        for layer in (*numbers, *reversed(numbers)):
            found, exact = reduced_layer(found, exact, layer=layer, tolerance=allowed)
    return (architecture, theta) if found == layers else (found, exact.to(theta))


def allowed_difference(theta: Tensor, tolerance: float | None) -> float:
    """The relative difference at which numbers count as the same."""
    return _EXACT.get(theta.dtype, _EXACT[torch.float32]) if tolerance is None else tolerance


def reduced_layer(
    architecture: LayeredArchitecture, theta: Tensor, *, layer: int, tolerance: float
) -> tuple[LayeredArchitecture, Tensor]:
    """Without those neurons of one hidden layer that the network does without."""
    neurons = HiddenNeurons.of(architecture, theta, layer=layer)
    neurons = _without_constants(merged_neurons(_read(neurons), tolerance))
    found = _read(neurons)
    width = architecture.stages[layer].weighted.outputs
    return (architecture, theta) if len(found) == width else found.written()


def _read(neurons: HiddenNeurons) -> HiddenNeurons:
    """Keep the neurons that the next layer reads, and at least one."""
    read = (neurons.outgoing.flatten(1) != 0).any(dim=1)
    if not bool(read.any()):
        read[0] = True
    return neurons.taken(torch.nonzero(read)[:, 0])


def _without_constants(neurons: HiddenNeurons) -> HiddenNeurons:
    """What constant neurons add to the next layer goes into its bias; they are unread afterwards."""
    constant = (neurons.incoming.flatten(1) == 0).all(dim=1)
    if neurons.stage.bias_diluted or not bool(constant.any()):
        return neurons
    slope = neurons.stage.activate
    learned = None if slope.name is None else neurons.state[f"{slope.name}.weight"]
    bias = torch.zeros(len(neurons), dtype=torch.float64) if neurons.bias is None else neurons.bias
    values = slope.activation(bias, learned if neurons.slopes is None else neurons.slopes)
    name = f"{neurons.following.name}.bias"
    foldable = neurons.following.bias and not neurons.borders
    gone = constant if foldable else constant & (values == 0)
    outgoing = neurons.outgoing.clone()
    state = dict(neurons.state)
    if name in state:
        added = outgoing[gone] * values[gone].reshape(-1, *[1] * (outgoing.ndim - 1))
        state[name] = state[name] + added.movedim(1, 0).flatten(1).sum(dim=1)
    outgoing[gone] = 0
    return neurons.with_state(state).reading(outgoing)


def merged_neurons(neurons: HiddenNeurons, tolerance: float) -> HiddenNeurons:
    """What leaves copies of a neuron is added to what leaves the first; copies are unread afterwards."""
    rows = neurons.rows
    norms = rows.norm(dim=1)
    units = rows / norms.clamp_min(1e-300)[:, None]
    near = 1 - max(tolerance, _ANGLE) ** 2
    alike = _cosines(neurons, units)
    free = norms > 0
    outgoing = neurons.outgoing.clone()
    for first in range(len(neurons)):
        if not free[first]:
            continue
        free[first] = False
        candidates = torch.nonzero(free & (alike[first] >= near))[:, 0]
        factors = _factors(neurons, first, candidates, tolerance=tolerance)
        twins, factors = candidates[factors != 0], factors[factors != 0]
        if not len(twins):
            continue
        parts = neurons.outgoing[twins] * factors.reshape(-1, *[1] * (outgoing.ndim - 1))
        total = outgoing[first] + parts.sum(dim=0)
        size = outgoing[first].abs() + parts.abs().sum(dim=0)
        outgoing[first] = torch.where(total.abs() <= tolerance * size, 0, total)
        outgoing[twins], free[twins] = 0, False
    return neurons.reading(outgoing)


def _cosines(neurons: HiddenNeurons, units: Tensor) -> Tensor:
    """How nearly parallel what enters each pair of neurons is, at best, ``(n, n)``."""
    if neurons.half_period:
        # Biases agree up to half periods, which an angle does not know.
        weights = neurons.incoming.flatten(1)
        units = weights / weights.norm(dim=1).clamp_min(1e-300)[:, None]
    cosines = units @ units.T
    return cosines.abs() if neurons.group.has_sign else cosines


def _factors(neurons: HiddenNeurons, first: int, others: Tensor, *, tolerance: float) -> Tensor:
    """The factors of the others' outgoing weights when `first` replaces them; 0 where it cannot."""
    group, rows = neurons.group, neurons.rows
    ours, theirs = rows[first], rows[others]
    weights = neurons.incoming.flatten(1)
    parallel = weights[others] @ weights[first] if neurons.half_period else theirs @ ours
    signs = torch.where(parallel < 0, -1.0, 1.0).double() if group.has_sign else torch.ones_like(parallel)
    scales = theirs.norm(dim=1) / ours.norm() if group.has_scale else torch.ones_like(parallel)
    differences = theirs * (signs / scales)[:, None] - ours
    emitted = signs * scales**group.degree
    if neurons.half_period:
        turns = torch.round(differences[:, -1] / neurons.half_period)
        differences[:, -1] -= turns * neurons.half_period
        emitted = emitted * (1.0 - 2.0 * torch.remainder(turns, 2))
    sizes = torch.maximum(ours.norm(), theirs.norm(dim=1) / scales)
    same = differences.norm(dim=1) <= tolerance * sizes
    if neurons.slopes is not None:
        slopes = neurons.slopes
        same &= (slopes[others] - slopes[first]).abs() <= tolerance * slopes[first].abs().clamp_min(1.0)
    return torch.where(same, emitted, 0.0)
