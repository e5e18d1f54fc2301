"""The card of curves on the savings page: what strategies store over one of their numbers."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

import streamlit as st

from shareviz.charts.sweep import Trace, sweep_lines
from shareviz.design import Design
from shareviz.savings import Comparison
from shareviz.sharing import tally
from shareviz.snapshot import Snapshot
from shareviz.strategies import strategies
from shareviz.sweep import Curve, Turned, sweeps, turnable
from shareviz.text import count
from shareviz.ui import cache
from shareviz.ui.view import View

CARD, TURN = "sv_sweep", "sv_sweep_turn"
TITLE = "Stored parameters over one number"
SAID = "Each point is a plan carried out and counted. Ring: this plan. Lines that coincide share a name."


def draw_sweep(view: View, shown: Comparison) -> None:
    """Draw the curves of one number of the strategies; nothing is computed before the card is opened."""
    opened = st.expander(TITLE, key=CARD, on_change="rerun")
    if not opened.open:
        return
    with opened:
        start = cache.of(started, view.before, base_of(shown))
        offered = dict(cache.of(turnable, start))
        if not offered:
            st.markdown("No strategy with a number to turn applies to this model.")
            return
        if st.session_state.get(TURN) not in offered:
            st.session_state[TURN] = _present(shown.now.preset.design, offered)
        turn = st.selectbox(
            "Number to turn", list(offered), format_func=offered.__getitem__, key=TURN, width=240
        )
        with st.spinner("Carrying out each plan"):
            curves = cache.of(sweeps, start, turned_of(shown), turn)
        if curves:
            _draw(curves, shown, offered[turn])
        else:
            st.markdown("This number has one value on this model.")


def _draw(curves: Sequence[Curve], shown: Comparison, turn: str) -> None:
    before = tally(shown.before).stored
    st.altair_chart(
        sweep_lines(traces_of(curves, shown.now.preset.design), turn=turn, before=before, mode=_mode()),
        key="sv_sweep_chart",
        theme=None,
        width="stretch",
        alt=_alt(curves, turn),
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(SAID)
        st.download_button(
            "Curves (CSV)",
            sweep_csv(curves),
            "curves.csv",
            "text/csv",
            icon=":material/download:",
            type="tertiary",
        )


def started(snapshot: Snapshot, base: str) -> Snapshot:
    """Return the model that a strategy is applied to: its own ties undone, the token table tied."""
    return Design.parse(base).plan(snapshot).apply(snapshot)


def base_of(shown: Comparison) -> str:
    """Return the design that every other preset begins with: that of tied embeddings, or of none."""
    first = [one.preset for one in shown.offered if one.preset.key in ("none", "tied")]
    return first[-1].design.text if first else ""


def turned_of(shown: Comparison) -> tuple[Turned, ...]:
    """Return where each strategy's options stand: in the present design, else in its first preset."""
    designs = [shown.now.preset.design, *(one.preset.design for one in shown.offered)]
    found: dict[str, Turned] = {}
    for design in designs:
        for step in design.steps:
            found.setdefault(step.strategy, (step.strategy, step.options))
    return tuple(found.values())


def _present(design: Design, offered: dict[str, str]) -> str:
    """Return the number that the present design turns, else the first."""
    names = [option.name for step in design.steps for option in strategies()[step.strategy].options]
    return next((name for name in names if name in offered), next(iter(offered)))


def traces_of(curves: Sequence[Curve], design: Design) -> list[Trace]:
    """Return the curves as a chart draws them, the one of the present design marked."""
    now = {step.strategy: step.values for step in design.steps}
    return [
        Trace(
            curve.title,
            tuple((point.value, point.stored) for point in curve.points),
            current=curve.strategy in now,
            now=_number(now[curve.strategy].get(curve.option)) if curve.strategy in now else None,
        )
        for curve in curves
    ]


def _number(value: object) -> float | None:
    return value if isinstance(value, int | float) else None


def sweep_csv(curves: Sequence[Curve]) -> bytes:
    """Return every point with exact numbers; an empty cell means that it cannot be said."""
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow(("strategy", "number", "value", "stored", "used", "acts like", "extrapolated"))
    for curve in curves:
        for point in curve.points:
            said = point.data()
            rest = [said[name] for name in ("value", "stored", "used", "acts_like", "extrapolated")]
            table.writerow(
                (curve.strategy, curve.option, *("" if value is None else value for value in rest))
            )
    return out.getvalue().encode("utf-8-sig")


def _mode() -> str:
    return st.context.theme.type or "light"


def _alt(curves: Sequence[Curve], turn: str) -> str:
    said = ", ".join(
        f"{curve.title} {count(curve.points[0].stored)} to {count(curve.points[-1].stored)}"
        for curve in curves
    )
    return f"{TITLE}, {turn.lower()}: {said}."
