"""What every task must satisfy, whatever it is about."""

import itertools
import math
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
import torch

from shareviz.errors import OptionError
from shareviz.models import build, snapshot_of
from shareviz.sharing import tally
from shareviz.training.engine.data import loss_of
from shareviz.training.frozen import topics
from shareviz.training.tasks import Task, find_task, find_version, tasks
from shareviz.training.tasks._base import IGNORED, OVER, Array
from shareviz.training.tasks._digits import parts

ALL = pytest.mark.parametrize("task", tasks().values(), ids=tuple(tasks()))


@ALL
def test_the_plain_solver_reaches_the_best_value_on_every_set(task: Task) -> None:
    for held in task.sets.values():
        batch = held.draw("test")
        found = task.metric.measure(task.solve(batch.inputs), batch.targets)
        assert found == pytest.approx(task.metric.best, rel=1e-3)


@ALL
def test_chance_is_what_the_best_constant_answer_gets(task: Task) -> None:
    for held in task.sets.values():
        batch = held.draw("test")
        outputs = task.solve(batch.inputs)
        found = [
            task.metric.measure(np.broadcast_to(one, outputs.shape), batch.targets)
            for one in constants(task, outputs, batch.targets)
        ]
        # 1,000 answers and more: a standard error of .016 at most
        best = max(found) if task.metric.higher_is_better else min(found)
        assert best == pytest.approx(
            task.metric.chance, **{"abs": 0.035} if task.metric.share else {"rel": 0.12}
        )


def constants(task: Task, outputs: Array, targets: Array) -> list[Array]:
    """Return the constant answers of which one is the best: the mean, both signs, or the frequencies."""
    if task.loss == "numbers":
        return [targets.mean()]
    if task.loss == "binary":
        return [np.array(-1.0), np.array(1.0)]
    often = np.bincount(targets[targets != IGNORED], minlength=outputs.shape[-1])
    return [np.log(np.maximum(often, 1e-9))]


@ALL
def test_best_solved_and_chance_stand_in_the_order_that_the_metric_says(task: Task) -> None:
    metric = task.metric
    assert metric.reached(metric.best) and metric.reached(metric.solved)
    assert not metric.reached(metric.chance)
    assert 0 <= metric.chance <= 1 or not metric.share


@ALL
def test_depth_that_is_shared_has_its_shallow_controls(task: Task) -> None:
    if task.over == "depth":
        for shared, shallow, layers in (("all", "one", 1), ("cycle2", "two", 2)):
            if shared in task.versions:
                assert f"layers={layers}" in task.versions[shallow].model
                assert stored(task, shallow) == pytest.approx(stored(task, shared), rel=0.04)
        assert stored(task, "wide") == pytest.approx(stored(task, "none"), rel=0.05)


@ALL
def test_what_a_fair_comparison_calls_equal_is_equal(task: Task) -> None:
    titles = [column.title for column in task.columns]
    assert any(title.startswith("Equal parameters") for title in titles) and len(set(titles)) == len(titles)
    for column in task.columns:
        for version in column.versions:
            if column.title.startswith("Equal parameters"):
                assert stored(task, version) == pytest.approx(stored(task, column.reference), rel=0.05)
            elif column.title.startswith("Equal"):
                # as near as whole widths allow
                assert work(task, version) == pytest.approx(work(task, column.reference), rel=0.07)


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


def work(task: Task, name: str) -> int:
    """Return the matrix work of a version's model, which no plan changes."""
    return sum(step.flops for step in snapshot_of(task.versions[name].model or task.model).steps or ())


@ALL
def test_what_the_verdict_is_about_was_neither_trained_on_nor_used_to_choose(task: Task) -> None:
    held = task.sets[task.main]
    asked, other = ({row.tobytes() for row in held.draw(split).inputs} for split in ("test", "validation"))
    known = {row.tobytes() for step in range(20) for row in task.draw(0, step).inputs}
    assert len(asked & (known | other)) <= 0.03 * len(asked)  # a short ring or list may come twice


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


def test_a_digit_stands_whole_on_its_canvas_and_left_of_where_it_is_asked() -> None:
    task, part = find_task("shifted"), parts()["train"]
    batch = task.draw(0, 0)
    ink = {(image.sum(), label) for image, label in zip(part.images, part.labels, strict=True)}
    for canvas, label in zip(batch.inputs[:, 0], batch.targets, strict=True):
        assert any(label == known and abs(total - canvas.sum()) < 1e-3 for total, known in ink)
        assert not canvas[:, 12:].any()  # columns 0–4 and eight more
    assert not task.sets["unseen"].draw("test").inputs[..., :5].any()


def test_no_picture_of_a_digit_is_in_two_parts_and_every_digit_is_as_frequent() -> None:
    pictures = {name: {image.tobytes() for image in part.images} for name, part in parts().items()}
    assert [len(found) for found in pictures.values()] == [1000, 500, 240]
    assert len(set.union(*pictures.values())) == 1740
    assert all(len(set(np.bincount(part.labels))) == 1 for part in parts().values())


def test_the_pooled_convolution_is_a_convolution_of_2746_parameters() -> None:
    # 3·3·1·8 + 8, 3·3·8·32 + 32, 32·10 + 10
    assert stored(find_task("shifted"), "space") == 80 + 2336 + 330 == 2746


def test_words_of_the_blocks_apart_never_train_together() -> None:
    task, text = find_task("words"), topics().tokens
    batch = task.draw(0, 0)
    assert np.array_equal(batch.inputs[:, 1:], batch.targets[:, :-1])
    held = {name: task.sets["test"].draw(name) for name in ("test", "validation")}
    for name, block in (("test", 4), ("validation", 9)):
        assert np.array_equal(held[name].inputs[0], text[1000 * block : 1000 * block + 16])
        assert held[name].targets[0, -1] == text[1000 * block + 16]


def test_tying_saves_the_whole_table() -> None:
    words = find_task("words")
    assert stored(words, "none") - stored(words, "tied") == 1000 * 32
    # the tied table as 1000 · 8 and 8 · 32
    assert stored(words, "tied") - stored(words, "factorised") == 1000 * 32 - 8 * (1000 + 32)


def test_perplexity_is_that_of_the_shares_that_were_given() -> None:
    metric = find_task("words").metric
    shares = np.array([[[0.5, 0.25, 0.25], [0.1, 0.1, 0.8]]])
    found = metric.measure(np.log(shares), np.array([[0, 2]]))
    assert found == pytest.approx((1 / 0.5 * 1 / 0.8) ** 0.5)
    assert metric.measure(np.log(shares) + 7, np.array([[0, 2]])) == pytest.approx(found)


def test_every_key_is_asked_once_and_has_the_value_behind_it() -> None:
    batch = find_task("recall").draw(0, 0)
    for tokens, targets in zip(batch.inputs.tolist(), batch.targets.tolist(), strict=True):
        pairs = {(tokens[place], tokens[place + 1]) for place in range(0, 8, 2)}
        assert {(key, value) for key, value in zip(tokens[8:], targets[8:], strict=True)} == pairs
        assert targets[:8] == [IGNORED] * 8 and len(dict(pairs)) == 4


def test_each_task_of_the_digits_has_its_own_labels_and_only_the_first_is_asked() -> None:
    task, part = find_task("multitask"), parts()["train"]
    digit = {image.tobytes(): label for image, label in zip(part.images, part.labels, strict=True)}
    batches = [task.draw(0, step) for step in range(20)]
    inputs = np.concatenate([batch.inputs for batch in batches])
    targets = np.concatenate([batch.targets for batch in batches])
    shown = np.array([[digit[image.tobytes()] for image in row] for row in inputs])
    assert (targets[:, 0] == shown[:, 0]).all() and (targets[:, 5] == shown[:, 5]).all()
    assert (targets[:, 1] == shown[:, 1] // 2).all() and (targets[:, 2] == shown[:, 2] // 2).all()
    assert (targets[:, 4] == (shown[:, 4] + 1) % 10).all()
    assert (targets[:, 3] == shown[:, 3]).mean() < 0.2
    often = [len({image.tobytes() for image in inputs[:, place]}) for place in range(6)]
    assert often[0] == often[2] == 60 and min(often[1], *often[3:]) > 400
    held = task.sets["test"].draw("test")
    assert (held.targets[:, 1:] == IGNORED).all() and (held.targets[:, 0] != IGNORED).all()


def test_half_of_the_pairs_show_one_digit() -> None:
    task, known = find_task("pairs"), parts()["test"]
    digit = {image.tobytes(): label for image, label in zip(known.images, known.labels, strict=True)}
    batch = task.sets["test"].draw("test")
    left, right = ([digit[image.tobytes()] for image in batch.inputs[:, side]] for side in (0, 1))
    assert np.array_equal(np.equal(left, right), batch.targets == 1) and batch.targets.mean() == 0.5
    assert len({pair.tobytes() for step in range(40) for pair in task.draw(0, step).inputs}) == 200


def test_one_tower_takes_pairs_in_one_tensor_as_in_two() -> None:
    module = build("siamese?width=4", device="cpu")
    pairs = torch.from_numpy(find_task("pairs").draw(0, 0).inputs)
    assert torch.equal(module(pairs), module(pairs[:, 0], pairs[:, 1]))


def test_a_hashed_layer_stores_as_much_as_a_narrow_one() -> None:
    hashed = find_task("hashed")
    # 496 + 32 and 32·10 + 10; 64·11 + 11 and 11·10 + 10
    assert (stored(hashed, "hashed"), stored(hashed, "narrow")) == (858, 835)


def test_the_loss_of_one_logit_is_the_surprise_at_its_sign() -> None:
    logits, said = torch.tensor([2.0, -1.0]), torch.tensor([1, 0])
    by_hand = (math.log1p(math.exp(-2)) + math.log1p(math.exp(-1))) / 2
    assert loss_of(logits, said, "binary").item() == pytest.approx(by_hand)


def test_tasks_stand_in_the_order_of_what_they_share_over() -> None:
    order = [task.over for task in tasks().values()]
    assert order == sorted(order, key=OVER.index) and set(order) == set(OVER)
