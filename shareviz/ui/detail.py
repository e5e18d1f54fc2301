"""One set in detail."""

from __future__ import annotations

from shareviz.ui.frame import View


def draw_detail(view: View, selected: str | None) -> None:
    """Draw it."""
