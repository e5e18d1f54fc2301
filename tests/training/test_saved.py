"""Saved runs: they fit the code that is there, and hold what the lessons say of them."""

import pytest

from shareviz.models import snapshot_of
from shareviz.training.results import Result
from shareviz.training.saved import FOLDER, SPECS, saved_run, seconds_each
from shareviz.training.statistics import Word
from shareviz.training.tasks import find_version, short_titles, tasks


def saved(name: str) -> Result:
    """Return the saved run of a name in SPECS."""
    found = saved_run(name.removesuffix("-own"), own_best=name.endswith("-own"))
    assert found is not None
    return found


@pytest.mark.parametrize("name", SPECS)
def test_a_saved_run_is_whole_and_says_when_and_where(name: str) -> None:
    found = saved(name)
    assert found.status == "done"
    assert found.spec == SPECS[name].settle()
    assert len(found.members) == len(found.arms) * found.spec.seeds
    assert all(bool(arm.tried) == found.spec.own_best for arm in found.arms)
    assert found.date.startswith("20") and found.device == "CPU" and found.torch
    assert all(member.curve[-1][0] == found.spec.steps for member in found.members)


@pytest.mark.parametrize("name", tasks())
def test_the_time_that_a_training_took_is_known(name: str) -> None:
    members = saved(name).members
    seconds = {m.version: [n.seconds for n in members if n.version == m.version] for m in members}
    assert seconds_each(name) == pytest.approx(sum(map(min, seconds.values())) / len(seconds))


OF_LESSONS = ("orders", "norms", "heads")  # designs on a task's model, not all that the task offers


@pytest.mark.parametrize("name", OF_LESSONS)
def test_the_run_of_a_lesson_has_the_titles_that_a_new_one_would_have(name: str) -> None:
    found = saved(name)
    made = {arm.name: find_version(found.task, arm.name) for arm in found.arms}
    model = snapshot_of(found.task.model)
    titles = {key: version.title or version.plan(model).title for key, version in made.items()}
    assert {arm.name: arm.title for arm in found.arms} == short_titles(titles)


@pytest.mark.parametrize("name", [name for name in SPECS if name not in OF_LESSONS])
def test_every_fair_comparison_of_the_task_has_its_saved_numbers(name: str) -> None:
    found = saved(name)
    for (column, pairs), wanted in zip(found.columns(), found.task.columns, strict=True):
        assert column == wanted and [pair.version for pair in pairs] == list(wanted.versions)
        assert all(len(pair.pairs) == found.spec.seeds for pair in pairs)


def test_every_file_in_the_folder_belongs_to_a_task() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == set(SPECS)
    assert {spec.task for spec in SPECS.values()} == set(tasks())
    assert saved_run("chess") is None and seconds_each("chess") is None


def test_one_cell_carries_parity_to_four_times_the_length_and_cells_of_their_own_do_not() -> None:
    found = saved_run("parity")
    assert found is not None
    none, one, *_ = found.table()
    assert none.mean == pytest.approx(0.5, abs=0.03) and one.mean is not None and one.mean > 0.97
    assert found.compare("none", ["all"])[0].word is Word.BETTER
    assert all(row.mean == 1 for row in found.table("seen")[:2])


def test_depth_through_sharing_beats_one_layer_of_equal_parameters_on_brackets() -> None:
    found = saved_run("brackets")
    assert found is not None
    assert found.compare("one", ["all"])[0].word is Word.BETTER
