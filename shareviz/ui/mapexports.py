"""What the map page offers for download."""

from __future__ import annotations

import csv
import io
from datetime import date

from shareviz import __version__
from shareviz.graphs import graph_dot, graph_png, graph_svg
from shareviz.headline import explanation, headline
from shareviz.mapview import picture, set_rows
from shareviz.mapview.svg import Caption, map_svg, png
from shareviz.ui import cache, graphlook, theme
from shareviz.ui.frame import Export, View
from shareviz.ui.lost_ties_view import alike


def map_exports(view: View) -> list[Export]:
    """Return the map and the graph as pictures, light or dark as the switch says, and the sets as CSV."""
    dark = view.menu.toggle("Dark pictures", key="sv_dark", help="Light suits paper, dark a dark slide.")
    theme_ = "dark" if dark else "light"
    stem = theme.file_stem(" ".join(filter(None, (view.title, view.design.text))))
    about = caption(view)
    look = graphlook.follow()  # the pictures are as the screen is

    def the_map() -> str:
        found = alike(view)
        shown = cache.of(picture, view.after, False, found) if found else cache.of(picture, view.after)
        return map_svg(shown, about, theme=theme_)

    def the_graph() -> bytes:
        return graph_svg(view.after, look, theme=theme_, footer=about.footer).encode()

    def the_graph_png() -> bytes:
        return graph_png(view.after, look, theme=theme_, footer=about.footer)

    def the_dot() -> bytes:
        return graph_dot(view.after, look).encode()

    return [
        Export("Map picture (PNG ×2)", f"{stem}-map.png", "image/png", lambda: png(the_map())),
        Export("Map picture (SVG)", f"{stem}-map.svg", "image/svg+xml", lambda: the_map().encode()),
        Export("Graph picture (PNG)", f"{stem}-graph.png", "image/png", the_graph_png),
        Export("Graph picture (SVG)", f"{stem}-graph.svg", "image/svg+xml", the_graph),
        Export("Graph (DOT)", f"{stem}.dot", "text/vnd.graphviz", the_dot),
        Export("Table (CSV)", f"{stem}-sets.csv", "text/csv", lambda: sets_csv(view)),
    ]


def caption(view: View) -> Caption:
    """Return what a picture says of itself: what it shows, and where it comes from."""
    today = date.today()
    made = f"{today.day} {today:%b %Y}"
    design = view.design.title(view.before) if view.design.text else "no plan"
    footer = " · ".join((view.title, design, made, f"shareviz {__version__}"))
    return Caption(cache.of(headline, view.after), cache.of(explanation, view.after), footer)


def sets_csv(view: View) -> bytes:
    """Return the table of sets with exact numbers; no cell starts a formula."""
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow(
        ("set", "what", "where", "used by", "stored", "saved", "why it counts as shared", "evidence")
    )
    for row in cache.of(set_rows, view.after):
        words = (row.set, row.what, row.where, row.users)
        table.writerow((*map(_safe, words), row.stored, row.saved, _safe(row.why), _safe(row.reason)))
    return out.getvalue().encode("utf-8-sig")


def _safe(text: str) -> str:
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
