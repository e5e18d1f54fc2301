"""Examples of the dialog: a card each, with a small map and two numbers."""

from __future__ import annotations

import streamlit as st

from shareviz.mapview import picture
from shareviz.mapview.mini import mini_svg
from shareviz.sharing import tally
from shareviz.snapshot import Snapshot
from shareviz.text import count
from shareviz.ui import cache, library, state, theme


def draw_examples() -> None:
    """Draw the cards; Show chooses an example and closes the dialog."""
    grid = st.grid(3, min_column_width=200)
    for name in library.examples():
        snapshot = library.example(name)
        with grid.container(border=True, height="stretch"):
            st.image(mini_svg(cache.of(picture, snapshot)), width="stretch")
            st.markdown(f"**{theme.plain(snapshot.source.title)}**  \n{said(snapshot)}")
            if st.button("Show", key=f"sv_show_{name}", help=f"Show {snapshot.source.title}"):
                state.set_model(name)
                st.rerun()


def said(snapshot: Snapshot) -> str:
    """Return the two numbers of a model: stores 11.7 M, uses 89.7 M."""
    counts = cache.of(tally, snapshot)
    used = f", uses {count(counts.used)}" if counts.used is not None else ""
    return f"stores {count(counts.stored)}{used}"
