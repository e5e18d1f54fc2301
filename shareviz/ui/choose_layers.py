"""The builder, layer by layer: a table to type in, what it stores, and a way to share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import streamlit as st

from shareviz.design import Design
from shareviz.errors import SharevizError
from shareviz.layerdraft import Checked, Draft
from shareviz.layertable import Flow, RowError
from shareviz.models import catalogue, settled
from shareviz.models.layers import flow_of
from shareviz.options import parse, unparse
from shareviz.rowshares import share_plan, shared_design, shares_of
from shareviz.snapshot import Snapshot
from shareviz.ui import library, state
from shareviz.ui.svlayers import draw_layers, typed

NAME = "layers"
STARTED, PRESET = "sv_layers_start", "sv_layers_preset"

# what comes in, and the rows
PRESETS: Mapping[str, tuple[str, str]] = {
    "Transformer": ("tokens-16", "embedding-100-64~positions~block-4-x4~norm~head-100"),
    "Encoder that classifies": ("tokens-16", "embedding-100-64~positions~block-4-x4~norm~reduce~head-10"),
    "Perceptron": ("numbers-64", "linear-64-relu-x3~head-10"),
    "Small CNN": (
        "image-1-28-28",
        "conv2d-16-3-1-relu~pool~conv2d-32-3-1-relu~conv2d-32-3-1-relu-x2~reduce-max~head-10",
    ),
    "GRU that classifies": ("sequence-12-1", "gru-32~reduce-last~head-2"),
}


@dataclass(frozen=True, slots=True)
class Started:
    """What the table began with. `turn` counts beginnings; `of` is the model and design that were shown."""

    turn: int
    of: tuple[str, str]
    draft: Draft


@dataclass(frozen=True, slots=True)
class Laid:
    """A table that fits: the model as text, what it is, and its rows that share."""

    text: str
    snapshot: Snapshot
    table: Flow
    shares: Mapping[int, int]

    def design(self, way: Design) -> Design:
        """Return a way to share and, after it, the rows that share."""
        return shared_design(self.table, self.shares, self.snapshot, way)


def draw_table() -> Laid | None:
    """Draw the table and return what it says, or None where a row cannot be: the table says why."""
    st.pills(
        "Start from", list(PRESETS), key=PRESET, on_change=_restart, help="Replaces what stands in the table."
    )
    started = _started()
    key = f"sv_layers_{started.turn}"
    draft = typed(key, started.draft)
    checked = draft.check()
    laid, error = _looked_at(draft, checked)
    draw_layers(key, started.draft, checked, error)
    st.session_state[STARTED] = replace(started, draft=draft)  # for when the dialog opens again
    return laid


def _looked_at(draft: Draft, checked: Checked) -> tuple[Laid | None, RowError | None]:
    if checked.table is None:
        return None, checked.error
    given, rows = checked.text
    text = unparse(NAME, catalogue()[NAME].options, {"input": given, "rows": rows})
    laid = Laid(text, library.built(text), checked.table, draft.shares)
    try:
        share_plan(laid.table, laid.shares, laid.snapshot)
    except RowError as error:
        return None, error
    return laid, None


def _started() -> Started:
    """Return the beginning: what stood there last, or the model that the page shows where it is a table."""
    held: Started | None = st.session_state.get(STARTED)
    now = (state.model(), state.design())
    if held is not None and (held.of == now or parse(now[0])[0] != NAME):
        return held
    draft = _of_model(*now) or Draft.of(PRESETS["Transformer"])
    started = Started(held.turn + 1 if held else 0, now, draft)
    st.session_state[STARTED] = started
    return started


def _of_model(ref: str, design: str) -> Draft | None:
    """Return the draft of a model that was built as a table, with the rows that share under its design."""
    try:
        name, values = settled(ref)
        if name != NAME:
            return None
        snapshot = library.built(ref)
        after = Design.parse(design).plan(snapshot).apply(snapshot)
        return Draft.of((str(values["input"]), str(values["rows"])), shares_of(flow_of(values), after))
    except SharevizError:
        return None


def _restart() -> None:
    chosen = str(st.session_state.get(PRESET))
    held: Started | None = st.session_state.get(STARTED)
    if chosen in PRESETS:
        turn = held.turn + 1 if held else 0
        st.session_state[STARTED] = Started(turn, (state.model(), state.design()), Draft.of(PRESETS[chosen]))
