"""Architectures of all kinds as programs, and what their networks read."""

from __future__ import annotations

import pytest
import torch

from scalegmn.alignment import program_of, readable_shape
from scalegmn.errors import ArchitectureError, SymmetryError
from scalegmn.networks import (
    Activate,
    Activation,
    Architecture,
    Conv,
    Dense,
    Flatten,
    LayeredArchitecture,
    Pool,
    cnn,
    mlp,
    run,
)
from scalegmn.seeding import generator
from scalegmn.testing.architectures import random_cnn, random_residual_mlp

from .networks import architecture_of, drawn

RELU = Activate(Activation("relu"))


def flattened(side: int) -> LayeredArchitecture:
    """Reads images of one odd size only."""
    return LayeredArchitecture(
        (
            Conv("conv", 1, 3, (3, 3), (1, 1), (0, 0)),
            RELU,
            Flatten((side - 2, side - 2)),
            Dense("last", 3 * (side - 2) ** 2, 2),
        )
    )


CASES: dict[str, LayeredArchitecture] = {
    "mlp": mlp(widths=(3, 4, 2), activations=[Activation("tanh")]),
    "cnn": cnn(channels=(1, 4, 3), classes=2, activations=[Activation("relu")] * 2),
    "kernels larger than the smallest images": cnn(
        channels=(1, 2, 2), classes=2, activations=[RELU.activation] * 2, kernel=7, stride=3
    ),
    "odd size": flattened(13),
    "flattened first": LayeredArchitecture((Flatten((1, 1)), Dense("last", 6, 2))),
    **{f"cnn {seed}": random_cnn(generator=generator(seed)) for seed in range(4)},
    **{f"residual {seed}": random_residual_mlp(generator=generator(seed)) for seed in range(2)},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_the_program_has_the_parameters_and_the_function_of_the_layers(name: str) -> None:
    architecture = CASES[name]
    program = program_of(architecture)
    assert [(one.name, one.shape) for one in program.parameters] == [
        (one.name, one.shape) for one in architecture.parameters
    ]
    theta = drawn(architecture)[None]
    inputs = torch.randn(3, *readable_shape(architecture), generator=generator(0), dtype=torch.float64)
    torch.testing.assert_close(run(program, theta, inputs), run(architecture, theta, inputs))


def test_programs_are_their_own() -> None:
    program = architecture_of("resnet")
    assert program_of(program) is program
    assert readable_shape(program) == (1, 14, 14)


def test_shapes_by_hand() -> None:
    assert readable_shape(CASES["mlp"]) == (3,)
    assert readable_shape(CASES["cnn"]) == (1, 32, 32)
    assert readable_shape(CASES["odd size"]) == (1, 13, 13)


def test_images_of_no_size_are_a_refusal() -> None:
    layers = (
        Conv("conv", 1, 2, (3, 3), (1, 1), (0, 0)),
        RELU,
        Pool("max", (2, 2), (2, 2), (0, 0)),
        Flatten((1, 5)),
        Dense("last", 10, 2),
    )
    with pytest.raises(ArchitectureError, match="of none of the sizes"):
        readable_shape(LayeredArchitecture(layers))


def test_unknown_kinds_are_a_refusal() -> None:
    unknown: type[Architecture] = type("Unknown", (Architecture,), {})
    unknown.__abstractmethods__ = frozenset()  # type: ignore[attr-defined]
    with pytest.raises(SymmetryError, match="Unknown cannot be aligned"):
        program_of(unknown())
