"""Finding boxes by a part of a name or a pattern; an outside oracle is a loop over all names."""

from __future__ import annotations

import time
from fnmatch import fnmatchcase

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shareviz.graphs import fold
from shareviz.graphs.look import Look
from shareviz.graphs.search import matcher, search
from tests.graphs.snapshots import file_of, language_model

MODEL = language_model(4)
NAMES = [slot.name for slot in MODEL.parameters()]


def boxes(pattern: str, look: str = "") -> list[str]:
    """Return the titles of the boxes in which a pattern was found."""
    graph = fold(MODEL, Look.parse(look)[0])
    found = search(MODEL, pattern).boxes(graph)
    return [box.title for box in graph.boxes if box.id in found]


def test_a_part_of_a_name_is_enough_whatever_its_case() -> None:
    assert boxes("EMB") == ["tok_emb", "pos_emb"]


def test_a_pattern_has_to_match_the_whole_name() -> None:
    assert boxes("*.weight") == ["tok_emb", "pos_emb", "blocks 0–3", "norm", "head"]
    assert boxes("?ead.*") == ["head"]
    assert boxes("weight*") == []


def test_what_is_folded_is_found_in_its_box_and_opened_in_its_own() -> None:
    assert boxes("blocks.2.attention") == ["blocks 0–3"]
    assert boxes("blocks.2.attention", "s0.0") == ["blocks 2"]


def test_a_module_is_found_by_its_path() -> None:
    assert boxes("blocks.[13]", "s0.0") == ["blocks 1", "blocks 3"]


def test_the_counts_are_those_of_a_plain_loop() -> None:
    found = search(MODEL, "*.q.*")
    assert found.tensors == sum(fnmatchcase(name, "*.q.*") for name in NAMES) == 8
    assert search(MODEL, "*.q").modules == 4
    assert search(MODEL, "head").sentence == "Found 1 module and 1 tensor."


@pytest.mark.parametrize("pattern", ["", "  ", "nowhere", "*.nowhere", "[", "blocks.9"])
def test_nothing_found_is_said(pattern: str) -> None:
    found = search(MODEL, pattern)
    assert found.names == frozenset() and found.boxes(fold(MODEL)) == ()
    assert found.sentence == "Nothing has this in its name."


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=300))
def test_any_pattern_is_answered(pattern: str) -> None:
    assert matcher(pattern)("blocks.0.attention.q.weight") in (True, False)


def test_a_hostile_pattern_is_answered_at_once() -> None:
    hits = matcher("*a" * 90 + "b")
    begin = time.perf_counter()
    assert not hits("a" * 10_000)
    assert time.perf_counter() - begin < 1


def test_hostile_names_are_found_as_text() -> None:
    names = ('<img src=x onerror="1">', "line\nbreak", "x" * 10_000)
    model = file_of(*(f"{name}.weight" for name in names))
    graph = fold(model)
    assert all(len(search(model, name[:50]).boxes(graph)) == 1 for name in names)
