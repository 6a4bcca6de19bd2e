"""Whether merged copies of neurons could have computed something with their difference."""

from __future__ import annotations

import dataclasses
import math

import torch
from torch import Tensor

from scalegmn.networks import Architecture

from ._neurons import HiddenNeurons, rewritable_layers
from ._reducing import allowed_difference, merged_neurons, reduced_layer


def cancellation(architecture: Architecture, theta: Tensor, *, tolerance: float | None = None) -> float:
    r"""How much more enters a neuron before copies are merged than after, at most.

    With rows of norm 1 into each neuron i, and outgoing weights a to the neuron r of the next layer, it is
    the largest over r of

    .. math:: \sum_i |a_{ri}| \;/\; \sum_k \Big|\sum_{i \sim k} a_{ri}\Big|,

    with sums over all neurons i, and over the copies of each neuron k that stays.  Copies that were merged at
    a relative difference ε, however many, changed what enters r by at most ε times this factor of what enters
    r anyway.  Two copies that differ by rounding, with huge weights of both signs, can compute what no random
    input shows, and so can thousands with large ones; :func:`reduce` takes them away, and this is huge.

    Args:
        architecture: of any kind; 1 for all but lists of layers.
        theta: parameters, ``(P,)``.
        tolerance: as of :func:`reduce`.

    Law: invariant under permutations, scales and signs.

    Example:
        >>> import torch
        >>> from scalegmn import Activation, mlp
        >>> from scalegmn.alignment.rewriting import Rewriting, cancellation, rewrite
        >>> network = mlp(widths=(3, 8, 2), activations=[Activation("relu")])
        >>> theta = torch.randn(network.num_parameters, generator=torch.Generator().manual_seed(0))
        >>> cancellation(network, theta)
        1.0
        >>> cancellation(*rewrite(network, theta, rewriting=Rewriting(kinds=("split",)))) < 3
        True
    """
    found = architecture.as_layers
    if found is None:
        return 1.0
    allowed = allowed_difference(theta, tolerance)
    exact = theta.detach().double().cpu()
    largest, widths = 1.0, None
    while widths != (widths := [stage.weighted.outputs for stage in found.stages]):
        numbers = rewritable_layers(found)
        for layer in (*numbers, *reversed(numbers)):
            neurons = _with_unit_rows(HiddenNeurons.of(found, exact, layer=layer))
            before, after = (_contributions(one) for one in (neurons, merged_neurons(neurons, allowed)))
            largest = max(largest, float(_ratios(before, after).max()))
            found, exact = reduced_layer(found, exact, layer=layer, tolerance=allowed)
            # Which copy stays, and with it its scale, must not matter to the layers behind.
            found, exact = _with_unit_rows(HiddenNeurons.of(found, exact, layer=layer)).written()
    return largest


def _with_unit_rows(neurons: HiddenNeurons) -> HiddenNeurons:
    """Where scales are a symmetry: all that enters each of them has norm 1."""
    if not neurons.group.has_scale:
        return neurons
    norms = neurons.rows.norm(dim=1)
    norms = torch.where(norms > 0, norms, 1.0)
    return dataclasses.replace(
        neurons,
        incoming=neurons.incoming / _along(norms, neurons.incoming),
        bias=None if neurons.bias is None else neurons.bias / norms,
        outgoing=neurons.outgoing * _along(norms**neurons.group.degree, neurons.outgoing),
    )


def _contributions(neurons: HiddenNeurons) -> Tensor:
    """All that enters each neuron of the next layer, ``(outputs,)``."""
    sizes = neurons.outgoing.abs().flatten(2).sum(dim=2)
    return (sizes * neurons.rows.norm(dim=1)[:, None]).sum(dim=0)


def _ratios(before: Tensor, after: Tensor) -> Tensor:
    ratios = torch.where(before > 0, before / after, 1.0)
    return torch.where(ratios.isnan(), math.inf, ratios)


def _along(factors: Tensor, values: Tensor) -> Tensor:
    return factors.reshape(-1, *[1] * (values.ndim - 1))
