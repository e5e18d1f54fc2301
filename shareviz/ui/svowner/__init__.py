"""Who started a run: a random word that this browser keeps, of which runs carry the hash alone.

It says who may stop a run or let it go on, after a reload and after a restart of the server, too.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from pathlib import Path

import streamlit as st

COOKIE = "shareviz_owner"
_KEY = "sv_owner"
_WORD = re.compile(r"[0-9a-f]{32}\Z")
_DAYS = 30
_HERE = Path(__file__).parent
_KEEP = st.components.v2.component(
    "svowner",
    html=(_HERE / "svowner.html").read_text(encoding="utf-8"),
    css=(_HERE / "svowner.css").read_text(encoding="utf-8"),
    js=(_HERE / "svowner.js").read_text(encoding="utf-8"),
)


def owner() -> str:
    """Return the mark of this browser, which runs carry: nobody finds the word behind it."""
    return hashlib.sha256(_word().encode()).hexdigest()


def keep_owner() -> None:
    """Let the browser keep the word; to be called where a run of its own is shown."""
    _KEEP(key="sv_owner_keep", data={"name": COOKIE, "word": _word(), "seconds": _DAYS * 86_400}, height=1)


def _word() -> str:
    known = st.session_state.get(_KEY) or st.context.cookies.get(COOKIE, "")
    if not _WORD.match(str(known)):
        known = secrets.token_hex(16)
    st.session_state[_KEY] = known
    return str(known)
