"""The graph of an architecture of any kind."""

from __future__ import annotations

from functools import lru_cache, singledispatch

from scalegmn.errors import GraphError
from scalegmn.graph._layered_layout import layered_layout
from scalegmn.graph._layout import GraphLayout
from scalegmn.networks import Architecture, LayeredArchitecture
from scalegmn.programs import ProgramArchitecture


@singledispatch
def make_layout(architecture: Architecture) -> GraphLayout:
    """The graph of an architecture; a new kind of architectures registers its own."""
    raise GraphError(
        f"no graph is known of architectures of the kind {type(architecture).__name__}; expected one "
        "registered by scalegmn.graph.make_layout.register"
    )


make_layout.register(LayeredArchitecture, layered_layout)


@make_layout.register
def _of_program(architecture: ProgramArchitecture) -> GraphLayout:
    # Imported here: the graphs of programs take SciPy along, which layers do without.
    from scalegmn.graph.programs import program_layout

    return program_layout(architecture)


@lru_cache(maxsize=1024)
def layout_of(architecture: Architecture) -> GraphLayout:
    """The graph of an architecture.  Cached; do not write into its tensors.

    Raises:
        GraphError: the graph is too large.
    """
    return make_layout(architecture)
