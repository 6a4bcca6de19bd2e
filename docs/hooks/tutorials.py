"""Tutorials: scripts of examples/ in the percent format, shown with what they print and draw.

A script is run as a notebook when the site is built, and its outputs are kept in build/tutorials until the
script or the library changes.
"""

from __future__ import annotations

import hashlib
import logging
import tempfile
from base64 import b64decode
from functools import cache
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "examples"
KEPT = ROOT / "build" / "tutorials"
LONGEST = 1800  # seconds for one cell
LOG = logging.getLogger("mkdocs.hooks.tutorials")


def navigation() -> list[str]:
    """The pages in order."""
    return [page for script in _scripts() if (page := page_of(f"examples/{script.name}"))]


def pages() -> dict[str, str | bytes]:
    """Pages, pictures, and the scripts themselves."""
    found: dict[str, str | bytes] = {}
    for script in _scripts():
        text, pictures = markdown(executed(script), script.stem)
        found |= {f"tutorials/{script.stem}.md": text, f"tutorials/{script.name}": script.read_bytes()}
        found |= {f"tutorials/{name}": content for name, content in pictures.items()}
    return found


def source_of(page: str) -> str | None:
    """The script that a page shows."""
    return f"examples/{Path(page).stem}.py" if page.startswith("tutorials/") else None


def page_of(source: str) -> str | None:
    """The page that shows a script."""
    path = Path(source)
    return f"tutorials/{path.stem}.md" if path.match("examples/*.py") else None


def executed(script: Path) -> Any:
    """The notebook of a script with its outputs: those kept from earlier, or those of a run."""
    content = script.read_bytes()
    kept = KEPT / f"{script.stem}-{hashlib.sha256(content + library()).hexdigest()[:16]}.ipynb"
    if kept.is_file():
        return nbformat.read(kept, as_version=4)
    LOG.info("running examples/%s", script.name)
    notebook = jupytext.reads(content.decode(), fmt="py:percent")
    with tempfile.TemporaryDirectory() as folder:
        NotebookClient(
            notebook,
            kernel_name="python3",
            timeout=LONGEST,
            startup_timeout=LONGEST,
            resources={"metadata": {"path": folder}},
            extra_arguments=["--Application.log_level=40"],
        ).execute()
    KEPT.mkdir(parents=True, exist_ok=True)
    for old in KEPT.glob(f"{script.stem}-*.ipynb"):
        old.unlink()
    nbformat.write(notebook, kept.with_suffix(".part"))
    kept.with_suffix(".part").replace(kept)
    return notebook


@cache
def library() -> bytes:
    """A digest of the library's sources: outputs of another library are not shown."""
    digest = hashlib.sha256()
    for file in sorted((ROOT / "src").rglob("*.py")):
        digest.update(file.read_bytes())
    return digest.digest()


def markdown(notebook: Any, stem: str) -> tuple[str, dict[str, bytes]]:
    """A notebook as a page, and its pictures by name."""
    parts: list[str] = []
    pictures: dict[str, bytes] = {}
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            parts.append(cell.source)
            continue
        parts.append(f"```python\n{cell.source}\n```")
        for output in cell.outputs:
            picture = output.get("data", {}).get("image/png")
            if picture is not None:
                if b64decode(picture) in pictures.values():
                    continue  # shown by pyplot and as the value of the cell
                name = f"{stem}_{len(pictures) + 1}.png"
                pictures[name] = b64decode(picture)
                parts.append(f"![What this cell draws]({name})")
            elif text := _text(output):
                parts.append(_shown(text))
    parts.insert(1, f"*This page is [`examples/{stem}.py`]({stem}.py), with what it printed and drew.*")
    return "\n\n".join(parts) + "\n", pictures


def _text(output: Any) -> str:
    """What a cell printed, or the text of its value; not what went to standard error, such as progress."""
    if output.output_type == "stream":
        return str(output.text).rstrip() if output.name == "stdout" else ""
    return str(output.get("data", {}).get("text/plain", "")).rstrip()


def _shown(text: str) -> str:
    """Printed text: a table as a table, a few lines so that they wrap, anything else as it stands."""
    lines = text.splitlines()
    if len(lines) > 2 and all(line.startswith("|") for line in lines):
        return text
    few = " .lines" if len(lines) < 4 else ""
    return f"``` {{ .text .output{few} }}\n{text}\n```"


def _scripts() -> list[Path]:
    return sorted(SCRIPTS.glob("*.py"))
