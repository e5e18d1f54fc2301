"""What `compare` says of two models, on live modules and on catalogue-like plans."""

from __future__ import annotations

import torch
from torch import nn

from shareviz.capture import capture
from shareviz.compare import Change, Difference, compare
from shareviz.layers import stacks, table_plan
from shareviz.snapshot import Snapshot
from shareviz.trace import traced
from tests.checks.toys import Block, Chain, Loop, Tied, rows, tokens


def of(change: Change, found: tuple[Difference, ...]) -> list[Difference]:
    return [difference for difference in found if difference.change is change]


def shared(table: list[int]) -> Snapshot:
    """Return a chain whose layer i reads row table[i], its norms left alone."""
    plain = traced(Chain([Block() for _ in table]), rows())
    (stack,) = stacks(plain)
    return table_plan(plain, stack, [table for _ in stack.columns]).apply(plain)


def test_a_model_does_not_differ_from_itself() -> None:
    for model in (Tied(), Chain([Block()] * 3), Chain([Block(), Block()])):
        assert compare(capture(model), capture(model)) == ()


def test_the_order_of_names_in_a_file_is_no_difference() -> None:
    head = nn.Linear(4, 6, bias=False)
    table = nn.Embedding(6, 4)
    table.weight = head.weight
    there, back = {"table": table, "head": head}, {"head": head, "table": table}
    assert compare(capture(nn.ModuleDict(there)), capture(nn.ModuleDict(back))) == ()


def test_a_list_of_one_object_and_a_list_of_tied_layers_have_equal_names() -> None:
    found = compare(capture(Chain([Block()] * 3)), shared([0, 0, 0]))
    assert not of(Change.MISSING, found)
    assert not of(Change.ADDED, found)
    assert not of(Change.LOST, found)


def test_a_lost_tie_says_what_it_saved() -> None:
    found = compare(traced(Tied(), tokens()), traced(Tied(tie=False), tokens()))
    (lost,) = of(Change.LOST, found)
    assert lost.before == "saved 40"  # 10 tokens of 4
    assert set(lost.names) == {"emb.weight", "head.weight"}
    assert found[0] is lost
    assert [difference.text for difference in of(Change.COUNT, found)] == ["Stored 60 → 100"]


def test_a_gained_tie_is_the_lost_one_read_backwards() -> None:
    a, b = traced(Tied(), tokens()), traced(Tied(tie=False), tokens())
    (gained,) = of(Change.GAINED, compare(b, a))
    assert gained.names == of(Change.LOST, compare(a, b))[0].names


def test_a_set_that_covers_other_layers_keeps_its_id_and_shows_both_ranges() -> None:
    (changed,) = of(Change.SET, compare(shared([0] * 12), shared([0] * 6 + list(range(6, 12)))))
    assert changed.text == f"S1 ({changed.text[4:].partition(')')[0]}): layers 0–11 → layers 0–5"
    assert "blocks.6.lin.weight" in changed.names
    assert "blocks.0.lin.weight" not in changed.names


def test_another_number_of_runs_is_a_change_of_the_set() -> None:
    (changed,) = of(Change.SET, compare(traced(Loop(3), rows()), traced(Loop(5), rows())))
    assert changed.before == "3 uses"
    assert changed.after == "5 uses"


def test_two_parameters_in_place_of_one_is_another_relation() -> None:
    model = Tied()
    before = capture(model)
    model.head.weight = nn.Parameter(model.emb.weight.data)
    (changed,) = compare(before, capture(model))
    assert changed.change is Change.RELATION
    assert (changed.before, changed.after) == ("same-object", "same-view")


def test_names_shapes_and_dtypes_are_listed_once_for_each_kind() -> None:
    a, b = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4)), nn.Sequential(nn.Linear(4, 6), nn.Linear(6, 4))
    b.add_module("2", nn.Linear(4, 1))
    found = compare(capture(a), capture(b.to(torch.float64)))
    assert [d.before + " " + d.after for d in of(Change.SHAPE, found)] == ["4×4 6×4", "4 6", "4×4 4×6"]
    (dtype,) = of(Change.DTYPE, found)
    assert (dtype.before, dtype.after, len(dtype.names)) == ("float32", "float64", 4)
    (added,) = of(Change.ADDED, found)
    assert added.names == ("2.weight", "2.bias")
    assert not of(Change.MISSING, found)


def test_a_derived_weight_counts_as_the_name_that_it_has() -> None:
    model = Tied(tie=False)
    before = capture(model)
    nn.utils.parametrizations.weight_norm(model.head)
    found = compare(before, capture(model))
    assert not of(Change.MISSING, found)
    assert not of(Change.ADDED, found)
