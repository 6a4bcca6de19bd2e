"""One network of the list, and values for its parameters that hide nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from scalegmn.seeding import derive_seed, generator

Example = tuple[Tensor, ...] | dict[str, Tensor]
"""What a network is called with: by position, or by name."""

Examples = Callable[[], tuple[Example, Example]]


@dataclass(frozen=True)
class Expected:
    """Dimensions of the diagonal symmetries, counted with buffers, that were derived by hand."""

    scales: int
    signs: int


@dataclass(frozen=True)
class Entry:
    """A small network with random values, and two inputs of different sizes for it.

    Args:
        name: what it is called in the table.
        family: what kind of network it is a member of.
        build: makes it, with the same values each time.
        examples: two inputs.  The first is a batch of two; the second differs in the length, the size of the
            image or, where a family knows one size alone, in the batch.
        expected: what is known of its group.
        needs: the package that `build` imports beside torch.
    """

    name: str
    family: str
    build: Callable[[], nn.Module]
    examples: Examples
    expected: Expected | None = None
    needs: str | None = None


def seeded(make: Callable[[], nn.Module], *, seed: int = 0) -> Callable[[], nn.Module]:
    """The same network at every call, in eval mode, every value of it random; the global generator stays."""

    def build() -> nn.Module:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive_seed(seed, "structure"))
            module = make()
        return randomize(module, seed=seed).eval()

    return build


@torch.no_grad()
def randomize(module: nn.Module, *, seed: int) -> nn.Module:
    """Move every value away from where initialization leaves it, so that no symmetry holds by accident.

    Gains of 1, biases of 0, running means of 0 and variances of 1 hide mistakes: a bias of 0 may be scaled by
    anything, and batch norm with these statistics is the identity.
    """
    numbers = generator(seed, "values")

    def normal(value: Tensor) -> Tensor:
        return torch.randn(value.shape, generator=numbers, dtype=value.dtype)

    for parameter in module.parameters():
        inputs = parameter[0].numel() if parameter.ndim > 1 else 12
        parameter += normal(parameter) / math.sqrt(inputs)
    for child in module.modules():
        for name, buffer in child.named_buffers(recurse=False):
            if name == "running_mean":
                buffer += 0.3 * normal(buffer)
            elif name == "running_var":
                buffer *= (0.4 * normal(buffer)).exp()
    return module


def normals(*calls: tuple[int, ...] | tuple[tuple[int, ...], ...], seed: int = 1) -> Examples:
    """Two calls with standard normal tensors, each by a shape or by the shapes of several tensors."""
    first, second = (tuple(_shapes(call)) for call in calls)

    def draw(shapes: tuple[tuple[int, ...], ...]) -> tuple[Tensor, ...]:
        return tuple(
            torch.randn(shape, generator=generator(seed, "input", place, *shape))
            for place, shape in enumerate(shapes)
        )

    return lambda: (draw(first), draw(second))


def _shapes(call: tuple[int | tuple[int, ...], ...]) -> Iterator[tuple[int, ...]]:
    whole = tuple(size for size in call if isinstance(size, int))
    yield from [whole] if whole else (shape for shape in call if isinstance(shape, tuple))


def tokens(
    vocabulary: int, *shapes: tuple[int, ...], name: str | None = "input_ids", seed: int = 1
) -> Examples:
    """Two calls with one tensor of token numbers each, by name, or by position where `name` is None."""
    first, second = shapes

    def draw(shape: tuple[int, ...]) -> Example:
        ids = torch.randint(1, vocabulary, shape, generator=generator(seed, "tokens", *shape))
        return (ids,) if name is None else {name: ids}

    return lambda: (draw(first), draw(second))
