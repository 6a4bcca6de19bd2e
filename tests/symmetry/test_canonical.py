"""Representatives: other parameters, the same function."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scalegmn.networks import (
    CONSTANT,
    Activate,
    Activation,
    Architecture,
    Conv,
    Dense,
    Flatten,
    LayeredArchitecture,
    Pool,
    Skip,
    mlp,
    run,
    siren,
    topology_of,
)
from scalegmn.seeding import generator
from scalegmn.symmetry import SymmetryAction, canonicalize_scale, canonicalize_sine_phase, function_change
from scalegmn.testing.architectures import random_architecture, random_cnn, random_mlp
from scalegmn.testing.parameters import random_inputs, random_parameters

EXACT = settings(derandomize=True, deadline=None, max_examples=100)
FREQUENCIES = (0.3, 1.0, 2.5, math.pi, 30.0, 47.5, 1000.0)
DTYPES = (torch.float32, torch.float64)


def one_neuron(frequency: float) -> Architecture:
    return siren(widths=(1, 1, 1), frequency=frequency)


def with_bias(architecture: Architecture, bias: float, dtype: torch.dtype) -> torch.Tensor:
    """Weights 0.7 and 0.4, output bias 5 (which must stay)."""
    assert architecture.num_parameters == 4
    return torch.tensor([[0.7, bias, 0.4, 5.0]], dtype=torch.float64).to(dtype)


def ulps(value: float, steps: int, dtype: torch.dtype) -> float:
    """A few floating point numbers above or below `value`."""
    moved = torch.tensor(value, dtype=dtype)
    toward = torch.tensor(math.inf if steps > 0 else -math.inf, dtype=dtype)
    for _ in range(abs(steps)):
        moved = torch.nextafter(moved, toward)
    return moved.item()


@pytest.mark.parametrize("dtype", DTYPES)
@EXACT
@given(
    frequency=st.sampled_from(FREQUENCIES) | st.floats(0.01, 500),
    bias=st.floats(-1e4, 1e4) | st.floats(-1e-3, 1e-3) | st.sampled_from([0.0, -0.0, 1e30, -1e30, 1e-40]),
)
@example(frequency=30.0, bias=math.pi / 60)
@example(frequency=30.0, bias=-math.pi / 60)
@example(frequency=14.36679982658502, bias=0.9840164206223556)  # lands one bit inside the lower end
def test_in_range_and_idempotent_to_the_bit(dtype: torch.dtype, frequency: float, bias: float) -> None:
    check_canonical(frequency, bias, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@EXACT
@given(
    frequency=st.sampled_from(FREQUENCIES) | st.floats(0.01, 500),
    halves=st.integers(-41, 41),
    steps=st.integers(-3, 3),
)
def test_idempotent_at_the_edges(dtype: torch.dtype, frequency: float, halves: int, steps: int) -> None:
    """Biases at, just below and just above odd multiples of ``pi / 2w``, where the range ends."""
    check_canonical(frequency, ulps((2 * halves + 1) * math.pi / (2 * frequency), steps, dtype), dtype)


def check_canonical(frequency: float, bias: float, dtype: torch.dtype) -> None:
    architecture = one_neuron(frequency)
    theta = with_bias(architecture, bias, dtype)
    canonical = canonicalize_sine_phase(architecture, theta)
    limit = math.pi / (2 * frequency)
    eps = torch.finfo(dtype).eps
    assert abs(canonical[0, 1].item()) <= limit * (1 + eps)
    assert canonical.dtype == dtype
    again = canonicalize_sine_phase(architecture, canonical)
    assert torch.equal(canonical, again), (canonical[0, 1].item() / limit, again[0, 1].item() / limit)
    assert torch.equal(canonical[:, [0, 3]], theta[:, [0, 3]])
    assert canonical[0, 2].abs() == theta[0, 2].abs()
    if abs(bias) * frequency < 1e6:
        x = torch.linspace(-1, 1, 5, dtype=torch.float64)[:, None] / frequency
        before, after = (run(architecture, t.double(), x) for t in (theta, canonical))
        # What the bias was rounded to counts `frequency` times.
        allowed = 4 * eps * (1 + abs(bias) * frequency) + 1e-12
        torch.testing.assert_close(after, before, rtol=0, atol=allowed)


def test_known_values() -> None:
    """``w = 30``: the half period is pi / 30; k whole ones are removed, the outgoing weight flips k times."""
    architecture = one_neuron(30.0)
    half = math.pi / 30
    for bias, rest, sign in (
        (0.0, 0.0, 1),
        (0.01, 0.01, 1),
        (-0.05, -0.05, 1),
        (half, 0.0, -1),
        (half + 0.01, 0.01, -1),
        (-half + 0.02, 0.02, -1),
        (2 * half - 0.01, -0.01, 1),
        (7 * half + 0.03, 0.03, -1),
    ):
        canonical = canonicalize_sine_phase(architecture, with_bias(architecture, bias, torch.float64))
        torch.testing.assert_close(
            canonical, torch.tensor([[0.7, rest, sign * 0.4, 5.0]], dtype=torch.float64)
        )


@pytest.mark.parametrize("frequency", FREQUENCIES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_function_stays(frequency: float, dtype: torch.dtype) -> None:
    architecture = siren(widths=(2, 16, 16, 3), frequency=frequency)
    theta = random_parameters(architecture, 20, generator=generator(0), dtype=dtype)
    canonical = canonicalize_sine_phase(architecture, theta)
    assert torch.equal(canonical, theta) == (frequency < 0.5)
    x = random_inputs(architecture, 10, generator=generator(1)) / frequency
    change = function_change(architecture, theta.double(), canonical.double(), x)
    # Rounding a bias of size 3 shifts the phase by `frequency` times as much, in two layers.
    assert change < torch.finfo(dtype).eps * max(100.0, 100 * frequency * max(1.0, frequency))
    assert torch.equal(canonicalize_sine_phase(architecture, canonical), canonical)
    bias = architecture.unflatten(canonical)["seq.1.bias"]
    assert bias.abs().max() <= math.pi / (2 * frequency) * (1 + 1e-7)


def test_the_frequency_matters() -> None:
    """Taking the usual 30 for 1 would leave these biases alone."""
    theta = with_bias(one_neuron(30.0), 1.0, torch.float64)
    assert torch.equal(canonicalize_sine_phase(one_neuron(1.0), theta), theta)
    assert not torch.equal(canonicalize_sine_phase(one_neuron(30.0), theta), theta)


def test_phases_are_forgotten() -> None:
    """Networks that differ by phases have one representative, up to rounding."""
    architecture = siren(widths=(2, 8, 8, 1), frequency=30.0)
    action = SymmetryAction(architecture)
    theta = random_parameters(architecture, 10, generator=generator(0))
    for seed in range(5):
        element = action.draw(generator=generator(seed), permute=False, rescale=False, shift_phase=True)
        shifted = action.apply(theta, element)
        assert not torch.allclose(shifted, theta)
        torch.testing.assert_close(
            canonicalize_sine_phase(architecture, shifted), canonicalize_sine_phase(architecture, theta)
        )


def test_commutes_with_signs_and_permutations() -> None:
    architecture = siren(widths=(2, 8, 8, 1), frequency=30.0)
    action = SymmetryAction(architecture)
    theta = random_parameters(architecture, 10, generator=generator(0))
    for seed in range(5):
        element = action.draw(generator=generator(seed))
        torch.testing.assert_close(
            canonicalize_sine_phase(architecture, action.apply(theta, element)),
            action.apply(canonicalize_sine_phase(architecture, theta), element),
        )


def test_only_sine_layers_are_touched() -> None:
    """No other activations, no sines that are max pooled, tied or without bias, and not the output layer."""
    sine = Activate(Activation("sine", 30.0))
    layers = (
        Conv("a", 1, 2, (3, 3)), Activate(Activation("tanh")),
        Conv("b", 2, 2, (3, 3)), sine, Pool("max"), Flatten((1, 1)),
        Dense("c", 2, 2, bias=False), sine,
        Dense("d", 2, 2), sine, Dense("e", 2, 2), sine, Dense("f", 2, 2), Activate(Activation("sine", 30.0)),
    )  # fmt: skip
    architecture = LayeredArchitecture(layers, (Skip(3, 4, 2),))
    theta = random_parameters(architecture, 5, generator=generator(0))
    assert torch.equal(canonicalize_sine_phase(architecture, theta), theta)
    untied = LayeredArchitecture(layers)
    changed = (canonicalize_sine_phase(untied, theta) != theta).any(dim=0)
    names = {p.name for p in untied.parameters if changed[p.start : p.stop].any()}
    assert names == {"d.bias", "e.weight", "e.bias", "f.weight"}


def test_shapes_and_copies() -> None:
    architecture = siren(widths=(2, 4, 1))
    theta = random_parameters(architecture, 6, generator=generator(0))
    kept = theta.clone()
    canonical = canonicalize_sine_phase(architecture, theta)
    assert torch.equal(theta, kept)
    assert torch.equal(canonicalize_sine_phase(architecture, theta[1]), canonical[1])
    assert torch.equal(
        canonicalize_sine_phase(architecture, theta.reshape(2, 3, -1)).reshape(6, -1), canonical
    )
    plain = mlp(widths=(2, 4, 1), activations=[Activation("relu")])
    untouched = canonicalize_sine_phase(plain, theta)
    assert torch.equal(untouched, theta) and untouched.data_ptr() != theta.data_ptr()


@settings(derandomize=True, deadline=None, max_examples=60)
@given(seed=st.integers(0, 10**6))
def test_function_stays_for_all_architectures(seed: int) -> None:
    g = generator(seed)
    kinds = ["sine", "sine", "tanh", "relu", "identity", "gelu"]
    make = (random_architecture, random_cnn)[seed % 2]
    architecture = make(generator=g, kinds=kinds)
    theta = random_parameters(architecture, 3, generator=g, zero_biases=0.1)
    canonical = canonicalize_sine_phase(architecture, theta)
    x = random_inputs(architecture, 4, generator=g)
    assert function_change(architecture, theta, canonical, x) < 1e-9
    assert torch.equal(canonicalize_sine_phase(architecture, canonical), canonical)


@settings(derandomize=True, deadline=None, max_examples=40)
@given(seed=st.integers(0, 10**6))
def test_canonical_scale(seed: int) -> None:
    g = generator(seed)
    architecture = random_mlp(generator=g, kinds=["relu", "relu_squared", "leaky_relu", "identity", "tanh"])
    # Nothing fixes the scale of what leaves a dead neuron.
    dead = 0.2 * (seed % 2)
    theta = random_parameters(architecture, 1, generator=g, dead=dead)[0]
    action = SymmetryAction(architecture)
    canonical = canonicalize_scale(architecture, theta)
    x = random_inputs(architecture, 4, generator=g)
    assert function_change(architecture, theta[None], canonical[None], x) < 1e-10
    torch.testing.assert_close(canonicalize_scale(architecture, canonical), canonical)
    top = topology_of(architecture)
    squares = torch.zeros(top.num_nodes, dtype=torch.float64)
    squares.index_add_(0, top.target, canonical[top.tap_parameter].square())
    biased = top.bias_parameter != CONSTANT
    squares[biased] += canonical[top.bias_parameter[biased]].square()
    scalable = torch.tensor([group.has_scale for group in action.groups])
    norms = squares.sqrt()[scalable]
    torch.testing.assert_close(norms, (norms > 0).double())
    if not dead:
        element = action.draw(generator=g, permute=False)
        moved = action.apply(theta, dataclasses.replace(element, scale=element.scale.abs()))
        torch.testing.assert_close(canonicalize_scale(architecture, moved), canonical)
