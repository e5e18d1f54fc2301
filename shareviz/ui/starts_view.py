"""From the weights of the opened file to a shared checkpoint: how far they move, and the file itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import hypot

import streamlit as st

from shareviz.formats import limits_of
from shareviz.jsonio import plan_to_json
from shareviz.savings import GROUPS, group_of
from shareviz.snapshot import Snapshot
from shareviz.starts import (
    Neighbours,
    Residual,
    Start,
    Started,
    nearest_design,
    neighbours,
    rank_errors,
    saved,
    started,
)
from shareviz.text import percent, size
from shareviz.ui import shown, state, theme
from shareviz.ui.view import View
from shareviz.values import open_values

HELD, HOW, LOOK = "sv_started", "sv_start", "sv_measure_start"
STORED, NEAREST = "sv_stored_blocks", "sv_share_nearest"
TITLES = {Start.AVERAGE: "their average", Start.FIRST: "the first", Start.STEPWISE: "even steps"}
TOO_NEAR = 5  # standard deviations of chance
NEAR = 0.9  # of what strangers would move: below it the weights say something


@dataclass(frozen=True, slots=True)
class Measured:
    """What was made of the weights, and how alike neighbours were before."""

    made: Started
    alike: tuple[Neighbours, ...]
    ranks: tuple[tuple[int, float], ...]


def draw_starts(view: View) -> None:
    """Draw, for an opened file, what its own weights say of the plan on the page."""
    if view.badge != "file":
        return
    with st.container(border=True):
        st.header("From these weights", anchor=False)
        reason = _cannot(view)
        if reason:
            st.markdown(reason)
            return
        with st.container(horizontal=True, vertical_alignment="bottom"):
            start = st.segmented_control(
                "A stored block starts from",
                list(Start),
                default=Start.AVERAGE,
                required=True,
                format_func=TITLES.__getitem__,
                key=HOW,
                help="Of the layers that read it. Even steps: layers spread over the whole depth.",
            )
            asked = st.button("Measure", icon=":material/straighten:", key=LOOK)
        key = (view.ref, view.design.text, start)
        if asked:
            with shown.errors():
                st.session_state[HELD] = {key: _measured(view, Start(start))}
        found: Measured | None = st.session_state.get(HELD, {}).get(key)
        if found is not None:
            _draw(view, found)
        else:
            st.markdown("Reads the weights, and says how far each would move to be shared under this plan.")


def _cannot(view: View) -> str:
    """Return why nothing can be measured, or ""."""
    if state.kept(view.ref) is None:
        return (
            f"The values are not at hand. Files of up to {size(state.most_kept())} stay in memory for this; "
            "for a larger one run `shareviz share FILE --design … -o shared.pt`."
        )
    if not view.design.plan(view.before).rewrites:
        return "Choose a strategy to see how far the weights of this file would move under it."
    return ""


def _measured(view: View, start: Start) -> Measured:
    kept = state.kept(view.ref)
    assert kept is not None
    first, *rest = kept.files
    plan = view.design.plan(view.before)
    bar = st.progress(0.0, "Reading weights…")
    try:
        with open_values(first, companions=rest, pick=kept.pick, limits=limits_of()) as values:
            made = started(plan, view.before, values, start=start, progress=lambda done: _show(bar, done))
            ranks = rank_errors(plan, view.before, values, start=start)
            return Measured(made, neighbours(view.before, values), ranks)
    finally:
        bar.empty()


def _show(bar: st.delta_generator.DeltaGenerator, done: float) -> None:
    bar.progress(done, "Reading weights…")


def _draw(view: View, found: Measured) -> None:
    st.markdown(sentence(found.made))
    st.dataframe(table(view.before, found.made.residuals), hide_index=True, width="stretch")
    if found.made.strangers is not None and len(found.ranks) > 1:
        st.markdown(ranks_said(found.ranks))
    if found.alike:
        _suggest(view, found.alike)
    stem = theme.file_stem(f"{view.title} {view.design.title(view.before)}")
    plan = view.design.plan(view.before)
    with st.container(horizontal=True):
        files = (
            ("Checkpoint under the plan", stem, found.made.tensors),
            ("Baked", f"{stem}-baked", found.made.baked),
        )
        for label, name, tensors in files:
            st.download_button(
                f"{label} (.pt)",
                partial(saved, tensors),
                f"{name}.pt",
                "application/octet-stream",
                key=f"sv_{label}",
            )
        st.download_button("Plan (.json)", plan_to_json(plan), f"{stem}.plan.json", "application/json")


def _suggest(view: View, alike: Sequence[Neighbours]) -> None:
    """Draw how alike neighbours are, and the plan that shares the nearest."""
    st.markdown(alike_said(alike))
    layers = len(alike) + 1
    with st.container(horizontal=True, vertical_alignment="bottom"):
        stored = st.number_input("Stored blocks", 1, layers, (layers + 1) // 2, width=140, key=STORED)
        if st.button("Share the nearest neighbours", icon=":material/join_inner:", key=NEAREST):
            with shown.errors():
                state.set_design(nearest_design(view.before, alike, int(stored)))
                st.rerun()


def sentence(made: Started) -> str:
    """Return, as Markdown, how far the weights move, and what that says."""
    if not made.share:
        return "**The weights stay what they are.** What the plan adds starts at zero, and can learn."
    said = f"**The weights move by {percent(made.share, 1)} of their norm.**"
    if made.strangers is None:
        return f"{said} The pieces are fitted to them by least squares."
    said += f" Weights with nothing in common would move by {percent(made.strangers, 1)}."
    if made.share > NEAR * made.strangers:
        return f"{said} So they do not say what to share: expect to train the shared model again."
    return f"{said} So they have something in common."


def table(before: Snapshot, residuals: Sequence[Residual]) -> Mapping[str, Sequence[str]]:
    """Return, for each part of the model, how far its weights move together."""
    groups = group_of(before)
    rows: dict[str, list[Residual]] = {}
    for place, title in enumerate(GROUPS):
        held = [one for one in residuals if groups[one.name] == place]
        if held:
            rows[title] = held
    return {
        "Part": list(rows),
        "Weights": [str(len(held)) for held in rows.values()],
        "Moved": [_share([one.moved for one in held], held) for held in rows.values()],
        "Unrelated would": [_apart(held) for held in rows.values()],
    }


def _share(moved: Sequence[float], held: Sequence[Residual]) -> str:
    return percent(hypot(*moved), hypot(*(one.norm for one in held)))


def _apart(held: Sequence[Residual]) -> str:
    known = [one.strangers for one in held if one.strangers is not None]
    return _share(known, held) if len(known) == len(held) else "n/a"


def ranks_said(ranks: Sequence[tuple[int, float]]) -> str:
    """Return, as Markdown, what corrections of three ranks would leave of the matrices."""
    told = [ranks[len(ranks) * part // 4] for part in (1, 2, 3)]
    said = ", ".join(f"of rank {rank} **{percent(left, 1)}**" for rank, left in dict(told).items())
    return f"A correction for each layer would leave of its matrices: {said}."


def alike_said(alike: Sequence[Neighbours]) -> str:
    """Return how alike neighbours are, beside chance, and how far that can be trusted."""
    nearest, farthest = (pick(alike, key=lambda one: one.alike) for pick in (max, min))
    chance = nearest.chance
    said = (
        f"Nearest neighbours: layers {nearest.first} and {nearest.second}, alike {nearest.alike:.3f} of 1. "
        f"The farthest are alike {farthest.alike:.3f}, and random weights would be 0 ± {chance:.1g}. "
    )
    if len(alike) > 1 and nearest.alike - farthest.alike < TOO_NEAR * chance:
        said += "So no neighbours are nearer than others. "
    return f"{said}Weights that are far may still compute alike, with their hidden units in another order."
