"""From a comparison file and options to a configuration, with the errors of all models found at once."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from jsonargparse import ArgumentParser

from scalegmn.comparison._config import (
    OWN_OF_RUNS,
    ComparedModel,
    ComparisonConfig,
    ComparisonOptions,
    fold_errors,
    option_errors,
    same_for_all,
)
from scalegmn.configuration import to_plain
from scalegmn.errors import ConfigurationError
from scalegmn.training import (
    ConfigEntry,
    ConfigurationFile,
    RunConfig,
    find_configuration,
    flat_items,
    for_help,
    parse_entries,
    parse_run,
    read_yaml,
    run_entries,
)

_BASE: Final = "base."
_COMMAND_LINE: Final = "command line"
_OPTIONS: Final = tuple(entry.name for entry in dataclasses.fields(ComparisonOptions))


@dataclass(frozen=True)
class _CommandLine:
    """What was given there: the files, options of the comparison, and values of the base."""

    files: list[str] = field(default_factory=list)
    options: dict[str, ConfigEntry] = field(default_factory=dict)
    base: dict[str, ConfigEntry] = field(default_factory=dict)


def parse_comparison(arguments: Sequence[str]) -> tuple[ComparisonConfig | None, list[str]]:
    """Read ``--config FILE``, options of the comparison, and ``--base.section.key VALUE``.

    The file is YAML with ``base`` (a run configuration, the path of one, or a list of these, later ones over
    earlier ones), ``models`` (what is different in each, by the name of the model) and the options of
    :class:`ComparisonOptions`.  Options of the command line go over those of the file, and values of models
    over those of the base.

    Returns:
        The configuration and all errors.  It is None where errors leave nothing to go on with.
    """
    problems: list[str] = []
    given = _command_line(arguments, problems)
    if len(given.files) != 1:
        problems.append(f"--config FILE was given {len(given.files)} times, expected once")
        return None, problems
    path = given.files[0]
    try:
        file = find_configuration(path)
        content = read_yaml(file.path)
    except ConfigurationError as error:
        return None, [*problems, str(error)]
    if "data" in content and not content.keys() & {"base", "models"}:
        return None, [*problems, f"--config {path}: describes one training; give it to scalegmn train"]
    known = ("base", "models", *_OPTIONS)
    problems += [f"{path}: unknown key {key!r}{_near(key, known)}" for key in content if key not in known]
    chosen = {key: value for key, value in content.items() if key in _OPTIONS}
    stated = {key: ConfigEntry(value, path, beside=file.beside) for key, value in chosen.items()}
    options = parse_entries(ComparisonOptions, stated | given.options, problems)
    assert options is not None, "every option has a default"
    base = _base(content.get("base"), path, file, problems) | given.base
    models = _models(content.get("models"), path, base, problems, beside=file.beside)
    names = tuple(map(str, content["models"])) if isinstance(content.get("models"), Mapping) else ()
    problems += option_errors(options, models=models, known=names)
    unfoldable = list(fold_errors(options, models))
    problems += unfoldable
    if not models:
        return None, problems
    config = ComparisonConfig(
        models=tuple(models.values()),
        seeds=options.seeds,
        output=options.output if options.output is not None else Path("runs") / Path(path).stem,
        reference=options.reference if options.reference is not None else next(iter(models)),
        only=options.only or tuple(models),
        jobs=options.jobs,
        cluster=options.cluster,
        resume=options.resume,
        # What cannot be has been reported; the rest is looked at all the same.
        folds=None if unfoldable else options.folds,
        sizes=options.sizes,
        curves=options.curves,
    )
    return config, problems


def compare_help_parser() -> ArgumentParser:
    """A parser that knows the options and their descriptions, to print help."""
    parser = ArgumentParser(
        prog="scalegmn compare",
        description="Train several models with several seeds on the same networks, and write a table, CSV "
        "files and pictures. All errors are reported before any work starts; a training that is finished "
        "is not repeated.",
        epilog="--base.SECTION.KEY VALUE changes the base of all models, for example --base.training.epochs "
        "5; `scalegmn train --help` describes the keys. Lists are given as words: --seeds 0 1 2, "
        "--sizes 75 150 300.",
        default_env=False,
    )
    parser.add_argument(
        "--config",
        type=str,
        required=True,
        help="YAML file with base, models and options, or the name of one that ships with scalegmn, such as "
        "generalization/compare_small; `scalegmn configs` lists them",
    )
    parser.add_class_arguments(for_help(ComparisonOptions), as_group=False)
    return parser


def _command_line(arguments: Sequence[str], problems: list[str]) -> _CommandLine:
    found = _CommandLine()
    rest = list(arguments)
    while rest:
        token = rest.pop(0)
        if not token.startswith("--") or token == "--":
            problems.append(f"{_COMMAND_LINE}: {token!r} stands alone; expected --key VALUE")
            continue
        key, equals, value = token[2:].partition("=")
        values = [value] if equals else []
        if not equals:
            while rest and not rest[0].startswith("--"):
                values.append(rest.pop(0))
        if key in _OPTIONS and not any(values) and key != "resume":
            problems.append(f"{_COMMAND_LINE}: --{key} has no value")
        elif key in _OPTIONS:
            found.options[key] = _option(key, values)
        elif key == "config" or key.startswith(_BASE):
            # Further words stand alone, which is said of each.
            rest[:0] = values[1:]
            # A lone option is a switch.
            first = values[0] if values else "true"
            if key == "config":
                found.files.append(first)
            else:
                found.base[key.removeprefix(_BASE)] = ConfigEntry(first, _COMMAND_LINE, text=True)
        else:
            problems.append(f"{_COMMAND_LINE}: unknown option --{key}{_near_option(key)}")
    return found


def _option(key: str, values: list[str]) -> ConfigEntry:
    match key:
        case "only" | "curves":
            return ConfigEntry(values, _COMMAND_LINE)
        case "seeds" | "sizes":
            # Words, or one list as it stands in files.
            listed = len(values) == 1 and values[0].startswith("[")
            return ConfigEntry(values[0] if listed else f"[{', '.join(values)}]", _COMMAND_LINE, text=True)
        case "resume" if not values:
            return ConfigEntry("true", _COMMAND_LINE, text=True)
        case _:
            return ConfigEntry(" ".join(values), _COMMAND_LINE, text=True)


def _near(key: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(key, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; there are {', '.join(known)}"


def _near_option(key: str) -> str:
    if "." in key:
        return f"; a value of the base is given as --{_BASE}{key}"
    options = [f"--{name}" for name in ("config", *_OPTIONS)]
    close = difflib.get_close_matches(f"--{key}", options, n=1)
    return f"; did you mean {close[0]}?" if close else f"; there are {', '.join(options)}, --{_BASE}KEY"


def _base(value: object, path: str, file: ConfigurationFile, problems: list[str]) -> dict[str, ConfigEntry]:
    """The values of the base by their dotted names.  A path of a base is one from the folder of the file."""
    entries: dict[str, ConfigEntry] = {}
    if value is None:
        problems.append(f"{path}: base is missing; give a run configuration, or the path of one")
    for part in value if isinstance(value, list) else [] if value is None else [value]:
        try:
            if isinstance(part, str):
                found = find_configuration(part, folder=file.path.parent)
                data = read_yaml(found.path)
                entries |= run_entries(data, origin=part, beside=found.beside)
            elif isinstance(part, Mapping):
                origin = f"{path}: base"
                entries |= run_entries(_plain(part), origin=origin, beside=file.beside)
            else:
                problems.append(f"{path}: base is {part!r}, expected sections with keys, or a path")
        except ConfigurationError as error:
            problems.append(str(error))
    return entries


def _models(
    value: object, path: str, base: Mapping[str, ConfigEntry], problems: list[str], *, beside: Path | None
) -> dict[str, ComparedModel]:
    """The models whose configuration can be used, by name."""
    # Errors of the base are those of every model; they are told once.
    of_base: list[str] = []
    plain = parse_run(base, of_base)
    problems += of_base
    if plain is not None:
        problems += [f"{path}: base: {one}" for one in _of_processes(plain, ("devices", "nodes"))]
    if not isinstance(value, Mapping) or not value:
        problems.append(f"{path}: models is {value!r}, expected the name of each and what is different in it")
        return {}
    models: dict[str, ComparedModel] = {}
    for name, overrides in value.items():
        origin = f"{path}: models.{name}"
        if not isinstance(overrides, Mapping | None):
            problems.append(f"{origin} is {overrides!r}, expected keys with values, or {{}} for the base")
            continue
        try:
            own = run_entries(_plain(overrides or {}), origin=origin, beside=beside)
        except ConfigurationError as error:
            problems.append(str(error))
            continue
        found: list[str] = []
        config = parse_run({**base, **own}, found)
        for problem in found:
            if problem not in of_base:
                problems.append(problem if problem.startswith(origin) else f"{origin}: {problem}")
        if config is not None and plain is not None:
            problems += [f"{origin}: {problem}" for problem in _unfair(own, config, plain)]
            models[str(name)] = ComparedModel(str(name), config)
    return models


def _unfair(own: Mapping[str, ConfigEntry], config: RunConfig, base: RunConfig) -> list[str]:
    """What a model may not have for itself."""
    problems = [f"{key} is decided by the comparison; leave it out" for key in OWN_OF_RUNS if key in own]
    before = dict(flat_items(base))
    problems += [
        f"{key} is {to_plain(value)!r}, but {to_plain(before[key])!r} in the base; task and networks must be "
        "the same for all"
        for key, value in flat_items(config)
        if key in own and same_for_all(key, task=base.task) and value != before.get(key, value)
    ]
    problems += _of_processes(config, [name for name in ("devices", "nodes") if f"training.{name}" in own])
    return problems


def _of_processes(config: RunConfig, names: Iterable[str]) -> list[str]:
    """Whether models are trained in this process alone, as a comparison does it."""
    wrong = {name: number for name in names if (number := getattr(config.training, name)) != 1}
    return [f"training.{name} is {number}, expected 1 to compare" for name, number in wrong.items()]


def _plain(data: Mapping[Any, Any]) -> dict[str, object]:
    """Turn all keys into text: YAML reads some names as numbers."""
    return {str(key): value for key, value in data.items()}
