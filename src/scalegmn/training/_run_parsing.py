"""From files and options of the command line to the configuration of a training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from jsonargparse import ArgumentParser

from scalegmn.errors import ConfigurationError
from scalegmn.training._config import RunConfig, known_sections
from scalegmn.training._parsing import ConfigEntry, config_entries, for_help, parse_entries
from scalegmn.training._shipped import find_configuration
from scalegmn.training._yaml_files import read_yaml


def parse_config(arguments: Sequence[str]) -> tuple[RunConfig | None, list[str]]:
    """Read ``--config FILE`` and ``--section.key VALUE``, later ones over earlier ones.

    Returns:
        The configuration, with defaults in place of wrong values, and all errors.  It is None if a
        required value is missing or wrong.

    Example:
        >>> from scalegmn.training import parse_config
        >>> config, found = parse_config(["--data.population=networks", "--training.epochs=5"])
        >>> config.training.epochs, found
        (5, [])
    """
    problems: list[str] = []
    entries, whole = _entries(arguments, problems)
    return parse_run(entries, problems, whole=whole), problems


def parse_run(
    entries: Mapping[str, ConfigEntry], problems: list[str], *, whole: bool = True
) -> RunConfig | None:
    """The configuration of a training, with the sections of its task and of its model; see
    :func:`parse_entries`."""
    return parse_entries(RunConfig, entries, problems, whole=whole, options=known_sections())


def parse_plain_run(data: Mapping[str, object], *, origin: str) -> RunConfig:
    """The inverse of :func:`to_plain` for the configuration of a training.

    Raises:
        ConfigurationError: names every error.
    """
    problems: list[str] = []
    config = parse_run(run_entries(data, origin=origin), problems)
    if config is None or problems:
        raise ConfigurationError("; ".join(problems))
    return config


def run_entries(
    data: Mapping[str, object], *, origin: str, beside: Path | None = None
) -> dict[str, ConfigEntry]:
    """The values of plain data of a training by their dotted names; see :func:`config_entries`."""
    return config_entries(data, kind=RunConfig, origin=origin, beside=beside, options=known_sections())


def help_parser() -> ArgumentParser:
    """A parser that knows every option and its description, to print help."""
    parser = ArgumentParser(
        prog="scalegmn train",
        description="Train a metanetwork. Values come from configuration files and from options, later ones "
        "over earlier ones; all errors are reported before any work starts.",
        epilog="`scalegmn configs` lists the configurations that have names.",
        default_env=False,
    )
    parser.add_argument(
        "--config",
        type=str,
        help="YAML file, or the name of a configuration that ships with scalegmn, such as "
        "inr_classification/mnist; several are read one over the other",
    )
    parser.add_class_arguments(for_help(RunConfig, options=known_sections()), as_group=False)
    return parser


def _entries(arguments: Sequence[str], problems: list[str]) -> tuple[dict[str, ConfigEntry], bool]:
    """The values, and whether all files could be read."""
    entries: dict[str, ConfigEntry] = {}
    whole = True
    rest = list(arguments)
    while rest:
        token = rest.pop(0)
        if not token.startswith("--") or token == "--":
            problems.append(f"command line: {token!r} stands alone; expected --key VALUE")
            continue
        key, equals, value = token[2:].partition("=")
        if not equals:
            # A lone option is a switch.
            value = rest.pop(0) if rest and not rest[0].startswith("--") else "true"
        if key == "config":
            whole &= _read_file(value, entries, problems)
        else:
            entries[key] = ConfigEntry(value, "command line", text=True)
    return entries, whole


def _read_file(path: str, entries: dict[str, ConfigEntry], problems: list[str]) -> bool:
    try:
        file = find_configuration(path)
        content = read_yaml(file.path)
        if {"base", "models"} <= content.keys():
            raise ConfigurationError(f"--config {path}: describes a comparison; give it to scalegmn compare")
        found = run_entries(content, origin=path, beside=file.beside)
    except ConfigurationError as error:
        problems.append(str(error))
        return False
    entries |= found
    return True
