"""The documents: their Python runs, their commands are understood, and what they name exists."""

from __future__ import annotations

import dataclasses
import importlib
import re
import runpy
import shlex
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from scalegmn.cli.main import COMMANDS
from scalegmn.collections import COLLECTIONS
from scalegmn.comparison import parse_comparison
from scalegmn.graph import FIELDS
from scalegmn.images import FILE_FORMATS, IMAGE_SOURCES
from scalegmn.models import EDITORS, MODELS, PREDICTORS, ModelConfig
from scalegmn.models.baselines.features import FEATURES
from scalegmn.networks import Activation, activation_kinds
from scalegmn.registry import Registry
from scalegmn.symmetry import group_of
from scalegmn.training import TASKS, LoggingConfig, parse_config
from scalegmn.trojans.triggers import TRIGGERS

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "scalegmn"
DOCUMENTS = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
LANGUAGES = {"python", "console", "text", "yaml", "bibtex"}
# All lists to which a page may add.
REGISTRIES: tuple[Registry[Any], ...] = (
    TASKS,
    PREDICTORS,
    EDITORS,
    MODELS,
    TRIGGERS,
    FEATURES,
    IMAGE_SOURCES,
    FILE_FORMATS,
    COLLECTIONS,
)
# First words of console lines whose meaning is not ours to check.
FOREIGN = {"cd", "cp", "export", "git", "mkdir", "pip", "tensorboard"}

# Pages whose Python takes more than about a second of a processor.
LONG_PROGRAMS = {"any_network.md", "alignment.md"}
# Pages whose commands take as long to parse.
MANY_COMMANDS = {"results.md", "training.md"}

every_document = pytest.mark.parametrize(
    "document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix()
)


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its lines, and the number of the first of them."""

    language: str
    lines: tuple[str, ...]
    start: int


def blocks(text: str) -> list[Block]:
    """All fenced blocks of a document.  A fence that is never closed is an error."""
    found, language, start = [], None, 0
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if not line.startswith("```"):
            continue
        if language is None:
            language, start = line[3:].strip(), number + 1
        else:
            found.append(Block(language, tuple(lines[start:number]), start))
            language = None
    assert language is None, f"the block that opens in line {start} is never closed"
    return found


def blocks_of(document: Path, language: str) -> list[Block]:
    return [block for block in blocks(document.read_text(encoding="utf-8")) if block.language == language]


def prose(document: Path) -> str:
    """The text without its fenced blocks."""
    return re.sub(r"^```.*?^```", "", document.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


def program(document: Path) -> str:
    """The Python of a document as one program, each line at its own number, for tracebacks."""
    lines = [""] * (document.read_text(encoding="utf-8").count("\n") + 1)
    for block in blocks_of(document, "python"):
        lines[block.start : block.start + len(block.lines)] = block.lines
    return "\n".join(lines) + "\n"


def commands(document: Path) -> list[list[str]]:
    """The words of every command in the console blocks, continuation lines joined, comments left out."""
    text = "\n".join("\n".join(block.lines) for block in blocks_of(document, "console"))
    words = [shlex.split(line, comments=True) for line in text.replace("\\\n", " ").splitlines()]
    return [line for line in words if line]


def slugs(document: Path) -> set[str]:
    """The anchors that GitHub gives the headings of a document."""
    headings = re.findall(r"^#+ (.*)$", prose(document), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def understand(words: list[str]) -> dict[Path, object]:
    """Parse a `scalegmn` command with the parser of its subcommand; nothing is done.

    Returns what it writes and another command finds in its way: files and folders, and the run folders of a
    comparison, each with the configuration that may find them.
    """
    name, *arguments = words
    if ">" in arguments:
        arguments = arguments[: arguments.index(">")]
    assert name in COMMANDS, f"there is no command {name!r}"
    if arguments == ["--help"]:
        return {}
    if name == "train":
        config, problems = parse_config(arguments)
        assert config is not None and problems == []
        return {} if config.resume else {config.folder: object()}
    if name == "compare":
        comparison, problems = parse_comparison(arguments)
        assert comparison is not None and problems == []
        plain = LoggingConfig()
        return {
            run.folder: dataclasses.replace(run.config, logging=plain) for run in comparison.selected_runs
        }
    module = importlib.import_module(f"scalegmn.cli.{COMMANDS[name]}")
    module.build_parser().parse_args(arguments)
    outputs = {Path(value): object() for option, value in pairwise(arguments) if option in ("-o", "--output")}
    return {} if "--resume" in arguments else outputs


def resolves(name: str) -> bool:
    """Whether a dotted name is a module, or an attribute reached from one."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found: object = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        try:
            for part in parts[length:]:
                found = getattr(found, part)
        except AttributeError:
            return False
        return True
    return False


def table_rows(document: Path) -> list[list[str]]:
    """Cells of all table rows."""
    lines = [line for line in prose(document).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(path, marks=[pytest.mark.slow] if path.name in LONG_PROGRAMS else [])
        for path in DOCUMENTS
    ],
    ids=lambda path: path.relative_to(ROOT).as_posix(),
)
def test_python_runs(document: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = program(document)
    if not code.strip():
        pytest.skip("no Python in it")
    script = tmp_path / f"{document.stem}.py"
    script.write_text(code, encoding="utf-8")
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    for registry in REGISTRIES:
        # What a page registers is gone after it.
        monkeypatch.setattr(registry, "_entries", dict(registry._entries))
    runpy.run_path(str(script))


@every_document
def test_blocks_say_their_language(document: Path) -> None:
    for block in blocks(document.read_text(encoding="utf-8")):
        assert block.language in LANGUAGES, f"line {block.start}: {block.language!r} is not of {LANGUAGES}"


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(path, marks=[pytest.mark.slow] if path.name in MANY_COMMANDS else [])
        for path in DOCUMENTS
    ],
    ids=lambda path: path.relative_to(ROOT).as_posix(),
)
def test_commands_are_understood(document: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    targets = set(
        re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    )
    written: dict[Path, object] = {}
    for words in commands(document):
        try:
            match words:
                case ["scalegmn", *rest]:
                    for path, value in understand(rest).items():
                        assert written.setdefault(path, value) == value, f"{path} is another command's"
                case ["make", *rest]:
                    assert set(rest) <= targets, f"the Makefile has no {set(rest) - targets}"
                case ["python", "-m", module, *_]:
                    place = ROOT / module.replace(".", "/")
                    scripts = place.with_suffix(".py"), place / "__main__.py"
                    assert any(script.is_file() for script in scripts), f"there is no {module}"
                case ["python", script, *_]:
                    assert (ROOT / script).is_file(), f"there is no {script}"
                case [first, *_]:
                    assert first in FOREIGN, f"cannot check {first!r}"
        except (SystemExit, AssertionError) as error:
            pytest.fail(f"{shlex.join(words)}: {error}")


@every_document
def test_configurations_are_understood(document: Path, tmp_path: Path) -> None:
    for block in blocks_of(document, "yaml"):
        path = tmp_path / "config.yaml"
        path.write_text("\n".join(block.lines), encoding="utf-8")
        assert parse_config(["--config", str(path)])[1] == []


@every_document
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(document)):
        if target.startswith(("http://", "https://")):
            continue
        path, _, anchor = target.partition("#")
        place = document.parent / path if path else document
        assert place.exists(), f"{target}: there is no such file"
        assert not anchor or anchor in slugs(place), f"{target}: there is no such heading"


@every_document
def test_names_and_paths_exist(document: Path) -> None:
    for name in re.findall(r"`([^`\n]+)`", prose(document)):
        if re.fullmatch(r"scalegmn(\.\w+)+", name):
            assert resolves(name), f"`{name}` is no module, class or function"
        if re.fullmatch(r"[\w.-]+(/[\w.-]+)*/[\w.-]+\.(py|md)", name):
            assert (ROOT / name).is_file() or (SOURCE / name).is_file(), f"there is no file `{name}`"


def test_every_field_of_a_graph_is_listed_with_its_law() -> None:
    rows = {row[0]: row for row in table_rows(ROOT / "docs" / "mathematics.md") if len(row) == 3}
    for field in FIELDS:
        _, shape, law = rows[f"`{field.name}`"]
        assert shape.strip("(),").replace(",", "") == field.shape
        assert law.split(";")[0] == field.law.name.lower()


def test_every_activation_is_listed_with_its_group() -> None:
    rows = [row for row in table_rows(ROOT / "docs" / "mathematics.md") if len(row) == 4]
    for kind in activation_kinds():
        (row,) = [row for row in rows if f"`{kind.name}`" in row[0].split(", ")]
        assert row[3] == f"`{type(group_of(Activation(kind.name))).__name__}`"


def test_every_option_of_a_model_is_explained() -> None:
    first = {row[0] for row in table_rows(ROOT / "docs" / "architecture.md")}
    for field in dataclasses.fields(ModelConfig):
        assert f"`{field.name}`" in first, f"docs/architecture.md does not explain {field.name!r}"


def test_a_comparison_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = tmp_path / "document.md"
    command = "scalegmn compare --config inr_editing/compare_mnist"
    document.write_text(f"```console\n{command}\n{command} --seeds 0 7\n```\n", encoding="utf-8")
    test_commands_are_understood(document, monkeypatch)


@pytest.mark.parametrize(
    ("text", "check"),
    [
        ("`scalegmn.graph.no_such_name`", test_names_and_paths_exist),
        ("`nn/no_such_file.py`", test_names_and_paths_exist),
        ("[a](missing.md)", test_links_lead_somewhere),
        ("# Here\n[a](#there)", test_links_lead_somewhere),
        ("```\nplain\n```", test_blocks_say_their_language),
        ("```python\n", test_blocks_say_their_language),
    ],
    ids=["name", "path", "link", "anchor", "no language", "open block"],
)
def test_mistakes_are_noticed(text: str, check: object, tmp_path: Path) -> None:
    document = tmp_path / "document.md"
    document.write_text(text, encoding="utf-8")
    with pytest.raises(AssertionError):
        check(document)  # type: ignore[operator]


@pytest.mark.parametrize(
    "command",
    [
        "scalegmn fly",
        "scalegmn info",
        "scalegmn train --modle.layers 3",
        "make coffee",
        "sudo reboot",
        "scalegmn make inrs --source digits -o here\nscalegmn make cnns --source digits --output here",
        "scalegmn train --config inr_editing/mnist_small\nscalegmn train --config inr_editing/mnist_bidir",
        "scalegmn compare --config inr_editing/compare_mnist --seeds 0\n"
        "scalegmn compare --config inr_editing/compare_mnist --base.training.epochs 3 --seeds 0",
    ],
)
def test_wrong_commands_are_noticed(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = tmp_path / "document.md"
    document.write_text(f"```console\n{command}  # why not\n```\n", encoding="utf-8")
    with pytest.raises(pytest.fail.Exception):
        test_commands_are_understood(document, monkeypatch)
