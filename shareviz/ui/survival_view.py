"""Does the tie survive? The matrix of what the usual handling does to each set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from shareviz.design import Design
from shareviz.sets import shared_sets
from shareviz.text import count
from shareviz.ui import cache, frame, theme
from shareviz.ui.frame import View
from shareviz.ui.svrows import Cell, draw_rows, marked

if TYPE_CHECKING:
    from shareviz.survival import Outcome, Survival

SMALL = ("language_model?layers=6&width=64&heads=4&vocab=500", "tied;cycle?stored=3")  # runs in a second
LIMIT = 50_000_000  # elements; `survival` refuses more, so the page need not build it


def draw_survival(view: View) -> None:
    """Draw what the usual handling does to each tie, once it is asked for."""
    with st.container(border=True):
        st.header("Does the tie survive?", anchor=False)
        st.markdown(
            "Twelve ways in which modules are handled, each carried out on a copy: saved and loaded, copied, "
            "cast, moved to meta, one side normalised or pruned."
        )
        reason = _cannot(view)
        if reason:
            st.markdown(reason)
            st.button("Run them on a small model", icon=":material/play_arrow:", on_click=_small)
            return
        key = f"sv_survival_{view.ref}_{view.design.text}"
        if not st.session_state.get(key):
            pressed = st.button("Run them", icon=":material/play_arrow:", key="sv_run_survival")
            if not pressed:
                return
            st.session_state[key] = True
        with frame.errors():
            _draw_matrix(_survival(view.ref, view.design.text, view))


def columns_of(survival: Survival) -> list[tuple[str, tuple[Outcome, ...]]]:
    """Return (ids, outcomes) for each group of sets that fare alike: ("S1, S2", …)."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for shared in survival.sets:
        fates = tuple(outcome.fate.value for outcome in survival.row(shared.id))
        groups.setdefault(fates, []).append(shared.id)
    return [
        (", ".join(ids) if len(ids) <= 4 else f"{ids[0]} and {len(ids) - 1} more", survival.row(ids[0]))
        for ids in groups.values()
    ]


def _cannot(view: View) -> str:
    """Return why the steps cannot run here, or ""."""
    if not cache.of(shared_sets, view.after):
        return "Nothing is tied here, so nothing can be lost."
    if view.live is None:
        kind = f"A {'file' if view.badge == 'file' else 'saved snapshot'} holds no module"
        return f"Not run: needs a live module. {kind}; build one with Change model."
    size = sum(slot.numel for slot in view.after.tensors)
    if size > LIMIT:
        return (
            f"Not run: too large. At most {count(LIMIT)} elements are copied, this model has {count(size)}. "
            "Ties do not depend on the width: build a narrow one."
        )
    return ""


@st.cache_resource(max_entries=16, show_spinner="Handling copies of the model…")
def _survival(ref: str, design: str, _view: View) -> Survival:
    from shareviz.survival import survive

    assert _view.live is not None
    return survive(_view.live())


def _small() -> None:
    model, design = SMALL[0], Design.parse(SMALL[1]).text
    frame.set_model(model)
    frame.set_design(design)
    st.session_state[f"sv_survival_{model}_{design}"] = True


def _draw_matrix(survival: Survival) -> None:
    columns = columns_of(survival)
    if not columns:
        st.markdown("Each shared tensor has one name here: there is no tie that could break.")
        return
    titles = ("Step", *(ids for ids, _ in columns), "What happens")
    rows = [
        (
            Cell(step),
            *(marked(row[place].fate.value) for _, row in columns),
            Cell(_said([row[place] for _, row in columns])),
        )
        for place, step in enumerate(survival.steps)
    ]
    draw_rows(titles, rows, key="sv_matrix", caption="What each step does to each set")
    for ids, row in columns:
        first = survival.first_break(row[0].set_id)
        if first is None:
            st.markdown(f"**{ids}** survives all that was run here.")
        else:
            step = theme.plain(survival.steps[row.index(first)])
            st.markdown(f"**{ids}** first breaks at *{step}*. Tie again with")
            st.code(survival.repairs[first.set_id], language="python")


def _said(outcomes: list[Outcome]) -> str:
    """Return the reason of the first outcome that is not kept; a kept tie needs no words."""
    return next((one.reason for one in outcomes if one.fate.value != "kept"), "")
