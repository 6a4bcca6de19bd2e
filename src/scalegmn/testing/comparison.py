"""How far a metanetwork's outputs for transformed networks are from where they should be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from scalegmn.errors import SymmetryError
from scalegmn.networks import Architecture
from scalegmn.testing.arguments import Model
from scalegmn.testing.elements import TransformedNetworks
from scalegmn.testing.samples import ModelLaw, SampleNetworks, in_words


@dataclass(frozen=True)
class Measurement:
    """The largest relative error that was found, and where.

    Attributes:
        error: change of an output, divided by the spread of the outputs over different networks.
        position: the network, its architecture, and the output or parameter.
        law: what should have held.
    """

    error: float
    position: str
    law: ModelLaw


def measure(
    model: Model, samples: SampleNetworks, pairs: Sequence[TransformedNetworks], law: ModelLaw | None
) -> Measurement:
    """Give the model both sides of every pair, and find the worst output.

    Tensors ``(B, ...)`` should be the same for both; updates should transform as the parameters do.

    Args:
        model: a metanetwork that reads this form of networks.
        samples: the form.
        pairs: networks and transformed networks.
        law: None for the one that fits the outputs.

    Raises:
        AssertionError: outputs of a form that cannot obey the law.
        SymmetryError: outputs that show nothing.
    """
    shown = [torch.cat([pair.seen, pair.moved_seen]) for pair in pairs]
    outputs = [
        samples.outputs(model, pair.architecture, theta) for pair, theta in zip(pairs, shown, strict=True)
    ]
    law = _law(samples, outputs, shown, law)
    halves = [
        comparable(samples, pair.architecture, output, theta, law).chunk(2)
        for pair, output, theta in zip(pairs, outputs, shown, strict=True)
    ]
    if law is ModelLaw.equivariance:
        errors = [_update_errors(pair, *both) for pair, both in zip(pairs, halves, strict=True)]
    else:
        if len({before.shape[1:] for before, _ in halves}) > 1:
            raise SymmetryError("the model's outputs for different architectures are of different shapes")
        spread = _spread(torch.cat([before for before, _ in halves]), "outputs")
        errors = [(after - before).abs() / spread for before, after in halves]
    return _largest(samples, errors, pairs, law)


def comparable(
    samples: SampleNetworks, architecture: Architecture, output: object, theta: Tensor, law: ModelLaw
) -> Tensor:
    """What the model said of networks ``theta (n, *, P)``, as a finite tensor ``(n, ...)``.

    Raises:
        SymmetryError: it has another shape, or holds NaN.
    """
    if law is ModelLaw.equivariance:
        found = samples.updates(architecture, output, theta)
    else:
        found = _stacked(output, len(theta))
    if not torch.isfinite(found).all():
        raise SymmetryError(
            f"the model's outputs for {samples.describe(architecture)} are NaN or infinite, which shows "
            "nothing; look for numbers that grow from layer to layer"
        )
    return found if found.ndim > 1 else found[:, None]


def _law(
    samples: SampleNetworks, outputs: Sequence[object], shown: Sequence[Tensor], asked: ModelLaw | None
) -> ModelLaw:
    """The law to test, once the outputs are found to be of a form that can obey it."""
    found = [samples.laws(output, theta) for output, theta in zip(outputs, shown, strict=True)]
    for output, possible in zip(outputs, found, strict=True):
        if not possible:
            raise SymmetryError(
                f"the model's output is {in_words(output)}, expected a tensor with one row for each "
                f"network, or updates in the form of the networks; it was called as {samples.called}"
            )
    law = found[0][0] if asked is None else asked
    if any(law not in possible for possible in found):
        if asked is None:
            raise SymmetryError("the model gives tensors for some networks and updates for others")
        possible = next(possible for possible in found if law not in possible)
        raise AssertionError(
            f"outputs of this form can only obey {possible[0].value}; asked for was {law.value}"
        )
    return law


def _stacked(output: object, count: int) -> Tensor:
    """Outputs ``(count, ...)`` of a law of invariance."""
    assert isinstance(output, Tensor)
    if output.ndim < 1 or output.shape[0] != count:
        raise SymmetryError(
            f"the model's output is {in_words(output)}, expected one row for each of the {count} networks "
            "that it was given at once; put networks in the first dimension"
        )
    return output


def _update_errors(pair: TransformedNetworks, before: Tensor, after: Tensor) -> Tensor:
    """Errors of all updates, ``(B, *features, P)``.

    They are measured as if the transformation were undone: a neuron that was divided by 1000 counts as
    much as one that was multiplied.
    """
    factor = pair.transform_update(torch.ones_like(before))
    difference = (after - pair.transform_update(before)) / factor
    return difference.abs() / _spread(before, "updates")


def _spread(values: Tensor, name: str) -> Tensor:
    """Standard deviation over different networks, root mean square over everything else."""
    if values.shape[0] < 2:
        raise SymmetryError(
            f"{values.shape[0]} network, expected at least 2 (for updates of each architecture): an error is "
            f"measured against how much the {name} for different networks differ"
        )
    spread = values.var(dim=0).mean().sqrt()
    if not spread > 0:
        raise SymmetryError(
            f"{name} are the same for different networks, so there is no spread to measure an error against; "
            "train the model first, or give it weights by scalegmn.testing.randomize"
        )
    return spread


def _largest(
    samples: SampleNetworks, errors: Sequence[Tensor], pairs: Sequence[TransformedNetworks], law: ModelLaw
) -> Measurement:
    worst = max(range(len(errors)), key=lambda number: float(errors[number].max()))
    found, architecture = errors[worst], pairs[worst].architecture
    network, *inside = (int(place) for place in torch.unravel_index(found.argmax(), found.shape))
    if law is ModelLaw.equivariance:
        where = samples.position(architecture, inside[-1])
    else:
        where = f"output {inside[0] if len(inside) == 1 else tuple(inside)}"
    return Measurement(
        float(found.max()), f"{where} of network {network} of {samples.describe(architecture)}", law
    )
