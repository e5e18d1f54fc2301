"""What every task must satisfy, whatever it is about."""

import itertools
import subprocess
import sys
from collections import Counter

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
        answers = [batch.targets.mean()] if task.loss == "numbers" else np.eye(outputs.shape[-1])
        found = [task.metric.measure(np.broadcast_to(one, outputs.shape), batch.targets) for one in answers]
        # 1,000 answers and more: a standard error of .016 at most
        best = max(found) if task.metric.higher_is_better else min(found)
        assert best == pytest.approx(task.metric.chance, abs=0.035 if task.metric.share else 0.02)


@ALL
def test_best_solved_and_chance_stand_in_the_order_that_the_metric_says(task: Task) -> None:
    metric = task.metric
    assert metric.reached(metric.best) and metric.reached(metric.solved)
    assert not metric.reached(metric.chance)
    assert 0 <= metric.chance <= 1 or not metric.share


@ALL
def test_depth_that_is_shared_has_its_shallow_controls(task: Task) -> None:
    """A cell for each step has no shallow version: the sequence would end."""
    assert "wide" in task.versions and "none" in task.versions
    if "layers=" in task.model:
        for shared, shallow, layers in (("all", "one", 1), ("cycle2", "two", 2)):
            assert f"layers={layers}" in task.versions[shallow].model
            assert stored(task, shallow) == pytest.approx(stored(task, shared), rel=0.04)
    assert stored(task, "wide") == pytest.approx(stored(task, "none"), rel=0.04)


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


def stored(task: Task, name: str) -> int:
    """Return what a version stores."""
    version = task.versions[name]
    seen = snapshot_of(version.model or task.model)
    return tally(version.plan(seen).apply(seen)).stored


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


def test_a_cell_and_twelve_cells_hold_what_they_should() -> None:
    parity = find_task("parity")
    # GRU cell 3·16·(1 + 16) + 2·3·16 = 912, head 2·16 + 2 = 34; twelve cells: 12·912 + 34
    assert (stored(parity, "all"), stored(parity, "none")) == (946, 10_978)


def test_sorted_lists_hold_the_same_numbers_in_order() -> None:
    batch = find_task("sort").draw(0, 0)
    for numbers, ordered in zip(batch.inputs, batch.targets, strict=True):
        assert sorted(numbers.tolist()) == ordered.tolist()


def lit(window: str) -> str:
    """Return what rule 110 makes of a window, two cells shorter, by its table as Wolfram prints it."""
    table = dict(zip(("111", "110", "101", "100", "011", "010", "001", "000"), "01101110", strict=True))
    return "".join(table[window[i : i + 3]] for i in range(len(window) - 2))


def test_rule_110_is_its_printed_table_three_times() -> None:
    batch = find_task("rule110").draw(0, 0)
    for ring, later in zip(batch.inputs, batch.targets, strict=True):
        text = "".join(map(str, ring))
        assert lit(lit(lit(text[-3:] + text + text[:3]))) == "".join(map(str, later))


def test_rule_110_cannot_be_told_from_fewer_than_seven_cells() -> None:
    words = ["".join(bits) for bits in itertools.product("01", repeat=7)]
    ends = {word: lit(lit(lit(word))) for word in words}
    assert sum(end == "1" for end in ends.values()) == 66

    def limit(cut: int) -> float:
        seen = Counter((word[cut : 7 - cut], end) for word, end in ends.items())
        return sum(max(seen[part, "0"], seen[part, "1"]) for part, _ in {(p, "") for p, _ in seen}) / 128

    # what the task says of one and of two layers
    assert (limit(2), limit(1), limit(0)) == (0.609375, 0.703125, 1.0)
    assert all(f"{100 * limit(cut):.1f} %" in find_task("rule110").shows for cut in (1, 2))


def test_two_numbers_are_marked_one_in_each_half_and_their_sum_is_asked() -> None:
    for held, length in (("seen", 12), ("long", 48)):
        batch = find_task("adding").sets[held].draw("test")
        numbers, marks = batch.inputs[..., 0], batch.inputs[..., 1]
        assert batch.inputs.shape == (1000, length, 2) and batch.targets.shape == (1000, 1)
        for half in (marks[:, : length // 2], marks[:, length // 2 :]):
            assert (half.sum(1) == 1).all()
        assert np.allclose(np.einsum("bt,bt->b", numbers, marks), batch.targets[:, 0])


def test_a_flip_flop_keeps_the_last_bit_that_was_written() -> None:
    batch = find_task("flipflop").draw(0, 0)
    for steps, kept in zip(batch.inputs, batch.targets, strict=True):
        for place in range(len(steps)):
            writes = [bit for bit, written in steps[: place + 1] if written]
            assert kept[place] == (writes[-1] > 0)
    held = find_task("flipflop").sets["long"].draw("test")
    assert held.inputs[:, 1:, 1].mean() == pytest.approx(0.1, abs=0.01)
    assert (held.targets[:, :-1] == IGNORED).all() and set(np.unique(held.targets[:, -1])) == {0, 1}


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
