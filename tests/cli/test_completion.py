from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from scalegmn.cli.exit_codes import OK, USAGE
from scalegmn.cli.main import COMMANDS, main

# What bash does when somebody presses the tabulator key behind these words.
ASK = """
source {script}
function asked() {{
    COMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 )); COMP_LINE="$*"; COMP_POINT=${{#COMP_LINE}}; COMPREPLY=()
    local function_=$(complete -p scalegmn | sed 's/.*-F \\([^ ]*\\).*/\\1/')
    "$function_" scalegmn "${{COMP_WORDS[COMP_CWORD]}}" "${{COMP_WORDS[COMP_CWORD-1]}}"
    printf '%s\\n' "${{COMPREPLY[*]}}"
}}
{questions}
"""
EXPECTED = {
    ("sc",): {"scan"},
    ("scan", "--fo"): {"--follow-links"},
    ("scan", "--explain", ""): {"all", "suspect", "none"},
    ("train", "--training.ep"): {"--training.epochs"},
    ("make", ""): {"inrs", "cnns", "classifiers", "trojans"},
    ("make", "inrs", "--recipe", ""): {"mnist", "cifar10"},
    ("make", "inrs", "--init"): {"--initialization"},
    ("doctor", "--j"): {"--json"},
    ("info", "--qu"): {"--quiet"},
    ("info", "netw"): {"network.pt"},
    ("scan", "--detector", "netw"): {"network.pt"},
}


def test_bash_completes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("there is no bash")
    assert main(["completion", "bash"]) == OK
    script = tmp_path / "scalegmn.bash"
    script.write_text(capsys.readouterr().out, encoding="utf-8")
    (tmp_path / "network.pt").touch()
    questions = {(): set(COMMANDS), **EXPECTED}
    lines = [shlex.join(["asked", "scalegmn", *(words or ("",))]) for words in questions]
    program = ASK.format(script=shlex.quote(str(script)), questions="\n".join(lines))
    done = subprocess.run(
        [bash, "--norc", "-c", program], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    answers = [set(line.split()) for line in done.stdout.splitlines()]
    assert dict(zip(questions, answers, strict=True)) == questions


def test_other_shells(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "sh"]) == USAGE
    error = capsys.readouterr().err
    assert "sh" in error and "bash" in error and "see scalegmn completion --help" in error
