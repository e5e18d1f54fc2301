"""What the components of the page have in common: their files, their colours, and what a click does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from shareviz.ui import state, theme

if TYPE_CHECKING:
    from streamlit.components.v2.types import ComponentRenderer

BUS = Path(__file__).parent / "assets" / "bus.js"


def mounted(file: str, *, on: str = "") -> ComponentRenderer:
    """Return the component whose .js, .css and .html stand beside a Python file of the same folder.

    The shared hover bus goes in front of its script, the identity colours in front of its rules.

    Args:
        on: Another component that this one adds to: it takes over its page, and its script and rules.
    """
    folder = Path(file).parent
    ground = folder.parent / on if on else folder
    page = (ground / f"{ground.name}.html").read_text(encoding="utf-8")
    script, rules = (
        "\n".join(
            (one / f"{one.name}.{kind}").read_text(encoding="utf-8")
            for one in dict.fromkeys((ground, folder))
        )
        for kind in ("js", "css")
    )
    bus = BUS.read_text(encoding="utf-8")
    return st.components.v2.component(
        folder.name, html=page, css=f"{theme.identity_css()}\n{rules}", js=f"{bus}\n{script}"
    )


def pick(key: str) -> None:
    """Keep the clicked set lit; an empty id puts it out."""
    result: Any = st.session_state.get(key)
    picked = None if result is None else result.get("picked")
    if picked is not None:
        state.select(str(picked) or None)
