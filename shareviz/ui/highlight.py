"""The pills that keep one set lit on every part of the page."""

from __future__ import annotations

import streamlit as st

from shareviz.graphs.search import Found
from shareviz.sets import shared_sets
from shareviz.ui import cache, findbar, state
from shareviz.ui.frame import View

KEY = "sv_highlight"
MOST = 24
BESIDE = 10
HINT = "Hover any colour to see where the same tensor is used. Click to keep it lit."
TAP = "Tap any colour to see where the same tensor is used. Tap again to put it out."
HELP = "A set is all tensors used by the same list of places. Its colour and id are the same everywhere."


def pick_set(view: View) -> tuple[str | None, Found | None]:
    """Draw a pill for each set and the field to find names; return the lit set, and what was found.

    A stylesheet shows the hint that fits: a pointer hovers, a finger taps.
    """
    ids = [shared.id for shared in cache.of(shared_sets, view.after)]
    lit = view.selected
    # the pills follow the session, which a click in the map or a link may have changed
    st.session_state[KEY] = lit if lit in ids[:MOST] else None
    with st.container(horizontal=True, vertical_alignment="bottom", key="sv_highlight_row"):
        if ids:
            with st.container(width="content" if len(ids) <= BESIDE else "stretch"):
                st.pills("Highlight", ids[:MOST], key=KEY, help=HELP, on_change=_follow)
            with st.container(key="sv_hint"):
                st.caption(HINT)
            with st.container(key="sv_tap"):
                st.caption(TAP)
        found = findbar.draw_find(view)
    if found is not None:
        st.markdown(found.sentence)
    return lit, found


def _follow() -> None:
    state.select(st.session_state[KEY])
