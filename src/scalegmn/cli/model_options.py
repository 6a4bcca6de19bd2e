"""Options of commands that run a model on many networks."""

from __future__ import annotations

from jsonargparse import ArgumentParser, Namespace

from scalegmn.checkpoints import DEFAULT_MAX_BYTES
from scalegmn.errors import ConfigurationError
from scalegmn.training import ReadingOptions


def add_model_options(parser: ArgumentParser, *, batch_size: int) -> None:
    """Add how many networks a model sees at a time, and where it runs.

    Args:
        parser: gets the options.
        batch_size: the default.
    """
    parser.add_argument("--batch-size", type=int, default=batch_size, help="networks per batch")
    parser.add_argument(
        "--device",
        type=str | None,
        default=None,
        help="device, such as cpu or cuda:1; by default a GPU if there is one",
    )


def check_batch_size(options: Namespace) -> None:
    """Refuse batches of nothing.

    Raises:
        ConfigurationError: the size is not positive.
    """
    if options.batch_size < 1:
        raise ConfigurationError(f"--batch-size is {options.batch_size}, expected 1 or more")


def add_reading_options(
    parser: ArgumentParser, *, max_bytes: int = DEFAULT_MAX_BYTES, chooses: bool = True
) -> None:
    """Add what a user may say about foreign files; the same for all commands that read networks.

    Args:
        parser: gets the options.
        max_bytes: the default.
        chooses: whether one network of a file is meant, so that a key can choose it; a scan evaluates all.
    """
    parser.add_argument(
        "--activation",
        type=str | None,
        default=None,
        help="activation of the hidden layers, such as relu or sine:30, or one per layer as in relu,tanh; "
        "for files whose "
        "names and shapes leave it open",
    )
    if chooses:
        parser.add_argument(
            "--key",
            type=str | None,
            default=None,
            help="key of the network in a file that holds several, with dots between keys; '.' is the top",
        )
    parser.add_argument(
        "--max-bytes",
        type=int,
        default=max_bytes,
        help="refuse files that are, or unpack to, more bytes than this",
    )


def reading_options(options: Namespace) -> ReadingOptions:
    """What :func:`add_reading_options` was told.

    Raises:
        ConfigurationError: the size is not positive, or the activation is none.
    """
    if options.max_bytes < 1:
        raise ConfigurationError(f"--max-bytes is {options.max_bytes}, expected 1 or more")
    return ReadingOptions(activation=options.activation, key=options.key, max_bytes=options.max_bytes)
