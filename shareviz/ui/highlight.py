"""The pills that keep one set lit on every part of the page."""

from __future__ import annotations

import streamlit as st

from shareviz.sets import shared_sets
from shareviz.ui import cache, state
from shareviz.ui.frame import View

KEY = "sv_highlight"
MOST = 24
BESIDE = 10
HINT = "Hover or tap any colour to see where the same tensor is used. Click to keep it lit."
HELP = "A set is all tensors used by the same list of places. Its colour and id are the same everywhere."


def pick_set(view: View) -> str | None:
    """Draw a pill for each set and return the one that stays lit."""
    ids = [shared.id for shared in cache.of(shared_sets, view.after)]
    lit = view.selected
    if not ids:
        return None
    # the pills follow the session, which a click in the map or a link may have changed
    st.session_state[KEY] = lit if lit in ids[:MOST] else None
    # beside the hint while there is room for it, else above it over the whole width
    with st.container(horizontal=len(ids) <= BESIDE, vertical_alignment="bottom", key="sv_highlight_row"):
        st.pills("Highlight", ids[:MOST], key=KEY, help=HELP, on_change=_follow)
        st.caption(HINT)
    return lit


def _follow() -> None:
    state.select(st.session_state[KEY])
