"""The cards of the savings page: the plan, the ledger, and every strategy side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import streamlit as st

from shareviz.assumptions import Assumptions
from shareviz.baseline import without_sharing
from shareviz.charts.bars import Bar, stored_bars
from shareviz.design import AS_IT_IS, Design, Preset
from shareviz.headline import headline
from shareviz.ledger import Line, compare, ledger
from shareviz.published import Published, of_count
from shareviz.savings import Comparison, Tried, comparison, pytorch, sentence_of, tried
from shareviz.sharing import tally
from shareviz.snapshot import Snapshot
from shareviz.strategies import applies, strategies
from shareviz.text import count
from shareviz.ui import cache, state, theme
from shareviz.ui.canvas import HOW, draw_editor
from shareviz.ui.effects_view import draw_effects
from shareviz.ui.frame import go
from shareviz.ui.kv_controls import kv_sharing
from shareviz.ui.savings_controls import OWN, assumptions, draw_options
from shareviz.ui.svledger import draw_ledger
from shareviz.ui.training_setup import TEST_PLAN
from shareviz.ui.view import View

PLAN_HELP = f"What is shared under this plan; the Map page shows the same. {HOW}"
BARS = "sv_bars"
ELSEWHERE = frozenset(  # ways that need no layers
    ("none", "tied", "gqa", "multi-query", "factorised", "hashed", "hash_embeddings", "low_rank")
)
BARS_TITLE = "Stored parameters by strategy"
BARS_HELP = "Each part in grey: embeddings, attention, feed-forward, norms. Click a bar to choose it."


def compared(view: View) -> Comparison:
    """Return every preset of the model beside the design of the page."""
    before = cache.of(without_sharing, view.before)
    named = Preset(OWN, view.design.title(view.before) if view.design.text else AS_IT_IS, view.design)
    return comparison(cache.of(tried, view.before), before, named, view.after)


def nothing_to_share(view: View, shown: Comparison) -> str:
    """Return why no strategy of depth applies and what still does, or "" where another way is offered."""
    ways = {one.preset.key for one in shown.offered} - ELSEWHERE
    return "" if ways else cache.of(_why_not_depth, view.before)


def _why_not_depth(snapshot: Snapshot) -> str:
    return applies(strategies()["all"], snapshot, {"parts": "both", "norms": "own"})


def draw_plan(view: View, shown: Comparison) -> None:
    """Draw the options of the strategy and the map of its result, which can be painted."""
    with st.container(border=True, height="stretch"):
        st.header("Plan", anchor=False, help=PLAN_HELP)
        draw_options(view, shown.now.preset.design)
        draw_editor(view)
        st.caption("Click or tap a cell to paint it. Same id down a column: same tensor. Grey: its own.")


def said(view: View, lines: Sequence[Line]) -> str:
    """Return the sentence below the title; a plan of one's own says first what it shares."""
    sentence = sentence_of(lines)
    return f"{theme.plain(headline(view.after))}. {sentence}" if view.design.painted is not None else sentence


def draw_costs(view: View, shown: Comparison) -> tuple[Line, ...]:
    """Draw the ledger with its assumptions, what others measured, and the ways on; return the lines."""
    with st.container(border=True, height="stretch"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.header("Ledger", anchor=False, help="Without sharing against this plan.", width="content")
            st.space("stretch")
            given = assumptions()
            given = kv_sharing(view.before, given)
        unshared = cache.of(ledger, shown.before, given.without_kv_sharing)
        lines = compare(unshared, cache.of(ledger, view.after, given))
        draw_ledger(lines, key="sv_ledger")
        st.caption(explained(lines, given))
        draw_effects(view)
        _draw_conflicts(view)
        _draw_ways_on(shown.now.preset.design)
    return lines


def explained(lines: Sequence[Line], given: Assumptions) -> str:
    """Return how to read the bars, what is assumed, and how far the estimate goes."""
    per = next(line.after.per for line in lines if line.after.key == "flops")
    length = f" × {given.length:,} {per}s" if per != "input" else ""
    said = ["Hatched: without sharing. Solid: this plan."]
    said.append(f"{given.dtype} weights, batch {given.batch}{length}.")
    estimate = next(line.after for line in lines if line.after.key == "acts_like")
    if not estimate.absent:
        said.append(f"Estimate: {estimate.note[:1].lower()}{estimate.note[1:]}")
    return " ".join(said)


def _draw_conflicts(view: View) -> None:
    for row in of_count(tally(view.after).stored):
        if row.differs:
            st.info(conflict_of(row), icon=":material/info:")


def conflict_of(row: Published) -> str:
    """Return the sentence about a published total that its own configuration does not give."""
    said = f"{count(row.number)} in the paper, {count(row.exact)} from this configuration"
    return f"Published total differs: {said}. {theme.plain(row.model)}, {theme.plain(row.source)}."


def _draw_ways_on(design: Design) -> None:
    with st.container(horizontal=True):
        if st.button("Test in Training", icon=":material/play_arrow:", type="primary"):
            st.session_state[TEST_PLAN] = True  # Training takes the plan among its versions
            go("training")
        with st.popover("Copy as PyTorch", icon=":material/code:"):
            st.code(pytorch(design), language="python")
            st.caption("Works on any module with these names. The module itself is not changed.")


def draw_bars(shown: Comparison) -> None:
    """Draw what every strategy stores; a click on a bar chooses it."""
    with st.container(border=True):
        st.header(BARS_TITLE, anchor=False, help=BARS_HELP)
        st.altair_chart(
            stored_bars(bars_of(shown), mode=_mode()),
            key=BARS,
            theme=None,
            width="stretch",
            on_select=partial(_click, {one.preset.key: one.preset.design.text for one in shown.offered}),
            selection_mode="design",
            alt=_bars_alt(shown.rows),
        )


def _click(texts: Mapping[str, str]) -> None:
    picked = st.session_state[BARS].selection.get("design") or [{}]
    key = picked[0].get("key")
    if key in texts:
        state.set_design(texts[key])


def bars_of(shown: Comparison) -> list[Bar]:
    """Return the bars: what nothing shared stores first, then every way."""
    return [Bar(one.preset.title, one.preset.key, one.parts, one is shown.now) for one in shown.rows]


def _mode() -> str:
    return st.context.theme.type or "light"


def _bars_alt(rows: Sequence[Tried]) -> str:
    said = ", ".join(f"{one.preset.title} {count(one.stored)}" for one in rows)
    return f"{BARS_TITLE}: {said}."
