"""What differs from a second model: two maps, two graphs, and the list of differences."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import partial

import streamlit as st

from shareviz.compare import Change, Difference, compare, differing
from shareviz.errors import SharevizError
from shareviz.graphs import fold, search
from shareviz.graphs.look import USUAL
from shareviz.headline import headline
from shareviz.snapshot import Snapshot
from shareviz.takeaway import LIT, Wish, compared_svg
from shareviz.text import plural
from shareviz.ui import cache, library, linked, state, theme
from shareviz.ui.frame import Export, View
from shareviz.ui.svgraph import draw_graph
from shareviz.ui.svmap import draw_map
from shareviz.ui.svrows import Cell, draw_rows
from shareviz.ui.taste import draw_taste, picture_exports

CHOICE = "sv_compared"
MOST = 40


def draw_compare(view: View) -> list[Export]:
    """Draw the differences to a second model; return the pictures and tables of them."""
    with st.container(border=True):
        st.header("Compare with", anchor=False)
        options = _others(view)
        linked.follow("cmp", CHOICE, options)
        chosen = st.selectbox(
            "Second model",
            list(options),
            index=None,
            key=CHOICE,
            format_func=options.__getitem__,
            placeholder="Choose a second model",
            label_visibility="collapsed",
        )
        linked.write("cmp", chosen)
        other = _second(view, chosen)
        if other is None:
            return []
        title = " · ".join(
            filter(None, (view.title, view.design.title(view.before) if view.design.text else ""))
        )
        titles = (title, options[chosen or ""])
        _draw_differences(view.after, other, ("This model", titles[1]))
        return _exports(view, other, titles)


def _exports(view: View, other: Snapshot, titles: tuple[str, str]) -> list[Export]:
    taste = draw_taste(view.menu)
    wish = Wish(theme=taste.theme, transparent=taste.transparent)
    draw = partial(compared_svg, view.after, other, titles, wish)
    stem = theme.file_stem(" and ".join(titles))

    def table() -> bytes:
        found = [asdict(one) for one in compare(view.after, other)]
        return json.dumps(found, ensure_ascii=False, indent=2).encode()

    pictures = picture_exports("Comparison", f"{stem}-compared", draw, taste)
    return [*pictures, Export("Differences (JSON)", f"{stem}-differences.json", "application/json", table)]


def _others(view: View) -> dict[str, str]:
    """Return what the model can be compared with, by the text of the link."""
    options = {}
    if view.design.text:
        options["before"] = "The same model without the design"
    for name in library.examples():
        if name != view.ref:
            options[name] = library.example(name).source.title
    return options


def _second(view: View, chosen: str | None) -> Snapshot | None:
    if chosen is None:
        return None
    if chosen == "before":
        return view.before
    try:
        return library.find(chosen, state.uploads()).snapshot
    except SharevizError:
        return None


def _draw_differences(here: Snapshot, other: Snapshot, titles: tuple[str, str]) -> None:
    found = compare(here, other)
    if found:
        st.markdown(f"**{plural(len(found), 'difference')}.** {LIT}")
    else:
        st.markdown("No difference: the same names, shapes and ties.")
    sides = zip(st.columns(2), "ab", (here, other), titles, differing(here, other), strict=True)
    for column, side, snapshot, name, names in sides:
        with column:
            st.markdown(f"**{theme.plain(name)}**: {theme.plain(cache.of(headline, snapshot))}")
            draw_map(snapshot, key=f"sv_cmp_{side}", found=names or None)
            boxes = search.Found(names, 0, 0).boxes(cache.of(fold, snapshot, USUAL)) if names else None
            draw_graph(snapshot, key=f"sv_cmp_graph_{side}", found=boxes, still=True)
    if not found:
        return
    rows = [(Cell(one.change.value), _cell(one)) for one in found[:MOST]]
    draw_rows(("What", "Difference"), rows, key="sv_differences", caption="Differences")
    if len(found) > len(rows):
        st.markdown(f"and {plural(len(found) - len(rows), 'more difference')}")


def _cell(one: Difference) -> Cell:
    """Return the sentence without the word of its own column, and what the sharing saves."""
    note = {Change.LOST: one.before, Change.GAINED: one.after}.get(one.change, "")
    return Cell(one.text.removesuffix(f": {one.change}"), note=note)
