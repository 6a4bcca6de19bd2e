"""Habits of the house that a linter does not know: budgets, and calls that hide mistakes or danger."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILE_LINES = 300
FUNCTION_LINES = 45
# "About" 300 and 45: what is within a tenth of the budget is not worth an excuse.
LEEWAY = 1.1
# A file or function that is longer says why in a comment of its own that starts like this.
EXCUSE = "# long because "

Function = ast.FunctionDef | ast.AsyncFunctionDef
# What commands print goes through one place, which escapes text from outside.
MAY_PRINT = frozenset({"scalegmn/cli/output.py"})
FORBIDDEN_CALLS = {
    "hasattr": "ask for a type or declare the attribute",
    "eval": "parse what is expected",
    "exec": "parse what is expected",
}


def comments(source: str) -> dict[int, str]:
    """Comments by line number."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {token.start[0]: token.string for token in tokens if token.type == tokenize.COMMENT}


def length(function: Function) -> int:
    """Lines of a function without decorators and docstring."""
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    if ast.get_docstring(function) is not None:
        docstring = function.body[0]
        lines -= (docstring.end_lineno or docstring.lineno) - docstring.lineno + 1
    return lines


def over_budget(source: str) -> Iterator[str]:
    """Functions, and the file, that are too long and do not say why."""
    excuses = [line for line, text in comments(source).items() if text.startswith(EXCUSE)]
    functions = [node for node in ast.walk(ast.parse(source)) if isinstance(node, Function)]
    for function in functions:
        end = function.end_lineno or function.lineno
        excused = any(function.lineno - 1 <= line <= end for line in excuses)
        if length(function) > FUNCTION_LINES * LEEWAY and not excused:
            yield f"{function.name} (line {function.lineno}): {length(function)} lines, not {FUNCTION_LINES}"
    lines = source.count("\n") + 1
    excused = any(not any(f.lineno - 1 <= line <= (f.end_lineno or 0) for f in functions) for line in excuses)
    if lines > FILE_LINES * LEEWAY and not excused:
        yield f"the file has {lines} lines, not {FILE_LINES}"


def keyword_is(call: ast.Call, *, name: str, value: str) -> bool:
    """Whether a call is written with `name=value`."""
    return any(keyword.arg == name and ast.unparse(keyword.value) == value for keyword in call.keywords)


def dangers(source: str) -> Iterator[str]:
    """Calls that the house forbids; those of pickle are the linter's (S301)."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        where, called = f"line {node.lineno}", ast.unparse(node.func)
        if called in FORBIDDEN_CALLS:
            yield f"{where}: {called}(): {FORBIDDEN_CALLS[called]}"
        if called == "torch.load" and not keyword_is(node, name="weights_only", value="True"):
            yield f"{where}: torch.load without weights_only=True"
        named = any(keyword.arg == "allow_pickle" for keyword in node.keywords)
        if named and not keyword_is(node, name="allow_pickle", value="False"):
            yield f"{where}: allow_pickle may run code that a file names"


def sources() -> list[Path]:
    return sorted((ROOT / "src").rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT / "src").as_posix()


def test_sources_are_found() -> None:
    assert len(sources()) > 5


@pytest.mark.parametrize("path", sources(), ids=name_of)
def test_source_is_within_budget(path: Path) -> None:
    assert not list(over_budget(path.read_text(encoding="utf-8"))), f"shorten it, or add '{EXCUSE}...'"


@pytest.mark.parametrize("path", sources(), ids=name_of)
def test_source_has_no_dangerous_calls(path: Path) -> None:
    assert not list(dangers(path.read_text(encoding="utf-8")))


def long_function(*, excuse: str) -> str:
    return "def f():\n" + excuse + "    x = 1\n" * 60


def prints(source: str) -> list[int]:
    """Lines with a call of `print`."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    return [call.lineno for call in calls if ast.unparse(call.func) == "print"]


@pytest.mark.parametrize("path", sources(), ids=name_of)
def test_source_prints_nothing_unescaped(path: Path) -> None:
    assert name_of(path) in MAY_PRINT or not prints(path.read_text(encoding="utf-8")), "use say or complain"


def test_print_is_caught() -> None:
    assert prints("def f():\n    print('a')") == [2] and not prints("console.print('a')")


def test_budget_of_functions() -> None:
    assert list(over_budget(long_function(excuse="")))
    assert not list(over_budget(long_function(excuse=f"    {EXCUSE}the table is long.\n")))
    assert not list(over_budget("def f():\n    '''" + "a\n" * 60 + "'''\n    return 1\n"))


def test_budget_of_files() -> None:
    assert list(over_budget("x = 1\n" * 400))
    assert not list(over_budget(f"{EXCUSE}the table is long.\n" + "x = 1\n" * 400))
    # The excuse of a function is none for its file.
    assert list(over_budget(long_function(excuse=f"    {EXCUSE}so.\n") + "x = 1\n" * 400))


@pytest.mark.parametrize(
    "source",
    [
        "hasattr(x, 'y')",
        "eval('1')",
        "exec('1')",
        "import torch\ntorch.load(f)",
        "import torch\ntorch.load(f, weights_only=False)",
        "import numpy as np\nnp.load(f, allow_pickle=True)",
    ],
)
def test_danger_is_caught(source: str) -> None:
    assert list(dangers(source))


@pytest.mark.parametrize(
    "source",
    [
        "model.eval()",
        "torch.load(f, weights_only=True)",
        "np.load(f, allow_pickle=False)",
        "'hasattr(x, 1)'",
    ],
)
def test_harmless_call_passes(source: str) -> None:
    assert not list(dangers(source))
