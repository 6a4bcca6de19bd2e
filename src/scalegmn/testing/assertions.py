"""Assertions that a metanetwork respects the symmetries of the networks it reads."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import torch
from torch import nn

from scalegmn.errors import SymmetryError
from scalegmn.testing.arguments import Model, ModelArgument, PairsArgument
from scalegmn.testing.comparison import Measurement, comparable, measure
from scalegmn.testing.elements import Elements, TransformedNetworks, draw_pair
from scalegmn.testing.forms import Graphs
from scalegmn.testing.report import SymmetryReport, drawn
from scalegmn.testing.samples import ModelLaw, SampleNetworks, in_words

if TYPE_CHECKING:
    Networks = SampleNetworks | PairsArgument
else:
    Networks = object

TOLERANCES: dict[torch.dtype, float] = {torch.float64: 1e-10, torch.float32: 1e-4}
"""Largest relative error of an exactly symmetric metanetwork, by the precision it computes in."""

FUNCTION_TOLERANCE: Final = 1e-8
"""Largest relative change of the function of an input network, computed in float64."""


def symmetry_error(
    model: ModelArgument,
    networks: Networks,
    *,
    generator: torch.Generator,
    elements: Elements | None = None,
    draws: int = 1,
) -> float:
    """Largest relative error of a model's outputs for randomly transformed networks.

    ``max |f(g theta) - f(theta)| / spread`` for outputs, and ``max |u(g theta) - g u(theta)| / spread`` for
    updates, where `spread` is the standard deviation over all different networks: 0 is exact, and around 1 an
    output says as much about the transformation as about the network.  Updates are compared with the spread
    of the updates of networks of the same architecture.

    Args:
        model: maps networks to outputs ``(B, ...)``, or to updates in the form of the networks.  A module is
            evaluated in evaluation mode, without gradients.
        networks: at least two, for updates of each architecture, in the dtype and on the device of the model.
        generator: source of randomness.
        elements: which symmetries to draw; None for all that are known.
        draws: how many transformations of every network.

    Raises:
        SymmetryError: arguments that do not fit, or outputs that show nothing: NaN, or the same for all
            networks.

    >>> import torch
    >>> from scalegmn.testing import WeightLists, symmetry_error
    >>> generator = torch.Generator().manual_seed(0)
    >>> networks = WeightLists.random((2, 8, 1), activations="tanh", generator=generator)
    >>> symmetry_error(lambda weights, biases: biases[0].abs().sum(1), networks, generator=generator) < 1e-12
    True
    >>> symmetry_error(lambda weights, biases: biases[0].sum(1), networks, generator=generator) > 0.1  # signs
    True
    """
    samples = _checked(model, networks)
    return _found(model, samples, generator, samples.chosen(elements), draws, None)[0].error


def assert_invariant(
    model: ModelArgument,
    networks: Networks,
    *,
    generator: torch.Generator,
    elements: Elements | None = None,
    draws: int = 1,
    tolerance: float | None = None,
) -> SymmetryReport:
    """Assert that ``f(g theta) = f(theta)``: outputs ``(B, ...)`` stay when networks are transformed.

    Also asserts that the transformations keep the function of the networks, where these can be run.

    Args:
        model: maps networks to outputs ``(B, ...)``.
        networks: :class:`WeightLists`, :class:`StateDicts`, :class:`Modules`, :class:`FlatParameters` or
            :class:`Graphs`, in the dtype and on the device of the model; at least two networks.
        generator: source of randomness.
        elements: which symmetries to draw; None for all that are known.
        draws: how many transformations of every network.
        tolerance: of the relative error; None for that of the networks' dtype in ``TOLERANCES``.

    Returns:
        Which group was tested, by how many elements, and the largest error.

    Raises:
        AssertionError: names the error, the tolerance, where it is, the law and the symmetries.
        SymmetryError: arguments that do not fit, or with which nothing would be tested.

    Warns:
        UserWarning: only permutations were tested, because no activations were given; ask for
            ``elements=PERMUTATIONS`` if that is what was meant.

    >>> import torch
    >>> from scalegmn.testing import WeightLists, assert_invariant
    >>> generator = torch.Generator().manual_seed(0)
    >>> networks = WeightLists.random((2, 8, 1), activations="relu", generator=generator)
    >>> def path_norm(weights, biases):
    ...     (first, second) = weights  # (B, 8, 2, 1) and (B, 1, 8, 1)
    ...     return second.abs().flatten(2) @ first.abs().flatten(2)
    >>> assert_invariant(path_norm, networks, generator=generator).group
    'permutations of 8 hidden neurons, positive scales of 8'
    """
    samples = _checked(model, networks)
    return _assert(model, samples, generator, elements, draws, tolerance, ModelLaw.invariance)


def assert_equivariant(
    model: ModelArgument,
    networks: Networks,
    *,
    generator: torch.Generator,
    elements: Elements | None = None,
    draws: int = 1,
    tolerance: float | None = None,
) -> SymmetryReport:
    """Assert that ``u(g theta) = g u(theta)``: updates transform as the parameters do.

    Args:
        model: maps networks to updates in the form of the networks, such as ``(weights, biases)``.
        networks, generator, elements, draws, tolerance: as for :func:`assert_invariant`.

    Returns:
        Which group was tested, by how many elements, and the largest error.

    Raises:
        AssertionError, SymmetryError: as :func:`assert_invariant`.

    >>> import torch
    >>> from scalegmn.testing import WeightLists, assert_equivariant
    >>> generator = torch.Generator().manual_seed(0)
    >>> networks = WeightLists.random((2, 8, 1), activations="tanh", generator=generator)
    >>> def squash(weights, biases):
    ...     return [w.tanh() for w in weights], [b.tanh() for b in biases]
    >>> assert_equivariant(squash, networks, generator=generator).holds
    True
    """
    samples = _checked(model, networks)
    return _assert(model, samples, generator, elements, draws, tolerance, ModelLaw.equivariance)


def _assert(
    model: Model,
    samples: SampleNetworks,
    generator: torch.Generator,
    elements: Elements | None,
    draws: int,
    tolerance: float | None,
    law: ModelLaw,
) -> SymmetryReport:
    allowed = _tolerance(samples.dtype, tolerance)
    chosen = samples.chosen(elements)
    found, pairs, change = _found(model, samples, generator, chosen, draws, law)
    report = SymmetryReport(
        law=found.law,
        architectures=tuple(architecture for architecture, _ in samples.parts),
        asked=chosen,
        elements=len(drawn(pairs)),
        error=found.error,
        tolerance=allowed,
        position=found.position,
        function_change=change,
        remark=samples.remark,
    )
    if not report.holds:
        raise AssertionError(f"{report}{_why(model, samples, pairs[0], law)}")
    if samples.remark and elements is None:
        warnings.warn(
            f"{samples.remark}; elements=PERMUTATIONS asks for these alone", UserWarning, stacklevel=3
        )
    return report


def _checked(model: ModelArgument, networks: Networks) -> SampleNetworks:
    """The networks in their form, once the model is found to be one that can be called with them."""
    samples = networks if isinstance(networks, SampleNetworks) else _graphs(networks)
    samples.check_model(model)
    return samples


def _graphs(networks: PairsArgument) -> Graphs:
    if not isinstance(networks, tuple | list) or not all(isinstance(pair, tuple) for pair in networks):
        raise SymmetryError(
            f"networks are {in_words(networks)}, expected WeightLists, StateDicts, Modules, FlatParameters "
            "or Graphs of scalegmn.testing, or a list of pairs (architecture, theta)"
        )
    return Graphs(networks)


def _tolerance(dtype: torch.dtype, given: float | None) -> float:
    if given is not None:
        return given
    if dtype not in TOLERANCES:
        raise SymmetryError(
            f"no tolerance is known for {dtype}; give tolerance=, or the networks and the model in float64"
        )
    return TOLERANCES[dtype]


def _found(
    model: Model,
    samples: SampleNetworks,
    generator: torch.Generator,
    elements: Elements,
    draws: int,
    law: ModelLaw | None,
) -> tuple[Measurement, list[TransformedNetworks], float | None]:
    if draws < 1:
        raise SymmetryError(f"draws is {draws}, expected at least one transformation of every network")
    with torch.no_grad(), _evaluating(model):
        pairs = [
            draw_pair(architecture, theta, generator=generator, elements=elements)
            for architecture, theta in samples.parts
            for _ in range(draws)
        ]
        if not drawn(pairs):
            raise SymmetryError(
                f"the group is trivial for {samples.describe(pairs[0].architecture)}: none of its hidden "
                f"neurons can be changed by {elements.describe()}, so nothing would be tested; give "
                "networks with more hidden neurons, or ask for other elements"
            )
        changes = [_function_change(samples, pair, generator) for pair in pairs]
        known = [change for change in changes if change is not None]
        return measure(model, samples, pairs, law), pairs, max(known, default=None)


def _function_change(
    samples: SampleNetworks, pair: TransformedNetworks, generator: torch.Generator
) -> float | None:
    """How much the transformed networks compute other things than the networks.

    Raises:
        AssertionError: more than rounding explains.
    """
    change = samples.function_change(pair, generator=generator)
    if change is not None and not change <= FUNCTION_TOLERANCE:
        raise AssertionError(
            f"the transformation changes the function of {samples.describe(pair.architecture)} by "
            f"{change:.3g} (relative, in float64), tolerance {FUNCTION_TOLERANCE:.3g}: the action itself is "
            "wrong, or the networks are not what they are said to be"
        )
    return change


def _why(model: Model, samples: SampleNetworks, pair: TransformedNetworks, law: ModelLaw) -> str:
    """A cause other than a missing symmetry: a model that says something else every time."""
    with torch.no_grad(), _evaluating(model):
        first, second = (
            comparable(
                samples,
                pair.architecture,
                samples.outputs(model, pair.architecture, pair.seen),
                pair.seen,
                law,
            )
            for _ in range(2)
        )
    if torch.equal(first, second):
        return ""
    return "; the model also gives different outputs for the same networks (dropout?): call model.eval()"


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
