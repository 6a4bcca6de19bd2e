"""The library's docstrings as Markdown: roles become links, equations and laws what the site can show.

Docstrings are written for terminals and editors, with a few roles of reStructuredText.  A name in a role has
to exist; a public one becomes a link, any other one code.  What cannot be resolved becomes a link to nowhere,
which the strict build refuses.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import griffe

sys.path.insert(0, str(Path(__file__).parent))
from public_names import LIBRARY, packages

ROLE = re.compile(r":(?:class|func|meth|attr|data|mod):`(~?)([\w.]+)`")
MATH_ROLE = re.compile(r":math:`([^`]+)`")
MATH_BLOCK = re.compile(r"^( *)\.\. math::[ \t]*(.*)\n((?:[ \t]*\n|\1[ \t]+\S.*\n)*)", re.MULTILINE)
# A session of the interpreter outside of a section of examples.
SESSION = re.compile(r"^(>>> .*(?:\n.+)*)", re.MULTILINE)
# Arguments that share an explanation.
SHARED = re.compile(r"^    (\w+(?:, \w+)+): (.*(?:\n {8}.*)*)", re.MULTILINE)
# Paragraphs that say one thing of what they stand under.
MARKED = re.compile(
    r"^(Law|Shapes|Source|Units|Cost|Beyond the paper): +(\S.*(?:\n(?!\w+:(?: |$))\S.*)*)", re.MULTILINE
)


class Docstrings(griffe.Extension):
    """Rewrites all docstrings of the library when it has been read."""

    def on_package(self, *, pkg: griffe.Module, loader: griffe.GriffeLoader, **_: Any) -> None:
        """Rewrite the docstrings of a package and of everything in it."""
        if pkg.name != LIBRARY:
            return
        loader.resolve_aliases(implicit=True, external=False)
        references = References(pkg)
        for obj in _objects(pkg):
            if obj.docstring is not None:
                obj.docstring.value = markdown(obj.docstring.value, obj, references)


class References:
    """From a name in a docstring to the place that explains it."""

    def __init__(self, library: griffe.Module) -> None:
        self.library = library
        exports = (export for package in packages().values() for export in package.exports)
        self.public = {self.canonical(e.path): e.path for e in exports if e.explained_here}
        self.public |= {name: name for name in packages()}

    def canonical(self, path: str) -> str:
        """Where the thing is defined that can be reached under a path; raises KeyError."""
        if path == LIBRARY:
            return path
        found = self.library[path.removeprefix(f"{LIBRARY}.")]
        return found.final_target.path if found.is_alias else found.path

    def resolve(self, name: str, obj: griffe.Object) -> str:
        """The full path of what a name means at an object; raises KeyError."""
        if name.startswith(f"{LIBRARY}."):
            return self.canonical(name)
        first, _, rest = name.partition(".")
        owner = obj if obj.is_class else obj.parent
        if owner is not None and owner.is_class and first in owner.all_members:
            found = owner.all_members[first].canonical_path
        else:
            try:
                found = obj.resolve(first)
            except griffe.NameResolutionError as error:
                raise KeyError(name) from error
        if not found.startswith(f"{LIBRARY}."):
            raise KeyError(name)
        return self.canonical(f"{found}.{rest}".rstrip("."))

    def explain(self, path: str) -> str | None:
        """The place in the reference that explains a thing: its own, or that of what it belongs to."""
        shown = path
        while shown not in self.public and LIBRARY in shown:
            shown = shown.rpartition(".")[0]
        if shown == LIBRARY or not shown:
            return None  # for other rooms of the library
        member = path.removeprefix(shown)
        public = self.public[shown]
        if not member or self.library[path.removeprefix(f"{LIBRARY}.")].docstring is None:
            return public
        return None if any(part.startswith("_") for part in member.split(".")) else public + member

    def link(self, role: re.Match[str], obj: griffe.Object) -> str:
        """The Markdown of one role."""
        short, name = role.groups()
        label = f"`{name.rpartition('.')[2] if short else name}`"
        if "._" in name or name.startswith("."):
            return label.replace("`.", "`")  # an inner module
        try:
            place = self.explain(self.resolve(name, obj))
        except KeyError:
            place = name  # leads nowhere, so that the build fails
        return label if place is None else f"[{label}][{place}]"


def markdown(text: str, obj: griffe.Object, references: References) -> str:
    """A docstring without reStructuredText."""
    text = MATH_BLOCK.sub(equation, text + "\n").rstrip()
    text = MATH_ROLE.sub(lambda role: f"${' '.join(role[1].split())}$", text)
    text = ROLE.sub(lambda role: references.link(role, obj), text)
    text = re.sub(r"(?<=\w)::$", ":", text, flags=re.MULTILINE)
    text = SHARED.sub(split, text)
    text = SESSION.sub(r"```pycon\n\1\n```", text)
    text = re.sub(r"^(Example):$", r"\1s:", text, flags=re.MULTILINE)
    return MARKED.sub(callout, text)


def equation(block: re.Match[str]) -> str:
    """A displayed equation; one with `&` has several lines that are aligned there."""
    indent, first, rest = block.groups()
    tex = " ".join(f"{first} {rest}".split())
    if "&" in tex:
        tex = rf"\begin{{aligned}} {tex} \end{{aligned}}"
    return f"{indent}$$\n{indent}{tex}\n{indent}$$\n\n"


def split(arguments: re.Match[str]) -> str:
    """One line of a section that explains several arguments, as one line for each."""
    names, text = arguments.groups()
    return "\n".join(f"    {name}: {text}" for name in names.split(", "))


def callout(paragraph: re.Match[str]) -> str:
    """A marked paragraph as an admonition of its own kind."""
    title, text = paragraph.groups()
    lines = "".join(f"\n    {line}" for line in text.splitlines())
    return f'!!! {title.split()[0].lower()} "{title}"\n{lines}\n'


def _objects(obj: griffe.Object) -> Iterator[griffe.Object]:
    yield obj
    for member in obj.members.values():
        if not member.is_alias:
            yield from _objects(member)
