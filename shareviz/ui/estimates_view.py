"""The card of size against estimated capacity: every way, and on wish every value of every number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from shareviz.charts.scatter import Point, capacity_scatter
from shareviz.savings import Comparison
from shareviz.sweep import Curve, Place, dominated, sweeps
from shareviz.text import count
from shareviz.ui import cache
from shareviz.ui.sweep_view import base_of, started, turned_of
from shareviz.ui.view import View

ALL = "sv_all_points"
FIT_TITLE = "Size against estimated capacity"
FIT_HELP = (
    "Iso-depth scaling with recurrence, arXiv 2604.21106: what runs r times counts r^φ times, φ = 0.46; "
    "fitted on language models at 1 to 8 repeats."
)
FIT_SAID = (
    "Filled: inside the published fit, up to 8 repeats. Hollow: extrapolated, treat as a guess. "
    "Grey: another stores no more and acts like no less. Dashed: nothing is shared. Ring: this plan."
)
FIT_WARNING = "An estimate from other people's models, not a measurement of this one: Training measures."
ALL_HELP = "Adds a small point for each value of each number of each strategy."


def draw_estimates(view: View, shown: Comparison) -> None:
    """Draw size against estimated capacity, where the model has layers to repeat."""
    if len({(point.stored, point.acts_like) for point in points_of(shown)}) < 2:
        return
    with st.container(border=True):
        st.header(FIT_TITLE, anchor=False, help=FIT_HELP)
        picture, words = st.columns([1.6, 1], vertical_alignment="center")
        with words:
            st.markdown(FIT_SAID)
            st.markdown(FIT_WARNING)
            every = st.toggle("Every value of every number", key=ALL, help=ALL_HELP)
        points = points_of(shown, _curves(view, shown) if every else ())
        with picture:
            chart = capacity_scatter(points, mode=st.context.theme.type or "light")
            st.altair_chart(chart, key="sv_estimates", theme=None, width="stretch", alt=_alt(points))


def _curves(view: View, shown: Comparison) -> tuple[Curve, ...]:
    start = cache.of(started, view.before, base_of(shown))
    with st.spinner("Carrying out each plan"):
        return cache.of(sweeps, start, turned_of(shown))


def points_of(shown: Comparison, curves: Sequence[Curve] = ()) -> list[Point]:
    """Return the points of the ways that have an estimate, those that another beats marked.

    Args:
        curves: Turned numbers; each of their points is drawn small.
    """
    found = [
        Point(
            one.preset.title,
            one.estimate.stored,
            one.estimate.acts_like,
            one.estimate.inside,
            one is shown.now,
        )
        for one in shown.rows
        if one.estimate is not None
    ]
    taken = {(point.stored, round(point.acts_like)) for point in found}
    for curve in curves:
        for swept in curve.points:
            fit = swept.estimate
            if fit is not None and (fit.stored, round(fit.acts_like)) not in taken:
                taken.add((fit.stored, round(fit.acts_like)))
                found.append(Point(swept.label, fit.stored, fit.acts_like, fit.inside, small=True))
    beaten = dominated([Place(point.stored, point.acts_like, point.inside) for point in found])
    return [replace(point, beaten=beats) for point, beats in zip(found, beaten, strict=True)]


def _alt(points: Sequence[Point]) -> str:
    large = [point for point in points if not point.small]
    said = ", ".join(f"{p.title} stores {count(p.stored)} and acts like {count(p.acts_like)}" for p in large)
    more = len(points) - len(large)
    return f"{FIT_TITLE}: {said}{f'; and {more} values of turned numbers' if more else ''}."
