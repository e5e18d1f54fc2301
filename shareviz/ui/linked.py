"""A choice that stands in the link by its name: ?l=time, ?cmp=albert.

Streamlit's own binding writes the label of an option; here the link keeps the short word.
"""

from __future__ import annotations

import time
from collections.abc import Container

import streamlit as st

from shareviz.ui.url import SETTLE_SECONDS

PAGE, PAGE_BEFORE = "sv_page", "sv_page_before"


class Short:
    """All texts that are short enough to be read."""

    def __init__(self, most: int) -> None:
        self.most = most

    def __contains__(self, text: object) -> bool:
        return isinstance(text, str) and len(text) <= self.most


def follow(param: str, widget: str, options: Container[str]) -> None:
    """Take a newly arrived parameter into the widget's state; call it before the widget."""
    wanted = arrived(param, options)
    if wanted is not None:
        st.session_state[widget] = wanted
    elif left(param):
        st.session_state.pop(widget, None)


def arrived(param: str, options: Container[str]) -> str | None:
    """Return a choice that the link brought and this session did not write, or None."""
    wanted = st.query_params.get(param)
    fresh = wanted is not None and wanted != st.session_state.get(_written(param))
    return wanted if fresh and wanted in options else None


def left(param: str) -> bool:
    """Whether somebody went back to an address of this page that does not have the parameter.

    Another page has no such parameter either, and a click that came before the browser heard of the last
    choice still brings the old address: neither is news.
    """
    if param in st.query_params or st.session_state.get(_written(param)) is None:
        return False
    stayed = st.session_state.get(PAGE) == st.session_state.get(PAGE_BEFORE)
    since = time.monotonic() - st.session_state.get(_at(param), 0.0)
    return stayed and since > SETTLE_SECONDS


def heard(param: str, wanted: str | None) -> None:
    """Note that this value was taken over, for a parameter that is asked for several times in a run."""
    st.session_state[_written(param)] = wanted


def write(param: str, chosen: str | None) -> None:
    """Write the choice into the link, None for the default; call it after the widget."""
    if chosen != st.session_state.get(_written(param)):
        st.session_state[_at(param)] = time.monotonic()
    st.session_state[_written(param)] = chosen
    if chosen is None:
        st.query_params.pop(param, None)
    elif st.query_params.get(param) != chosen:
        st.query_params[param] = chosen


def _written(param: str) -> str:
    return f"sv_written_{param}"


def _at(param: str) -> str:
    return f"sv_written_at_{param}"
