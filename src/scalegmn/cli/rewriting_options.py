"""Options of commands that write networks anew so that their functions stay."""

from __future__ import annotations

from typing import Final

from jsonargparse import ArgumentParser, Namespace

from scalegmn.alignment.rewriting import REWRITINGS, Rewriting
from scalegmn.errors import ConfigurationError

_DEFAULT: Final = Rewriting()


def add_rewriting_options(parser: ArgumentParser) -> None:
    """How far a rewriting goes.

    Args:
        parser: of the command.
    """
    parser.add_argument(
        "--neurons",
        type=int | None,
        default=None,
        help="neurons of every hidden layer that are added, split, or added as pairs; by default a fraction",
    )
    parser.add_argument(
        "--fraction",
        type=float,
        default=_DEFAULT.fraction,
        help="of the neurons of every hidden layer, at least one; --neurons takes its place",
    )
    parser.add_argument(
        "--spread",
        type=float,
        default=_DEFAULT.spread,
        help="free scales are log-uniform from its reciprocal to this",
    )
    parser.add_argument("--seed", type=int, default=0, help="of everything that is drawn")


def rewriting_of(options: Namespace, *, kinds: str | None) -> Rewriting:
    """How networks are written anew.

    Args:
        options: of the command.
        kinds: names joined by commas; None for all that keep the function.

    Raises:
        ConfigurationError: a name or a number that cannot be.
    """
    names = None if kinds is None else tuple(filter(None, (name.strip() for name in kinds.split(","))))
    if names is not None and not names:
        raise ConfigurationError(f"no kinds of rewriting are named, expected {_known()}, joined by commas")
    for name in names or ():
        if name not in REWRITINGS:
            raise ConfigurationError(f"kind of rewriting is {name!r}, expected {REWRITINGS.expected(name)}")
    if options.neurons is not None and options.neurons < 1:
        raise ConfigurationError(f"--neurons is {options.neurons}, expected 1 or more")
    if not 0 <= options.fraction <= 1:
        raise ConfigurationError(f"--fraction is {options.fraction}, expected a number from 0 to 1")
    if not 1 <= options.spread <= 1e6:
        raise ConfigurationError(f"--spread is {options.spread}, expected a number from 1 to 1,000,000")
    if options.seed < 0:
        raise ConfigurationError(f"--seed is {options.seed}, expected 0 or more")
    return Rewriting(
        kinds=names,
        neurons=options.neurons,
        fraction=options.fraction,
        spread=options.spread,
        seed=options.seed,
    )


def _known() -> str:
    return ", ".join(REWRITINGS.names())
