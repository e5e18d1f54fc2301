"""Change model: an example, a build, or a file."""

from __future__ import annotations

import streamlit as st

from shareviz.ui import library, state


@st.dialog("Choose a model", width="large", icon=":material/swap_horiz:")
def choose(tab: str = "Examples") -> None:
    """Open the dialog."""
    for name in library.examples():
        if st.button(library.example(name).source.title, key=f"sv_example_{name}"):
            state.set_model(name)
            st.rerun()
