"""Networks that were moved by random elements of the group are brought back, and functions stay."""

from __future__ import annotations

from functools import cache

import pytest
import torch
from benchmarks.any_network.models import list_models
from torch import Tensor

from scalegmn.alignment import Aligner, Alignment, Matching, align, readable_shape
from scalegmn.errors import SymmetryError
from scalegmn.networks import Activation, Architecture, mlp, run, siren
from scalegmn.programs import ProgramArchitecture
from scalegmn.seeding import generator
from scalegmn.symmetry import canonicalize_sine_phase, random_symmetry
from scalegmn.testing.architectures import random_cnn, random_residual_mlp
from scalegmn.testing.parameters import random_parameters

from .networks import FAMILIES, architecture_of, drawn, moved


def pair_of_kinds(first: str, second: str) -> Architecture:
    return mlp(widths=(3, 7, 6, 2), activations=[Activation(first), Activation(second)])


LAYERED: dict[str, Architecture] = {
    **{family: architecture_of(family) for family in ("relu", "tanh", "siren", "cnn")},
    "squared relu": pair_of_kinds("relu_squared", "relu_squared"),
    "leaky relu, GELU": pair_of_kinds("leaky_relu", "gelu"),
    "identity, tanh": pair_of_kinds("identity", "tanh"),
    "slow sines": siren(widths=(2, 8, 8, 1), frequency=1.0),
    "one neuron": mlp(widths=(2, 1, 1, 2), activations=[Activation("relu"), Activation("sine", 1.0)]),
    "no hidden layer": mlp(widths=(3, 2), activations=[]),
    "residual": random_residual_mlp(generator=generator(1)),
    "one channel passes by": random_residual_mlp(generator=generator(0)),
    "grouped": random_cnn(generator=generator(3), grouped=True, flattened=False),
    "flattened": random_cnn(generator=generator(1), flattened=True),
}
PRUNED = ("relu", "tanh", "squared relu", "slow sines", "grouped")
TRACED = ("llama", "vit", "lstm", "low_rank_adapters")
ENTRIES = {entry.name: entry for entry in list_models()}


@cache
def traced(name: str) -> tuple[ProgramArchitecture, Tensor]:
    """A network of the benchmark and its parameters."""
    entry = ENTRIES[name]
    module = entry.build().double()
    example = tuple(v.double() if v.is_floating_point() else v for v in entry.examples()[0])
    architecture = ProgramArchitecture.from_module(module, *example)
    return architecture, architecture.read_state(module.state_dict())


def moved_far(architecture: Architecture, theta: Tensor, seed: int = 0, spread: float = 10.0) -> Tensor:
    element = random_symmetry(architecture, generator=generator(seed, "far"), spread=spread, shift_phase=True)
    return element.apply(theta)


def brought_back(architecture: Architecture, theta: Tensor, *, spread: float = 10.0) -> Alignment:
    """Checks that differences are rounding only; 1e-6 is eight units of single precision."""
    bound = 1e-10 if theta.dtype == torch.float64 else 1e-6
    found = align(architecture, theta, moved_far(architecture, theta, spread=spread))
    assert found.difference.max() <= bound
    assert found.distance <= bound and found.aligned.dtype == theta.dtype
    return found


def change(architecture: Architecture, before: Tensor, after: Tensor) -> float:
    """Of the function, relative."""
    inputs = torch.randn(5, *readable_shape(architecture), generator=generator(0), dtype=torch.float64)
    first, second = run(architecture, torch.stack([before, after]).double(), inputs)
    return float((first - second).abs().max() / first.abs().max())


@pytest.mark.slow
@pytest.mark.parametrize("name", LAYERED)
def test_layers_are_brought_back(name: str) -> None:
    theta = random_parameters(LAYERED[name], 1, generator=generator(0))[0]
    for dtype in (torch.float64, torch.float32):
        brought_back(LAYERED[name], theta.to(dtype))


@pytest.mark.slow
@pytest.mark.parametrize("name", [*TRACED, "resnet", "transformer"])
def test_programs_are_brought_back(name: str) -> None:
    architecture = traced(name)[0] if name in TRACED else architecture_of(name)
    theta = traced(name)[1] if name in TRACED else drawn(architecture)
    for dtype in (torch.float64, torch.float32):
        assert brought_back(architecture, theta.to(dtype)).distance_before > 0.1


@pytest.mark.parametrize(
    "zeros",
    [{"zeros": 0.3, "zero_biases": 0.3}, {"zeros": 0.7, "zero_biases": 1.0}, {"dead": 0.4}],
    ids=["pruned", "pruned much", "dead neurons"],
)
@pytest.mark.parametrize("name", PRUNED)
def test_pruned_networks_are_brought_back(name: str, zeros: dict[str, float]) -> None:
    architecture = LAYERED[name]
    for dtype in (torch.float64, torch.float32):
        theta = random_parameters(architecture, 1, generator=generator(0), dtype=dtype, **zeros)[0]
        assert bool((theta == 0).any())
        brought_back(architecture, theta)


@pytest.mark.parametrize("name", PRUNED)
def test_complete_ties_are_no_trouble(name: str) -> None:
    """All weights equal, all of them zero, twins: which neuron is which is open, the distance is not."""
    architecture = LAYERED[name]
    for value in (0.5, 0.0):
        brought_back(architecture, torch.full((architecture.num_parameters,), value, dtype=torch.float64))


def test_twins_are_brought_back() -> None:
    for kind in ("relu", "tanh"):
        architecture = LAYERED[kind]
        state = architecture.unflatten(drawn(architecture).clone())
        for name in ("0.weight", "0.bias"):
            state[name][3:5] = state[name][1]
        state["2.weight"][:, 3:5] = state["2.weight"][:, [1]]
        # Two more have the same incoming weights, and part in the next layer.
        state["0.weight"][5], state["0.bias"][5] = state["0.weight"][0], state["0.bias"][0]
        brought_back(architecture, architecture.flatten(state))


@pytest.mark.parametrize("name", ["relu", "identity, tanh", "grouped"])
def test_huge_scales_are_taken_back(name: str) -> None:
    architecture = LAYERED[name]
    theta = random_parameters(architecture, 1, generator=generator(0))[0]
    brought_back(architecture, theta, spread=1e6)
    brought_back(architecture, theta.float(), spread=1e3)


@pytest.mark.parametrize("tiny", [1e-12, 1e-40])
def test_next_to_nothing_does_not_disturb(tiny: float) -> None:
    """A few weights that training has all but removed, in one network only: all others are found."""
    architecture = architecture_of("relu")
    theta = drawn(architecture)
    other = theta.clone()
    other[::30] *= tiny
    found = align(architecture, theta, moved_far(architecture, other))
    ideal = align(architecture, theta, other)
    # Scales are shared out between all numbers of a channel, those that differ among them.
    assert found.distance < 1.2 * ideal.distance_before < 0.5
    brought_back(architecture, other)


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_functions_of_unrelated_networks_stay(family: str) -> None:
    architecture = architecture_of(family)
    first, second = drawn(architecture, 0), moved(architecture, drawn(architecture, 1))
    found = Aligner(architecture).align(first, second)
    assert change(architecture, second, found.aligned) < 1e-9
    assert found.distance > 0.1 and not torch.equal(found.aligned, second)
    assert found.reference is not found.aligned and torch.equal(found.reference, first)


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_it_does_not_hang_on_how_either_was_moved(family: str) -> None:
    """Unrelated networks: the same distance whatever element the other was moved by, or both were."""
    architecture = architecture_of(family)
    first, second = drawn(architecture, 0), drawn(architecture, 1)
    aligner = Aligner(architecture, matching=Matching(starts=1))
    expected = aligner.align(first, second)
    scales = random_symmetry(architecture, generator=generator(2), permute=False)
    if family == "siren":
        first, second = (canonicalize_sine_phase(architecture, one) for one in (first, second))
        expected = aligner.align(first, second)
    found = aligner.align(first, moved_far(architecture, second, seed=1))
    both = aligner.align(scales.apply(first), second)
    assert abs(found.distance - expected.distance) < 1e-6
    assert abs(both.distance - expected.distance) < 1e-6


def test_permutations_alone_do_not_bring_scales_back() -> None:
    architecture = architecture_of("relu")
    theta = drawn(architecture)
    other = moved_far(architecture, theta)
    assert align(architecture, theta, other).distance < 1e-12
    plain = align(architecture, theta, other, matching=Matching(scales=False, signs=False, phases=False))
    assert plain.distance > 0.1


@pytest.mark.parametrize(
    ("family", "without"),
    [("tanh", "signs"), ("siren", "phases"), ("relu", "permutations"), ("relu", "scales")],
)
def test_every_part_of_the_group_is_needed(family: str, without: str) -> None:
    architecture = architecture_of(family)
    theta = drawn(architecture)
    other = moved(architecture, theta)
    assert align(architecture, theta, other).distance < 1e-12
    found = align(architecture, theta, other, matching=Matching(**{without: False}))
    assert found.distance > 1e-2
    assert change(architecture, other, found.aligned) < 1e-9


def test_representatives_are_those_of_all_that_differ_by_scales_and_phases() -> None:
    for family in ("relu", "siren", "resnet"):
        architecture = architecture_of(family)
        aligner, theta = Aligner(architecture), drawn(architecture)
        element = random_symmetry(
            architecture, generator=generator(1), permute=False, rescale=family != "siren", shift_phase=True
        )
        found = aligner.canonical(theta)
        torch.testing.assert_close(
            aligner.canonical(element.apply(theta)).abs(), found.abs(), rtol=1e-9, atol=1e-12
        )
        torch.testing.assert_close(aligner.canonical(found), found, rtol=1e-9, atol=1e-12)
        assert change(architecture, theta, found) < 1e-9


def test_networks_are_prepared_once_for_many() -> None:
    architecture = architecture_of("cnn")
    aligner = Aligner(architecture)
    first, second = (aligner.prepare(drawn(architecture, seed)) for seed in (0, 1))
    found = aligner.align_prepared(first, second)
    assert torch.equal(found.aligned, aligner.align(drawn(architecture, 0), drawn(architecture, 1)).aligned)
    assert found.reference is first.theta and found.other is second.theta


def test_the_reference_may_lie_anywhere() -> None:
    """What is found is near the reference itself, not its representative."""
    for family in FAMILIES:
        architecture = architecture_of(family)
        theta = moved_far(architecture, drawn(architecture), seed=3)
        found = align(architecture, theta, drawn(architecture))
        torch.testing.assert_close(found.aligned, theta, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_rounded_networks_are_brought_back_up_to_rounding(dtype: torch.dtype) -> None:
    architecture = architecture_of("relu")
    theta = drawn(architecture)
    found = align(architecture, theta.to(dtype), moved(architecture, theta).to(dtype))
    # Both were rounded, a few numbers each.
    assert found.difference.median() < 2 * torch.finfo(dtype).eps and found.distance < 0.02
    assert found.aligned.dtype == dtype and torch.isfinite(found.aligned.double()).all()


def test_gradients_are_not_followed() -> None:
    architecture = architecture_of("siren")
    theta = drawn(architecture).requires_grad_()
    found = align(architecture, theta, moved(architecture, theta))
    assert not found.difference.requires_grad and not found.aligned.requires_grad


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (lambda theta: theta[:-1], r"has shape \(\d+,\), expected \(\d+,\)"),
        (lambda theta: theta[None], r"has shape \(1, \d+\), expected"),
        (lambda theta: theta.index_fill(0, torch.tensor([2]), torch.nan), "holds NaN or infinities"),
        (lambda theta: theta.index_fill(0, torch.tensor([2]), torch.inf), "holds NaN or infinities"),
        (lambda theta: theta * 1e200, r"scales taken out, is \S+, expected one from"),
        (lambda theta: theta * 1e-200, r"scales taken out, is \S+, expected one from"),
    ],
    ids=["short", "batch", "NaN", "infinite", "huge", "tiny"],
)
def test_what_cannot_be_aligned_is_refused(wrong, sentence: str) -> None:  # type: ignore[no-untyped-def]
    architecture = architecture_of("tanh")
    with pytest.raises(SymmetryError, match=sentence):
        Aligner(architecture).prepare(wrong(drawn(architecture)))


def test_integers_are_refused() -> None:
    """Shape checks, which users do not have, would refuse them as arguments."""
    architecture = architecture_of("relu")
    for theta in (torch.ones(architecture.num_parameters, dtype=kind) for kind in (torch.int8, torch.cfloat)):
        with pytest.raises(SymmetryError, match="expected a floating-point one"):
            Aligner(architecture)._checked(theta)


def test_numbers_that_the_dtype_cannot_hold_are_refused() -> None:
    architecture = architecture_of("relu")
    theta = drawn(architecture)
    far = random_symmetry(architecture, generator=generator(0), spread=1e8, permute=False).apply(theta)
    assert far.abs().max() > 1e5
    with pytest.raises(SymmetryError, match=r"too large for torch\.float16"):
        align(architecture, far, theta.half())
