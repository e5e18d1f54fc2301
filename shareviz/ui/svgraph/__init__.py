"""The module graph on the page: an SVG to pan and zoom that lights up with the map and the table."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from typing import Any

import streamlit as st

from shareviz.errors import SharevizError
from shareviz.graphs import dot_of, fold, graph_dot, layout, screen_svg
from shareviz.graphs.dot import unmarked
from shareviz.graphs.look import USUAL, Look
from shareviz.mapview import set_rows
from shareviz.snapshot import Snapshot
from shareviz.ui import cache, graphlook
from shareviz.ui.component import mounted, pick

_GRAPH = mounted(__file__)
LATE = "The graph took too long to lay out. The map and the table show the same facts."


@dataclass(frozen=True, slots=True)
class Drawing:
    """The picture of one model for the page, or why there is none: the error's code and its sentence."""

    svg: str = ""
    code: str = ""
    why: str = ""

    @property
    def sig(self) -> str:
        """Return a short text that changes with the picture."""
        return blake2b(self.svg.encode(), digest_size=8).hexdigest()


def draw_graph(
    snapshot: Snapshot,
    *,
    key: str,
    selected: str | None = None,
    look: Look = USUAL,
    found: tuple[str, ...] | None = None,
    still: bool = False,
) -> str | None:
    """Draw the module graph and return the set that was just clicked: its id, "" to put it out, or None.

    A click also keeps the set lit on every page, and one on + or − opens or closes a box of the session's
    look. Where the graph cannot be laid out, a sentence says so.

    Args:
        found: The ids of the boxes that a search found; None: nobody searches.
        still: No box can be opened: the picture is not that of the session's look.
    """
    drawn = cache.of(drawing, snapshot, look, still)
    if drawn.code == "layout-missing":
        st.markdown(drawn.why)
        theme = st.context.theme.type or "light"
        alt = "Module graph; the map and the table show the same facts."
        st.graphviz_chart(graph_dot(snapshot, look, theme=theme), width="stretch", alt=alt)
        return None
    if drawn.code:
        st.markdown(drawn.why)
        return None
    hits = None if found is None else [f"g-{box}" for box in found]
    data: dict[str, Any] = {"svg": drawn.svg, "sig": drawn.sig, "selected": selected or "", "found": hits}
    data["sets"] = cache.of(_said, snapshot)
    picked, folded = partial(pick, key), partial(turn, key)
    result = _GRAPH(key=key, data=data, on_picked_change=picked, on_folded_change=folded)
    return None if result.picked is None else str(result.picked)


def _said(snapshot: Snapshot) -> dict[str, str]:
    """Return what a screen reader hears of each set: what it is, who uses it, and why it counts."""
    rows = set_rows(snapshot)
    return {row.set: f"{row.what}, {row.users}, {row.why}" for row in rows if row.set}


def turn(key: str) -> None:
    """Open or close the box whose sign was clicked."""
    result: Any = st.session_state.get(key)
    mark = None if result is None else result.get("folded")
    if mark is not None:
        graphlook.keep(graphlook.follow().turned(str(mark)))


def drawing(snapshot: Snapshot, look: Look = USUAL, still: bool = False) -> Drawing:
    """Return the picture for the page; a failure is kept as well, so that no rerun waits for it again."""
    graph = unmarked(fold(snapshot, look)) if still else fold(snapshot, look)
    try:
        return Drawing(screen_svg(_laid_out(dot_of(graph)), graph))
    except SharevizError as error:
        late = error.code == "layout-timeout"
        return Drawing(code=error.code, why=LATE if late else str(error))


@st.cache_data(max_entries=128, show_spinner=False)
def _laid_out(dot: str) -> bytes:
    return layout(dot)
