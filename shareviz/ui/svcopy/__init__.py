"""The button that copies a link to exactly this view."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

_HERE = Path(__file__).parent
_COPY = st.components.v2.component(
    "svcopy",
    html=(_HERE / "svcopy.html").read_text(encoding="utf-8"),
    css=(_HERE / "svcopy.css").read_text(encoding="utf-8"),
    js=(_HERE / "svcopy.js").read_text(encoding="utf-8"),
)


def copy_link(model: str, *, disabled: str = "") -> None:
    """Draw the button; `disabled` is the reason why there is no link, or ""."""
    _COPY(key="sv_copy", data={"model": model, "disabled": disabled}, width="content")
