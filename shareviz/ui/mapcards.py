"""The cards of the map page."""

from __future__ import annotations

import streamlit as st

from shareviz.graphs.search import Found
from shareviz.mapview import picture
from shareviz.mapview.words import LEGEND
from shareviz.sets import shared_sets
from shareviz.ui import cache, graphcard, graphlook
from shareviz.ui.frame import View, go
from shareviz.ui.lost_ties_view import alike
from shareviz.ui.svmap import draw_map
from shareviz.ui.svtable import draw_sets

MAP_HELP = "One row per layer, one column per kind of tensor."
RULE = "Read down a column: same id, same tensor. Grey: the layer has its own."
BRIDGE = "An = joins two columns that read the very same tensor."
SAVED = "Saved counts weights only. Compute, activations and KV cache stay the same: see Savings."
SETS_HELP = "The text twin of the map. Stored adds up to the count above."


def draw_pictures(view: View, selected: str | None, found: Found | None) -> None:
    """Draw the map and the graph side by side, or the map alone where the link says g=off."""
    if graphlook.follow().hidden:
        draw_map_card(view, selected, found)
        return
    left, right = st.columns([1.12, 1])
    with left:
        draw_map_card(view, selected, found)
    with right:
        draw_graph_card(view, selected, found)


def draw_map_card(view: View, selected: str | None, found: Found | None) -> None:
    """Draw the sharing map with the rule of how to read it."""
    with st.container(border=True, height="stretch"):
        st.header("Sharing map", anchor=False, help=MAP_HELP)
        names = found.names if found else None
        draw_map(view.after, key="sv_map", selected=selected, alike=alike(view), found=names)
        st.caption(" ".join(_legend(view)))
        if graphlook.follow().hidden:
            graphcard.draw_hidden()


def _legend(view: View) -> list[str]:
    found = alike(view)
    shown = cache.of(picture, view.after, False, found) if found else cache.of(picture, view.after)
    if not cache.of(shared_sets, view.after):
        return ["Grey: used in one place only.", *(LEGEND[name] for name in shown.styles)]
    said = [RULE]
    if any(cell.bridge for section in shown.sections for cell in section.cells):
        said.append(BRIDGE)
    if shown.styles != ("solid",):
        said += [LEGEND[name] for name in shown.styles]
    return said


def draw_graph_card(view: View, selected: str | None, found: Found | None) -> None:
    """Draw the module graph, or say where the same facts stand."""
    with st.container(border=True, height="stretch"):
        graphcard.draw(view, selected, found)


def draw_sets_card(view: View, selected: str | None, found: Found | None) -> None:
    """Draw the table of shared sets, or the way on where nothing is shared."""
    with st.container(border=True):
        st.header("Shared sets", anchor=False, help=SETS_HELP)
        draw_sets(view.after, key="sv_sets", selected=selected, found=found.names if found else None)
        if not cache.of(shared_sets, view.after):
            st.markdown("Nothing is shared here. Every tensor has one user.")
            if st.button("See what sharing would save", icon=":material/savings:"):
                go("savings")
        st.caption(SAVED)
