"""Activations: what they compute, and that what is claimed of them is true."""

from __future__ import annotations

import math

import pytest
import torch

from scalegmn.errors import ArchitectureError
from scalegmn.networks import Activation, activation_kind, activation_kinds, register_activation
from scalegmn.networks import _activations as activations
from scalegmn.networks._activations import ActivationKind

X = torch.linspace(-4, 4, 401, dtype=torch.float64)
KINDS = [kind for kind in activation_kinds() if kind.elementwise]


def name_of(kind: ActivationKind) -> str:
    return kind.name


@pytest.mark.parametrize("kind", KINDS, ids=name_of)
def test_odd_means_odd(kind: ActivationKind) -> None:
    sigma = Activation(kind.name)
    really = torch.allclose(sigma(-X), -sigma(X), atol=1e-12)
    assert really == kind.odd


@pytest.mark.parametrize("kind", KINDS, ids=name_of)
@pytest.mark.parametrize("q", [1e-3, 0.7, 12.0])
def test_degree_means_homogeneous(kind: ActivationKind, q: float) -> None:
    sigma = Activation(kind.name)
    degrees = [1.0, 2.0] if kind.degree is None else [kind.degree]
    really = [torch.allclose(sigma(q * X), q**degree * sigma(X), rtol=1e-9, atol=1e-12) for degree in degrees]
    assert any(really) == (kind.degree is not None)


@pytest.mark.parametrize("kind", KINDS, ids=name_of)
def test_periodic_means_that_half_a_period_flips_the_sign(kind: ActivationKind) -> None:
    frequency = 7.5
    sigma = Activation(kind.name, frequency if kind.periodic else math.nan)
    really = torch.allclose(sigma(X + math.pi / frequency), -sigma(X), atol=1e-9)
    assert really == kind.periodic


def test_codes_and_names_are_unique() -> None:
    kinds = activation_kinds()
    assert len({kind.code for kind in kinds}) == len({kind.name for kind in kinds}) == len(kinds)
    assert [kind.code for kind in kinds] == sorted(kind.code for kind in kinds)


@pytest.mark.parametrize(
    ("name", "value"), [("leaky_relu", 0.01), ("prelu", 0.25), ("sine", 30.0), ("relu", 0.0), ("gelu", 0.0)]
)
def test_number_defaults_to_that_of_the_kind(name: str, value: float) -> None:
    assert Activation(name).value == value


@pytest.mark.parametrize("frequency", [0.0, -1.0, math.inf])
def test_frequency_must_be_positive_and_finite(frequency: float) -> None:
    with pytest.raises(ArchitectureError, match="positive finite frequency"):
        Activation("sine", frequency)


def test_number_must_be_finite() -> None:
    with pytest.raises(ArchitectureError, match="finite"):
        Activation("leaky_relu", math.inf)


def test_number_where_there_is_none() -> None:
    with pytest.raises(ArchitectureError, match=r"'relu' has no number, got 0\.1"):
        Activation("relu", 0.1)


def test_unknown_kind_names_the_nearest() -> None:
    with pytest.raises(ArchitectureError, match="did you mean 'leaky_relu'"):
        Activation("leaky_rleu")
    with pytest.raises(ArchitectureError, match="register_activation"):
        activation_kind("quux")


def test_learned_slope_replaces_the_number() -> None:
    slope = torch.tensor([0.5, 2.0])
    x = torch.tensor([[-1.0, -1.0], [3.0, 3.0]])
    assert Activation("prelu")(x, slope).tolist() == [[-0.5, -2.0], [3.0, 3.0]]


def test_registering(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activations, "_KINDS", dict(activations._KINDS))
    kind = ActivationKind("cube", 1000, lambda x, _: x**3, odd=True, degree=3.0)
    assert register_activation(kind) is kind
    assert Activation("cube")(torch.tensor(2.0)) == 8
    # Again is no error; something else under the same name or code is.
    cube = kind.function
    register_activation(kind)
    with pytest.raises(ArchitectureError, match="collides with the registered 'cube'"):
        register_activation(ActivationKind("cube", 1001, cube))
    with pytest.raises(ArchitectureError, match="code 1000"):
        register_activation(ActivationKind("other", 1000, cube))
