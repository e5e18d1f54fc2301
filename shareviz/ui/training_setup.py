"""What to train: the versions of a task, seeds, learning rate and device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import streamlit as st

from shareviz.design import Design
from shareviz.errors import SharevizError
from shareviz.models import snapshot_of
from shareviz.text import duration
from shareviz.training.protocol import DEVICES, RunSpec
from shareviz.training.tasks import Task, default_versions, find_version, short_titles, tasks, versions_of
from shareviz.ui import frame, linked
from shareviz.ui.training_model import OWN, Trained, choose_model

TEST_PLAN = "sv_test_plan"  # in the session: Savings asks to test its plan
ASKED = "sv_asked_versions"  # in the session: the task and the designs that a lesson asks to train
RATES = {"same": "The same for all", "own": "Each version's own best"}
SEEDS = ("3", "5", "10")


def first_task() -> str:
    """Return the task that the page opens with."""
    return "brackets" if "brackets" in tasks() else next(iter(tasks()))


def ask_for(spec: RunSpec) -> None:
    """Let the page open with a task and, where they are named, these versions of its model."""
    st.session_state["task"] = spec.task
    if spec.versions:
        st.session_state[f"v_{spec.task}"] = list(spec.versions)
        st.session_state[ASKED] = (spec.task, spec.versions)


def setup(task: Task, view: frame.View, seconds: float | None) -> RunSpec | None:
    """Draw the set-up of a task and return what to run when Run is pressed."""
    trained = choose_model(task, view, sent=bool(st.session_state.get(TEST_PLAN)))
    titles = {name: version.title for name, version in versions_of(task, trained.model).items()}
    titles |= {} if trained.model else _asked(task, titles)
    plan = view.design.text
    refused = _misfit(view.design, task) if plan and not trained.model else ""
    if plan and not refused:
        titles[plan] = f"{view.design.title(view.before)} (from Savings)"
    key = f"v_{task.name}_{OWN}" if trained.model else f"v_{task.name}"
    st.session_state.setdefault(key, [*default_versions(task, trained.model), *_drawn(plan, trained)])
    st.session_state[key] = _chosen(st.session_state[key], plan, titles)
    versions = st.pills(
        "Versions",
        list(titles),
        selection_mode="multi",
        format_func=titles.__getitem__,
        key=key,
        help="Each is the same model under another plan. The first fair comparison makes the title.",
    )
    if refused:
        st.markdown(f"The plan from Savings does not fit this task's model. {refused}")
    row = st.container(horizontal=True, vertical_alignment="bottom")
    seeds = row.segmented_control(
        "Seeds", SEEDS, default="5", required=True, key="seeds", bind="query-params"
    )
    linked.follow("lr", "lr", RATES)
    st.session_state.setdefault("lr", "same")
    rate = row.segmented_control(
        "Learning rate",
        list(RATES),
        required=True,
        key="lr",
        format_func=RATES.__getitem__,
        help="With own best rates each version takes the best of a grid on validation first.",
    )
    linked.write("lr", rate if rate != "same" else None)
    device = row.selectbox(
        "Device", list(DEVICES), key="dev", width=140, help="The CPU is faster for runs this small."
    )
    spec = RunSpec(task.name, tuple(versions), int(seeds or 5), own_best=rate == "own", device=device)
    spec = replace(spec, model=trained.model)
    _say_rate(task, rate)
    with st.container(horizontal=True, vertical_alignment="center"):
        pressed = st.button(
            "Run", type="primary", icon=":material/play_arrow:", disabled=not (versions and trained.fits)
        )
        runs = spec.runs if versions else 0
        known = seconds and runs and not trained.model
        guess = f", about {duration(runs * (seconds or 0))} of one core, by the saved run" if known else ""
        said = f"{runs} runs{guess}" if versions else "Choose at least one version."
        st.markdown(said if trained.fits else "Choose a model that fits this task.")
    return spec if pressed else None


def _chosen(versions: Sequence[str], plan: str, titles: Mapping[str, str]) -> list[str]:
    """Return the chosen versions that there still are, with the plan that Savings sent to be tested."""
    sent = st.session_state.pop(TEST_PLAN, False) and plan in titles and plan not in versions
    return [name for name in (*versions, *([plan] if sent else [])) if name in titles]


def _asked(task: Task, known: Mapping[str, str]) -> dict[str, str]:
    """Return the titles of the designs that a lesson asks for, if it asks for this task."""
    name, versions = st.session_state.get(ASKED, ("", ()))
    more = [text for text in versions if text not in known] if name == task.name else []
    return short_titles({text: find_version(task, text).plan(snapshot_of(task.model)).title for text in more})


def _drawn(plan: str, trained: Trained) -> list[str]:
    """Return the plan that the page shows, where it is the page's model that is trained."""
    return [plan] if plan and trained.model else []


def _misfit(design: Design, task: Task) -> str:
    """Return why a design made for another model does not apply to the task's own, or ""."""
    try:
        design.plan(snapshot_of(task.model))
    except SharevizError as error:
        return str(error)
    return ""


def _say_rate(task: Task, rate: str | None) -> None:
    if rate == "same":
        st.markdown(f"All versions use {task.recipe.lr:g}. With own best rates the order can flip: run it.")
    else:
        rates = ", ".join(f"{rate:g}" for rate in task.recipe.rates)
        st.markdown(f"Each version takes the best of {rates} on validation data, with two other seeds.")
