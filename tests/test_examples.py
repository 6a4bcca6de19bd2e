"""The notebooks in `examples`: each runs with small sizes from its first cell to its last."""

from __future__ import annotations

import ast
import re
import runpy
from pathlib import Path

import pytest

from tests.test_docs import REGISTRIES

EXAMPLES = Path(__file__).parents[1] / "examples"
# Values of the cell of parameters, with which a notebook takes seconds.  What it claims of longer trainings
# is then not to be expected.
SMALL: dict[str, dict[str, object]] = {
    "1_first_metanetwork.py": {"number_of_images": 60, "steps": 20, "epochs": 1, "least_accuracy": 0.0},
    "2_how_good_is_this_cnn.py": {
        "networks": 44,
        "epochs": 1,
        "least_tau": -1.0,
        "least_coverage": 0.0,
    },
    "3_symmetries_of_a_resnet.py": {"steps": 10, "least_accuracy": 0.0},
    "4_layer_by_hand.py": {"features": 4, "networks": 2},
    "5_align_and_merge.py": {
        "steps": 30,
        "width": 8,
        "points": 3,
        "least_accuracy": 0.0,
        "largest_share": 1.0,
    },
    "6_find_a_trojan_and_mend_it.py": {
        "number_of_images": 900,
        "pairs": 1,
        "least_found": 0.0,
        "largest_asr": 0.9,
        "largest_drop": 1.0,
    },
    "7_a_task_of_your_own.py": {"networks": 24, "epochs": 2, "least_r2": -10.0},
}
# The fastest two run with every test; the others are asked for by their marker.
QUICK = {"1_first_metanetwork.py", "4_layer_by_hand.py"}
PARAMETERS = '# %% tags=["parameters"]'


def cells(source: str) -> list[str]:
    """The cells of a notebook in the percent format, each with its first line."""
    return re.split(r"^(?=# %%)", source, flags=re.MULTILINE)[1:]


def with_parameters(source: str, values: dict[str, object]) -> str:
    """The notebook with other values in its cell of parameters, all lines in their places."""
    (cell,) = (one for one in cells(source) if one.startswith(PARAMETERS))
    assigned = {
        node.targets[0].id: node
        for node in ast.parse(cell).body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    unknown = values.keys() - assigned.keys()
    assert not unknown, f"the cell of parameters has no {sorted(unknown)}, only {sorted(assigned)}"
    lines = cell.splitlines()
    for name, value in values.items():
        lines[assigned[name].lineno - 1] = f"{name} = {value!r}"
    return source.replace(cell, "\n".join(lines) + "\n")


# Among few networks that were trained with hyper-parameters drawn at random, some are of unusual size.
@pytest.mark.filterwarnings("ignore:.* weights of unusual size:scalegmn.errors.TrainingWarning")
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in QUICK else pytest.mark.examples) for name in SMALL]
)
def test_a_notebook_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = (EXAMPLES / name).read_text(encoding="utf-8")
    script = tmp_path / name
    script.write_text(with_parameters(source, SMALL[name]), encoding="utf-8")
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    for registry in REGISTRIES:
        # What a notebook registers is gone after it.
        monkeypatch.setattr(registry, "_entries", dict(registry._entries))
    runpy.run_path(str(script))


def test_every_notebook_is_run() -> None:
    assert {path.name for path in EXAMPLES.glob("*.py")} == set(SMALL)


@pytest.mark.parametrize("name", SMALL)
def test_a_notebook_begins_with_what_it_is_for(name: str) -> None:
    source = (EXAMPLES / name).read_text(encoding="utf-8")
    first, *others = cells(source)
    assert source.startswith("# %% [markdown]\n# # ")
    assert re.search(r"(second|minute)s?\.$", first.strip()), "the first cell says how long it takes"
    assert others[-1].startswith("# %% [markdown]"), "the last cell says where to go from here"
    assert "assert " in source


@pytest.mark.parametrize("name", SMALL)
def test_links_of_notebooks_lead_somewhere(name: str) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", (EXAMPLES / name).read_text(encoding="utf-8")):
        assert (EXAMPLES / target).is_file(), f"{target}: there is no such file"


def test_wrong_parameters_are_noticed() -> None:
    source = f"{PARAMETERS}\nsteps = 3  # of training\n# %%\nprint(steps)\n"
    assert with_parameters(source, {"steps": 1}) == f"{PARAMETERS}\nsteps = 1\n# %%\nprint(steps)\n"
    with pytest.raises(AssertionError, match="no \\['step'\\]"):
        with_parameters(source, {"step": 1})
