"""What MkDocs does not know: pages that are generated, links that leave docs/, and equations."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.plugins import event_priority
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from pymdownx.slugs import slugify

sys.path.insert(0, str(Path(__file__).parent))
import reference
import tutorials

LOG = logging.getLogger("mkdocs.hooks.site")
ROOT = Path(__file__).parents[2]
# Pages of the root folder, and where they are on the site.  docs/README.md is for those who read the files.
ROOT_PAGES = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
}
HOME = "docs/README.md"
MATHJAX = "assets/mathjax.js"
FENCE = re.compile(r"^(```|~~~).*?^\1", re.DOTALL | re.MULTILINE)
# The list of sections with which pages begin; the site has one beside every page.
CONTENTS = re.compile(r"^(?:- \[[^\n]+\]\(#[^\n]+\)\n)+\n", re.MULTILINE)
EQUATION = re.compile(r"\\[(\[](.*?)\\[)\]]", re.DOTALL)
SIGNS = {"odot": "⊙", "to": "→", "cdot": "·", "sum": "∑", "in": "∈", "pm": "±", "lVert": "‖", "rVert": "‖"}
SIGNS |= {
    "omega": "ω",
    "sigma": "σ",
    "rho": "ρ",
    "zeta": "ζ",
    "varphi": "φ",
    "psi": "ψ",
    "pi": "π",
    "ne": "≠",
}
SIGNS |= {
    "Delta": "Δ",
    "theta": "θ",
    "ell": "ℓ",
    "dots": "…",
    "big": "",
    "Big": "",
    "quad": " ",
    "qquad": " ",
}
LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Fill in the generated parts of the navigation; anchors are those of GitHub."""
    config.mdx_configs["toc"] = {**config.mdx_configs.get("toc", {}), "slugify": slugify(case="lower")}
    generated = {"<api>": reference.navigation(), "<tutorials>": tutorials.navigation()}
    config.nav = [entry for entry in (_filled(entry, generated) for entry in config.nav or []) if entry]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what is generated and what lies outside of docs/."""
    if (index := files.get_file_from_path("README.md")) is not None:
        files.remove(index)
    for name, page in ROOT_PAGES.items():
        files.append(File.generated(config, page, content=(ROOT / name).read_text(encoding="utf-8")))
    for page, text in reference.pages().items():
        files.append(File.generated(config, page, content=text))
    for page, content in tutorials.pages().items():
        files.append(File.generated(config, page, content=content))
    files.append(File.generated(config, MATHJAX, abs_src_path=str(mathjax())))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Make links between files of the repository links between pages."""
    source = source_of(page.file.src_uri)
    if source is None:
        return markdown
    markdown = CONTENTS.sub("", markdown, count=1)
    position, parts = 0, []
    for fence in FENCE.finditer(markdown):
        parts += [rewrite(markdown[position : fence.start()], source, page.file.src_uri), fence[0]]
        position = fence.end()
    return "".join([*parts, rewrite(markdown[position:], source, page.file.src_uri)])


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Pictures have half of their pixels; pages that docstrings name are links in the reference."""
    html = with_sizes(html, page, files)
    if not page.file.src_uri.startswith("api/"):
        return html

    def link(name: re.Match[str]) -> str:
        named = files.get_file_from_path(f"{name[1]}.md")
        if named is None:
            LOG.warning("%s: a docstring names docs/%s.md, which does not exist", page.file.src_uri, name[1])
            return name[0]
        return f'<a href="{named.url_relative_to(page.file)}">{name[0]}</a>'

    return re.sub(r"<code>docs/(\w+)\.md</code>", link, html)


def with_sizes(html: str, page: Page, files: Files) -> str:
    """Pictures are drawn with two pixels for each that is shown; narrower ones shall not fill the page."""

    def sized(picture: re.Match[str]) -> str:
        path = os.path.normpath(PurePosixPath(page.file.src_uri).parent / picture[2])
        file = files.get_file_from_path(path)
        if file is None:
            return picture[0]
        width = int.from_bytes(file.content_bytes[16:20], "big") // 2  # as the header of a PNG says
        return f'{picture[1]} width="{width}"'

    return re.sub(r'(<img\b[^>]* src="([^":]+\.png)")', sized, html)


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Pages with equations load what typesets them."""
    if 'class="arithmatex"' not in output:
        return output
    script = os.path.relpath(MATHJAX, PurePosixPath(page.file.dest_uri).parent)
    return output.replace("</body>", f'{_TYPESETTING}<script src="{script}" defer></script></body>')


@event_priority(-50)  # after the search has written its index, before it is copied for pages on a disk
def on_post_build(config: MkDocsConfig) -> None:
    """In results of a search equations are plain text."""
    index = Path(config.site_dir, "search", "search_index.json")
    content = json.loads(index.read_text(encoding="utf-8"))
    for section in content["docs"]:
        section["text"] = EQUATION.sub(lambda found: plain(found[1]), section["text"])
    index.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def plain(tex: str) -> str:
    """An equation as a line of text."""
    tex = re.sub(r"\\(?:begin|end)\{[^}]*\}", "", tex)
    tex = re.sub(r"\\(?:mathrm|operatorname|text)\{([^}]*)\}", r"\1", tex)
    tex = re.sub(r"\\([A-Za-z]+)", lambda command: SIGNS.get(command[1], f" {command[1]} "), tex)
    return " ".join(re.sub(r"\\.|[{}&]", "", tex).split())


_TYPESETTING = """<script>
window.MathJax = {
  tex: { inlineMath: [["\\\\(", "\\\\)"]], displayMath: [["\\\\[", "\\\\]"]] },
  options: { ignoreHtmlClass: ".*|", processHtmlClass: "arithmatex", enableMenu: false },
};
</script>"""


def mathjax() -> Path:
    """The file of MathJax with all its glyphs, out of the package that carries it."""
    spec = find_spec("mathjax")
    places = list(spec.submodule_search_locations or []) if spec is not None else []
    found = [file for place in places if (file := Path(place, "static/mathjax/es5/tex-svg.js")).is_file()]
    if not found:
        raise PluginError(
            "MathJax is missing: install the extra 'docs', whose django-static-mathjax carries it"
        )
    return found[0]


def source_of(page: str) -> str | None:
    """The file of the repository that a page is; None for generated ones."""
    for name, there in ROOT_PAGES.items():
        if page == there:
            return name
    if page.startswith("api/"):
        return None
    return tutorials.source_of(page) or f"docs/{page}"


def page_of(source: str) -> str | None:
    """The page, or the picture, that a file of the repository is on the site."""
    if source == HOME:
        return "index.md"
    if source in ROOT_PAGES:
        return ROOT_PAGES[source]
    return tutorials.page_of(source) or (source.removeprefix("docs/") if source.startswith("docs/") else None)


def rewrite(markdown: str, source: str, page: str) -> str:
    """Links relative to a file, as links relative to its page; what has no page is named as code."""

    def replace(link: re.Match[str]) -> str:
        picture, text, target = link.groups()
        beside = "/" not in target and source.startswith("examples/")
        if beside or re.match(r"[a-z]+:|#|<", target):
            return link[0]  # elsewhere, on this page, or a picture or script beside a tutorial
        path, hash_, anchor = target.partition("#")
        file = os.path.normpath(PurePosixPath(source).parent / path)
        there = page_of(file)
        if there is None:
            return f"{text} (`{file}`)"
        return f"{picture}[{text}]({os.path.relpath(there, PurePosixPath(page).parent)}{hash_}{anchor})"

    return LINK.sub(replace, markdown)


def _filled(entry: dict[str, Any], generated: dict[str, list[Any]]) -> dict[str, Any] | None:
    """An entry of the navigation with its placeholder filled in; None if nothing is there to fill in."""
    ((title, value),) = entry.items()
    if not isinstance(value, str) or value not in generated:
        return entry
    return {title: generated[value]} if generated[value] else None
