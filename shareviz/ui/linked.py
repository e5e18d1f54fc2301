"""A choice that stands in the link by its name: ?l=time, ?cmp=albert.

Streamlit's own binding writes the label of an option; here the link keeps the short word.
"""

from __future__ import annotations

from collections.abc import Container

import streamlit as st


def follow(param: str, widget: str, options: Container[str]) -> None:
    """Take a newly arrived parameter into the widget's state; call it before the widget."""
    wanted = arrived(param, options)
    if wanted is not None:
        st.session_state[widget] = wanted


def arrived(param: str, options: Container[str]) -> str | None:
    """Return a choice that the link brought and this session did not write, or None."""
    wanted = st.query_params.get(param)
    fresh = wanted is not None and wanted != st.session_state.get(_written(param))
    return wanted if fresh and wanted in options else None


def write(param: str, chosen: str | None) -> None:
    """Write the choice into the link, None for the default; call it after the widget."""
    st.session_state[_written(param)] = chosen
    if chosen is None:
        st.query_params.pop(param, None)
    elif st.query_params.get(param) != chosen:
        st.query_params[param] = chosen


def _written(param: str) -> str:
    return f"sv_written_{param}"
