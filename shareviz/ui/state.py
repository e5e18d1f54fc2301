"""This session's choices: the model, the design, the lit set. The session is the truth, the link follows.

The keys begin with `sv_`, so that no widget of a page takes one by accident.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b

import streamlit as st

from shareviz.snapshot import Snapshot
from shareviz.ui import library

MODEL, DESIGN, SET, UPLOADS = "sv_model", "sv_design", "sv_set", "sv_uploads"


def model() -> str:
    """Return the text that names the chosen model."""
    return str(st.session_state.get(MODEL) or library.DEFAULT)


def set_model(ref: str) -> None:
    """Choose a model; the design and the lit set belong to the old one and go."""
    st.session_state[MODEL] = ref
    st.session_state[DESIGN] = ""
    st.session_state[SET] = ""


def design() -> str:
    """Return the text of the chosen design, "" for none."""
    return str(st.session_state.get(DESIGN, ""))


def set_design(text: str) -> None:
    """Choose a design for the model at hand."""
    st.session_state[DESIGN] = text


def selected() -> str | None:
    """Return the id of the set that stays lit, or None."""
    return st.session_state.get(SET) or None


def select(set_id: str | None) -> None:
    """Keep a set lit, or none."""
    st.session_state[SET] = set_id or ""


def uploads() -> Mapping[str, Snapshot]:
    """Return this session's upload by its text; at most one is kept."""
    held: Mapping[str, Snapshot] = st.session_state.get(UPLOADS, {})
    return held


def keep_upload(snapshot: Snapshot, fingerprint: bytes) -> str:
    """Keep an opened file in place of the last one, choose it, and return its text."""
    ref = f"{library.UPLOAD}:{blake2b(fingerprint, digest_size=8).hexdigest()}"
    st.session_state[UPLOADS] = {ref: snapshot}
    set_model(ref)
    return ref


def is_upload(ref: str) -> bool:
    """Whether a text names an upload, of this session or another."""
    return ref.partition(":")[0] == library.UPLOAD
