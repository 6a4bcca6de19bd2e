"""One spelling, and one thing for every name of a class."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PLACES = ("src/**/*.py", "src/**/*.yaml", "docs/*.md", "benchmarks/*.py", "benchmarks/*.md", "*.md")
# The changelog says what things were called; these tables read the names of earlier versions.
EXCEPTIONS = re.compile(r"CHANGELOG\.md|_(earlier|old)_names\.py|cli/parsers\.py")
BRITISH = re.compile(
    r"colour|grey|centre[ds]?\b|centring|labell(ed|ing)|modell(ed|ing)|neighbour|behaviour|favour|learnt"
    r"|defence|judgement|artefact|catalogue|\btowards\b|\bfulfil\b|\bcancelled\b|\banalyse[ds]?\b|\bageing\b"
    r"|(normal|standard|symmetr|random|initial|canonical|recogn|optim|summar|synchron|general|minim|maxim"
    r"|organ|parametr|serial|special|penal|util|real|quant|discret|vector|factor|visual|emphas|character"
    r"|modern)is(e|ing|ation|able)",
    re.IGNORECASE,
)


def british(text: str) -> Iterator[str]:
    """Words of British spelling, with their lines."""
    for number, line in enumerate(text.splitlines(), start=1):
        yield from (f"line {number}: {found[0]}" for found in BRITISH.finditer(line))


ORPHAN = re.compile(r"(Of|Those|See|That of|In words)\b")


def orphans(source: str) -> Iterator[str]:
    """Docstrings of functions and classes that begin without the thing that they speak of."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            first = (ast.get_docstring(node) or "").partition("\n")[0]
            if ORPHAN.match(first):
                yield f"{node.name}: {first}"


def pages() -> list[Path]:
    found = {path for pattern in PLACES for path in ROOT.glob(pattern)}
    return sorted(path for path in found if not EXCEPTIONS.search(path.as_posix()))


def classes(sources: list[tuple[str, str]]) -> dict[str, list[str]]:
    """Names of classes, and the modules that define them."""
    owners = defaultdict(list)
    for module, source in sources:
        for node in ast.parse(source).body:
            if isinstance(node, ast.ClassDef):
                owners[node.name].append(module)
    return owners


def test_pages_are_found() -> None:
    assert len(pages()) > 300


@pytest.mark.slow
def test_spelling_is_american() -> None:
    found = {path.relative_to(ROOT): list(british(path.read_text(encoding="utf-8"))) for path in pages()}
    assert not {path: words for path, words in found.items() if words}, "write it as the rest is written"


@pytest.mark.parametrize(
    "text", ["the Colour", "randomise(x)", "labelled", "two\nneighbours", "standardisation"]
)
def test_british_spelling_is_noticed(text: str) -> None:
    assert list(british(text))


@pytest.mark.parametrize(
    "text", ["color", "otherwise", "elementwise", "noise", "realistic", "a promise", "center"]
)
def test_american_spelling_is_left_alone(text: str) -> None:
    assert not list(british(text))


@pytest.mark.slow
def test_a_name_of_a_class_stands_for_one_thing() -> None:
    folder = ROOT / "src"
    sources = [
        (path.relative_to(folder).as_posix(), path.read_text(encoding="utf-8"))
        for path in sorted(folder.rglob("*.py"))
    ]
    twice = {name: owners for name, owners in classes(sources).items() if len(owners) > 1}
    assert not twice, "give one of them another name"


def test_two_classes_of_one_name_are_noticed() -> None:
    found = classes([("a.py", "class Plan: ...\n"), ("b.py", "class Plan: ...\nclass Other: ...\n")])
    assert found == {"Plan": ["a.py", "b.py"], "Other": ["b.py"]}


@pytest.mark.slow
def test_docstrings_name_what_they_speak_of() -> None:
    found = {
        path.relative_to(ROOT): list(orphans(path.read_text(encoding="utf-8")))
        for path in sorted(ROOT.glob("src/**/*.py"))
    }
    assert not {path: rows for path, rows in found.items() if rows}, "begin with the noun or the verb"


@pytest.mark.parametrize("text", ["Of all parameters.", "Those of a network.", "See :meth:`read`."])
def test_orphans_are_noticed(text: str) -> None:
    assert list(orphans(f'class A:\n    def read(self):\n        """{text}"""'))
    assert not list(orphans(f'class A:\n    def read(self):\n        """The norm. {text}"""'))
