"""The folded graph as DOT: ids are made here, names stand in escaped labels only, links nowhere."""

from __future__ import annotations

from dataclasses import replace

import graphviz

from shareviz.graphs import paint
from shareviz.graphs.label import below, bold, colours, heading, label, text
from shareviz.graphs.parts import Box, Cluster, Edge, Graph, Loop, Tie, span

FONT = "Arial"  # the layout program brings a font of the same widths; the page may show a narrower one
_GRAPH = {
    "rankdir": "TB",
    "compound": "true",
    "newrank": "true",
    "fontname": FONT,
    "fontsize": "13",
    "fontcolor": paint.INK,
    "nodesep": "0.22",
    "ranksep": "0.28",
    "pad": "0.06",
}
_NODE = {
    "shape": "box",
    "style": "rounded,filled",
    "fontname": FONT,
    "fontsize": "13",
    "fontcolor": paint.INK,
    "fillcolor": paint.CARD,
    "color": paint.LINE,
    "margin": "0.07,0.05",
    "height": "0.2",
    "width": "0.2",
}
_EDGE = {"color": paint.MUTED, "arrowsize": "0.65"}
_FRAME = {
    "labelloc": "t",
    "labeljust": "l",
    "style": "rounded,filled",
    "fillcolor": paint.BAND,
    "color": paint.MUTED,
    "margin": "9",
    "penwidth": "1",
    "class": "frame",
}
_FLOW = {"class": "flow"}
_LABEL = {"color": paint.MUTED, "penwidth": "1", "margin": "0.05,0.02", "class": "loop"}
_POINT = {"shape": "point", "width": "0.01", "color": paint.MUTED}


def build(graph: Graph, *, footer: str = "", page: bool = False, bare: bool = False) -> str:
    """Return the DOT of a folded graph with sentinel colours; notes and footer stand below the picture.

    On the screen (not `page`) what can be opened or closed wears a sign; `bare`: nothing lies behind.
    """
    ground = {"bgcolor": paint.CARD if page and not bare else "transparent"}
    dot = graphviz.Digraph("shareviz", graph_attr=_GRAPH | ground, node_attr=_NODE, edge_attr=_EDGE)
    lines = [*graph.notes, *([footer] if footer else [])]
    if lines:
        dot.attr(label=f"<{below(lines)}>", labelloc="b", labeljust="l")
    _fill(dot, graph if not page else unmarked(graph), "")
    for edge in graph.edges:
        _edge(dot, edge, graph)
    apart = frozenset(box.id for box in graph.boxes).difference(
        *((edge.source, edge.target) for edge in graph.edges)
    )
    for number, tie in enumerate(graph.ties):
        _tie(dot, tie, f"t{number}", apart)
    return str(dot.source)


def unmarked(graph: Graph) -> Graph:
    """Return a graph of which nothing can be opened or closed."""
    boxes = tuple(replace(box, mark="") for box in graph.boxes)
    return replace(graph, boxes=boxes, clusters=tuple(replace(one, mark="") for one in graph.clusters))


def _fill(dot: graphviz.Digraph, graph: Graph, cluster: str) -> None:
    """Write the boxes and frames inside a frame, then its loop."""
    tied = {box for tie in graph.ties for box in tie.boxes}
    for box in sorted(graph.boxes, key=lambda box: box.id in tied):  # ties run along the east side
        if box.cluster == cluster:
            _box(dot, box)
    for inner in graph.clusters:
        if inner.parent == cluster:
            with dot.subgraph(name=f"cluster_{inner.id}") as part:
                _frame(part, inner)
                _fill(part, graph, inner.id)
    for loop in graph.loops:
        if loop.cluster == cluster:
            _loop(dot, loop)


def _frame(dot: graphviz.Digraph, cluster: Cluster) -> None:
    title = f"<{heading(cluster)}>"
    dot.attr(label=title, id=f"g-{cluster.id}", **_FRAME)


def _box(dot: graphviz.Digraph, box: Box) -> None:
    hue, width = (paint.MUTED, "1.2") if box.sets else (paint.LINE, "1.2")
    if len(box.sets) == 1:
        hue, width = paint.line_of(box.sets[0]), "1.8"
    more = {"class": _classes("box", box.sets), "id": f"g-{box.id}"}
    dot.node(box.id, label=f"<{label(box)}>", color=hue, penwidth=width, **more)


def _classes(kind: str, sets: tuple[str, ...]) -> str:
    return " ".join((kind, *(["set"] if sets else []), *sets))


def _edge(dot: graphviz.Digraph, edge: Edge, graph: Graph) -> None:
    options = {"lhead": edge.enters, "ltail": edge.leaves}
    attributes = {name: f"cluster_{cluster}" for name, cluster in options.items() if cluster}
    if edge.back:
        attributes |= {"constraint": "false"}
    elif not attributes:
        attributes |= {"weight": "50"}  # boxes of one frame stand in line, whatever runs beside them
    if not graph.flow:
        attributes["style"] = "invis"
    elif not graph.traced:
        attributes |= {"dir": "none", "style": "dotted"}
    dot.edge(edge.source, edge.target, **_FLOW, **attributes)


def _loop(dot: graphviz.Digraph, loop: Loop) -> None:
    """Draw a line along the west of the boxes, from the last one up to the first, with its label midway.

    One point beside each box: an edge over several ranks would find its own way, across the boxes.
    """
    middle = len(loop.boxes) // 2
    beside = range(1, max(len(loop.boxes) - 1, 2))
    names = [f"{loop.cluster}_{number}" for number in beside]
    for number, name in zip(beside, names, strict=True):
        with dot.subgraph() as rank:
            rank.attr(rank="same")
            if number == middle:
                rank.node(name, label=f"<{bold(loop.label)}>", group=loop.cluster, **_LABEL)
            else:
                rank.node(name, label="", group=loop.cluster, **_POINT)
            rank.edge(name, loop.boxes[number], style="invis")
    # written downwards, as the ranks run, and drawn upwards; of two boxes, the last stands beside the label
    side = "s" if len(loop.boxes) > 2 else "e"
    uppers = [f"{loop.boxes[0]}:w", *(f"{name}:{side}" for name in names)]
    lowers = [*(f"{name}:n" for name in names), f"{loop.boxes[-1]}:w"]
    for number, (upper, lower) in enumerate(zip(uppers, lowers, strict=True)):
        inner = 0 < number < len(names)  # straight, while the ends must not pull at the boxes
        dot.edge(upper, lower, dir="none" if number else "back", weight="5" if inner else "0", **_FLOW)


def _tie(dot: graphviz.Digraph, tie: Tie, name: str, apart: frozenset[str]) -> None:
    """Draw a dashed line between two boxes, or a hub above three or more with a link to each.

    `apart` are boxes without arrows: the tie alone says where they stand, just above their partner.
    """
    hue = paint.line_of(tie.sets[0]) if len(tie.sets) == 1 else paint.MUTED
    look = {"color": hue, "style": "dashed", "penwidth": "2", "arrowsize": "0.5"}
    look |= {"arrowhead": "dot", "arrowtail": "dot", "class": _classes("tie", tie.sets)}
    if len(tie.boxes) == 2:
        a, b = sorted(tie.boxes, key=lambda box: box not in apart)
        placed = a in apart and b not in apart
        dot.edge(f"{a}:e", f"{b}:e", dir="both", constraint="true" if placed else "false", **look)
        return
    ink, fill = colours(tie.sets)
    label = f'<<FONT COLOR="{ink}"><B>{text(span(tie.sets))}</B></FONT>>'
    kind = {"class": _classes("hub", tie.sets)}
    dot.node(name, label=label, fillcolor=fill, color=hue, margin="0.06,0.03", **kind)
    for box in tie.boxes:
        if box in apart:
            dot.edge(box, name, dir="back", **look)
        else:
            dot.edge(name, box, dir="forward", **look)
