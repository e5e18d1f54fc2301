"""The editor of the savings page: how far a stroke reaches, undo and redo, and the map to paint on."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import streamlit as st

from shareviz.design import Design
from shareviz.errors import SharevizError
from shareviz.history import History
from shareviz.mapview import picture
from shareviz.painting import Canvas, Labels, design_of, paint
from shareviz.savings import tried
from shareviz.snapshot import Snapshot
from shareviz.strokes import Across, stroke_of
from shareviz.ui import cache, state, theme
from shareviz.ui.svpaint import Hands, draw_canvas
from shareviz.ui.view import View

KEY, ACROSS, HISTORY = "sv_savings_map", "sv_across", "sv_history"
ACROSS_HELP = (
    "How far a stroke reaches inside a layer. Norms stay each layer's own unless you paint them. "
    "Tensor: a new row over two columns makes them one tensor, as in K = V."
)
HOW = (
    "Click or drag over cells to paint. Tap paints, a long press or Alt + click takes the brush from a cell. "
    "Keys: arrows move, 1–9 choose a brush, Space paints, P takes the brush, Ctrl + Z undoes."
)


def draw_editor(view: View) -> None:
    """Draw the turns of the editor and the map; a stroke becomes the design of every page."""
    history = _followed(view.ref)
    st.segmented_control(
        "Paint across",
        list(Across),
        default=None if ACROSS in st.session_state else Across.BLOCK,
        required=True,
        format_func=lambda across: across.value,
        key=ACROSS,
        help=ACROSS_HELP,
    )
    for why in locked(view.after):
        st.markdown(theme.plain(why))
    hands = Hands(partial(_painted, view.ref, view.before), _stepped)
    draw_canvas(view.after, hands, key=KEY, selected=view.selected)
    with st.container(horizontal=True, gap="small", key="sv_paint_steps"):
        _step("Undo", "undo", not history.past, History.undo)
        _step("Redo", "redo", not history.future, History.redo)
        _step("Reset", "restart_alt", history.now == history.base, History.reset)


def locked(snapshot: Snapshot) -> list[str]:
    """Return why whole stacks cannot be painted."""
    found = []
    for section in cache.of(picture, snapshot, True).sections:
        placed = [cell for cell in section.cells if cell.at is not None]
        if placed and all(cell.locked for cell in placed):
            found.append(placed[0].locked)
    return list(dict.fromkeys(found))


def after_stroke(before: Snapshot, text: str, sent: object, across: Across) -> tuple[str, str]:
    """Return the design's text after a stroke that a browser sent, and why some cells stayed.

    Raises:
        SharevizError: No stroke, or one that a plan cannot carry out.
    """
    stroke = stroke_of(sent)
    design = Design.parse(text)
    after = design.plan(before).apply(before)
    done = paint(Canvas(before, design, after, labels(after)), stroke, across)
    known = [(one.preset.design, one.after) for one in cache.of(tried, before)]
    return design_of(before, done, known).text, done.left_out


def labels(snapshot: Snapshot) -> Labels:
    """Return what the map calls each column of each stack."""
    return {
        (cell.at[0], column): section.columns[cell.column].label
        for section in picture(snapshot, True).sections
        for cell in section.cells
        if cell.at is not None
        for column in cell.at[2]
    }


def _step(label: str, icon: str, disabled: bool, step: Callable[[History], History]) -> None:
    st.button(label, icon=f":material/{icon}:", disabled=disabled, on_click=_walk, args=(step,))


def _followed(ref: str) -> History:
    """Return the history of the model's design; what changed elsewhere is a step too."""
    held: tuple[str, History] | None = st.session_state.get(HISTORY)
    now = state.design()
    history = held[1].moved(now) if held and held[0] == ref else History(now, now)
    st.session_state[HISTORY] = (ref, history)
    return history


def _walk(step: Callable[[History], History]) -> None:
    ref, history = st.session_state[HISTORY]
    moved = step(history)
    st.session_state[HISTORY] = (ref, moved)
    state.set_design(moved.now)


def _sent(name: str) -> Any:
    result: Any = st.session_state.get(KEY)
    return None if result is None else result.get(name)


def _painted(ref: str, before: Snapshot) -> None:
    sent = _sent("painted")
    if sent is None:
        return
    _followed(ref)
    try:
        text, stayed = after_stroke(before, state.design(), sent, Across(st.session_state[ACROSS]))
    except SharevizError as error:
        st.toast(theme.plain(error.message), icon=":material/block:")
        return
    if stayed:
        st.toast(theme.plain(stayed), icon=":material/lock:")
    _walk(lambda history: history.then(text))


def _stepped() -> None:
    step = {"undo": History.undo, "redo": History.redo}.get(str(_sent("stepped")))
    if step is not None:
        _walk(step)
