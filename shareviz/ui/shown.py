"""The one place that shows a refused input."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from shareviz.errors import SharevizError
from shareviz.ui import theme


@contextmanager
def errors() -> Iterator[None]:
    """Show a refused input as one message: what is wrong, and what to do."""
    try:
        yield
    except SharevizError as error:
        show(error)


def show(error: SharevizError) -> None:
    """Show one refused input; names in it are hostile and stay plain text."""
    st.error(theme.plain(str(error)), icon=":material/error:")
