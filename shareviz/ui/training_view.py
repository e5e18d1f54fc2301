"""What the Training page shows: the set-up, a run that goes on, and what it found."""

from __future__ import annotations

import os
from collections.abc import Sequence

import pandas as pd
import streamlit as st

from shareviz.charts import training as charts
from shareviz.charts.frontier import frontier
from shareviz.charts.theme import Chart
from shareviz.errors import OptionError
from shareviz.models import title_of
from shareviz.text import count, exact
from shareviz.training.crew import cores
from shareviz.training.jobs import Job, Jobs
from shareviz.training.results import Result
from shareviz.training.saved import saved_run
from shareviz.training.statistics import Comparison
from shareviz.training.verdict import amount, goal, partly, solved
from shareviz.ui import theme as theme_of
from shareviz.ui import training_live

JOB = "job"  # in the link
HOSTED_SECONDS = 180.0


@st.cache_resource(show_spinner=False)
def jobs() -> Jobs:
    """Return the registry of this server process."""
    hosted = os.environ.get("SHAREVIZ_HOSTED") == "1"
    if not hosted:
        return Jobs()
    return Jobs(at_most=1, seconds=HOSTED_SECONDS, cores=max(1, cores() - 1))  # one is for the pages


def saved(task: str) -> Result | None:
    """Return the saved run of a task, at the rates that the set-up asks for where that one was saved."""
    own = st.session_state.get("lr") == "own"
    return (saved_run(task, own_best=True) if own else None) or saved_run(task)


def current_job() -> Job | None:
    """Return the run that the link or the session names; one that is gone is dropped with a word."""
    wanted = st.query_params.get(JOB) or st.session_state.get("sv_job")
    if not wanted:
        return None
    try:
        job = jobs().find(wanted)
    except OptionError as error:
        st.toast(f"{error.message} {error.hint}", icon=":material/link_off:")
        forget()
        return None
    if st.session_state.get("sv_job") != job.id or "task" not in st.session_state:
        st.session_state["task"] = job.spec.task  # newly arrived or back: its task is what to look at
    remember(job.id)
    return job


def remember(job_id: str) -> None:
    """Keep a run in the link and in the session, so that a reload and a return both find it."""
    st.session_state["sv_job"] = job_id
    if st.query_params.get(JOB) != job_id:
        st.query_params[JOB] = job_id


def forget() -> None:
    """Drop the run from the link and the session; its folder stays."""
    st.session_state.pop("sv_job", None)
    st.query_params.pop(JOB, None)


def found(result: Result) -> None:
    """Draw a result: its fair comparisons, the dots, and the table."""
    theme = st.context.theme.type or "light"
    columns = result.columns()
    with st.container(border=True):
        st.header("Result", anchor=False)
        if columns:
            for tab, (column, pairs) in zip(
                st.tabs([column.title for column, _ in columns]), columns, strict=True
            ):
                with tab:
                    shown = {column.reference, *column.versions}
                    _compared(result, pairs, shown, f"{column.title}-{theme}")
        else:
            st.altair_chart(charts.seed_dots(result, theme=theme), key="sv_dots", theme=None, width="stretch")
        _say_protocol(result)
    _sized(result, theme)
    with st.container(border=True):
        st.header("Every version", anchor=False)
        st.dataframe(table(result), hide_index=True, width="stretch", key="sv_runs")
        if any(row.solved for row in result.table()):
            st.markdown(f"Solved: {goal(result.task.metric)}.")
        st.markdown(f"**Shows.** {result.task.shows}  \n**Does not show.** {result.task.hides}")


def _sized(result: Result, theme: str) -> None:
    """Draw quality against size, and how each version learned."""
    left, right = st.columns(2)
    with left.container(border=True, height="stretch"):
        st.header("Quality against stored parameters", anchor=False)
        _chart(frontier(result, theme=theme), f"frontier-{theme}")
        st.markdown(
            "Mean over seeds with its 95 % interval. The line joins versions that none beats with as few "
            "parameters; grey ones are beaten. Whether a difference is more than noise, the tabs above say."
        )
    with right.container(border=True, height="stretch"):
        st.header("How they learned", anchor=False)
        _chart(charts.all_curves(result, theme=theme), f"curves-{theme}")
        st.markdown("A thin line for each seed, a bold one at the median of each version.")


def about(result: Result, job: Job | None) -> None:
    """Say where a result comes from, and what happened if it did not reach its end."""
    where = f"{result.device or 'CPU'}, torch {result.torch}"
    day = result.date[:10]
    where += ", own best rates" if result.spec.own_best else ""
    where += f", {title_of(result.spec.model)}" if result.spec.model not in ("", result.task.model) else ""
    whose = (
        "Saved run" if job is None else "Your run" if training_live.mine(job) else "A run by somebody else"
    )
    label = f"{whose}, {day}, {where}"
    st.badge(label, icon=":material/history:" if job is None else ":material/science:", color="gray")
    if job is not None and job.state in ("stopped", "died", "failed"):
        st.warning(theme_of.plain(job.message or result.note), icon=":material/warning:")
        go_on(job)


def go_on(job: Job) -> None:
    """Offer to go on with a run that was broken off, and show the run that does."""
    again = training_live.going_on(job, jobs())
    if again is not None:
        remember(again.id)
        st.rerun()


def table(result: Result) -> pd.DataFrame:
    """Return one row for each version, with counts as people read them.

    What was found stands first, where a phone shows it; what it cost stands last. The mean and its
    spread are of the task's main set; each other set has its mean beside them.
    """
    metric, task = result.task.metric, result.task
    rows = result.table()
    others = {held.title: result.table(name) for name, held in task.sets.items() if name != task.main}
    shown = [
        {
            "Version": row.arm.title,
            "Stored": exact(row.arm.stored),
            f"{metric.title}, mean": _shown(result, row.mean),
            "sd": _shown(result, row.sd),
            **{f"Mean, {_small(title)}": _shown(result, of[place].mean) for title, of in others.items()},
            "Seeds": str(row.seeds),
            **({"Solved": solved(row)} if any(r.solved for r in rows) else {}),
            "Diverged": str(row.diverged),
            "Used": exact(row.arm.used),
            "FLOPs per step": count(row.arm.flops),
            "Learning rate": f"{row.arm.lr:g}",
            "Seconds": f"{row.seconds:.1f}",
        }
        for place, row in enumerate(rows)
    ]
    return pd.DataFrame(shown)


def _shown(result: Result, value: float | None) -> str:
    return "n/a" if value is None else amount(result, value)


def _small(title: str) -> str:
    return title[:1].lower() + title[1:]


def _compared(result: Result, pairs: Sequence[Comparison], shown: set[str], key: str) -> None:
    theme = st.context.theme.type or "light"
    arms = [arm for arm in result.arms if arm.name in shown]
    left, right = st.columns(2)
    with left:
        st.markdown("**A dot for each seed**, a tick at the mean")
        picture = charts.seed_dots(result, theme=theme, only=[arm.name for arm in arms])
        _chart(picture, f"dots-{key}")
    with right:
        st.markdown(f"**Paired difference to {result.arm(pairs[0].reference).title}**, 95 % interval")
        _chart(charts.differences(result, pairs, theme=theme), f"diff-{key}")
    said = [f"{theme_of.plain(result.arm(pair.version).title)}: **{pair.verdict}**" for pair in pairs]
    st.markdown(" · ".join(said))
    split = [f"{theme_of.plain(title)}: {words}" for title, words in partly(result, shown)]
    if split:
        st.markdown(f"Some seeds got there and some did not. {'; '.join(split)}.")


def _chart(chart: Chart, key: str) -> None:
    st.altair_chart(chart, key=f"sv_{key}", theme=None, width="stretch")


def _say_protocol(result: Result) -> None:
    st.markdown(
        "Sharing does not reduce compute: equal depth means equal FLOPs. Words such as better appear only "
        "where the paired t interval, corrected for the number of versions, leaves out zero."
    )
