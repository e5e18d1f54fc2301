"""Boxes outside of stacks: equal ones fold, every folded one opens by its mark and closes again."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from shareviz.graphs import dot_of, fold, graph_svg, screen_svg
from shareviz.graphs.layout import layout
from shareviz.graphs.look import USUAL, Look
from shareviz.graphs.parts import Box, Graph
from shareviz.trace import traced
from tests.graphs.snapshots import file_of

PARTS = [f"part_{n}.weight" for n in range(100)]
DEEP = [f"{a}.{b}.{c}.{b}{c}" for a in "abc" for b in "defg" for c in "hijklmnopq"]
WIDE = file_of(*(f"cell.{letter}{n}" for n in range(4) for letter in "abc"))


def look(text: str) -> Look:
    return Look.parse(text)[0]


def titles(graph: Graph) -> list[str]:
    return [box.title for box in graph.boxes]


def box(graph: Graph, title: str) -> Box:
    return next(one for one in graph.boxes if one.title == title)


def held(graph: Graph) -> list[str]:
    return [name for one in graph.boxes for name in one.held]


def test_equal_neighbours_beyond_the_budget_are_one_box_that_says_how_many() -> None:
    graph = fold(file_of(*PARTS, "head.scale"))
    assert titles(graph) == ["part_0 … part_99", "head"]
    assert graph.boxes[0].note == "×100, own"
    assert "Modules alike in structure and sharing are one box." in graph.notes


def test_a_tied_one_among_equals_stands_alone() -> None:
    groups = [*PARTS[:50], ("part_50.weight", "part_51.weight"), *PARTS[52:]]
    graph = fold(file_of(*groups))
    assert titles(graph) == ["part_0 … part_49", "part_50", "part_51", "part_52 … part_99"]
    assert [one.sets for one in graph.boxes] == [(), ("S1",), ("S1",), ()]


def test_equals_that_share_one_tensor_are_one_box_of_its_set() -> None:
    graph = fold(file_of(tuple(PARTS)))
    (one,) = graph.boxes
    assert (one.sets, one.note) == (("S1",), "×100")


def test_equals_open_one_by_one_into_a_frame_that_closes_them() -> None:
    model = file_of(*PARTS)
    mark = fold(model).boxes[0].mark
    graph = fold(model, look(mark))
    assert titles(graph)[:2] == ["part_0", "part_1"] and titles(graph)[-1] == "part_99"
    assert [(one.title, one.mark) for one in graph.clusters] == [("part_0 … part_99", mark)]
    assert graph.opened == ((mark, "part_0 … part_99"),)
    assert fold(model, look(mark).turned(mark)) == fold(model)


def test_what_finds_no_room_is_told_as_one_box_and_said() -> None:
    model = file_of(*PARTS)
    graph = fold(model, look(fold(model).boxes[0].mark))
    assert graph.notes[1] == "part_0 … part_99: 58 parts drawn one by one, 42 more told as one box."
    assert "42 more" in titles(graph)
    assert box(graph, "42 more").mark == ""
    assert sorted(held(graph)) == sorted(PARTS)


def test_a_module_folded_by_depth_opens_into_its_parts_and_they_into_theirs() -> None:
    model = file_of(*(f"{a}.{name}" for a in "xyzuvw" for name in DEEP))
    plain = fold(model)
    assert titles(plain)[0] == "a" and "depth 2" in plain.notes[0]
    first = plain.boxes[0].mark
    once = fold(model, look(first))
    assert titles(once)[:4] == ["d", "e", "f", "g"]
    assert [one.mark for one in once.clusters if one.title == "a"] == [first]
    twice = fold(model, look(f"{first}_{once.boxes[0].mark}"))
    assert titles(twice)[:3] == ["h", "i", "j"]
    assert sorted(held(twice)) == sorted(held(plain))


def test_a_module_of_many_tensors_opens_into_a_row_for_each() -> None:
    plain = box(fold(WIDE), "cell")
    assert plain.mark == "m0.1" and not plain.open and len(plain.rows) < 12
    opened = box(fold(WIDE, look("m0.1")), "cell")
    assert [row.label for row in opened.rows] == [f"{letter}{n}" for n in range(4) for letter in "abc"]
    assert opened.open


def test_a_module_that_tells_all_it_holds_has_no_sign() -> None:
    (one,) = fold(file_of("norm.weight", "norm.bias")).boxes
    assert one.mark == ""


def test_the_budget_holds_however_much_is_open() -> None:
    model = file_of(*(f"{a}.{name}" for a in "xyzuvw" for name in DEEP))
    marks = [one.mark for one in fold(model).boxes if one.mark]
    graph = fold(model, Look(frozenset(marks)))
    assert len(graph.boxes) <= 100
    assert any("stays closed" in note for note in graph.notes)
    assert {mark for mark, _ in graph.opened} < set(marks)


class Chain(nn.Module):
    """Equal modules in a row, called by name."""

    def __init__(self, count: int) -> None:
        super().__init__()
        for n in range(count):
            self.add_module(f"fc_{n}", nn.Linear(2, 2))
        self.add_module("out", nn.Linear(2, 3))

    def forward(self, x: Tensor) -> Tensor:
        for module in self.children():
            x = module(x)
        return x


def test_arrows_go_through_a_folded_run_and_through_its_opened_parts() -> None:
    model = traced(Chain(70), torch.zeros(1, 2))
    plain = fold(model)
    assert titles(plain) == ["fc_0 … fc_69", "out"]
    assert [(one.source, one.target) for one in plain.edges] == [("n0", "n1")]
    graph = fold(model, look(plain.boxes[0].mark))
    assert len(graph.edges) == len(graph.boxes) - 1


@pytest.mark.parametrize("name", ['<b onclick="x()">', "two\nlines", '"];evil[a="', "x" * 10_000, "</TABLE>"])
def test_a_hostile_name_does_nothing_in_equals_and_frames(name: str) -> None:
    model = file_of(*(f"{name}{n}.w" for n in range(70)))
    plain = fold(model)
    for shown in (USUAL, look(plain.boxes[0].mark)):
        graph = fold(model, shown)
        svg = screen_svg(layout(dot_of(graph)), graph)
        tags = {one.tag.rpartition("}")[2] for one in ElementTree.fromstring(svg).iter()}
        assert tags <= {"svg", "g", "title", "text", "path", "polygon", "ellipse", "polyline"}
        assert svg.count("data-fold=") == 1
    assert graph_svg(model)


@settings(max_examples=20, deadline=None)
@given(st.sets(st.tuples(st.sampled_from("me"), st.integers(0, 130), st.integers(0, 4)), max_size=6))
def test_whatever_is_open_every_weight_is_in_one_box(marks: set[tuple[str, int, int]]) -> None:
    model = file_of(*DEEP, *PARTS)
    graph = fold(model, Look(frozenset(f"{kind}{first}.{depth}" for kind, first, depth in marks)))
    assert sorted(held(graph)) == sorted((*DEEP, *PARTS))


def test_a_depth_folds_modules_outside_of_stacks_and_opens_again() -> None:
    model = file_of("a.b.x", "a.c.y", "d.z")
    assert titles(fold(model)) == ["b", "c", "d"]
    graph = fold(model, look("d1"))
    assert titles(graph) == ["a", "d"]
    assert titles(fold(model, look(f"d1_{graph.boxes[0].mark}"))) == ["b", "c", "d"]
    assert look("d1").text == "d1" and look("d0_d12").text == ""
