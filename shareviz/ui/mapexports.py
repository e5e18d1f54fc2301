"""What the map page offers for download."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict, replace
from datetime import date
from functools import partial

from shareviz import __version__
from shareviz.graphs import graph_dot
from shareviz.headline import explanation, headline
from shareviz.mapview import set_rows
from shareviz.sets import shared_sets
from shareviz.takeaway import Caption, Wish, picture_svg
from shareviz.ui import cache, findbar, graphlook, theme
from shareviz.ui.frame import Export, View
from shareviz.ui.lost_ties_view import alike
from shareviz.ui.taste import draw_taste, picture_exports

PICTURES = {"both": "Map and graph", "map": "Map", "graph": "Graph"}


def map_exports(view: View) -> list[Export]:
    """Return map and graph as pictures, together and each alone, as the screen is, and the sets as tables."""
    taste = draw_taste(view.menu)
    stem = theme.file_stem(" ".join(filter(None, (view.title, view.design.text))))
    about = caption(view)
    look = graphlook.follow()
    wish = Wish(
        theme=taste.theme,
        transparent=taste.transparent,
        look=look,
        pattern=findbar.pattern(),
        lit=view.selected or "",
        alike=alike(view),
    )
    made = []
    for what, title in PICTURES.items():
        draw = partial(picture_svg, view.after, about, replace(wish, what=what))
        made += picture_exports(title, f"{stem}-{what}", draw, taste)
    return [
        *made,
        Export(
            "Graph (DOT)", f"{stem}.dot", "text/vnd.graphviz", lambda: graph_dot(view.after, look).encode()
        ),
        Export("Table (CSV)", f"{stem}-sets.csv", "text/csv", lambda: sets_csv(view)),
        Export("Table (JSON)", f"{stem}-sets.json", "application/json", lambda: sets_json(view)),
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


def sets_json(view: View) -> bytes:
    """Return the table of sets as JSON, with exact numbers and all names of each set."""
    names = {one.id: list(one.names) for one in cache.of(shared_sets, view.after)}
    rows = [asdict(row) | {"names": names.get(row.set, [])} for row in cache.of(set_rows, view.after)]
    return json.dumps(rows, ensure_ascii=False, indent=2).encode()


def _safe(text: str) -> str:
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
