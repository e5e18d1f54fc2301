"""The address and the session, kept alike; nobody else reads or writes the frame's part of the address."""

from __future__ import annotations

import time

import streamlit as st

from shareviz.ui import library, state, url

WRITTEN = "sv_written"


def follow(page: str) -> list[str]:
    """Take the address into the session where it is newer; drop and return the keys that no page has."""
    params = st.query_params
    link = url.link_of(params)
    if url.adopts(link, st.session_state.get(WRITTEN), time.monotonic()):
        model, design, lit = link
        state.set_model(model or library.default())
        state.set_design(design)
        state.select(lit)
        st.session_state[WRITTEN] = url.Written(link, link, time.monotonic())
    ignored = url.unknown(params, page)
    for key in ignored:
        del params[key]
    return list(ignored)


def write() -> None:
    """Write the session into the address; what is at its default stays out."""
    before = url.link_of(st.query_params)
    model = state.model()
    said = library.UPLOAD if state.is_upload(model) else "" if model == library.default() else model
    link = (said, state.design(), state.selected() or "")
    for key, value in zip(url.FRAME_KEYS, link, strict=True):
        if value and st.query_params.get(key) != value:
            st.query_params[key] = value
        elif not value and key in st.query_params:
            del st.query_params[key]
    if link != before or WRITTEN not in st.session_state:
        st.session_state[WRITTEN] = url.Written(link, before, time.monotonic())
