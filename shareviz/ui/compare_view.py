"""What differs from a second model: two small maps and the list of differences."""

from __future__ import annotations

import streamlit as st

from shareviz.compare import Change, Difference, compare
from shareviz.errors import SharevizError
from shareviz.headline import headline
from shareviz.snapshot import Snapshot
from shareviz.text import plural
from shareviz.ui import cache, library, linked, state, theme
from shareviz.ui.frame import View
from shareviz.ui.svmap import draw_map
from shareviz.ui.svrows import Cell, draw_rows

CHOICE = "sv_compared"
MOST = 40


def draw_compare(view: View) -> None:
    """Draw the differences to a second model."""
    with st.container(border=True):
        st.subheader("Compare with", anchor=False)
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
        if other is not None:
            _draw_differences(view.after, other, options[chosen or ""])


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


def _draw_differences(here: Snapshot, other: Snapshot, title: str) -> None:
    found = compare(here, other)
    left, right = st.columns(2)
    for side, snapshot, name in ((left, here, "This model"), (right, other, title)):
        with side:
            st.markdown(f"**{theme.plain(name)}**: {theme.plain(cache.of(headline, snapshot))}")
            draw_map(snapshot, key=f"sv_cmp_{'a' if side is left else 'b'}")
    if not found:
        st.markdown("No difference: the same names, shapes and ties.")
        return
    rows = [(Cell(one.change.value), _cell(one)) for one in found[:MOST]]
    draw_rows(("What", "Difference"), rows, key="sv_differences", caption="Differences")
    if len(found) > len(rows):
        st.markdown(f"and {plural(len(found) - len(rows), 'more difference')}")


def _cell(one: Difference) -> Cell:
    """Return the sentence without the word of its own column, and what the sharing saves."""
    note = {Change.LOST: one.before, Change.GAINED: one.after}.get(one.change, "")
    return Cell(one.text.removesuffix(f": {one.change}"), note=note)
