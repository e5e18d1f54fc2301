"""This session's choices: the model, the design, the lit set. The session is the truth, the link follows.

The keys begin with `sv_`, so that no widget of a page takes one by accident.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b

import streamlit as st

from shareviz.formats import Upload, limits_of
from shareviz.snapshot import Snapshot
from shareviz.ui import library

MODEL, DESIGN, SET, UPLOADS = "sv_model", "sv_design", "sv_set", "sv_uploads"
FILES = "sv_kept_files"
KEPT_BYTES, KEPT_BYTES_HOSTED = 200 * 10**6, 50 * 10**6


def model() -> str:
    """Return the text that names the chosen model."""
    return str(st.session_state.get(MODEL) or library.default())


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


@dataclass(frozen=True, slots=True)
class Kept:
    """The files of an upload, for what reads values, and the part of them that was opened."""

    files: tuple[Upload, ...]
    pick: str | None = None


def keep_upload(snapshot: Snapshot, fingerprint: bytes, files: Kept | None = None) -> str:
    """Keep an opened file in place of the last one, choose it, and return its text.

    Its bytes are kept with it up to `most_kept()`; a larger file is kept as names and shapes only.
    """
    ref = f"{library.UPLOAD}:{blake2b(fingerprint, digest_size=8).hexdigest()}"
    st.session_state[UPLOADS] = {ref: snapshot}
    small = files is not None and sum(len(file.data) for file in files.files) <= most_kept()
    st.session_state[FILES] = {ref: files} if small else {}
    set_model(ref)
    return ref


def kept(ref: str) -> Kept | None:
    """Return the files of an upload where they are still at hand."""
    held: Kept | None = st.session_state.get(FILES, {}).get(ref)
    return held


def most_kept() -> int:
    """Return how many bytes of an upload a session keeps; many sessions share a hosted server."""
    return KEPT_BYTES if limits_of().file_bytes is None else KEPT_BYTES_HOSTED


def is_upload(ref: str) -> bool:
    """Whether a text names an upload, of this session or another."""
    return ref.partition(":")[0] == library.UPLOAD
