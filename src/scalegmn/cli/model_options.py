"""Options of commands that run a model on many networks."""

from __future__ import annotations

from jsonargparse import ArgumentParser, Namespace

from scalegmn.errors import ConfigurationError


def add_model_options(parser: ArgumentParser, *, batch_size: int) -> None:
    """Add how many networks a model sees at a time, and where it runs.

    Args:
        parser: gets the options.
        batch_size: the default.
    """
    parser.add_argument("--batch_size", type=int, default=batch_size, help="networks at a time")
    parser.add_argument(
        "--device",
        type=str | None,
        default=None,
        help="such as cpu or cuda:1; by default a GPU if there is one",
    )


def check_batch_size(options: Namespace) -> None:
    """Refuse batches of nothing.

    Raises:
        ConfigurationError: the size is not positive.
    """
    if options.batch_size < 1:
        raise ConfigurationError(f"--batch_size is {options.batch_size}, expected 1 or more")
