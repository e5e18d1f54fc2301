"""The model as text: our tree, torchinfo's beside it, and what the source cannot say."""

from __future__ import annotations

from typing import Literal

import streamlit as st

from shareviz.models import inputs_of
from shareviz.sharing import tally
from shareviz.text import exact
from shareviz.tree import text_tree
from shareviz.ui import cache, theme, warm
from shareviz.ui.frame import View

RULE = (
    "Elements. Alone: read nowhere else. Shared: read from outside too. Even part: each element divided "
    "evenly among its readers, so the first line adds up to what is stored."
)
TREE_PIXELS = 420


def draw_text(view: View) -> None:
    """Draw the tree in an expander, and the notes of the source below it."""
    opened = st.expander("As text", icon=":material/code:", key="sv_text", on_change="rerun")
    if opened.open:
        with opened:
            _draw_trees(view)
    notes = view.after.source.notes
    if notes:
        with st.expander("What this source cannot say", icon=":material/info:"):
            st.markdown("\n".join(f"- {theme.plain(note)}" for note in notes))


def _draw_trees(view: View) -> None:
    said = cache.of(text_tree, view.after)
    if not view.after.modules:
        st.markdown("This source holds no modules, only tensors: the table above is all there is.")
        return
    st.markdown(RULE)
    st.code(said, language=None, height=_height(said))
    if view.live is not None:
        with st.spinner("Asking torchinfo…" if warm.ready() else "Loading torch, about five seconds…"):
            theirs, total = _torchinfo(view.ref, view.design.text, view)
        st.markdown(f"torchinfo's tree. {difference(total, tally(view.after).stored)}")
        st.code(theirs, language=None, height=_height(theirs))


def _height(text: str) -> int | Literal["content"]:
    return TREE_PIXELS if text.count("\n") > 18 else "content"


def difference(total: int, stored: int) -> str:
    """Return how torchinfo's total compares with the stored count, and why."""
    if total == stored:
        return f"Its total, {exact(total)}, is the stored count."
    return (
        f"It says {exact(total)} where {exact(stored)} is stored, {exact(total - stored)} apart: it adds up "
        "modules, so a tied tensor counts again for each module that holds it."
    )


@st.cache_data(max_entries=16, show_spinner=False)
def _torchinfo(ref: str, design: str, _view: View) -> tuple[str, int]:
    """Return torchinfo's tree and total of the module that stands under the design, on meta."""
    import torchinfo

    assert _view.live is not None
    seen = torchinfo.summary(_view.live(), input_data=inputs_of(ref), device="meta", depth=4, verbose=0)
    return str(seen), int(seen.total_params)
