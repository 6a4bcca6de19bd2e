"""A network written anew."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from scalegmn.errors import ArchitectureError, SymmetryError
from scalegmn.networks import Architecture
from scalegmn.seeding import generator as named_generator

from ._checking import change_of_function
from ._kind import REWRITINGS
from ._rewriting import Rewriting

_ALLOWED: Final = 1e-9


def rewrite(
    architecture: Architecture,
    theta: Tensor,
    *,
    rewriting: Rewriting | None = None,
    generator: torch.Generator | None = None,
) -> tuple[Architecture, Tensor]:
    """Write a network anew, so that its function stays.

    Args:
        architecture: of any kind; channels are added to a program where all of them may change places.
        theta: parameters, ``(P,)``.
        rewriting: how; by default in every way that keeps the function and that the architecture admits.
        generator: of everything that is drawn; by default one of the seed of `rewriting`.

    Returns:
        The architecture, wider where neurons were added, and parameters of the dtype of `theta`.

    Raises:
        ArchitectureError: a kind that the architecture does not admit.
        SymmetryError: the function changed by more than 1e-9 of the largest answer, in float64 and before
            parameters were rounded to their dtype.

    Law: ``run(wider, rewritten, x) == run(architecture, theta, x)`` for all inputs x, unless `kinds` has one
    that is not exact.

    Example:
        >>> import torch
        >>> from scalegmn import Activation, cnn
        >>> from scalegmn.alignment.rewriting import Rewriting, rewrite
        >>> network = cnn(channels=(1, 8, 8), activations=[Activation("relu")] * 2)
        >>> theta = torch.randn(network.num_parameters, dtype=torch.float64)
        >>> wider, rewritten = rewrite(network, theta, rewriting=Rewriting(kinds=("split", "group")))
        >>> wider.describe()
        '1-10-10-10 (relu, relu), 1120 parameters'
        >>> images = torch.randn(5, 1, 12, 12, dtype=torch.float64)
        >>> torch.allclose(wider.run(rewritten[None], images), network.run(theta[None], images))
        True
    """
    rewriting = Rewriting() if rewriting is None else rewriting
    random = named_generator(rewriting.seed, "rewriting") if generator is None else generator
    kinds = kinds_for(architecture, rewriting)
    network, found = architecture, theta.detach().double().cpu()
    for name in kinds:
        network, found = REWRITINGS.get(name).apply(network, found, rewriting=rewriting, generator=random)
    if all(REWRITINGS.get(name).exact for name in kinds):
        change = change_of_function((architecture, theta), (network, found), seed=rewriting.seed)
        if not change <= _ALLOWED:
            raise SymmetryError(
                f"{architecture.describe()} computes something else after {', '.join(kinds)}: answers to "
                f"random inputs differ by {change:.1e} of the largest, expected at most {_ALLOWED:.0e}; try "
                "smaller scales (spread), or fewer kinds"
            )
    return network, found.to(theta)


def kinds_for(architecture: Architecture, rewriting: Rewriting) -> tuple[str, ...]:
    """Names of the kinds that are done to an architecture.

    Raises:
        ArchitectureError: one that is asked for is refused.
    """
    if rewriting.kinds is None:
        known = {name: REWRITINGS.get(name) for name in REWRITINGS.names()}
        return tuple(
            name for name, kind in known.items() if kind.exact and kind.refusal(architecture) is None
        )
    for name in rewriting.kinds:
        if (reason := REWRITINGS.get(name).refusal(architecture)) is not None:
            raise ArchitectureError(
                f"{architecture.describe()} cannot be rewritten by {name!r}: {reason}; leave {name!r} out of "
                "the kinds"
            )
    return rewriting.kinds
