"""A run on the page: how far it is, its curves while it goes on, Stop, and Go on where it was broken off."""

from __future__ import annotations

import streamlit as st

from shareviz.charts import training as charts
from shareviz.text import duration, plural
from shareviz.training.jobs import Job, Jobs
from shareviz.ui import theme
from shareviz.ui.shown import errors
from shareviz.ui.svowner import keep_owner, owner

EVERY = 0.5  # seconds between two looks at a run


def live(job: Job, jobs: Jobs) -> None:
    """Draw a run that goes on: progress, curves and Stop; ends by itself and draws the result."""
    every = None if job.ended else EVERY

    @st.fragment(run_every=every)
    def watch() -> None:
        if job.ended:
            st.rerun()
        _progress(job, jobs)
        _curves(job)

    watch()
    if mine(job):
        keep_owner()


def going_on(job: Job, jobs: Jobs) -> Job | None:
    """Offer to go on where a run was broken off; return the run that does, once it was asked for.

    Its owner lets it go on itself. Others get a copy of their own that takes over what is finished:
    nobody's run is changed by whoever holds its link, and nothing is trained twice.
    """
    if not job.resumable:
        return None
    left = plural(job.left, "training")
    words = f"Go on: {left} left" if mine(job) else f"Go on in a copy: {left} left"
    if not st.button(words, icon=":material/play_arrow:", type="primary", key="sv_go_on"):
        return None
    with errors():
        return jobs.resume(job.id) if mine(job) else jobs.copy(job.id, owner=owner())
    return None


def said(job: Job, jobs: Jobs) -> str:
    """Return in a line what a run does."""
    now = job.progress()
    if job.state == "waiting":
        return _waiting(job, jobs)
    if job.state == "stopping":
        return "Stopping; finished seeds are kept"
    if job.state == "starting" or not now.version:
        return "Starting the worker, about 3 s"
    titles = {arm.name: arm.title for arm in job.result().arms}
    done = f"{now.finished} of {now.runs} trained"
    what = "choosing a rate for " if now.tuning else ""
    where = f"{what}{theme.plain(titles.get(now.version, '…'))}, step {now.step}"
    seconds = job.seconds_left()
    return f"{done} · {where}" + ("" if seconds is None else f" · about {duration(seconds)} left")


def _waiting(job: Job, jobs: Jobs) -> str:
    """Return the place of a run in the queue."""
    place, seconds = jobs.place(job.id), jobs.seconds_until(job.id)
    ahead = place - 1 + len(jobs.running)
    if place > 1:
        return f"{plural(ahead, 'run')} before {'yours' if mine(job) else 'this'}"
    when = "" if seconds is None else f" (about {duration(seconds)})"
    whose = "Yours" if mine(job) else "This"
    return f"{plural(ahead, 'run is', 'runs are')} going on. {whose} is next{when}"


def _progress(job: Job, jobs: Jobs) -> None:
    bar, stop = st.columns([5, 1], vertical_alignment="center")
    bar.progress(job.progress().fraction, said(job, jobs))
    free = mine(job) and job.state != "stopping"
    help_ = None if mine(job) else "Only whoever started this run can stop it."
    if stop.button("Stop", icon=":material/stop:", disabled=not free, key="sv_stop", help=help_):
        jobs.stop(job.id)


def _curves(job: Job) -> None:
    result, steps = job.result(), job.progress().steps
    rows = charts.curves(result, charts.running_curves(job.events()))
    if not rows:
        st.skeleton(height=300)
        return
    names = [arm.title for arm in result.arms]
    chart = charts.live_curves(rows, names, steps=steps, theme=st.context.theme.type or "light")
    st.altair_chart(chart, key="sv_live", theme=None, width="stretch")


def mine(job: Job) -> bool:
    """Whether this browser started a run."""
    return bool(job.owner) and job.owner == owner()
