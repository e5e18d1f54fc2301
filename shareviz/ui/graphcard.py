"""The graph's card: what to show, and the picture."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from shareviz.graphs import Graph, Look, fold
from shareviz.graphs.look import ALIKE, MODULE, MOST, TENSORS, USUAL
from shareviz.graphs.parts import Box
from shareviz.graphs.search import Found
from shareviz.snapshot import Snapshot
from shareviz.ui import cache, graphlook, theme
from shareviz.ui.svgraph import draw_graph
from shareviz.ui.view import View

GRAPH, FLOW, OWN, OPEN = "sv_graph", "sv_graph_flow", "sv_graph_own", "sv_graph_open"
SHOW, HIDE, DEPTH = "sv_graph_show", "sv_graph_hide", "sv_graph_depth"
DEPTHS = (0, 1, 2, 3)
DEPTH_HELP = (
    "Modules that lie deeper are folded into the one around them. Repeated layers fold by themselves."
)
FLOW_HELP = "Where results go, as one traced pass showed."
UNTRACED = "The forward pass of this source is not known, so there is no data flow to draw."
OWN_HELP = "Tensors that only one place uses."
OPEN_HELP = "Folded layers are alike in structure and sharing. The + and − in the picture do the same."


def draw(view: View, selected: str | None, names: Found | None) -> None:
    """Draw the controls and the graph under this session's look; `names` are what a search found."""
    wanted = graphlook.follow()
    seen = cache.of(fold, view.after, wanted)
    look = wanted.only(mark for mark, _ in seen.opened)
    graphlook.write(look)
    with st.container(horizontal=True, vertical_alignment="center", key="sv_graph_tools"):
        st.header("Module graph", anchor=False, help="Modules in the order in which they run.")
        tools = st.popover("Show", icon=":material/tune:")
    with tools:
        _turns(view.after, seen, look)
    if look.opened and seen.notes:  # they stand below the picture too, which may now be long
        st.markdown(" ".join(theme.plain(note) for note in seen.notes))
    found = names.boxes(cache.of(fold, view.after, look)) if names else None
    draw_graph(view.after, key=GRAPH, selected=selected, look=look, found=found)


def draw_hidden() -> None:
    """Draw the way back to a graph that is not shown."""
    look = graphlook.follow()
    graphlook.write(look)
    st.button(
        "Show the module graph", icon=":material/account_tree:", key=SHOW, on_click=_hide, args=(False,)
    )


def _hide(hidden: bool) -> None:
    graphlook.keep(replace(graphlook.follow(), hidden=hidden))


def _turns(snapshot: Snapshot, seen: Graph, look: Look) -> None:
    """Draw the switches; they follow the session, which a click in the picture may have changed."""
    st.session_state[OWN] = look.own
    if seen.traced:
        st.session_state[FLOW] = look.flow
        st.toggle("Data flow", key=FLOW, help=FLOW_HELP, on_change=_turn)
    else:
        st.markdown(UNTRACED)
    st.toggle("Own tensors", key=OWN, help=OWN_HELP, on_change=_turn)
    st.session_state[DEPTH] = look.depth
    st.segmented_control(
        "Depth",
        sorted({*DEPTHS, look.depth}),  # a link may say another
        required=True,
        key=DEPTH,
        format_func=_deep,
        help=DEPTH_HELP,
        on_change=_turn,
    )
    titles = _titles(snapshot, seen)
    if titles:
        st.session_state[OPEN] = sorted(look.opened, key=list(titles).index)
        st.multiselect(
            "Unfold",
            list(titles),
            key=OPEN,
            format_func=titles.__getitem__,
            max_selections=MOST,
            placeholder="Choose layers",
            help=OPEN_HELP,
            on_change=_turn,
        )
    st.button("Hide the graph", icon=":material/visibility_off:", key=HIDE, on_click=_hide, args=(True,))


def _titles(snapshot: Snapshot, seen: Graph) -> dict[str, str]:
    """Return what can be opened or is open, by its mark."""
    plain = cache.of(fold, snapshot, USUAL)
    able = [box for graph in (plain, seen) for box in graph.boxes if box.mark]
    return {box.mark: _title(box) for box in able} | dict(seen.opened)


def _title(box: Box) -> str:
    """Return what opening a box is called: outside of stacks by its path, which tells alike ones apart."""
    if box.mark[0] in (MODULE, ALIKE):
        return box.names.partition(":")[0]
    return f"{box.title}: tensors" if box.mark[0] == TENSORS else box.title


def _turn() -> None:
    look = graphlook.follow()
    said = st.session_state
    flow, depth = bool(said.get(FLOW, look.flow)), int(said.get(DEPTH, look.depth) or 0)
    graphlook.keep(replace(look.only(said.get(OPEN, ())), flow=flow, own=bool(said[OWN]), depth=depth))


def _deep(depth: int) -> str:
    return str(depth) if depth else "All"
