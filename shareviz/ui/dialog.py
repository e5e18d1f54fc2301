"""Change model: an example, a build, or a file. Every page opens this dialog."""

from __future__ import annotations

import streamlit as st

from shareviz.ui.choose_build import draw_build
from shareviz.ui.choose_example import draw_examples
from shareviz.ui.choose_file import draw_file

EXAMPLES, BUILD, FILE = "Examples", "Build", "Open a file"
KEY, LAST = "sv_choose", "sv_choose_last"


# a run without the dialog lets go of what stood in it, such as a file that was refused
@st.dialog("Choose a model", width="large", icon=":material/swap_horiz:", on_dismiss="rerun")
def choose(start: str = "") -> None:
    """Open the dialog, at `start` or where it was left last."""
    if KEY not in st.session_state:
        st.session_state[KEY] = start or st.session_state.get(LAST, EXAMPLES)
    way = st.segmented_control("From", [EXAMPLES, BUILD, FILE], key=KEY, required=True)
    st.session_state[LAST] = way
    {BUILD: draw_build, FILE: draw_file}.get(way or EXAMPLES, draw_examples)()
