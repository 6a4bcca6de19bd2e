"""How much a metanetwork's prediction changes when a network changes but its function does not."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from scalegmn.errors import ConfigurationError
from scalegmn.graph import NetworkBatch
from scalegmn.models import Predictor
from scalegmn.networks import Architecture
from scalegmn.seeding import generator
from scalegmn.symmetry import canonicalize_sine_phase, random_symmetry


@dataclass(frozen=True)
class Invariance:
    """Changes of predictions under random symmetries.

    The error of one comparison is the largest change of a prediction's numbers, relative to their largest.

    Attributes:
        comparisons: networks times symmetries.
        largest: the largest error.
        median: the median error.
        changed: fraction of comparisons in which the class (the place of the largest number) changed.
    """

    comparisons: int
    largest: float
    median: float
    changed: float


@torch.no_grad()
def measure_invariance(
    model: Predictor,
    architecture: Architecture,
    theta: Float[Tensor, "B P"],
    *,
    draws: int = 4,
    seed: int = 0,
    spread: float = 10.0,
    shift_phase: bool = False,
) -> Invariance:
    """Compare the predictions for networks with those about the same networks transformed at random.

    Hidden neurons are permuted and multiplied with random elements of their groups (signs for sine and
    tanh, positive scales for ReLU); of programs, elements of the group that is computed from their operations
    are drawn.  Everything is computed in float64, by a copy of the model.

    Args:
        model: is not changed.
        architecture: of the networks.
        theta: their parameters, as the model is given them.
        draws: symmetries, each applied to all networks.
        seed: of the symmetries.
        spread: positive scales are drawn log-uniformly from ``[1/spread, spread]``.
        shift_phase: shift sine neurons by random half periods too, and canonicalize the phase before
            the model sees a network, as training does.

    Raises:
        ConfigurationError: there is nothing to compare.
    """
    if draws < 1 or not len(theta):
        raise ConfigurationError(
            f"{draws} symmetries of {len(theta)} networks; expected at least one of each"
        )
    exact = copy.deepcopy(model).double().eval()
    theta = theta.double()
    random = generator(seed, "invariance")

    def answer(parameters: Tensor) -> Tensor:
        if shift_phase:
            parameters = canonicalize_sine_phase(architecture, parameters)
        answers: Tensor = exact.predict(NetworkBatch.from_parameters(architecture, parameters))
        return answers

    before = answer(theta)
    size = before.abs().amax(dim=1).clamp_min(torch.finfo(before.dtype).tiny)
    errors, changed = [], []
    for _ in range(draws):
        symmetry = random_symmetry(architecture, generator=random, spread=spread, shift_phase=shift_phase)
        after = answer(symmetry.apply(theta))
        errors.append((after - before).abs().amax(dim=1) / size)
        changed.append(after.argmax(dim=1) != before.argmax(dim=1))
    error = torch.cat(errors)
    return Invariance(
        comparisons=error.numel(),
        largest=float(error.max()),
        median=float(error.median()),
        changed=float(torch.cat(changed).double().mean()),
    )
