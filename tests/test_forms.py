"""The forms: sizes of pieces, the weight they make, and how they start, with NumPy alone."""

from __future__ import annotations

import subprocess
import sys
from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shareviz.forms import (
    FORMS,
    Draw,
    Factor,
    Form,
    Hashed,
    HashedRows,
    LowRank,
    Mix,
    Rows,
    Scaled,
    Shape,
    matrix,
)
from shareviz.hashing import mixed, scattered

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
    kinds = (LowRank, Factor, Scaled, Mix, Hashed, HashedRows)
    return draw(st.sampled_from(kinds))(draw(st.integers(1, 4))), shape


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


def test_a_scaled_correction_is_two_diagonals_around_its_factors() -> None:
    shapes = Scaled(3).pieces((4, 5))
    pieces = {name: normal(seed)(size) for seed, (name, size) in enumerate(shapes.items())}
    outer, inner = np.diag(pieces["outer"]), np.diag(pieces["inner"])
    wanted = pieces["base"] + outer @ pieces["up"] @ inner @ pieces["down"]
    assert np.allclose(Scaled(3).make(pieces, (4, 5)), wanted)
    weight = normal()((4, 5))
    assert np.array_equal(Scaled(3).make(Scaled(3).start(weight, normal()), (4, 5)), weight)


def test_a_mix_is_the_sum_of_its_atoms_times_their_coefficients() -> None:
    atoms, coefficients = normal(1)((3, 4, 5)), normal(2)((3,))
    made = Mix(3).make({"atoms": atoms, "coefficients": coefficients}, (4, 5))
    assert np.allclose(made, sum(c * atom for c, atom in zip(coefficients, atoms, strict=True)))


@pytest.mark.parametrize("form", [Mix(4), Hashed(20_000), HashedRows(300, 3)])
def test_what_starts_in_pieces_is_as_large_as_the_weight_was(form: Form) -> None:
    weight = 0.02 * normal()((400, 300))
    made = form.make(form.start(weight, normal(1)), (400, 300))
    assert made.std() == pytest.approx(0.02, rel=0.05)


@given(shape=sizes, buckets=st.integers(1, 6), seed=st.integers(0, 9))
def test_every_hashed_element_is_a_bucket_or_its_negative(shape: Shape, buckets: int, seed: int) -> None:
    form = Hashed(buckets, seed)
    stored = normal(3)(form.pieces(shape)["buckets"])
    made = form.make({"buckets": stored}, shape)
    assert np.isin(np.abs(made), np.abs(stored)).all()
    assert np.array_equal(made, form.make({"buckets": stored}, shape))


def test_hashed_elements_are_spread_evenly_over_buckets_and_signs() -> None:
    made = Hashed(16, seed=5).make({"buckets": np.arange(1.0, 17)}, (200, 200))
    often = np.unique(made, return_counts=True)[1]
    assert len(often) == 32
    # 40,000 elements in 32 cells: 1,250 each; 5 standard deviations are 174
    assert (abs(often - 1250) < 174).all()
    neighbours = np.corrcoef(made[:, :-1].ravel(), made[:, 1:].ravel())[0, 1]
    assert abs(neighbours) < 0.02


def test_another_seed_is_another_hash() -> None:
    one, other = (Hashed(1000, seed).make({"buckets": np.arange(1000.0)}, (50, 50)) for seed in (1, 2))
    assert (one == other).mean() < 0.02


def test_a_hashed_row_is_the_weighted_sum_of_the_rows_that_its_hashes_pick() -> None:
    form = HashedRows(5, hashes=2, seed=3)
    rows, importances = normal(1)((5, 4)), normal(2)((9, 2))
    picked = np.stack([scattered(rows, 9, 6 + turn) % 5 for turn in range(2)], axis=1)
    wanted = np.einsum("vk,vkd->vd", importances, rows[picked])
    assert np.allclose(form.make({"rows": rows, "importances": importances}, (9, 4)), wanted)


def test_torch_and_numpy_hash_alike_whatever_the_values_are() -> None:
    torch = pytest.importorskip("torch")
    ours = scattered(np.full(1, np.nan), 5000, 7)
    theirs = scattered(torch.ones(3, dtype=torch.bfloat16), 5000, 7)
    assert ours.tolist() == theirs.tolist()
    assert len(set(ours.tolist())) == 5000  # one to one: 32 bits from distinct places
    assert [mixed(number) for number in (1, 2**32 - 1)] == [int(mixed(np.int64(n))) for n in (1, 2**32 - 1)]


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
        (lambda: Mix(0), "at least 1"),
        (lambda: Scaled(0), "at least 1"),
        (lambda: Hashed(0), "at least 1"),
        (lambda: Hashed(2, seed=-1), "at least 0"),
        (lambda: HashedRows(2, hashes=0), "hashes 1 to 64"),
        (lambda: HashedRows(2, hashes=65), "hashes 1 to 64"),
        (lambda: HashedRows(2).pieces((4,)), "has no low-rank form"),
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
    assert (Mix(1).title, Mix(4).title) == ("mix of 1 atom", "mix of 4 atoms")
    assert Hashed(4096).title == "hashed into 4,096 buckets"
    assert HashedRows(512).title == "2 of 512 hashed rows"


def test_trailing_axes_count_as_inputs() -> None:
    assert matrix((8, 3, 5)) == (8, 15)


def test_forms_and_plans_need_neither_torch_nor_numpy() -> None:
    code = "import sys, shareviz.plan; print({'torch', 'numpy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
