"""One set in detail: its names, its tensors, and why they count as one."""

from __future__ import annotations

from functools import partial

import streamlit as st

from shareviz.design import Design
from shareviz.errors import PlanError
from shareviz.mapview import reason, why
from shareviz.plan import Plan, own
from shareviz.sets import SharedSet, shared_sets
from shareviz.snapshot import Snapshot
from shareviz.text import clean, count, exact, shape
from shareviz.ui import cache, state, theme
from shareviz.ui.frame import View, go
from shareviz.useforms import use_forms

ONE_MODULE = "One module that runs several times: a plan cannot give each run its own."


def draw_detail(view: View, selected: str | None) -> None:
    """Draw the lit set, if one is."""
    shared = next((one for one in cache.of(shared_sets, view.after) if one.id == selected), None)
    if shared is None:
        return
    with st.container(border=True, key="sv_detail"):
        st.header(f"{shared.id} in detail", anchor=False)
        st.markdown(_told(view.after, shared))
        tensors, names = st.columns([1.12, 1])
        with tensors:
            st.markdown("Stored tensors")
            st.dataframe(_tensors(view.after, shared), hide_index=True, height=_height(len(shared.groups)))
        with names:
            st.markdown("All names")
            st.code(
                "\n".join(clean(name) for name in shared.names),
                language=None,
                height=_height(len(shared.names)),
            )
        _unshare(view, shared)


def _told(snapshot: Snapshot, shared: SharedSet) -> str:
    what = theme.plain(shared.what[:1].upper() + shared.what[1:])
    evidence = f"{why(shared)} ({theme.plain(reason(snapshot, shared))})"
    return (
        f"{what}. Stored once: **{count(shared.stored)}** for {shared.users}. "
        f"Saves **{count(shared.saved)}**. Why it counts as shared: {evidence}."
    )


def _tensors(snapshot: Snapshot, shared: SharedSet) -> list[dict[str, str]]:
    """Return a line for each stored tensor of the set."""
    slots = (snapshot.by_name[group[0]] for group in shared.groups)
    forms = cache.of(use_forms, snapshot) or {}
    return [
        {
            "Tensor": clean(slot.name, 120),
            "Uses in one pass": forms[slot.name].text if slot.name in forms else "n/a",
            "Shape": shape(slot.shape),
            "Elements": exact(slot.numel),
            "Type": slot.dtype,
        }
        for slot in slots
    ]


def _height(lines: int) -> int:
    return 38 + 35 * min(max(lines, 1), 6)


def _unshare(view: View, shared: SharedSet) -> None:
    text = _unshared(view, shared)
    pressed = st.button(
        "Unshare in Savings",
        icon=":material/savings:",
        disabled=text is None,
        help="Gives every name its own tensor, and shows what that costs." if text else ONE_MODULE,
        on_click=partial(state.set_design, text) if text else None,
    )
    if pressed:
        go("savings")


def _unshared(view: View, shared: SharedSet) -> str | None:
    """Return the design in which each name of the set has its own tensor, or None if none can."""
    again = Plan(tuple(own(name) for group in shared.groups for name in group[1:]), f"{shared.id} unshared")
    if not again.rewrites:
        return None
    try:
        plan = view.design.plan(view.before).then(again)
        plan.apply(view.before)
    except PlanError:
        return None
    return Design(painted=plan).text
