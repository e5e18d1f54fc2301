"""The forms: sizes of pieces, the weight they make, and how they start, with NumPy alone."""

from __future__ import annotations

import subprocess
import sys
from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shareviz.forms import FORMS, Draw, Factor, Form, LowRank, Rows, Shape, matrix

sizes = st.lists(st.integers(1, 6), min_size=1, max_size=3).map(tuple)


def normal(seed: int = 0) -> Draw:
    generator = np.random.default_rng(seed)
    return lambda shape: generator.standard_normal(shape)


@st.composite
def rows_and_shape(draw: st.DrawFn) -> tuple[Rows, Shape]:
    shape = draw(sizes)
    axis = draw(st.integers(0, len(shape) - 1))
    blocks = draw(st.sampled_from([n for n in range(1, shape[axis] + 1) if shape[axis] % n == 0]))
    table: list[int] = []
    for _ in range(blocks):
        table.append(draw(st.integers(0, max(table, default=-1) + 1)))
    return Rows(tuple(table), axis), shape


@st.composite
def form_and_shape(draw: st.DrawFn) -> tuple[Form, Shape]:
    if draw(st.booleans()):
        return draw(rows_and_shape())
    shape = draw(sizes.filter(lambda shape: len(shape) > 1))
    return draw(st.sampled_from((LowRank, Factor)))(draw(st.integers(1, 4))), shape


@given(form_and_shape())
def test_a_start_has_the_pieces_and_makes_a_weight_of_the_shape(case: tuple[Form, Shape]) -> None:
    form, shape = case
    started = form.start(normal()(shape), normal())
    assert {name: piece.shape for name, piece in started.items()} == form.pieces(shape)
    assert form.make(started, shape).shape == shape


@given(rows_and_shape())
def test_block_i_is_stored_block_table_i(case: tuple[Rows, Shape]) -> None:
    rows, shape = case
    stored = normal()(rows.pieces(shape)["rows"])
    made = rows.make({"rows": stored}, shape)
    blocks = np.split(made, len(rows.table), rows.axis)
    kept = np.split(stored, rows.stored, rows.axis)
    for block, row in zip(blocks, rows.table, strict=True):
        assert np.array_equal(block, kept[row])


@given(rows_and_shape())
def test_a_start_of_rows_keeps_the_first_block_of_each_group(case: tuple[Rows, Shape]) -> None:
    rows, shape = case
    weight = normal()(shape)
    made = rows.make(rows.start(weight, normal()), shape)
    before, after = (np.split(array, len(rows.table), rows.axis) for array in (weight, made))
    for block, row in zip(after, rows.table, strict=True):
        assert np.array_equal(block, before[rows.table.index(row)])


@given(rows_and_shape())
def test_rows_that_share_nothing_store_the_weight_itself(case: tuple[Rows, Shape]) -> None:
    rows, shape = case
    apart = Rows(tuple(range(len(rows.table))), rows.axis)
    weight = normal()(shape)
    assert np.array_equal(apart.start(weight, normal())["rows"], weight)
    assert np.array_equal(apart.make({"rows": weight}, shape), weight)


def test_grouped_heads_are_repeated_heads() -> None:
    few = normal()((2 * 4, 5))  # two heads of 4 rows
    wanted = np.repeat(few.reshape(2, 4, 5), 3, axis=0).reshape(24, 5)
    assert np.array_equal(Rows((0, 0, 0, 1, 1, 1)).make({"rows": few}, (24, 5)), wanted)


def test_a_low_rank_start_keeps_the_weight_and_can_learn() -> None:
    weight = normal()((200, 100))
    pieces = LowRank(64).start(weight, normal())
    assert np.array_equal(LowRank(64).make(pieces, (200, 100)), weight)
    assert not pieces["up"].any()
    assert pieces["down"].std() == pytest.approx(100**-0.5, rel=0.05)


def test_a_low_rank_weight_is_its_base_and_a_product() -> None:
    pieces = {"base": normal(1)((4, 2, 3)), "up": normal(2)((4, 2)), "down": normal(3)((2, 6))}
    wanted = pieces["base"] + np.einsum("or,ri->oi", pieces["up"], pieces["down"]).reshape(4, 2, 3)
    assert np.allclose(LowRank(2).make(pieces, (4, 2, 3)), wanted)


def test_a_rank_above_both_sides_is_capped() -> None:
    assert LowRank(64).pieces((16, 100)) == {"base": (16, 100), "up": (16, 16), "down": (16, 100)}


def test_a_factored_start_is_as_large_as_the_weight_was() -> None:
    weight = 0.02 * normal()((400, 300))
    made = Factor(50).make(Factor(50).start(weight, normal(1)), (400, 300))
    assert made.std() == pytest.approx(0.02, rel=0.05)
    assert np.linalg.matrix_rank(made) == 50


def test_albert_stores_vocabulary_and_width_times_the_rank() -> None:
    assert sum(map(prod, Factor(128).pieces((30_000, 768)).values())) == 30_000 * 128 + 128 * 768


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Rows(()), "need a table"),
        (lambda: Rows((0, 2)), "by first use"),
        (lambda: Rows((1, 0)), "by first use"),
        (lambda: Rows((0, -1)), "by first use"),
        (lambda: Rows((0,), axis=-1), "axis of at least 0"),
        (lambda: LowRank(0), "at least 1"),
        (lambda: Factor(0), "at least 1"),
        (lambda: Rows((0, 0)).pieces((3, 4)), "does not split into 2 blocks"),
        (lambda: Rows((0, 0), axis=2).pieces((4, 4)), "axis 2 of"),
        (lambda: LowRank(2).pieces((4,)), "has no low-rank form"),
        (lambda: Factor(2).pieces((0, 4)), "has no low-rank form"),
    ],
)
def test_what_no_form_can_make_is_refused(make: object, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        make()  # type: ignore[operator]


@pytest.mark.parametrize("kind", FORMS)
def test_each_form_has_a_title_and_says_its_kind(kind: str) -> None:
    form = Rows((0, 0, 1)) if kind == "rows" else FORMS[kind](4)
    assert form.kind == kind
    assert any(character.isdigit() for character in form.title)


def test_a_title_says_how_many_blocks_are_stored() -> None:
    assert Rows((0, 1, 0, 1)).title == "2 of 4 blocks stored"
    assert LowRank(8).title == "base + rank 8"
    assert Factor(128).title == "product through 128"


def test_trailing_axes_count_as_inputs() -> None:
    assert matrix((8, 3, 5)) == (8, 15)


def test_forms_and_plans_need_neither_torch_nor_numpy() -> None:
    code = "import sys, shareviz.plan; print({'torch', 'numpy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
