"""A model as a picture of modules: Snapshot to folded graph, to DOT, to SVG and PNG."""

from __future__ import annotations

from shareviz.graphs import dot as _dot
from shareviz.graphs import paint
from shareviz.graphs.fold import fold
from shareviz.graphs.layout import layout
from shareviz.graphs.parts import Graph
from shareviz.graphs.svg import finish
from shareviz.snapshot import Snapshot

__all__ = ["Graph", "fold", "graph_dot", "graph_png", "graph_svg", "layout"]


def graph_dot(snapshot: Snapshot, *, theme: str = "light", footer: str = "") -> str:
    """Return the module graph as DOT, in the colours of a theme: light or dark."""
    return paint.painter(theme)(_background(_dot.build(fold(snapshot), footer=footer)))


def graph_svg(snapshot: Snapshot, *, theme: str = "screen", footer: str = "") -> str:
    """Return the module graph as one `<svg>` element.

    Args:
        theme: screen (colours are CSS variables such as `--ink` and `--f1`), light or dark.
        footer: A line below the picture: model, plan, date, version.

    Raises:
        SharevizError: layout-missing, layout-timeout, layout-failed.
    """
    graph = fold(snapshot)
    source = _dot.build(graph, footer=footer)
    if theme != "screen":
        source = _background(source)
    return finish(layout(source), graph, theme=theme)


def graph_png(snapshot: Snapshot, *, theme: str = "light", footer: str = "") -> bytes:
    """Return the module graph as a PNG of 144 dots per inch; arguments and errors as `graph_svg`."""
    return layout(graph_dot(snapshot, theme=theme, footer=footer), fmt="png")


def _background(source: str) -> str:
    """Return the DOT on the card's colour: an export has no page behind it."""
    return source.replace("bgcolor=transparent", f'bgcolor="{paint.CARD}"', 1)
