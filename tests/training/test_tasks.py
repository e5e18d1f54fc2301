"""What every task must satisfy, whatever it is about."""

import subprocess
import sys

import numpy as np
import pytest

from shareviz.errors import OptionError
from shareviz.models import snapshot_of
from shareviz.sharing import tally
from shareviz.training.tasks import Task, find_task, find_version, tasks
from shareviz.training.tasks._base import IGNORED

ALL = pytest.mark.parametrize("task", tasks().values(), ids=tuple(tasks()))


@ALL
def test_the_plain_solver_reaches_the_best_value_on_every_set(task: Task) -> None:
    for held in task.sets.values():
        batch = held.draw("test")
        assert task.metric.measure(task.solve(batch.inputs), batch.targets) == task.metric.best


@ALL
def test_chance_is_what_the_best_constant_answer_gets(task: Task) -> None:
    for held in task.sets.values():
        batch = held.draw("test")
        outputs = task.solve(batch.inputs)
        constant = [np.broadcast_to(one, outputs.shape) for one in np.eye(outputs.shape[-1])]
        found = [task.metric.measure(answer, batch.targets) for answer in constant]
        # 1,000 answers and more: a standard error of .016 at most
        assert max(found) == pytest.approx(task.metric.chance, abs=0.035)


@ALL
def test_a_batch_is_a_pure_function_of_seed_and_step(task: Task) -> None:
    first = task.draw(3, 7)
    np.random.default_rng(0).random(10)
    again = task.draw(3, 7)
    assert np.array_equal(first.inputs, again.inputs) and np.array_equal(first.targets, again.targets)
    for other in (task.draw(4, 7), task.draw(3, 8)):
        assert not np.array_equal(first.inputs, other.inputs)


@ALL
def test_validation_and_test_are_drawn_apart_and_stay_the_same(task: Task) -> None:
    for held in task.sets.values():
        assert not np.array_equal(held.draw("test").inputs, held.draw("validation").inputs)
        assert np.array_equal(held.draw("test").inputs, held.draw("test").inputs)


@ALL
def test_every_version_applies_to_its_model_and_shares_only_where_it_says(task: Task) -> None:
    for name, version in task.versions.items():
        seen = snapshot_of(version.model or task.model)
        before, after = tally(seen), tally(version.plan(seen).apply(seen))
        assert after.used == before.used
        assert after.stored <= before.stored, name
    reference = task.versions[task.defaults[0]]
    assert not reference.plan(snapshot_of(task.model)).rewrites


@ALL
def test_a_task_says_what_it_shows_and_where_it_is_from(task: Task) -> None:
    assert task.name in tasks() and task.question.endswith("?")
    assert task.shows and task.hides and task.source
    assert len(task.defaults) >= 2 and set(task.recipe.rates) >= {task.recipe.lr}


def test_parity_is_the_number_of_ones_modulo_two() -> None:
    batch = find_task("parity").draw(0, 0)
    ones = (batch.inputs[..., 0] > 0).sum(1)
    assert np.array_equal(batch.targets[:, -1], ones % 2)


def test_parity_asks_for_the_last_answer_only_when_it_judges() -> None:
    batch = find_task("parity").sets["long"].draw("test")
    assert batch.inputs.shape == (1000, 48, 1)
    assert (batch.targets[:, :-1] == IGNORED).all() and set(np.unique(batch.targets[:, -1])) == {0, 1}


def test_words_of_brackets_are_balanced_and_their_answers_match() -> None:
    batch = find_task("brackets").draw(0, 0)
    for tokens, targets in zip(batch.inputs, batch.targets, strict=True):
        # an outside oracle: put the answers in and remove neighbouring pairs until none is left
        word = "".join("([)]"[t if t < 2 else 2 + a] for t, a in zip(tokens, targets, strict=True))
        while word != (word := word.replace("()", "").replace("[]", "")):
            pass
        assert word == ""
        assert ((targets == IGNORED) == (tokens < 2)).all()


def test_controls_hold_as_many_parameters_as_what_they_control() -> None:
    def stored(task: Task, name: str) -> int:
        version = task.versions[name]
        seen = snapshot_of(version.model or task.model)
        return tally(version.plan(seen).apply(seen)).stored

    parity, brackets = find_task("parity"), find_task("brackets")
    # GRU cell 3·16·(1 + 16) + 2·3·16 = 912, head 2·16 + 2 = 34; twelve cells: 12·912 + 34
    assert (stored(parity, "all"), stored(parity, "none")) == (946, 10_978)
    for task, one, other in (
        (parity, "wide", "none"),
        (brackets, "one", "all"),
        (brackets, "two", "cycle2"),
        (brackets, "wide", "none"),
    ):
        assert stored(task, one) == pytest.approx(stored(task, other), rel=0.04)


def test_an_unknown_task_lists_the_known_ones() -> None:
    with pytest.raises(OptionError, match="no task 'chess'") as caught:
        find_task("chess")
    assert "parity" in caught.value.hint


def test_tasks_and_jobs_load_neither_torch_nor_streamlit() -> None:
    code = "import sys, shareviz.training.jobs; from shareviz.training.tasks import tasks; tasks()\n"
    code += "assert not {'torch', 'streamlit', 'pandas'} & set(sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_design_is_a_version_with_the_title_of_its_plan() -> None:
    task = find_task("brackets")
    seen = snapshot_of(task.model)
    plan = find_version(task, "all").plan(seen)
    # the strategy shares all but the norms by default, as the task's own version does
    design = find_version(task, "cycle?stored=1").plan(seen)
    assert design.apply(seen) == plan.apply(seen) and design.title


def test_neither_a_version_nor_a_design_lists_the_versions() -> None:
    with pytest.raises(OptionError, match="no version 'half'") as caught:
        find_version(find_task("parity"), "half")
    assert "none, all" in caught.value.hint
