"""One field to find names: what it finds is lit in the graph, the map and the table; it stands in `q`."""

from __future__ import annotations

import streamlit as st

from shareviz.graphs.search import LONGEST, Found, search
from shareviz.ui import cache, linked
from shareviz.ui.view import View

PARAM, KEY = "q", "sv_find"
HELP = "A part of a name, or a pattern: *.attn.*, blocks.?.ffn.*"


def draw_find(view: View) -> Found | None:
    """Draw the field, say what was found, and return it; None where nobody searches."""
    linked.follow(PARAM, KEY, linked.Short(LONGEST))
    st.text_input("Find", key=KEY, max_chars=LONGEST, placeholder="head or *.attn.*", help=HELP, width=260)
    wanted = pattern()
    linked.write(PARAM, wanted or None)
    return cache.of(search, view.after, wanted) if wanted else None


def pattern() -> str:
    """Return what is looked for, "" for nothing."""
    return str(st.session_state.get(KEY) or "").strip()
