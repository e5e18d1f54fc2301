"""Which model a task trains: its own, or the one that the page shows, where it fits."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from shareviz.design import Design
from shareviz.errors import SharevizError
from shareviz.models import canonical, catalogue
from shareviz.options import parse
from shareviz.training.fit import fitted, misfit, table_for
from shareviz.training.tasks import Task, find_task
from shareviz.ui import library, linked, state, theme
from shareviz.ui.view import View

OWN, TASK = "own", "task"
KEY = "mod"  # in the link, and of the widget
TITLES = {TASK: "The task's own", OWN: "The model above"}


@dataclass(frozen=True, slots=True)
class Trained:
    """What a run trains: the text of a model, "" for the task's own, and whether it fits."""

    model: str = ""
    fits: bool = True


def choose_model(task: Task, view: View, *, sent: bool = False) -> Trained:
    """Draw the choice, with a table of layers for the task where the page shows no model that fits.

    Args:
        sent: Whether Savings sent its plan: what was drawn there is what is trained, where it fits.
    """
    linked.follow(KEY, KEY, TITLES)
    st.session_state.setdefault(KEY, TASK)
    if sent and not _misfit(task.name, view.ref):
        st.session_state[KEY] = OWN
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.segmented_control(
            "Model",
            list(TITLES),
            required=True,
            key=KEY,
            format_func=TITLES.__getitem__,
            help="Every version is this model under another plan.",
        )
        why = _misfit(task.name, view.ref) if chosen == OWN else ""
        if chosen == OWN and why:
            _offer(task, view.ref)
    linked.write(KEY, OWN if chosen == OWN else None)
    if chosen != OWN:
        return Trained()
    if why:
        st.markdown(theme.plain(why))
        return Trained(fits=False)
    return Trained(canonical(view.ref))


def _offer(task: Task, ref: str) -> None:
    """Draw the button that makes the model fit, or one that builds another for this task."""
    mended = _fitted(task.name, ref)
    made = mended or _table(task.name)
    if made:
        label = "Fit it to this task" if mended else "Build one for this task"
        st.button(label, icon=":material/construction:", on_click=_use, args=(made,))


def _use(text: str) -> None:
    """Show and train a model; the plan that was shown comes along where it applies to this one, too."""
    design = state.design()
    state.set_model(library.built_ref(text))
    st.session_state[KEY] = OWN
    try:
        Design.parse(design).plan(library.built(text))
    except SharevizError:
        return
    state.set_design(design)


@st.cache_data(max_entries=256, show_spinner=False)
def _misfit(task: str, ref: str) -> str:
    if parse(ref)[0] not in catalogue() or ref in library.examples():
        return "Only a model that was built here can be trained: Change model, Build."
    return misfit(find_task(task), ref)


@st.cache_data(max_entries=256, show_spinner=False)
def _fitted(task: str, ref: str) -> str:
    return fitted(find_task(task), ref) if parse(ref)[0] == "layers" else ""


@st.cache_data(max_entries=64, show_spinner=False)
def _table(task: str) -> str:
    return table_for(find_task(task))
