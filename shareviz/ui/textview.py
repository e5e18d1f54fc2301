"""As text."""

from __future__ import annotations

from shareviz.ui.frame import View


def draw_text(view: View) -> None:
    """Draw it."""
