"""The graph's card: a field to find names, what to show, and the picture."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from shareviz.graphs import Graph, Look, fold
from shareviz.graphs.look import ALIKE, MODULE, MOST, TENSORS, USUAL
from shareviz.graphs.parts import Box
from shareviz.graphs.search import LONGEST, Found, search
from shareviz.snapshot import Snapshot
from shareviz.ui import cache, graphlook, theme
from shareviz.ui.svgraph import draw_graph
from shareviz.ui.view import View

GRAPH, FIND, FLOW, OWN, OPEN = "sv_graph", "sv_graph_find", "sv_graph_flow", "sv_graph_own", "sv_graph_open"
FIND_HELP = "A part of a name, or a pattern: *.attn.*, blocks.?.ffn.*"
FLOW_HELP = "Where results go, as one traced pass showed."
UNTRACED = "The forward pass of this source is not known, so there is no data flow to draw."
OWN_HELP = "Tensors that only one place uses."
OPEN_HELP = "Folded layers are alike in structure and sharing. The + and − in the picture do the same."


def draw(view: View, selected: str | None) -> None:
    """Draw the controls and the graph under this session's look."""
    wanted = graphlook.follow()
    seen = cache.of(fold, view.after, wanted)
    look = wanted.only(mark for mark, _ in seen.opened)
    graphlook.write(look)
    with st.container(horizontal=True, vertical_alignment="bottom", key="sv_graph_tools"):
        pattern = st.text_input(
            "Find in the graph", key=FIND, max_chars=LONGEST, placeholder="head or *.attn.*", help=FIND_HELP
        )
        with st.popover("Show", icon=":material/tune:"):
            _turns(view.after, seen, look)
    if look.opened and seen.notes:  # they stand below the picture too, which may now be long
        st.markdown(" ".join(theme.plain(note) for note in seen.notes))
    found = cache.of(_found, view.after, look, pattern) if pattern.strip() else None
    if found is not None:
        st.markdown(found.sentence)
    draw_graph(view.after, key=GRAPH, selected=selected, look=look, found=found.boxes if found else None)


def _found(snapshot: Snapshot, look: Look, pattern: str) -> Found:
    return search(snapshot, fold(snapshot, look), pattern)


def _turns(snapshot: Snapshot, seen: Graph, look: Look) -> None:
    """Draw the switches; they follow the session, which a click in the picture may have changed."""
    st.session_state[OWN] = look.own
    if seen.traced:
        st.session_state[FLOW] = look.flow
        st.toggle("Data flow", key=FLOW, help=FLOW_HELP, on_change=_turn)
    else:
        st.markdown(UNTRACED)
    st.toggle("Own tensors", key=OWN, help=OWN_HELP, on_change=_turn)
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
    flow = bool(said.get(FLOW, look.flow))
    graphlook.keep(replace(look.only(said.get(OPEN, ())), flow=flow, own=bool(said[OWN])))
