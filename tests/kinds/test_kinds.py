"""Every kind of layer: the shape it says is the shape that torch gives, and what it refuses says a way on."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings

from shareviz.capture import capture
from shareviz.kinds import Call, Kind, Shape, kinds
from shareviz.layertable import Flow, RowError, flow, input_text, parse_rows, row_of, rows_text
from shareviz.models import build, canonical, catalogue, inputs_of, snapshot_of
from shareviz.options import unparse
from tests.kinds.tables import tables

SHAPES = (Shape((6,), tokens=True), Shape((8,)), Shape((7, 8)), Shape((4, 8, 8)))
EVERY = pytest.mark.parametrize("kind", kinds().values(), ids=tuple(kinds()))


def text_of(table: Flow) -> str:
    values = {"input": input_text(table.given), "rows": rows_text(table.rows)}
    return unparse("layers", catalogue()["layers"].options, values)


def small(kind: Kind) -> list[object]:
    """Return sizes with which a layer is small."""
    return ["" if option.choices or not option.low else 2 for option in kind.sizes]


def fitting(kind: Kind) -> Shape:
    """Return a shape that a kind takes."""
    for shape in SHAPES:
        try:
            flow(shape, [row_of(1, kind.name, small(kind))])
        except RowError:
            continue
        return shape
    raise AssertionError(f"{kind.name} takes nothing")


@settings(max_examples=60)
@given(tables())
def test_the_shape_behind_each_row_is_the_one_that_torch_gives(table: Flow) -> None:
    module, x = build(text_of(table), device="cpu").eval(), inputs_of(text_of(table), device="cpu")[0]
    for part, shape in zip(module.children(), table.shapes, strict=True):
        for layer in part if isinstance(part, torch.nn.ModuleList) else (part,):
            x = layer(x)
        assert tuple(x.shape[1:]) == shape.sizes
    assert tuple(name for name, _ in module.named_children()) == table.names


@settings(max_examples=60)
@given(tables())
def test_a_table_is_its_text_and_the_text_its_table(table: Flow) -> None:
    assert parse_rows(rows_text(table.rows)) == table.rows
    assert canonical(text_of(table)) == text_of(table)
    assert not set(rows_text(table.rows)) - set("abcdefghijklmnopqrstuvwxyz0123456789-~")


@settings(max_examples=25)
@given(tables())
def test_what_is_built_shares_nothing_and_is_traced_whole(table: Flow) -> None:
    seen = snapshot_of(text_of(table))
    assert seen.steps is not None and not seen.source.notes
    regions = [slot.region for slot in seen.parameters()]
    assert len(set(regions)) == len(regions)
    assert seen == capture(build(text_of(table), device="cpu"))


@EVERY
def test_a_kind_says_what_it_is_and_where_it_is_from(kind: Kind) -> None:
    assert kind.summary.endswith(".") and any(letter.isdigit() for letter in kind.source)
    assert all(option.help.endswith(".") for option in kind.sizes)
    assert len({option.name for option in kind.sizes}) == len(kind.sizes)


@EVERY
def test_a_kind_refuses_what_it_cannot_take_and_says_what_to_change(kind: Kind) -> None:
    refused = 0
    for shape in SHAPES:
        try:
            flow(shape, [row_of(1, kind.name, small(kind))])
        except RowError as error:
            refused += 1
            assert str(shape) in error.message and "the input" in error.message
            assert error.hint.endswith(".") and "{" not in error.hint
    assert refused


@EVERY
def test_a_kind_says_whether_it_learns_anything(kind: Kind) -> None:
    table = flow(fitting(kind), [row_of(1, kind.name, small(kind))])
    assert any(snapshot_of(text_of(table)).parameters()) is kind.weights


@EVERY
def test_every_choice_and_both_ends_of_a_size_give_another_module_or_another_shape(kind: Kind) -> None:
    shape = fitting(kind)
    for option in kind.sizes:
        faces = set()
        values = option.choices or ((2, 4) if option.low else (0, 9))
        for value in values:
            sizes = [
                value if other is option else one for other, one in zip(kind.sizes, small(kind), strict=True)
            ]
            try:
                table = flow(shape, [row_of(1, kind.name, sizes)])
            except RowError:
                continue  # batch norm over places, fewer places than come in: said elsewhere
            module = build(text_of(table))
            faces.add((repr(module), str(kind.makes(shape, table.rows[0].values)), table.shapes))
        assert len(faces) >= min(2, len(values) - 1), option.name


def test_the_counts_are_those_of_the_closed_forms() -> None:
    counts = {
        # 9·16 + 16, 16·32·9 + 32, 32·64 + 64, 64·10 + 10
        "layers?input=image-1-8-8&rows=conv2d-16~conv2d-32~reduce~linear~head": 160 + 4640 + 2112 + 650,
        # 3·(16·2 + 16² + 2·16), 4·(8·16 + 8² + 2·8), 8·2 + 2
        "layers?input=sequence-12-2&rows=gru-16~lstm-8~reduce-last~head-2": 3 * 320 + 4 * 208 + 18,
        # 100·8 + 6·8, 2·(12·8² + 13·8), 2·8
        "layers?input=tokens-6&rows=embedding-100-8~positions~block-2-x2~norm": 848 + 2 * (768 + 104) + 16,
        # 4·(8² + 8), 2·8·16 + 16 + 8, 8, 3·8·8 + 8
        "layers?input=sequence-6-8&rows=attention-2~ffn-2~norm-rms~conv1d-8": 288 + 280 + 8 + 200,
    }
    for text, count in counts.items():
        assert sum(slot.numel for slot in snapshot_of(text).parameters()) == count


def test_a_call_is_written_as_python() -> None:
    inner = Call("BlockShape", (8, 2, 32), (("causal", True),))
    assert str(Call("Block", (inner,))) == "Block(BlockShape(8, 2, 32, causal=True))"
    assert str(Call("Linear", (8, 4), (("then", "relu"),))) == 'Linear(8, 4, then="relu")'


def test_tables_are_checked_without_torch() -> None:
    code = "import sys, shareviz.models as m; m.canonical('layers?rows=embedding~head')"
    code += "; assert 'torch' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
