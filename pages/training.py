"""Does it cost quality, on a task small enough to watch?"""

import streamlit as st

from shareviz.text import plural
from shareviz.training.saved import seconds_each
from shareviz.training.tasks import find_task, tasks
from shareviz.training.verdict import explained, verdict
from shareviz.ui import frame, linked, training_live, training_setup, training_view
from shareviz.ui.svowner import owner
from shareviz.ui.taste import draw_taste
from shareviz.ui.training_exports import training_exports

frame.required()

view = frame.begin()
job = training_view.current_job()

names = {name: task.title for name, task in tasks().items()}
first = training_setup.first_task()
linked.follow("task", "task", names)
st.session_state.setdefault("task", first)
with st.container(border=True):
    chosen = st.pills(
        "Task",
        list(names),
        required=True,
        key="task",
        format_func=names.__getitem__,
    )
    linked.write("task", chosen)
    task = find_task(chosen or first)
    spec = training_setup.setup(task, view, seconds_each(task.name))

if spec is not None:
    with frame.errors():
        job = training_view.jobs().start(spec, owner=owner())
        training_view.remember(job.id)

if job is not None and job.spec.task != task.name:
    job = None  # another task was chosen: its saved run answers first

if job is not None and not job.ended:
    frame.say(
        view,
        f"Training {plural(len(job.spec.versions), 'version')}, {plural(job.spec.seeds, 'seed')} each",
        task.question,
    )
    with st.container(border=True):
        training_live.live(job, training_view.jobs())
elif (result := job.result() if job else training_view.saved(task.name)) is not None and result.members:
    frame.say(view, verdict(result), explained(result))
    training_view.about(result, job)
    training_view.found(result)
    frame.offer(view, training_exports(result, job, draw_taste(view.menu)))
elif job is not None:
    frame.say(view, "The run ended before a seed was finished", job.message or "Run it again.")
    training_view.go_on(job)
else:
    frame.say(view, f"Train {plural(len(task.defaults), 'version')}, 5 seeds each", task.question)
