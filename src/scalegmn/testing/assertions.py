"""Assertions that a metanetwork respects the symmetries of the networks it reads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from scalegmn.errors import SymmetryError
from scalegmn.symmetry import function_change
from scalegmn.testing.comparison import (
    EQUIVARIANCE,
    INVARIANCE,
    Measurement,
    Model,
    Networks,
    measure,
)
from scalegmn.testing.elements import Elements, Pair, draw_pair
from scalegmn.testing.parameters import random_inputs

TOLERANCES: dict[torch.dtype, float] = {torch.float64: 1e-10, torch.float32: 1e-4}
"""Largest relative error of an exactly symmetric metanetwork, by the precision it computes in."""

FUNCTION_TOLERANCE = 1e-8
"""Largest relative change of the function of an input network, computed in float64."""


def symmetry_error(
    model: Model,
    networks: Networks,
    *,
    generator: torch.Generator,
    elements: Elements | None = None,
    draws: int = 1,
) -> float:
    """Largest relative error of a model's answers about randomly transformed networks.

    The change of an answer is divided by the spread of the answers over all different networks: 0 is
    exact, and around 1 the answer says as much about the transformation as about the network.  Updates
    are compared with the spread of the updates of networks of the same architecture.

    Args:
        model: maps a batch to answers ``(B, ...)``, or to updates ``(T,)`` and ``(V,)`` of weights and
            biases.  A module is evaluated in evaluation mode, without gradients.
        networks: at least two, for updates of each architecture, in the dtype and on the device of the model.
        generator: source of randomness.
        elements: which symmetries to draw; None for all of them.
        draws: how many transformations of every network.

    Raises:
        SymmetryError: the model gives the same answer to all networks, or NaN, or there are too few.
    """
    return _measure(model, networks, generator=generator, elements=elements or Elements(), draws=draws).error


def assert_invariant(
    model: Model,
    networks: Networks,
    *,
    generator: torch.Generator,
    elements: Elements | None = None,
    draws: int = 1,
    tolerance: float | None = None,
) -> None:
    """Assert that answers ``(B, ...)`` stay the same when networks are transformed.

    Also asserts that the transformations keep the function of the networks.  Arguments are those of
    :func:`symmetry_error`; `tolerance` is that of the networks' dtype in ``TOLERANCES`` for None.

    Raises:
        AssertionError: names the error, the tolerance, the worst network, and the law.
    """
    _assert(model, networks, generator, elements, draws, tolerance, law=INVARIANCE)


def assert_equivariant(
    model: Model,
    networks: Networks,
    *,
    generator: torch.Generator,
    elements: Elements | None = None,
    draws: int = 1,
    tolerance: float | None = None,
) -> None:
    """Assert that updates of weights ``(T,)`` and biases ``(V,)`` transform as the parameters do.

    Otherwise as :func:`assert_invariant`.
    """
    _assert(model, networks, generator, elements, draws, tolerance, law=EQUIVARIANCE)


def _assert(
    model: Model,
    networks: Networks,
    generator: torch.Generator,
    elements: Elements | None,
    draws: int,
    tolerance: float | None,
    *,
    law: str,
) -> None:
    drawn = elements or Elements()
    found = _measure(model, networks, generator=generator, elements=drawn, draws=draws)
    if found.law != law:
        raise AssertionError(f"answers of this kind can only obey {found.law}; asked for was {law}")
    allowed = TOLERANCES[networks[0][1].dtype] if tolerance is None else tolerance
    if not found.error <= allowed:
        raise AssertionError(
            f"{found.law} does not hold: relative error {found.error:.3g}, tolerance {allowed:.3g}, at "
            f"network {found.network} of {found.architecture}; drawn were {drawn.describe()}"
        )


def _measure(
    model: Model, networks: Networks, *, generator: torch.Generator, elements: Elements, draws: int
) -> Measurement:
    if not networks or draws < 1:
        raise SymmetryError(f"{len(networks)} architectures and {draws} draws; expected at least one of each")
    with torch.no_grad(), _evaluating(model):
        pairs = [
            draw_pair(architecture, theta, generator=generator, elements=elements)
            for architecture, theta in networks
            for _ in range(draws)
        ]
        for pair in pairs:
            _check_function(pair, generator)
        return measure(model, pairs)


def _check_function(pair: Pair, generator: torch.Generator) -> None:
    """The transformed networks compute what the networks compute."""
    theta = pair.theta.double()
    inputs = random_inputs(pair.architecture, 5, generator=generator).to(theta.device)
    change = function_change(pair.architecture, theta, pair.apply(theta), inputs)
    if not change <= FUNCTION_TOLERANCE:
        raise AssertionError(
            f"the transformation changes the function of {pair.architecture.describe()} by {change:.3g} "
            f"(relative, in float64), tolerance {FUNCTION_TOLERANCE:.3g}: the action itself is wrong"
        )


@contextmanager
def _evaluating(model: Model) -> Iterator[None]:
    training = isinstance(model, nn.Module) and model.training
    if isinstance(model, nn.Module):
        model.eval()
    try:
        yield
    finally:
        if isinstance(model, nn.Module):
            model.train(training)
