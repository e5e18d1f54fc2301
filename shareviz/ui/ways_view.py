"""The table of every strategy on the savings page: sorted by its heads, filtered by words, chosen by row."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from functools import partial
from typing import Any

import streamlit as st

from shareviz.savings import Comparison
from shareviz.snapshot import Snapshot
from shareviz.text import plural
from shareviz.ui import cache, state
from shareviz.ui.sweep_view import base_of, started
from shareviz.ways import COLUMNS, Way, matching, ways

TITLE = "Every strategy as a table"
HELP = (
    "Click a head to sort. Choose a row and the strategy becomes the plan, as with a bar. What does not "
    "apply stands last with its reason."
)
CARD, FILTER = "sv_ways", "sv_ways_filter"
_NUMBERS = ("stored", "used", "non_embedding", "trainable", "acts_like")
_ROW = 35  # pixels


def draw_ways(shown: Comparison, before: Snapshot) -> None:
    """Draw the table of every way; a chosen row becomes the design."""
    with st.container(border=True, key=CARD):
        st.header(TITLE, anchor=False, help=HELP)
        every = ways_of(shown, before)
        with st.container(horizontal=True, vertical_alignment="bottom"):
            words = st.text_input(
                "Filter", key=FILTER, placeholder="cycle, a guess, no published effect", width=280
            )
            st.space("stretch")
            st.download_button(
                "Table (CSV)",
                lambda: ways_csv(every),
                "strategies.csv",
                "text/csv",
                icon=":material/download:",
                type="tertiary",
            )
        found = matching(every, words or "")
        if not found:
            st.markdown("No strategy holds these words.")
            return
        _table(found, f"{CARD}_{shown.now.preset.key}_{words or ''}")
        refused = sum(bool(way.why_not) for way in found)
        st.caption(f"{plural(len(found) - refused, 'way')} to share, {refused} that do not apply here.")


def ways_of(shown: Comparison, before: Snapshot) -> tuple[Way, ...]:
    """Return the rows of the table for the model of the page."""
    start = base_of(shown)
    return ways(shown, cache.of(started, before, start), start)


def _table(found: Sequence[Way], key: str) -> None:
    columns = {
        name: [_shown(way, name) for way in found]
        for name in (*COLUMNS,)[:-1]
        if any(_shown(way, name) not in (None, "") for way in found)
    }
    st.dataframe(
        columns,
        key=key,
        hide_index=True,
        height=_ROW * (min(len(found), 12) + 1) + 3,
        column_config={name: _column(name) for name in columns},
        on_select=partial(_choose, found, key),
        selection_mode="single-row",
        row_height=_ROW,
        placeholder="–",
    )


def _shown(way: Way, name: str) -> object:
    """Return a cell; what does not apply gives its reason where the others have an effect."""
    if name == "title":
        return f"{way.title} (this plan)" if way.current else way.title
    if name == "effect":
        return f"Does not apply: {way.why_not}" if way.why_not else way.effect
    return COLUMNS[name][1](way)


def _column(name: str) -> Any:
    title = COLUMNS[name][0]
    if name == "title":
        return st.column_config.TextColumn(title, pinned=True, width=170)
    if name == "factor":
        return st.column_config.NumberColumn(
            title, format="÷%.2f", width=70, help="Stored without sharing ÷ stored."
        )
    if name in _NUMBERS:
        return st.column_config.NumberColumn(title, format="localized", width=112)
    if name == "kv_cache":
        return st.column_config.NumberColumn(
            title, format="localized", width=95, help="Bytes of keys and values."
        )
    if name == "effect":
        return st.column_config.TextColumn("Published effect, or why not", width=700)
    return st.column_config.TextColumn(title, width=125 if name == "validity" else 260)


def _choose(found: Sequence[Way], key: str) -> None:
    rows = st.session_state[key].selection.rows
    if rows and not found[rows[0]].why_not:
        state.set_design(found[rows[0]].design)


def ways_csv(every: Sequence[Way]) -> bytes:
    """Return the whole table with exact numbers; an empty cell means that it cannot be said."""
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow([title for title, _ in COLUMNS.values()])
    for way in every:
        values = [value(way) for _, value in COLUMNS.values()]
        table.writerow(["" if value is None else value for value in values])
    return out.getvalue().encode("utf-8-sig")
