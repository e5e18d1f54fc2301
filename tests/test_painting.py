"""Painting on plain data: what a stroke does to a design."""

from __future__ import annotations

import time
from functools import cache
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from shareviz.capture import capture
from shareviz.design import Design, presets
from shareviz.errors import OptionError, PlanError
from shareviz.headline import headline
from shareviz.layers import sharing_map, stacks
from shareviz.models import build, snapshot_of
from shareviz.painting import Across, Canvas, Painted, design_of, paint
from shareviz.realize import realize
from shareviz.snapshot import Snapshot
from shareviz.strokes import Brush, Cell, Stroke, locks, stroke_of
from shareviz.tablemap import part_keys
from shareviz.trace import traced

SIX = "language_model?layers=6&width=32&heads=4&vocab=50&context=16"
OWN, NEW = Brush("own"), Brush("new")


@cache
def six() -> Snapshot:
    return snapshot_of(SIX)


def canvas(text: str = "", before: Snapshot | None = None) -> Canvas:
    before = before or six()
    design = Design.parse(text)
    return Canvas(before, design, design.plan(before).apply(before))


def column(name: str) -> int:
    return stacks(six())[0].columns.index(name)


def cell(layer: int, name: str = "attention.q") -> Cell:
    return Cell(0, layer, (column(f"{name}.weight"), column(f"{name}.bias")))


def like(layer: int) -> Brush:
    return Brush("like", Cell(0, layer, ()))


def stroke(brush: Brush, *cells: Cell) -> Stroke:
    return Stroke(cells, brush)


def text_of(on: Canvas, one: Painted) -> str:
    return design_of(on.before, one).text


def test_one_cell_of_its_own_makes_a_fourth_block() -> None:
    on = canvas("tied;cycle")
    one = paint(on, stroke(OWN, cell(5)), Across.BLOCK)
    assert text_of(on, one) == "a:01.01.;f:=a;n:own;tie:1"
    assert headline(one.after) == "6 layers, 4 stored blocks"
    assert one.left_out == ""


def test_a_part_alone_follows_the_stroke() -> None:
    on = canvas("tied;cycle")
    one = paint(on, stroke(OWN, cell(5, "ffn.up")), Across.PART)
    assert text_of(on, one) == "a:012012;f:01.01.;n:own;tie:1"


def test_one_tensor_alone_travels_as_a_plan() -> None:
    on = canvas("tied;cycle")
    one = paint(on, stroke(OWN, cell(5)), Across.TENSOR)
    text = text_of(on, one)
    assert text.startswith("z:")
    assert Design.parse(text).plan(six()).apply(six()) == one.after
    rows = sharing_map(one.after, stacks(one.after)[0])
    assert rows.row("attention.q.weight")[5] == 5 and rows.row("attention.k.weight")[5] == 2


def test_the_owner_of_a_row_can_leave_it_to_the_others() -> None:
    on = canvas("tied;cycle")
    one = paint(on, stroke(OWN, cell(0)), Across.BLOCK)
    assert text_of(on, one) == "a:.01.01;f:=a;n:own;tie:1"


def test_a_new_row_is_one_for_the_whole_stroke() -> None:
    on = canvas()
    one = paint(on, stroke(NEW, cell(1), cell(2), cell(3)), Across.BLOCK)
    assert text_of(on, one) == "a:.000..;f:=a;n:own;tie:0"


def test_a_brush_paints_what_its_layer_reads() -> None:
    on = canvas("cycle")
    one = paint(on, stroke(like(1), cell(0), cell(5)), Across.BLOCK)
    assert text_of(on, one) == "a:00..00;f:=a;n:own;tie:0"
    rows = sharing_map(one.after, stacks(one.after)[0]).row("attention.q.weight")
    assert rows == (0, 0, 2, 3, 0, 0)


def test_norms_stay_each_layers_own_unless_they_are_painted() -> None:
    one = paint(canvas(), stroke(NEW, cell(0, "norm1"), cell(1, "norm1")), Across.PART)
    assert text_of(canvas(), one) == "a:own;f:own;n:00....;tie:0"


def test_a_row_that_shares_its_norms_paints_them_too() -> None:
    on = canvas("cycle?stored=3&norms=shared")
    one = paint(on, stroke(like(0), cell(1)), Across.BLOCK)
    keys, rows = part_keys(on.after, stacks(on.after)[0]), sharing_map(one.after, stacks(one.after)[0]).rows
    assert {row[1] for key, row in zip(keys, rows, strict=True) if key == "n"} == {0}


def test_painting_a_preset_gives_its_name_and_painting_back_gives_nothing() -> None:
    seen = six()
    known = [(one.design, one.design.plan(seen).apply(seen)) for one in presets(seen)]
    on = canvas("tied")
    one = paint(on, stroke(NEW, *(cell(layer) for layer in range(6))), Across.BLOCK)
    assert design_of(seen, one, known) == Design.parse("tied;all")
    back = paint(canvas("all"), stroke(OWN, *(cell(layer) for layer in range(6))), Across.BLOCK)
    assert design_of(seen, back) == Design()


def test_in_and_out_are_refused_with_both_shapes() -> None:
    at = {(0, cell(0, f"ffn.{name}").columns[0]): label for name, label in (("up", "in"), ("down", "out"))}
    on = Canvas(six(), Design(), six(), at)
    across = stroke(NEW, cell(0, "ffn.up"), cell(0, "ffn.down"))
    with pytest.raises(PlanError, match=r"^in and out have different shapes \(128×32, 32×128\)\."):
        paint(on, across, Across.TENSOR)
    assert paint(on, across, Across.PART).plan.rewrites == ()


def test_one_tensor_over_two_columns_ties_them_and_own_takes_them_apart() -> None:
    on = canvas()
    one = paint(on, stroke(Brush("like", cell(0, "attention.k")), cell(0, "attention.v")), Across.TENSOR)
    names = ("blocks.0.attention.k.weight", "blocks.0.attention.v.weight")
    assert one.after.by_name[names[0]].region == one.after.by_name[names[1]].region
    tied = canvas(text_of(on, one))
    for name in ("attention.k", "attention.v"):
        assert paint(tied, stroke(OWN, cell(0, name)), Across.TENSOR).after == six()


def test_runs_of_one_module_cannot_be_painted_and_say_why() -> None:
    layer = nn.ModuleDict({"a": nn.Linear(2, 2)})
    seen = capture(nn.ModuleDict({"blocks": nn.ModuleList([layer] * 6)}))
    with pytest.raises(PlanError, match="These 6 layers are one module object"):
        paint(canvas(before=seen), stroke(OWN, Cell(0, 2, (0,))), Across.BLOCK)


def test_albert_is_one_module_that_runs_often() -> None:
    import transformers

    config = transformers.AlbertConfig(num_hidden_layers=5, hidden_size=16, num_attention_heads=2)
    with torch.device("meta"):
        seen = traced(transformers.AlbertModel(config), torch.zeros(1, 8, dtype=torch.long))
    (stack,) = stacks(seen)
    held = locks(seen, stack)
    assert len(held) == len(stack.columns)
    assert set(held.values()) == {
        "This is one module that runs 5 times. A plan cannot give its runs rows apart."
    }


def test_weights_made_of_pieces_cannot_be_painted() -> None:
    on = canvas("relaxed?stored=3&rank=2")
    with pytest.raises(PlanError, match="made of pieces"):
        paint(on, stroke(OWN, cell(3)), Across.TENSOR)


def test_cells_that_can_be_painted_are_painted_beside_those_that_cannot() -> None:
    on = canvas("gqa?kv_heads=2")
    one = paint(on, stroke(NEW, cell(0), cell(1)), Across.BLOCK)
    rows = sharing_map(one.after, stacks(one.after)[0])
    assert rows.row("attention.q.weight")[1] == 0 and rows.row("attention.k.weight")[1] == 1
    assert text_of(on, one).startswith("z:")


def test_a_row_of_another_stack_is_refused() -> None:
    two = snapshot_of("encoder_decoder?encoder_layers=2&decoder_layers=2&width=8&heads=2&vocab=6")
    with pytest.raises(PlanError, match="cannot be painted into"):
        paint(canvas(before=two), stroke(like(0), Cell(1, 1, (0,))), Across.TENSOR)
    one = paint(canvas(before=two), stroke(NEW, Cell(1, 0, (0,)), Cell(1, 1, (0,))), Across.BLOCK)
    assert text_of(canvas(before=two), one).startswith("z:")


@settings(max_examples=60)
@given(st.data())
def test_any_strokes_end_in_a_model_that_its_text_gives(data: st.DataObject) -> None:
    on = canvas(data.draw(st.sampled_from(["", "tied;cycle", "all", "cycle?stored=2&norms=shared"])))
    width = len(stacks(six())[0].columns)
    places = st.builds(Cell, st.just(0), st.integers(0, 5), st.tuples(st.integers(0, width - 1)))
    sources = st.builds(Cell, st.just(0), st.integers(0, 5), st.just(()))
    brushes = st.one_of(st.just(OWN), st.just(NEW), st.builds(Brush, st.just("like"), sources))
    for _ in range(3):
        one = data.draw(st.builds(Stroke, st.lists(places, min_size=1, max_size=4).map(tuple), brushes))
        try:
            done = paint(on, one, data.draw(st.sampled_from(Across)))
        except PlanError:
            continue
        text = text_of(on, done)
        assert Design.parse(text).plan(on.before).apply(on.before) == done.after
        on = canvas(text)


def test_what_is_painted_is_what_is_trained() -> None:
    on = canvas("tied;cycle")
    one = paint(on, stroke(like(1), cell(0), cell(5)), Across.BLOCK)
    assert capture(realize(one.plan, build(SIX), seed=0)) == one.after


@pytest.mark.parametrize(
    "sent",
    [
        None,
        [],
        {"cells": [], "brush": {"kind": "own"}},
        {"cells": [[0, 0, [0]]], "brush": {"kind": "like"}},
        {"cells": [[0, 0, [0]]], "brush": {"kind": "other"}},
        {"cells": [[0, -1, [0]]], "brush": {"kind": "own"}},
        {"cells": [[0, True, [0]]], "brush": {"kind": "own"}},
        {"cells": [[0, 0.5, [0]]], "brush": {"kind": "own"}},
        {"cells": [[0, 0, "01"]], "brush": {"kind": "own"}},
        {"cells": [[0, 0]], "brush": {"kind": "own"}},
        {"cells": [[0, 0, [0]]] * 20_001, "brush": {"kind": "own"}},
        {"cells": "x", "brush": {"kind": "own"}},
        {"cells": [[0, 0, [0]]], "brush": "own"},
    ],
)
def test_what_is_no_stroke_is_refused(sent: Any) -> None:
    with pytest.raises(OptionError, match="cannot be read"):
        stroke_of(sent)


@pytest.mark.parametrize("where", [Cell(9, 0, (0,)), Cell(0, 99, (0,)), Cell(0, 0, (999,))])
def test_a_cell_outside_the_map_is_refused(where: Cell) -> None:
    for across in Across:
        with pytest.raises(OptionError, match="no such cell"):
            paint(canvas(), stroke(OWN, where), across)
    with pytest.raises((OptionError, PlanError)):
        paint(canvas(), stroke(Brush("like", where), cell(0)), Across.TENSOR)


def test_a_stroke_on_twelve_layers_takes_a_fraction_of_a_second() -> None:
    seen = snapshot_of("language_model")
    on = canvas("tied;cycle", seen)
    started = time.process_time()
    design_of(seen, paint(on, stroke(OWN, Cell(0, 11, (0, 1))), Across.BLOCK))
    assert time.process_time() - started < 0.25
