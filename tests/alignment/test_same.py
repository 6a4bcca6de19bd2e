"""The same up to symmetries: yes for every rewriting, and never for anything else."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from torch import Tensor

from scalegmn.alignment import Aligner, Sameness, Tolerance, same
from scalegmn.errors import ConfigurationError, SymmetryError
from scalegmn.networks import Activation, Architecture, mlp
from scalegmn.seeding import generator
from scalegmn.symmetry import random_symmetry

from .networks import FAMILIES, architecture_of, drawn, moved

RELU = architecture_of("relu")


def place(architecture: Architecture, name: str) -> slice:
    parameter = architecture.parameter(name)
    return slice(parameter.start, parameter.stop)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_rewritten_network_is_the_same(family: str, dtype: torch.dtype) -> None:
    architecture = architecture_of(family)
    theta = drawn(architecture)
    other = moved(architecture, theta)
    assert not torch.allclose(theta, other)
    found = same(architecture, theta.to(dtype), other.to(dtype))
    assert found.same, str(found)
    assert found.functions_agree and found.parameter_difference <= found.tolerance.exact


@pytest.mark.parametrize("rounded", ["first", "second", "both"])
@pytest.mark.parametrize("family", ["relu", "cnn"])
def test_the_same_after_rounding(family: str, rounded: str) -> None:
    architecture = architecture_of(family)
    pair = [drawn(architecture), moved(architecture, drawn(architecture))]
    dtypes = [torch.bfloat16 if rounded in (name, "both") else torch.float32 for name in ("first", "second")]
    first, second = (theta.to(dtype) for theta, dtype in zip(pair, dtypes, strict=True))
    found = same(architecture, first, second)
    assert found.same and "after rounding" in str(found), str(found)
    # At the tolerance of single precision they are not.
    assert not same(architecture, first, second, tolerance=Tolerance()).same


def changed(theta: Tensor, kind: str) -> Tensor:
    """A network that is nearly the same, and not."""
    random = generator(0, kind)
    theta = theta.clone()
    index = int(torch.randint(len(theta), (1,), generator=random))
    noise = torch.randn(theta.shape, generator=random, dtype=torch.float64)
    match kind:
        case "one weight by 1 %":
            theta[index] *= 1.01
        case "the smallest weight by 1 %":
            theta[theta.abs().argmin()] *= 1.01
        case "the sign of one weight":
            theta[index] *= -1
        case "zero":
            theta[index] = 0
        case "a twin":
            theta += 1e-3 * noise * theta.abs().mean()
        case "a step of fine-tuning":
            theta[-len(theta) // 10 :] *= 1 + 1e-4 * noise[-len(theta) // 10 :]
        case _:
            raise AssertionError(kind)
    return theta


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind",
    [
        "one weight by 1 %",
        "the smallest weight by 1 %",
        "the sign of one weight",
        "zero",
        "a twin",
        "a step of fine-tuning",
    ],
)
@pytest.mark.parametrize("family", FAMILIES)
def test_nearly_the_same_is_not_the_same(family: str, kind: str) -> None:
    architecture = architecture_of(family)
    theta = drawn(architecture)
    other = moved(architecture, changed(theta, kind))
    found = same(architecture, theta.float(), other.float(), examples=2)
    assert not found.same, str(found)


def test_one_layer_permuted_on_one_side_only() -> None:
    theta = drawn(RELU)
    weight = RELU.unflatten(theta)["2.weight"].clone()
    order = torch.tensor([1, 0, 2, 3, 4, 5, 6])
    for axis in (0, 1):
        turned = theta.clone()
        rows = weight.index_select(axis, order if axis == 0 else torch.tensor([1, 0, *range(2, 9)]))
        turned[place(RELU, "2.weight")] = rows.reshape(-1)
        assert not same(RELU, theta, turned).same


def test_swapped_classes() -> None:
    theta = drawn(RELU)
    state = {name: value.clone() for name, value in RELU.unflatten(theta).items()}
    for name in ("4.weight", "4.bias"):
        state[name] = state[name][[1, 0, 2]]
    found = same(RELU, theta, RELU.flatten(state))
    assert not found.same and not found.functions_agree and found.place.startswith("4.")


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_neurons_that_are_dead_or_have_a_twin(dtype: torch.dtype) -> None:
    theta = drawn(RELU)
    state = {name: value.clone() for name, value in RELU.unflatten(theta).items()}
    # Neuron 1 is that of neuron 0, scaled; nothing reads neuron 2; neuron 3 reads nothing; 4 is nothing.
    for name, twin in (("0.weight", 2.0), ("0.bias", 2.0)):
        state[name][1] = twin * state[name][0]
        state[name][[3, 4]] = 0.0
    state["2.weight"][:, 1] = state["2.weight"][:, 0] / 2
    state["2.weight"][:, [2, 4]] = 0.0
    theta = RELU.flatten(state)
    for seed in range(3):
        found = same(RELU, theta.to(dtype), moved(RELU, theta, seed).to(dtype))
        assert found.same, (seed, str(found))


def test_a_dead_neuron_hides_nothing() -> None:
    state = {name: value.clone() for name, value in RELU.unflatten(drawn(RELU)).items()}
    state["2.weight"][:, 2] = 0.0
    theta = RELU.flatten(state)
    state["0.weight"][2, 1] *= 1.01
    found = same(RELU, theta, moved(RELU, RELU.flatten(state)))
    # The function is the same, but the network is not.
    assert not found.same and found.functions_agree
    assert "no alignment was found, though the functions agree" in str(found)
    assert found.place == "0.weight[2, 1]" or found.place.startswith("0.")


def test_where_the_difference_is() -> None:
    theta = drawn(RELU)
    other = theta.clone()
    other[place(RELU, "4.bias").start + 2] *= 1.01
    found = same(RELU, theta, moved(RELU, other))
    assert found.place == "4.bias[2]"
    assert found.parameter_difference == pytest.approx(0.01 / 1.01, rel=1e-6)
    assert "4.bias[2] of the first" in str(found)
    # The network that was rounded more stays as it is.
    found = same(RELU, theta.float(), moved(RELU, other).bfloat16())
    assert found.reference == "second"


def test_one_number_among_equal_ones_is_no_rounding() -> None:
    theta = drawn(RELU).bfloat16()
    assert same(RELU, theta, moved(RELU, theta.float()).bfloat16()).same
    # The next number of half precision; all others are equal.
    other = theta.clone()
    other[7] = other[7] * (1 + 2**-7)
    assert not same(RELU, theta, other).same


def test_a_small_bias_of_a_sine() -> None:
    siren = architecture_of("siren")
    theta = drawn(siren)
    theta[siren.parameter("seq.1.bias").start] = 1e-5
    other = theta.clone()
    other[siren.parameter("seq.1.bias").start] *= 1.01
    assert same(siren, theta.float(), moved(siren, theta).float()).same
    assert not same(siren, theta.float(), other.float()).same


def test_functions_decide_against_parameters_that_agree() -> None:
    theta = drawn(RELU)
    found = same(RELU, theta, moved(RELU, theta))
    lying = Sameness(
        alignment=found.alignment, tolerance=found.tolerance, function_difference=0.1, function_tolerance=1e-9
    )
    assert lying.parameters_agree and not lying.same and "but the functions do not" in str(lying)
    unknown = dataclasses.replace(lying, function_difference=None)
    assert unknown.same and "were not compared" in str(unknown)


def test_what_was_found_as_plain_data() -> None:
    theta = drawn(RELU)
    data = same(RELU, theta, 2 * theta).to_dict()
    assert data["same"] is False and data["functions_agree"] is False
    assert data["parameter_difference"] > 0.01 and data["tolerance"] == 1e-10
    assert math.isfinite(data["function_difference"])


def test_tolerances() -> None:
    assert Tolerance.of(torch.float64, torch.float64).largest == 1e-10
    assert Tolerance.of(torch.float64, torch.float32).largest == 1e-5
    assert 2**-7 < Tolerance.of(torch.bfloat16, torch.bfloat16).largest < 0.01 / 1.01
    assert 2**-10 < Tolerance.of(torch.float16, torch.float16).largest < 2**-9
    with pytest.raises(ConfigurationError, match="tolerance exact is -1"):
        Tolerance(exact=-1.0)


def test_what_does_not_fit() -> None:
    theta = drawn(RELU)
    with pytest.raises(SymmetryError):
        same(RELU, theta[:-1], theta[:-1])
    with pytest.raises(SymmetryError, match="NaN"):
        same(RELU, theta, theta * torch.nan)
    with pytest.raises(ConfigurationError, match="examples"):
        same(RELU, theta, theta, examples=0)
    other = mlp(widths=(2, 3, 1), activations=[Activation("relu")])
    with pytest.raises(SymmetryError, match="the aligner is for"):
        same(RELU, theta, theta, aligner=Aligner(other))


@pytest.mark.slow
def test_no_rewriting_of_many_is_missed() -> None:
    aligner = Aligner(RELU)
    theta = drawn(RELU)
    for seed in range(5):
        element = random_symmetry(RELU, generator=generator(seed), spread=1e3)
        assert same(RELU, theta.float(), element.apply(theta).float(), aligner=aligner).same


@pytest.mark.slow
@pytest.mark.parametrize("family", ["relu", "cnn", "resnet"])
def test_a_difference_is_found_where_it_is(family: str) -> None:
    architecture = architecture_of(family)
    theta = drawn(architecture)
    # Of a gain and a deviation the ratio alone is read.
    weight = next(one for one in architecture.parameters if len(one.shape) > 1)
    for index in (weight.start + 3, weight.stop - 1):
        other = theta.clone()
        other[index] *= 1.01
        found = same(architecture, theta, moved(architecture, other), examples=1)
        parameter = next(one for one in architecture.parameters if one.start <= index < one.stop)
        assert found.place.partition("[")[0] == parameter.name, (index, str(found))
        assert found.parameter_difference == pytest.approx(0.01 / 1.01, rel=1e-3)


@pytest.mark.slow
def test_a_further_step_is_no_rounding() -> None:
    wide = mlp(widths=(16, 32, 4), activations=[Activation("relu")])
    theta = drawn(wide).bfloat16().float()
    # Every third number went on to the next one of half precision.
    step = torch.where(torch.arange(len(theta)) % 3 == 0, 2**-8, 0.0)
    tuned = (theta * (1 + 1.2 * step)).bfloat16()
    assert 0 < int((tuned.float() != theta).sum()) < len(theta) / 2
    assert not same(wide, theta.bfloat16(), tuned).same
