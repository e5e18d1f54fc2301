"""How the graph is shown, in the session and in the link's `g`: what is open, arrows, own tensors."""

from __future__ import annotations

import streamlit as st

from shareviz.graphs.look import LONGEST, USUAL, Look
from shareviz.text import clean
from shareviz.ui import linked, state, theme

PARAM, KEY = "g", "sv_look"


def follow() -> Look:
    """Return the look of this session; one that just arrived in the link replaces it.

    It belongs to one model: another model starts closed.
    """
    wanted = linked.arrived(PARAM, linked.Short(LONGEST))
    if wanted is not None:
        look, ignored = Look.parse(wanted)
        keep(look)
        linked.heard(PARAM, wanted)
        if ignored:
            st.toast(f"Ignored: g={theme.plain(clean(', '.join(ignored), 60))}", icon=":material/link_off:")
        return look
    if linked.left(PARAM):
        keep(USUAL)
        linked.heard(PARAM, None)
    model, text = st.session_state.get(KEY, ("", ""))
    return Look.parse(text)[0] if model == state.model() else USUAL


def keep(look: Look) -> None:
    """Keep a look for the model at hand."""
    st.session_state[KEY] = state.model(), look.text


def write(look: Look) -> None:
    """Write the look into the link; the usual one stays out."""
    keep(look)
    linked.write(PARAM, look.text or None)
