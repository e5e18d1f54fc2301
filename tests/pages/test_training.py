"""The Training page: its saved verdict first, a run of one's own, and nothing lost."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from shareviz.charts.palette import CHROME
from shareviz.training.jobs import Jobs
from shareviz.training.protocol import RunSpec
from shareviz.training.saved import SPECS, saved_run
from shareviz.training.tasks import tasks
from shareviz.training.verdict import verdict
from shareviz.ui import taste, training_setup
from shareviz.ui.taste import Taste
from shareviz.ui.training_exports import training_exports

Open = Callable[..., AppTest]


def at_job(open_app: Open, job: str) -> AppTest:
    """Open the page with a run in its link; the Map before it would drop a key that it does not know."""
    app = open_app()
    app.query_params["job"] = job
    return app.switch_page("pages/training.py").run()


@pytest.mark.parametrize("task", sorted(tasks()))
def test_each_task_opens_with_the_verdict_of_its_saved_run(open_app: Open, task: str) -> None:
    app = open_app("training")
    app.button_group(key="task").set_value(task).run()
    assert not app.exception
    assert [title.value for title in app.title] == [verdict(saved_run(task))]


def test_a_run_is_found_by_its_link_and_keeps_its_result(open_app: Open) -> None:
    jobs = Jobs(at_most=1)
    job = jobs.start(RunSpec("parity", versions=("none", "all"), seeds=3, steps=3))
    deadline = time.monotonic() + 120
    while not job.ended and time.monotonic() < deadline:
        time.sleep(0.1)
    assert job.state == "done", job.message
    app = at_job(open_app, job.id)
    assert not app.exception
    assert app.title[0].value == verdict(job.result())
    assert any("3 paired seeds" in text.value for text in app.markdown)


@pytest.mark.parametrize("nonsense", ["../../etc/passwd", "x" * 500, "0" * 24])
def test_a_link_to_no_run_falls_back_to_the_saved_one(open_app: Open, nonsense: str) -> None:
    app = at_job(open_app, nonsense)
    assert not app.exception and len(app.title) == 1
    assert app.toast and not app.error


def test_no_version_chosen_means_nothing_to_run(open_app: Open) -> None:
    app = open_app("training")
    app.button_group(key="v_brackets").set_value([]).run()
    assert not app.exception
    assert next(button for button in app.button if button.label == "Run").disabled


def test_the_plan_of_savings_comes_along_as_a_version(open_app: Open) -> None:
    app = open_app("savings", m="language_model?layers=4&width=16&heads=2&vocab=64", p="cycle?stored=2")
    next(button for button in app.button if button.label == "Test in Training").click().run()
    app.switch_page("pages/training.py").run()
    assert not app.exception
    assert "cycle?stored=2" in app.button_group(key="v_brackets_own").value


def test_a_plan_that_does_not_fit_the_task_says_why(open_app: Open) -> None:
    app = open_app("training", m="siamese?", p="siamese")
    assert not app.exception
    assert any("does not fit this task's model" in text.value for text in app.markdown)


def test_own_best_rates_show_the_run_that_was_saved_at_them(open_app: Open) -> None:
    app = open_app("training")
    app.button_group(key="task").set_value("sort").run()
    app.button_group(key="lr").set_value("own").run()
    assert not app.exception
    own = saved_run("sort", own_best=True)
    assert own is not None and app.title[0].value == verdict(own)
    (table,) = (frame.value for frame in app.dataframe)
    assert list(table["Learning rate"]) == [f"{arm.lr:g}" for arm in own.arms]


def test_the_table_holds_the_other_sets_beside_the_main_one(open_app: Open) -> None:
    app = open_app("training")
    app.button_group(key="task").set_value("adding").run()
    adding = saved_run("adding")
    assert adding is not None
    (table,) = (frame.value for frame in app.dataframe)
    shown = [float(text) for text in table["Mean, length 12, as trained"]]
    assert shown == pytest.approx([row.mean for row in adding.table("seen")], rel=0.01)
    assert any("Solved: squared error 0.01 or less" in text.value for text in app.markdown) == any(
        row.solved for row in adding.table()
    )


def test_a_run_that_was_broken_off_offers_a_copy_to_others(open_app: Open) -> None:
    jobs = Jobs(at_most=1, cores=1)
    job = jobs.start(RunSpec("parity", versions=("none", "all"), seeds=4, steps=30), owner="somebody")
    deadline = time.monotonic() + 120
    while not job.result().members and time.monotonic() < deadline:
        time.sleep(0.02)
    jobs.stop(job.id)
    while not job.ended and time.monotonic() < deadline:
        time.sleep(0.02)
    app = at_job(open_app, job.id)
    assert not app.exception
    assert [warning.value for warning in app.warning] == ["Stopped. Finished seeds are kept."]
    (go_on,) = [button for button in app.button if button.key == "sv_go_on"]
    assert go_on.label == f"Go on in a copy: {8 - len(job.result().members)} trainings left"
    jobs.close()


def test_the_designs_that_a_lesson_asks_for_stand_among_the_versions(open_app: Open) -> None:
    app = open_app("training")
    asked = SPECS["orders"]
    app.session_state["task"] = asked.task
    app.session_state["v_sort"] = list(asked.versions)
    app.session_state[training_setup.ASKED] = (asked.task, asked.versions)
    app.run()
    assert not app.exception
    pills = app.button_group(key="v_sort")
    assert pills.value == list(asked.versions)
    assert {"Cycle 2, norms too", "Cycle 2 reversed, norms too"} <= set(pills.options)


def test_the_pictures_of_a_run_leave_as_they_are_wanted(open_app: Open) -> None:
    result = saved_run("parity")
    assert result is not None
    dark = Taste("dark", False, 1)
    made = {one.label: one.make for one in training_exports(result, None, dark)}
    assert CHROME["dark"]["page"] in made["Seeds (SVG)"]().decode()
    large = {one.label: one.make for one in training_exports(result, None, Taste("light", True, 4))}
    sizes = [struct.unpack(">II", one["Seeds (PNG)"]()[16:24]) for one in (made, large)]
    assert [4 * side for side in sizes[0]] == pytest.approx(sizes[1], rel=0.01)
    app = open_app("training")
    assert not app.exception
    assert taste.DARK in [toggle.key for toggle in app.toggle]
