"""Runs, unions and overlaps of strided regions, against sets of element addresses."""

from __future__ import annotations

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from shareviz import geometry
from shareviz.snapshot import Region, Tensor, contiguous

SHAPES = st.lists(st.integers(1, 4), min_size=0, max_size=3).map(tuple)


@st.composite
def regions(draw: st.DrawFn) -> Tensor:
    """A small float32 tensor somewhere in one storage, dense, transposed, sliced or expanded."""
    shape = draw(SHAPES)
    stride = draw(st.permutations(contiguous(shape)).map(tuple) | st.just(contiguous(shape)))
    stride = tuple(step * draw(st.sampled_from((1, 1, 2, 0))) for step in stride)
    region = Region(0, 4 * draw(st.integers(0, 12)), stride)
    return Tensor("a", "", shape, "float32", region)


def addresses(tensor: Tensor) -> set[int]:
    """The oracle: every byte that an element of the tensor lies on."""
    assert tensor.region is not None
    steps = [range(length) for length in tensor.shape]
    starts = {
        tensor.region.offset + 4 * sum(i * s for i, s in zip(index, tensor.region.stride, strict=True))
        for index in product(*steps)
    }
    return {start + byte for start in starts for byte in range(4)}


@given(regions())
def test_runs_cover_exactly_the_bytes_of_the_elements(tensor: Tensor) -> None:
    found = geometry.runs(tensor)
    assert found is not None
    assert {byte for low, high in found for byte in range(low, high)} == addresses(tensor)


@given(regions(), regions())
def test_two_regions_overlap_when_their_byte_sets_meet(a: Tensor, b: Tensor) -> None:
    assert geometry.overlap(a, b) is bool(addresses(a) & addresses(b))


@given(st.lists(regions(), min_size=1, max_size=4))
def test_covered_counts_each_byte_once(tensors: list[Tensor]) -> None:
    assert geometry.covered(tensors) == len(set().union(*map(addresses, tensors)))


@given(st.lists(regions(), min_size=1, max_size=5))
def test_regions_that_meet_directly_or_through_others_stand_together(tensors: list[Tensor]) -> None:
    groups: list[set[int]] = []
    for place, tensor in enumerate(tensors):
        near = [
            group for group in groups if any(addresses(tensors[one]) & addresses(tensor) for one in group)
        ]
        groups = [group for group in groups if group not in near] + [{place}.union(*near)]
    assert sorted(map(sorted, groups)) == sorted(geometry.meeting(tensors))


def test_the_columns_of_a_large_matrix_stand_apart_and_take_no_time_for_each_pair() -> None:
    columns = [Tensor(str(n), "", (16,), "float32", Region(0, 4 * n, (4000,))) for n in range(4000)]
    assert geometry.meeting(columns) == [[n] for n in range(4000)]


def test_too_fine_a_region_is_given_up_and_counted_by_its_hull_beside_others() -> None:
    rows = geometry.RUN_LIMIT + 1
    fine = Tensor("a", "", (rows, 1), "float32", Region(0, 0, (2, 1)))
    beside = Tensor("b", "", (1,), "float32", Region(0, 4, (1,)))  # between the first row and the second
    assert geometry.runs(fine) is None
    assert geometry.overlap(fine, fine) is None
    assert geometry.covered([fine]) == 4 * rows
    assert geometry.covered([fine, beside]) == 4 * (2 * rows - 1)
    assert geometry.meeting([fine, beside]) == [[0, 1]]


def test_the_runs_of_one_storage_are_listed_to_a_limit() -> None:
    rows = geometry.RUN_LIMIT
    many = [Tensor(str(n), "", (rows, 1), "float32", Region(0, 4 * n, (9, 1))) for n in range(7)]
    groups = geometry.meeting(many)  # the first five are listed, and the hull of each further one meets all
    assert groups == [[0, 1, 2, 3, 4, 5, 6]]
    assert geometry.meeting(many[:5]) == [[0], [1], [2], [3], [4]]
