"""What every lesson must satisfy, and its numbers held against closed forms and published ones."""

from __future__ import annotations

import pytest

from shareviz.design import Design
from shareviz.lessons import Lesson, Tiles, Verdict, headline, lessons
from shareviz.lessons._base import GROWTH, growth, scene
from shareviz.models import canonical
from shareviz.options import Value
from shareviz.sharing import tally
from shareviz.training.saved import saved_run
from shareviz.training.tasks import tasks
from shareviz.training.tasks._base import OVER

NAMES = tuple(lessons())


def values(lesson: Lesson) -> tuple[Value, ...]:
    option = lesson.option
    if option.choices:
        return option.choices
    assert option.low is not None
    assert option.high is not None
    return (int(option.low), option.default, int(option.high))


@pytest.fixture(scope="module", params=NAMES)
def lesson(request: pytest.FixtureRequest) -> Lesson:
    return lessons()[request.param]


def test_every_lesson_carries_its_own_name_and_all_its_texts(lesson: Lesson) -> None:
    assert lessons()[lesson.name] is lesson
    assert lesson.question.endswith("?")
    assert lesson.predict.question.endswith("?")
    assert len(set(lesson.predict.choices)) >= 3
    assert lesson.breaks
    assert lesson.sources
    assert all(claim.source and claim.why for claim in lesson.claims)
    assert lesson.verdict is lesson.claims[0].verdict


def test_the_turn_shows_a_picture_whose_tiles_share_as_the_models_do(lesson: Lesson) -> None:
    for value in values(lesson):
        shown = lesson.show(value)
        assert len(shown.before.uses) == len(shown.after.uses)
        assert shown.before.stored == len(shown.before.uses)  # catalogue models are unshared
        assert shown.after.stored < shown.before.stored
        assert shown.title


def test_the_bars_are_the_counts_of_the_model_and_design_that_the_map_opens(lesson: Lesson) -> None:
    for value in values(lesson):
        shown = lesson.show(value)
        if shown.model == "albert-base":
            continue  # a saved example against a catalogue model: held to published counts below
        before, after = scene(canonical(shown.model), Design.parse(shown.design).text)
        stored, work = shown.bars
        if stored.title == "Stored":
            assert (stored.before, stored.after) == (tally(before).stored, tally(after).stored)
        assert stored.after < stored.before
        assert work.before == work.after > 0
        assert work.word == "same"


def test_the_right_prediction_is_among_the_choices_at_every_value(lesson: Lesson) -> None:
    for value in values(lesson):
        assert lesson.predict.answer(value) in lesson.predict.choices
        assert lesson.predict.why(value)


def test_every_lesson_has_a_saved_run(lesson: Lesson) -> None:
    found = saved_run(lesson.saved)
    assert found is not None and lesson.saved_says
    if lesson.saved in tasks() and not lesson.pair:
        assert found.task.over == lesson.name


def test_whatever_tasks_share_over_has_a_lesson() -> None:
    assert set(OVER) <= set(NAMES)


def test_the_pair_of_a_lesson_was_trained(lesson: Lesson) -> None:
    found = saved_run(lesson.saved)
    assert found is not None
    if lesson.pair:
        version, reference = lesson.pair
        (pair,) = found.compare(reference, (version,))
        assert len(pair.pairs) == found.spec.seeds


def test_the_mini_picture_needs_no_model_and_shares(lesson: Lesson) -> None:
    assert lesson.mini.stored < len(lesson.mini.uses)


def test_the_title_of_the_page_counts_the_lessons() -> None:
    words = "zero one two three four five six seven eight nine ten eleven twelve".split()
    assert headline() == f"{words[len(NAMES)].capitalize()} ways to use one tensor twice"
    assert NAMES[:4] == ("space", "time", "tables", "depth")


def test_a_cell_for_twelve_steps_stores_what_the_formula_says() -> None:
    one = 3 * (16 * 1 + 16**2 + 2 * 16) + 16 * 2 + 2  # a GRU cell of width 16 on 1 input, and a head
    stored = lessons()["time"].show(12).bars[0]
    assert (stored.before, stored.after) == (11 * 912 + one, one)
    assert lessons()["time"].show(12).title == (
        "One cell instead of 12 stores 946 parameters instead of 10,978"
    )


def test_the_convolution_stores_the_same_at_every_image_size() -> None:
    kernels = (9 * 1 * 8 + 8) + (9 * 8 * 32 + 32) + (32 * 10 + 10)
    space = lessons()["space"]
    assert [space.show(side).bars[0].after for side in (6, 16, 32)] == [kernels] * 3
    assert kernels == 2746


def test_tying_saves_vocabulary_times_width() -> None:
    stored = lessons()["tables"].show(50_000).bars[0]
    assert stored.before - stored.after == 50_000 * 512


def test_albert_is_three_different_ratios() -> None:
    depth = lessons()["depth"]
    words = [depth.show(part).bars[0].word for part in depth.option.choices]
    assert words == ["÷12.0", "÷3.5", "÷9.3"]  # the stack; by sharing alone; ALBERT-base itself
    assert depth.show(depth.option.choices[2]).bars[0].after == 11_683_584  # as transformers counts it
    assert depth.verdict is Verdict.WRONG


def test_the_order_decides_who_shares_and_not_how_much() -> None:
    order = lessons()["order"]
    shown = [order.show(value) for value in order.option.choices]
    assert len({one.bars[0].after for one in shown}) == 1
    assert shown[0].after.uses == (0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2)
    assert shown[1].after.uses == (0, 1, 2) * 4
    assert shown[2].after.uses == (0, 1, 2) * 3 + (2, 1, 0)


def test_grouped_heads_show_their_groups() -> None:
    assert lessons()["heads"].show("2").after.uses == (0, 0, 0, 0, 1, 1, 1, 1)


def test_hashing_stores_a_number_for_as_many_elements_as_the_turn_says() -> None:
    shown = lessons()["hashing"].show("4")
    matrices = 2 * (4 * 8 * 8 + 2 * 4 * 8 * 8)  # of two layers: four of attention, two of feed-forward
    assert shown.bars[0].before - shown.bars[0].after == matrices * 3 // 4
    assert len(shown.after.uses) == 64
    assert shown.after.stored <= 16
    assert lessons()["hashing"].predict.answer("4") == "It stays the same"


def test_one_more_task_costs_one_more_head() -> None:
    assert lessons()["tasks"].predict.answer(4) == "A head"
    assert "330 parameters" in lessons()["tasks"].predict.why(4)  # 32 · 10 + 10


@pytest.mark.parametrize(("ratio", "word"), [(1, GROWTH[0]), (2, GROWTH[1]), (3.9, GROWTH[2])])
def test_growth_is_said_in_the_nearest_word(ratio: float, word: str) -> None:
    assert growth(1000, int(1000 * ratio)) == word


def test_tiles_refuse_labels_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="labels"):
        Tiles("x", (0, 1), 2, ("only one",))
    with pytest.raises(ValueError, match="tiles"):
        Tiles("x", (), 2)
