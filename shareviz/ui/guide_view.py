"""The guide on the Learn page: a situation, and the approaches that fit it, measured on a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from shareviz.baseline import without_sharing
from shareviz.effects import NOTHING_KNOWN, Effect
from shareviz.guide import BUILDS, CANNOT, EXAMPLES, HURTS, Advice, Situation, builds_of, guide
from shareviz.headline import headline
from shareviz.ledger import Line
from shareviz.models import canonical, snapshot_of
from shareviz.snapshot import Snapshot
from shareviz.strategies import applies, strategies
from shareviz.text import plural
from shareviz.ui import cache, frame, linked, theme
from shareviz.ui.effects_view import line
from shareviz.ui.savings_controls import ASSUMED
from shareviz.ui.view import View

PARAM, TABS = "guide", "sv_guide_tab"
LESSONS, GUIDE = "Lessons", "Guide"
BUILD, HURT, TRAINED, ON = "sv_guide_builds", "sv_guide_hurts", "sv_guide_trained", "sv_guide_on"
FIRST = 4  # approaches that stand open
OPEN, EXAMPLE = "the open model", "an example"


@dataclass(frozen=True, slots=True)
class Asked:
    """A situation, the model that is measured, and where that model is: "" for the open one."""

    situation: Situation
    model: Snapshot
    ref: str


def chosen(view: View) -> bool:
    """Draw the switch between lessons and guide; return whether the guide is on."""
    arrived = st.query_params.get(PARAM)
    if arrived and arrived != st.session_state.get("sv_guide_seen"):
        st.session_state["sv_guide_seen"] = arrived
        _take(Situation.parse(arrived) or Situation(builds_of(view.before)))
        st.session_state[TABS] = GUIDE
    st.session_state.setdefault(TABS, LESSONS)
    tab = st.segmented_control(
        "Learn", (LESSONS, GUIDE), required=True, key=TABS, label_visibility="collapsed"
    )
    if tab != GUIDE:
        linked.write(PARAM, None)
    return tab == GUIDE


def _take(situation: Situation) -> None:
    st.session_state[BUILD] = situation.builds
    st.session_state[HURT] = list(situation.hurts)
    st.session_state[TRAINED] = situation.trained


def ask(view: View) -> Asked:
    """Draw the questions and return the situation with the model to measure on."""
    st.session_state.setdefault(BUILD, cache.of(builds_of, view.before))
    st.session_state.setdefault(HURT, ["disk"])
    with st.container(border=True):
        builds = st.pills(
            "What do you build?", list(BUILDS), format_func=BUILDS.__getitem__, required=True, key=BUILD
        )
        hurts = st.pills(
            "What hurts?",
            list(HURTS),
            format_func=lambda name: HURTS[name][0],
            selection_mode="multi",
            key=HURT,
        )
        with st.container(horizontal=True, vertical_alignment="bottom"):
            trained = st.toggle("Trained weights exist", key=TRAINED)
            on = st.segmented_control("Measured on", (OPEN, EXAMPLE), required=True, default=OPEN, key=ON)
    situation = Situation(str(builds), tuple(hurts), bool(trained))
    linked.write(PARAM, situation.text)
    st.session_state["sv_guide_seen"] = situation.text
    if on == OPEN:
        return Asked(situation, cache.of(without_sharing, view.before), "")
    ref = EXAMPLES[situation.builds]
    return Asked(situation, _example(ref), ref)


@st.cache_resource(max_entries=8, show_spinner="Building the example…")
def _example(ref: str) -> Snapshot:
    return snapshot_of(ref)


def draw_guide(view: View) -> None:
    """Draw the questions, the answer as the title, and the approaches in order."""
    asked = ask(view)
    found = cache.of(guide, asked.model, asked.situation)
    fit = [one for one in found if not one.why_not]
    on = "the open model, every tie undone" if not asked.ref else "an example of the catalogue"
    frame.say(view, _title(asked.situation, fit), f"Measured on {on}: {theme.plain(headline(asked.model))}.")
    for name in asked.situation.hurts:
        if name in CANNOT:
            st.info(f"**{HURTS[name][0]}.** {CANNOT[name]}", icon=":material/info:")
    for place, advice in enumerate(fit[:FIRST], 1):
        _draw(view, asked, advice, place)
    if fit[FIRST:]:
        with st.expander(f"{len(fit) - FIRST} more that ease it less"):
            for place, advice in enumerate(fit[FIRST:], FIRST + 1):
                _draw(view, asked, advice, place)
    refused = [one for one in found if one.why_not]
    if refused:
        with st.expander(f"{plural(len(refused), 'approach', 'approaches')} that this model does not take"):
            for one in refused:
                st.markdown(f"**{theme.plain(one.rule.title)}.** {theme.plain(one.why_not)}")


def _title(situation: Situation, fit: Sequence[Advice]) -> str:
    what = BUILDS[situation.builds]
    if not situation.hurts:
        return f"{what}: say what hurts"
    if not fit:
        return f"{what}: no way to share eases this here"
    first = fit[0].rule.title
    return f"{what}: start with {first[:1].lower()}{first[1:]}"


def _draw(view: View, asked: Asked, advice: Advice, place: int) -> None:
    with st.container(border=True, key=f"sv_guide_{advice.rule.name}"):
        st.header(f"{place}. {theme.plain(advice.rule.title)}", anchor=False)
        if not advice.rule.shares:
            st.badge("not sharing", icon=":material/call_split:", color="gray")
        left, right = st.columns([1, 1.25], gap="medium")
        with left:
            st.markdown("\n".join(f"- {theme.plain(_said(one))}" for one in advice.lines))
            st.markdown(f"**Saves.** {theme.plain(advice.rule.saves)}")
            st.markdown(f"**Stays.** {theme.plain(advice.rule.keeps)}")
        with right:
            _evidence("For", advice.pro)
            _evidence("Against", advice.con)
            if not advice.pro and not advice.con:
                st.markdown(f"{NOTHING_KNOWN.capitalize()}.")
            st.markdown(f"**Limits.** {theme.plain(advice.rule.limits)}")
        key = f"sv_guide_open_{advice.rule.name}"
        if st.button("Open in Savings", icon=":material/savings:", key=key):
            _open(view, asked, advice)


def _said(one: Line) -> str:
    if one.verdict == "same":
        return f"{one.after.title}: {one.after.shown}, the same"
    change = f" ({one.verdict})" if one.kept is not None else ""
    return f"{one.after.title}: {one.before.shown} to {one.after.shown}{change}"


def _evidence(word: str, effects: Sequence[Effect]) -> None:
    for effect in effects:
        st.markdown(f":gray[{word}:] {line(effect)}")


def _open(view: View, asked: Asked, advice: Advice) -> None:
    if asked.ref:
        frame.set_model(canonical(asked.ref))
        base = ""
    else:
        base = "" if applies(strategies()["apart"], view.before, {}) else "apart"
    frame.set_design(";".join(filter(None, (base, advice.design))))
    st.session_state[ASSUMED] = advice.assumed
    frame.go("savings")
