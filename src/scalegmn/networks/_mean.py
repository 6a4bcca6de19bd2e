"""Several networks side by side as one wide network, whose output is the mean of theirs."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from scalegmn.errors import ArchitectureError
from scalegmn.networks._architecture import Architecture
from scalegmn.networks._layered import LayeredArchitecture
from scalegmn.networks._layers import Activate, Dense, Dropout, Layer, Shift


def mean_architecture(architecture: Architecture, count: int) -> Architecture:
    """The architecture of :func:`mean_parameters`: hidden layers `count` times as wide.

    Raises:
        ArchitectureError: the network is no list of dense layers with elementwise activations.
    """
    if count == 1:
        return architecture
    layers = _dense_layers(architecture)
    first = len(layers.leading)
    weighted = [layer for layer in layers.layers if isinstance(layer, Dense)]
    wide = {
        layer.name: dataclasses.replace(
            layer,
            inputs=layer.inputs * (1 if layer is weighted[0] else count),
            outputs=layer.outputs * (1 if layer is weighted[-1] else count),
        )
        for layer in weighted
    }
    made = [wide[layer.name] if isinstance(layer, Dense) else layer for layer in layers.layers[first:]]
    return LayeredArchitecture((*layers.leading, *made))


def mean_parameters(architecture: Architecture, theta: Tensor) -> Tensor:
    r"""Parameters of one network whose function is the mean of those of k networks.

    .. math::

        f(x) = \frac{1}{k} \sum_{m=1}^{k} f_m(x), \qquad
        W_\ell = \mathrm{diag}(W_\ell^1, \dots, W_\ell^k), \qquad
        W_L = \tfrac{1}{k} (W_L^1, \dots, W_L^k)

    Hidden neurons of the k networks stand side by side, and biases of the last layer are averaged.

    Args:
        architecture: of each of them, dense layers with elementwise activations.
        theta: their parameters, ``(k, *batch, P)``.

    Returns:
        ``(*batch, P')``, for :func:`mean_architecture`.

    Raises:
        ArchitectureError: as for :func:`mean_architecture`.

    Law: networks that are moved by symmetries, each by its own, give the same function.

    Example:
        >>> import torch
        >>> from scalegmn import siren
        >>> from scalegmn.networks import mean_architecture, mean_parameters, run
        >>> network, points = siren(widths=(2, 8, 1)), torch.rand(5, 2)
        >>> theta = 0.1 * torch.randn(4, 1, network.num_parameters)
        >>> wide = mean_architecture(network, 4)
        >>> wide.describe()
        '2-32-1 (sine), 129 parameters'
        >>> mean = torch.stack([run(network, one, points) for one in theta]).mean(0)
        >>> torch.allclose(run(wide, mean_parameters(network, theta), points), mean, atol=1e-5)
        True
    """
    if len(theta) == 1:
        return theta[0]
    layers = _dense_layers(architecture)
    state, last = layers.unflatten(theta), len(layers.stages) - 1
    joined = {}
    for number, one in enumerate(layers.weighted):
        weight = state[one.weight.name]
        joined[one.weight.name] = _joined(weight, first=number == 0, last=number == last)
        if one.bias is not None:
            bias = state[one.bias.name]
            joined[one.bias.name] = bias.mean(0) if number == last else _in_a_row(bias, dim=-1)
    wide = mean_architecture(architecture, len(theta))
    return torch.cat(
        [joined[parameter.name].flatten(theta.ndim - 2) for parameter in wide.parameters], dim=-1
    )


def _joined(weight: Tensor, *, first: bool, last: bool) -> Tensor:
    """Weights ``(k, *batch, out, in)`` of one layer of k networks, as one matrix."""
    if first and last:
        return weight.mean(0)
    if first:
        return _in_a_row(weight, dim=-2)
    if last:
        return _in_a_row(weight, dim=-1) / len(weight)
    blocks = [
        torch.cat([one if other == number else torch.zeros_like(one) for other in range(len(weight))], dim=-1)
        for number, one in enumerate(weight)
    ]
    return torch.cat(blocks, dim=-2)


def _in_a_row(values: Tensor, *, dim: int) -> Tensor:
    return torch.cat(list(values), dim=dim)


def _dense_layers(architecture: Architecture) -> LayeredArchitecture:
    """Itself as a list of layers.

    Raises:
        ArchitectureError: it is none, or a layer cannot stand beside another of its kind.
    """
    layers = architecture.layered(reader="the mean of several networks")
    others = [layer for layer in layers.layers[len(layers.leading) :] if not _stands_beside(layer)]
    if others or layers.skips:
        found = f"has {type(others[0]).__name__} layers" if others else "has skip connections"
        raise ArchitectureError(
            f"networks {architecture.describe()} cannot be averaged in one network: it {found}, expected "
            "dense layers with elementwise activations without learned numbers; use one output network"
        )
    return layers


def _stands_beside(layer: Layer) -> bool:
    if isinstance(layer, Activate):
        return layer.name is None and layer.activation.properties.elementwise
    return isinstance(layer, Dense | Dropout | Shift)
