"""Habits of the house that a linter does not know: budgets, and calls that hide errors."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

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
FORBIDDEN_CALLS = {"hasattr": "ask for a type or declare the attribute"}


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


def forbidden_calls(source: str) -> Iterator[str]:
    """Calls that the house forbids; those that could run a file are the subject of test_nothing_runs.py."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and (called := ast.unparse(node.func)) in FORBIDDEN_CALLS:
            yield f"line {node.lineno}: {called}(): {FORBIDDEN_CALLS[called]}"


def sources() -> list[Path]:
    return sorted((ROOT / "src").rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT / "src").as_posix()


def test_sources_are_found() -> None:
    assert len(sources()) > 5


def broken(rule: Callable[[str], Iterable[object]]) -> dict[str, list[object]]:
    """What a rule finds, by source; one test for all of them, since there are hundreds."""
    found = {name_of(path): list(rule(path.read_text(encoding="utf-8"))) for path in sources()}
    return {name: lines for name, lines in found.items() if lines}


def test_sources_are_within_budget() -> None:
    assert not broken(over_budget), f"shorten it, or add '{EXCUSE}...'"


def test_sources_have_no_forbidden_calls() -> None:
    assert not broken(forbidden_calls)


def long_function(*, excuse: str) -> str:
    return "def f():\n" + excuse + "    x = 1\n" * 60


def prints(source: str) -> list[int]:
    """Lines with a call of `print`."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    return [call.lineno for call in calls if ast.unparse(call.func) == "print"]


def test_sources_print_nothing_unescaped() -> None:
    assert broken(prints).keys() <= set(MAY_PRINT), "use say or complain"


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


def test_forbidden_call_is_caught() -> None:
    assert list(forbidden_calls("hasattr(x, 'y')"))
    assert not list(forbidden_calls("'hasattr(x, 1)'"))
