"""A model as a picture of modules: Snapshot to folded graph, to DOT, to SVG and PNG."""

from __future__ import annotations

from shareviz.graphs import paint
from shareviz.graphs.dot import build
from shareviz.graphs.fold import fold
from shareviz.graphs.layout import layout
from shareviz.graphs.look import USUAL, Look
from shareviz.graphs.parts import Graph
from shareviz.graphs.svg import finish
from shareviz.snapshot import Snapshot

__all__ = ["Graph", "Look", "dot_of", "fold", "graph_dot", "graph_svg", "layout", "screen_svg"]


def graph_dot(snapshot: Snapshot, look: Look = USUAL, *, theme: str = "light", footer: str = "") -> str:
    """Return the module graph as DOT, in the colours of a theme: light or dark."""
    return paint.painter(theme)(dot_of(fold(snapshot, look), footer=footer, page=True))


def graph_svg(
    snapshot: Snapshot, look: Look = USUAL, *, theme: str = "screen", footer: str = "", bare: bool = False
) -> str:
    """Return the module graph as one `<svg>` element.

    Args:
        look: Which boxes stand open, arrows or none, own tensors or none.
        theme: screen (colours are CSS variables such as `--ink` and `--f1`), light or dark.
        footer: A line below the picture: model, plan, date, version.
        bare: Nothing lies behind the picture.

    Raises:
        SharevizError: layout-missing, layout-timeout, layout-failed.
    """
    graph = fold(snapshot, look)
    return finish(layout(dot_of(graph, footer=footer, page=theme != "screen", bare=bare)), graph, theme=theme)


def screen_svg(raw: bytes, graph: Graph) -> str:
    """Return the picture for the page, from what `layout` made of `dot_of(graph)`."""
    return finish(raw, graph, theme="screen")


def dot_of(graph: Graph, *, footer: str = "", page: bool = False, bare: bool = False) -> str:
    """Return a folded graph as DOT with the sentinel colours of `paint`.

    Args:
        page: Lay the picture on the page's colour: an export has no page behind it.
        bare: But leave the colour of the page out.
    """
    return build(graph, footer=footer, page=page, bare=bare)
