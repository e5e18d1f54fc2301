"""A table of layers to type in: each row says the shape that leaves it, or why it cannot be."""

from __future__ import annotations

from typing import Any

import streamlit as st

from shareviz.layerdraft import Checked, Draft, choices
from shareviz.layertable import RowError
from shareviz.ui.component import mounted

_LAYERS = mounted(__file__)


def typed(key: str, start: Draft) -> Draft:
    """Return what stands in the table now: what was typed, or `start`.

    Raises:
        OptionError: The browser sent something else.
    """
    held: Any = st.session_state.get(key)
    value = None if held is None else held.get("table")
    return start if value is None else Draft.sent(value)


def draw_layers(key: str, start: Draft, checked: Checked, error: RowError | None) -> None:
    """Draw the table. `start` counts when the key is new; afterwards the browser keeps what is typed."""
    said = None if error is None else {"row": error.row, "text": f"{error.message} {error.hint}"}
    _LAYERS(
        key=key,
        data={
            **choices(),
            "start": start.data(),
            "gives": [str(shape) for shape in checked.shapes],
            "offers": [list(offer) for offer in checked.offers],
            "error": said,
            "scheme": st.context.theme.type or "light",  # a dialog stands outside of what Streamlit darkens
        },
        on_table_change=lambda: None,
    )
