"""What a look opens: layers in place of groups, tensors in place of parts, and never more than a page."""

from __future__ import annotations

import re
import time
from xml.etree import ElementTree

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from shareviz.graphs import fold, graph_dot, graph_svg
from shareviz.graphs._drafts import BOXES
from shareviz.graphs.look import LONGEST, MOST, USUAL, Look
from shareviz.sets import shared_sets
from shareviz.trace import traced
from tests.graphs.snapshots import apart, file_of, language_model, shared
from tests.graphs.test_fold import arrows, box, titles

CYCLE = shared(apart(lambda layer: layer % 3), tied=True)


def look(text: str) -> Look:
    """Return a look of which everything was understood."""
    found, ignored = Look.parse(text)
    assert not ignored
    return found


@given(st.text(alphabet="sat0123456789._-nowflr", max_size=80))
def test_any_text_is_a_look_and_its_own_text_reads_back(text: str) -> None:
    found, _ = Look.parse(text)
    assert Look.parse(found.text) == (found, ())


def test_a_long_link_is_cut_and_what_says_nothing_is_named() -> None:
    found, ignored = Look.parse("_".join(f"s0.{n}" for n in range(1000)))
    assert len(found.opened) == MOST
    assert len("_".join(ignored)) < LONGEST
    assert Look.parse("s0.1_<b>_s-1.2_s0.01_noflow") == (
        Look(frozenset({"s0.1"}), flow=False),
        ("<b>", "s-1.2", "s0.01"),
    )


def test_the_longest_look_that_can_be_made_fits_the_link() -> None:
    full = Look(frozenset(f"t9.{n}" for n in range(999, 999 - MOST, -1)), flow=False, own=False)
    assert Look.parse(full.text) == (full, ())


def test_a_mark_opens_and_closes_again() -> None:
    assert USUAL.turned("s0.2").turned("s0.2") == USUAL
    assert look("s0.2_t0.1_a0_s1.0").turned("-0") == look("s1.0")
    assert USUAL.turned("<script>") == USUAL


def test_a_folded_stack_opens_into_its_layers() -> None:
    graph = fold(language_model(4), look("s0.0"))
    assert titles(graph)[2:6] == ["blocks 0", "blocks 1", "blocks 2", "blocks 3"]
    assert {("blocks 0", "blocks 1"), ("blocks 1", "blocks 2"), ("blocks 2", "blocks 3")} <= arrows(graph)
    (frame,) = graph.clusters
    assert (frame.title, frame.mark) == ("blocks 0–3", "-0")


def test_groups_that_run_in_turns_open_together_and_the_loop_goes() -> None:
    for mark in ("s0.0", "s0.1", "s0.2"):
        graph = fold(CYCLE, look(mark))
        assert titles(graph)[2:14] == [f"blocks {n}" for n in range(12)]
        assert graph.loops == ()
        assert [held.sets for held in graph.boxes[2:6]] == [("S2",), ("S3",), ("S4",), ("S2",)]


def test_an_opened_stack_still_says_what_it_stores() -> None:
    closed, opened = fold(CYCLE), fold(CYCLE, look("s0.0"))
    assert closed.clusters[0].note == opened.clusters[0].note == "3 stored, each runs 4 times"


def test_groups_one_after_the_other_open_one_by_one() -> None:
    graph = fold(shared(apart(lambda layer: layer // 4)), look("s0.4"))
    assert titles(graph)[2:8] == ["blocks 0–3", *(f"blocks {n}" for n in range(4, 8)), "blocks 8–11"]


def test_all_groups_are_drawn_where_some_were_left_out() -> None:
    model = shared(apart(lambda layer: layer // 2), layers=24)
    assert fold(model).boxes[4].mark == "a0"
    assert titles(fold(model, look("a0")))[2:14] == [f"blocks {n}, {n + 1}" for n in range(0, 24, 2)]


def test_an_opened_group_beside_left_out_ones_stays_in_its_place() -> None:
    model = shared(apart(lambda layer: layer // 2), layers=24)
    graph = fold(model, look("s0.2"))
    assert titles(graph)[2:7] == ["blocks 0, 1", "blocks 2", "blocks 3", "blocks 4–21", "blocks 22, 23"]
    assert box(graph, "blocks 4–21").note == "9 more groups"


def test_a_layer_opens_into_a_row_for_each_tensor() -> None:
    graph = fold(CYCLE, look("s0.0_t0.3"))
    rows = {row.label: row for row in box(graph, "blocks 3").rows}
    assert len(rows) == 16
    assert (rows["attention.q.weight"].detail, rows["attention.q.weight"].sets) == ("8×8", ("S2",))
    assert box(graph, "blocks 3").open
    assert not box(graph, "blocks 4").open


@settings(max_examples=25, deadline=None)
@given(st.sampled_from([1, 2, 3, 6, 48]), st.sets(st.integers(0, 96), max_size=6), st.booleans())
def test_whatever_is_open_every_layer_and_set_is_drawn_within_the_budget(
    period: int, heads: set[int], every: bool
) -> None:
    model = shared(apart(lambda layer: layer % period), 96, tied=True)
    marks = frozenset(f"s0.{head}" for head in heads) | ({"a0"} if every else frozenset())
    graph = fold(model, Look(marks))
    assert len(graph.boxes) <= BOXES
    assert {one for held in graph.boxes for one in held.sets} == {one.id for one in shared_sets(model)}
    names = {name for held in graph.boxes for name in held.held}
    assert names == {slot.name for slot in model.parameters()}


def test_96_opened_layers_fold_further_and_say_so() -> None:
    graph = fold(language_model(96), look("s0.0"))
    assert len(graph.boxes) <= BOXES
    assert graph.notes == ("blocks: 54 layers drawn one by one, 42 more told as one box.",)
    assert titles(graph)[-3:] == ["blocks 95", "norm", "head"]


class Dense(nn.Module):
    """Sixty modules of which each takes what all before it made."""

    def __init__(self) -> None:
        super().__init__()
        for n in range(60):
            self.add_module(f"m{chr(97 + n // 26)}{chr(97 + n % 26)}", nn.Linear(2, 2))

    def forward(self, x: Tensor) -> Tensor:
        made = [x]
        for module in self.children():
            made.append(module(torch.stack(made).sum(0)))
        return made[-1]


def test_a_complete_graph_of_60_modules_is_laid_out_in_seconds() -> None:
    model = traced(Dense(), torch.zeros(1, 2))
    begin = time.perf_counter()
    assert graph_svg(model).count('class="edge flow"') == 59  # what jumps over others is left out
    assert time.perf_counter() - begin < 10


@pytest.mark.parametrize("name", ['<b onclick="x()">', "two\nlines", '"];evil[a="', "x" * 10_000, "</TABLE>"])
def test_a_hostile_name_does_nothing_in_opened_boxes_and_signs(name: str) -> None:
    slots = [f"{name}.{n}.{name}.{part}" for n in range(4) for part in (name, "w")]
    svg = graph_svg(file_of(*slots), look("s0.0_t0.1"))
    tags = {one.tag.rpartition("}")[2] for one in ElementTree.fromstring(svg).iter()}
    assert tags <= {"svg", "g", "title", "text", "path", "polygon", "ellipse", "polyline"}
    assert svg.count("data-fold=") == 5  # the frame and four layers
    assert len(svg) < 60_000
    marks = {one.get("data-fold") for one in ElementTree.fromstring(svg).iter()} - {None}
    assert marks == {"-0", "t0.0", "t0.1", "t0.2", "t0.3"}


def test_marks_that_open_nothing_are_no_part_of_the_graph() -> None:
    text = "s0.0_s0.1_s9.0_t0.3_t0.99_a0"
    assert [mark for mark, _ in fold(language_model(4), look(text)).opened] == ["s0.0", "t0.3"]
    assert fold(file_of("a.weight"), look(text)).opened == ()


def test_arrows_can_be_left_out_and_boxes_stay_where_they_are() -> None:
    def places(svg: str) -> list[str]:
        return re.findall(r'<text[^>]* y="([^"]+)"', svg)

    plain, bare = (graph_svg(CYCLE, look(text), theme="light") for text in ("", "noflow"))
    assert plain.count('class="edge flow"') > bare.count('class="edge flow"')
    assert places(plain) == places(bare)


def test_an_order_of_definition_is_drawn_whatever_the_look() -> None:
    assert fold(file_of("a.weight", "b.weight"), look("noflow")).flow


def test_own_tensors_can_be_left_out() -> None:
    graph = fold(CYCLE, look("noown"))
    assert {row.sets != () for held in graph.boxes for row in held.rows} == {True}
    assert titles(graph) == titles(fold(CYCLE))


@pytest.mark.parametrize("text", ["", "s0.0", "s0.1_t0.3", "noflow_noown"])
def test_an_export_shows_what_the_screen_shows(text: str) -> None:
    def seen(svg: str) -> tuple[list[str], list[str]]:
        shown = re.findall(r"<text[^>]*>([^<]+)</text>", svg)
        return [word for word in shown if word not in "+−"], re.findall(r'data-set="([^"]+)"', svg)

    screen, paper = (graph_svg(CYCLE, look(text), theme=theme) for theme in ("screen", "light"))
    assert seen(screen) == seen(paper)
    colours = {name: set(re.findall(r"var\(--([fl]\d+)\)", screen)) for name in ("f", "l")}
    assert colours["f"] >= {"f1", "f2", "f3", "f4"}
    assert "data-fold" not in paper
    assert ("data-fold" in screen) == any(held.mark for held in fold(CYCLE, look(text)).boxes)


def test_the_same_look_gives_the_same_bytes() -> None:
    again = shared(apart(lambda layer: layer % 3), tied=True)
    one, two = look("s0.0_t0.3"), look("t0.3_s0.0")
    assert graph_dot(CYCLE, one) == graph_dot(again, two)
    assert graph_svg(CYCLE, one, theme="dark") == graph_svg(again, two, theme="dark")


def test_a_sign_is_a_button_that_says_what_it_opens() -> None:
    svg = graph_svg(CYCLE, look("s0.0"))
    assert '<g class="fold" data-fold="-0" role="button" tabindex="0" aria-label="Close blocks 0–11"' in svg
    assert 'data-fold="t0.3" role="button" tabindex="0" aria-label="Open blocks 3"' in svg
