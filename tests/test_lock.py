"""The lock keeps what is shared, and refuses what is no lock; `assert_tied` does so for live modules."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils import parametrizations

from shareviz.capture import capture
from shareviz.checks import Level
from shareviz.errors import SharevizError
from shareviz.layers import stacks, table_plan
from shareviz.lock import check_lock, make_lock, read_lock
from shareviz.snapshot import Snapshot
from shareviz.testing import assert_tied
from shareviz.trace import traced
from tests.checks.toys import Block, Chain, Loop, Tied, rows

PLAIN = traced(Chain([Block() for _ in range(6)]), rows())


def shared(table: list[int]) -> Snapshot:
    (stack,) = stacks(PLAIN)
    return table_plan(PLAIN, stack, [table for _ in stack.columns]).apply(PLAIN)


def canonical(table: list[int]) -> list[int]:
    return [table.index(row) for row in table]


TABLES = st.lists(st.integers(0, 5), min_size=6, max_size=6)


@settings(max_examples=40, deadline=None)
@given(TABLES)
def test_a_model_keeps_its_own_lock(table: list[int]) -> None:
    found = check_lock(shared(table), make_lock(shared(table)))
    assert [finding.level for finding in found] == [Level.OK]


@settings(max_examples=40, deadline=None)
@given(TABLES, TABLES)
def test_a_lock_is_broken_exactly_when_the_partition_of_layers_differs(a: list[int], b: list[int]) -> None:
    found = check_lock(shared(a), make_lock(shared(b)))
    broken = any(finding.level is Level.PROBLEM for finding in found)
    assert broken == (canonical(a) != canonical(b))


def test_a_lost_tie_is_a_problem_whose_fix_restores_the_lock() -> None:
    lock = make_lock(capture(Tied()))
    model = Tied(tie=False)
    (finding,) = check_lock(capture(model), lock)
    assert finding.level is Level.PROBLEM
    assert finding.saves == 40
    exec(finding.fix, {"model": model})
    assert check_lock(capture(model), lock)[0].level is Level.OK


def test_a_tie_that_the_lock_does_not_know_is_a_problem_whose_fix_parts_it() -> None:
    lock = make_lock(capture(Tied(tie=False)))
    model = Tied()
    (finding,) = check_lock(capture(model), lock)
    assert finding.level is Level.PROBLEM
    exec(finding.fix, {"model": model})
    assert check_lock(capture(model), lock)[0].level is Level.OK


def test_aliases_of_one_object_are_locked() -> None:
    lock = make_lock(capture(Chain([Block()] * 3)))
    found = check_lock(capture(Chain([Block() for _ in range(3)])), lock)
    assert [finding.level for finding in found] == [Level.PROBLEM] * 2  # weight and bias
    assert check_lock(capture(Chain([Block()] * 3)), lock)[0].level is Level.OK


def test_a_name_that_is_gone_breaks_its_tie() -> None:
    lock = make_lock(capture(Tied()))
    model = Tied(tie=False)
    del model.head
    (finding,) = check_lock(capture(model), lock)
    assert finding.title == "head.weight is gone"


def test_another_number_of_runs_breaks_the_lock_only_where_the_model_was_traced() -> None:
    lock = make_lock(traced(Loop(3), rows()))
    (finding,) = check_lock(traced(Loop(4), rows()), lock)
    assert finding.title == "block.lin.weight runs 4 times, not 3"
    assert check_lock(capture(Loop(4)), lock)[0].level is Level.OK


def test_a_larger_model_with_the_same_ties_is_a_note() -> None:
    model = Tied()
    lock = make_lock(capture(model))
    model.mix = nn.Linear(4, 4, bias=False)
    found = check_lock(capture(model), lock)
    assert [finding.level for finding in found] == [Level.NOTE, Level.OK]


def test_a_lock_has_one_line_for_each_tie() -> None:
    text = make_lock(shared([0, 0, 2, 2, 4, 5]))
    assert text.count("blocks.2.lin.weight") == 1
    line = next(line for line in text.splitlines() if "blocks.2.lin.weight" in line)
    assert json.loads(line.strip(" ,")) == ["blocks.2.lin.weight", "blocks.3.lin.weight"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        "[" * 100_000,
        '{"shareviz_lock": 2, "stored": 1, "ties": [], "runs": []}',
        '{"shareviz_lock": 1, "stored": true, "ties": [], "runs": []}',
        '{"shareviz_lock": 1, "stored": 1, "ties": [["a"]], "runs": []}',
        '{"shareviz_lock": 1, "stored": 1, "ties": [["a", 2]], "runs": []}',
        '{"shareviz_lock": 1, "stored": 1, "ties": [], "runs": [["a"]]}',
        '{"shareviz_lock": 1, "stored": 1}',
    ],
)
def test_what_is_no_lock_is_refused_with_a_hint(text: str) -> None:
    with pytest.raises(SharevizError) as caught:
        read_lock(text)
    assert caught.value.code == "lock"
    assert "--write-lock" in caught.value.hint


def test_hostile_names_survive_the_lock_as_they_are() -> None:
    name = 'a"\u202e\n.weight'
    seen = capture(Tied())
    tensors = tuple(
        replace(slot, name=name, module='a"\u202e\n') if slot.name == "emb.weight" else slot
        for slot in seen.tensors
    )
    odd = Snapshot(tensors, (), (), seen.storages)
    assert (name, "head.weight") in read_lock(make_lock(odd)).ties
    assert check_lock(odd, make_lock(odd))[0].level is Level.OK


def test_assert_tied_accepts_one_parameter_and_refuses_all_else() -> None:
    model = Tied()
    assert_tied(model, "head.weight", "emb.weight")
    with pytest.raises(AssertionError, match="not tied: none"):
        assert_tied(Tied(tie=False), "head.weight", "emb.weight")
    model.head.weight = nn.Parameter(model.emb.weight.data)
    with pytest.raises(AssertionError, match="two Parameters on one storage"):
        assert_tied(model, "head.weight", "emb.weight")


def test_assert_tied_names_a_computed_weight_and_an_unknown_name() -> None:
    model = Tied()
    parametrizations.spectral_norm(model.head)
    with pytest.raises(AssertionError, match="computed by SpectralNorm"):
        assert_tied(model, "emb.weight", "head.weight")
    with pytest.raises(AssertionError, match=r"no tensor nowhere"):
        assert_tied(Tied(), "emb.weight", "nowhere")
    with pytest.raises(TypeError, match="two names"):
        assert_tied(model, "emb.weight")


def test_assert_tied_works_on_the_meta_device() -> None:
    with torch.device("meta"):
        assert_tied(Tied(), "emb.weight", "head.weight")
        with pytest.raises(AssertionError):
            assert_tied(Tied(tie=False), "emb.weight", "head.weight")
