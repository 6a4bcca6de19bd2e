"""What users ask for: the symmetries of a module, with everything that can be done with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from scalegmn.programs import Program
from scalegmn.programs.foldings import fold, unfold
from scalegmn.programs.tracing import arguments_of, check_one_network, trace
from scalegmn.seeding import generator

from ._checking import TOLERANCE, FunctionCheck, check_function
from ._description import description
from ._group_element import GroupElement
from ._symmetries import SymmetryGroup, symmetry_group
from .continuous import ContinuousGroup, continuous_group


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class NetworkSymmetries:
    """The symmetry group of a network, acting on its state dicts.

    Attributes:
        group: what holds at all sizes of the input that were tried.
        single: what holds at the first size, if another one was tried: more, where a map has one pixel only
            or a sequence has one token.
        inputs: examples, flat, in the order of the program's inputs.
    """

    group: SymmetryGroup
    single: SymmetryGroup | None
    inputs: tuple[Tensor, ...]

    @property
    def program(self) -> Program:
        """The network."""
        return self.group.program

    def random(self, generator: torch.Generator, *, spread: float = 1.0) -> GroupElement:
        """A random element.

        Args:
            generator: of random numbers.
            spread: free log-scales are drawn from ``[-spread, spread]``.
        """
        return self.group.random(generator, spread=spread)

    def apply(self, element: GroupElement, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Act on a state dict.

        Args:
            element: of the group.
            state: parameters and buffers as the module names them.

        Returns:
            A state dict of the same names, shapes and dtypes, of a network with the same function.

        Raises:
            ProgramError: the state is another network's, or cannot hold the result.
        """
        return unfold(self.program, element.apply(fold(self.program, state)), like=state)

    def check(
        self,
        state: Mapping[str, Tensor],
        *,
        generator: torch.Generator,
        elements: int = 3,
        tolerance: float = TOLERANCE,
    ) -> FunctionCheck:
        """Compare the function before and after random elements, in float64, at the example.

        Args:
            state: of the network.
            generator: of the elements.
            elements: how many.
            tolerance: change of an output that is allowed, by the largest one.
        """
        double = {name: v.to(torch.float64) if v.is_floating_point() else v for name, v in state.items()}
        return check_function(
            self.group,
            parameters=fold(self.program, double),
            inputs=self.inputs,
            generator=generator,
            elements=elements,
            tolerance=tolerance,
        )

    def continuous(self, generator: torch.Generator) -> ContinuousGroup:
        """The continuous group: scales, and channels that may be mixed and biases that may be shifted.

        Args:
            generator: of weights and inputs at which the Jacobian of the function is computed.

        Raises:
            SymmetryError: the network has more than some thousand unknowns, or reads integers.
        """
        return continuous_group(self.group, generator=generator)

    def __str__(self) -> str:
        return description(self.group, single=self.single)


def symmetries(
    module: nn.Module,
    example_inputs: Sequence[Any] | Tensor | None = None,
    *,
    example_kwargs: Mapping[str, Any] | None = None,
    second_example: Sequence[Any] | Tensor | None = None,
    second_kwargs: Mapping[str, Any] | None = None,
) -> NetworkSymmetries:
    """Compute the symmetry group of a network.

    The module is traced, and the group is computed from its operations: permutations, scales and signs of
    channels that leave the function as it is, whatever the weights are.

    Args:
        module: any feed-forward or recurrent network.
        example_inputs: positional arguments of its ``forward``, or a tensor, if that is the only one;
            ``nn.Sequential`` needs none.
        example_kwargs: named arguments.
        second_example: arguments of another size.  At one size more may hold than at all: softmax over a
            single token is constant, a map of one pixel reads one tap of a kernel.
        second_kwargs: named ones.

    Raises:
        ProgramError: the module cannot be traced.
        UnsupportedOperationError: it uses an operation that nothing is known of.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> import scalegmn
        >>> net = nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 2))
        >>> found = scalegmn.symmetries(net, [torch.zeros(1, 3)])
        >>> found.group.scales.dimension
        9
        >>> element = found.random(torch.Generator().manual_seed(0))
        >>> moved = found.apply(element, net.state_dict())
        >>> found.check(net.state_dict(), generator=torch.Generator().manual_seed(1)).passed
        True
    """
    program = trace(module, arguments_of(example_inputs), example_kwargs=example_kwargs)
    inputs = _inputs(program, example_inputs, example_kwargs)
    if second_example is None and second_kwargs is None:
        return NetworkSymmetries(group=symmetry_group(program), single=None, inputs=inputs)
    other = trace(module, arguments_of(second_example), example_kwargs=second_kwargs)
    check_one_network(program, other)
    both = symmetry_group(program, other)
    return NetworkSymmetries(group=both, single=symmetry_group(program), inputs=inputs)


def program_symmetries(program: Program, *, second: Program | None = None) -> NetworkSymmetries:
    """Compute the symmetry group of a program, such as one that was saved.

    Args:
        program: the network; it is checked at random inputs, and at zeros where inputs are integers.
        second: the same network at another size of its input; what holds at one size only is not counted
            then.

    Raises:
        ProgramError: the two are not one network.
    """
    inputs = _inputs(program, None, None)
    if second is None:
        return NetworkSymmetries(group=symmetry_group(program), single=None, inputs=inputs)
    check_one_network(program, second)
    both = symmetry_group(program, second)
    return NetworkSymmetries(group=both, single=symmetry_group(program), inputs=inputs)


def _inputs(
    program: Program, positional: Sequence[Any] | Tensor | None, named: Mapping[str, Any] | None
) -> tuple[Tensor, ...]:
    """The tensors of an example, in the order of the program; random ones if there is no example."""
    if positional is None and not named:
        numbers = generator(0, "inputs")
        return tuple(
            torch.randn(given.type.shape, generator=numbers)
            if given.type.is_floating
            else torch.zeros(given.type.shape, dtype=getattr(torch, given.type.dtype))
            for given in program.inputs
        )
    leaves = tree_leaves((arguments_of(positional), dict(named or {})))
    return tuple(leaf.detach() for leaf in leaves if isinstance(leaf, Tensor))
