"""Snapshots and plans as JSON: equal both ways, and strict about what is read."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, get_args

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some
from torch import nn

from shareviz.capture import capture
from shareviz.errors import FormatError
from shareviz.formats import HOSTED
from shareviz.formats._base import Code
from shareviz.forms import Factor, Hashed, HashedRows, LowRank, Mix, Rows, Scaled
from shareviz.jsonio import from_json, plan_from_json, plan_to_json, to_json
from shareviz.plan import Plan, Rewrite, own, tie
from shareviz.snapshot import (
    Derived,
    Evidence,
    Kind,
    Module,
    Region,
    Snapshot,
    Source,
    Step,
    Tensor,
    contiguous,
)
from shareviz.trace import traced
from tests.formats.samples import Shared

names = some.text(alphabet="ab.é<\n\u202e", min_size=1, max_size=6)
counts = some.integers(0, 2**40)
shapes = some.lists(some.integers(0, 5), max_size=3).map(tuple)


@some.composite
def tensors(draw: some.DrawFn, name: str, storages: int) -> Tensor:
    shape = draw(shapes)
    region = None
    if draw(some.booleans()):
        flags = draw(some.sampled_from([(), ("conj",), ("conj", "neg")]))
        region = Region(draw(some.integers(0, storages - 1)), draw(counts), contiguous(shape), flags)
    return Tensor(
        name,
        draw(names),
        shape,
        draw(some.sampled_from(["float32", "int8", "bool"])),
        region,
        draw(some.none() | counts),
        draw(some.sampled_from(Kind)),
        draw(some.none() | some.booleans()),
        draw(some.booleans()),
        draw(some.sampled_from(Evidence)),
    )


MADE = (Mix(3), Scaled(2), Hashed(8, 5), HashedRows(4, 3, 2))
forms = some.sampled_from([Rows((0, 0, 1)), Rows((0, 1, 0), 2), LowRank(3), Factor(2), *MADE, "WeightNorm"])


@some.composite
def snapshots(draw: some.DrawFn) -> Snapshot:
    known = draw(some.lists(names, min_size=1, max_size=5, unique=True))
    slots = tuple(draw(tensors(name, 2)) for name in known[1:])
    known_slots = [slot.name for slot in slots]
    reads = (
        some.lists(some.sampled_from(known_slots), max_size=2).map(tuple) if known_slots else some.just(())
    )
    derived = (Derived(known[0], draw(names), draw(shapes), draw(forms), draw(reads)),)
    module = some.builds(
        Module,
        names,
        names,
        some.lists(names, max_size=2).map(tuple),
        some.integers(0, 2**200),
        some.lists(some.tuples(names, counts), max_size=2).map(tuple),
    )
    step = some.builds(
        Step,
        names,
        names,
        counts,
        some.lists(some.tuples(some.sampled_from(known), counts), max_size=2).map(tuple),
        some.just(()),
        shapes,
        counts,
        some.sampled_from(["", *known]),
    )
    steps = draw(some.none() | some.lists(step, max_size=3).map(tuple))
    if steps and len(steps) > 1:
        steps = (*steps[:-1], replace(steps[-1], inputs=(0, len(steps) - 2)))
    texts = some.lists(some.text(alphabet="ab é<\n", max_size=20), max_size=2).map(tuple)
    source = Source(
        draw(names), draw(names), draw(texts), draw(some.lists(some.tuples(names, names)).map(tuple))
    )
    modules = draw(some.lists(module, max_size=2).map(tuple))
    return Snapshot(slots, modules, derived, (2**50, 2**50), steps, source)


@settings(max_examples=100, deadline=None)
@given(snapshots())
def test_a_snapshot_read_again_is_equal_with_steps_and_source(snapshot: Snapshot) -> None:
    again = from_json(to_json(snapshot))
    assert again == snapshot
    assert (again.steps, again.source) == (snapshot.steps, snapshot.source)
    assert to_json(again) == to_json(snapshot)


def test_a_captured_and_traced_model_survives() -> None:
    snapshot = traced(nn.Sequential(nn.Embedding(5, 4), nn.GRU(4, 4)), torch.zeros(2, dtype=torch.long))
    again = from_json(to_json(snapshot).encode())
    assert again == snapshot
    assert again.steps == snapshot.steps
    assert again.steps
    assert from_json(to_json(capture(Shared()))) == capture(Shared())


FORMED = (
    Rewrite("d", LowRank(2), (("base", "a"),)),
    Rewrite("e", Rows((0, 0), 1)),
    *(Rewrite(f"f{n}", form) for n, form in enumerate(MADE)),
)
PLAN = Plan((tie("b", "a"), own("c"), *FORMED), "all")


def test_a_plan_read_again_is_equal() -> None:
    assert plan_from_json(plan_to_json(PLAN)) == PLAN
    assert plan_from_json(plan_to_json(Plan())) == Plan()


GOOD: dict[str, Any] = json.loads(
    to_json(
        Snapshot(
            (Tensor("a", "", (2, 2), "float32", Region(0, 0, (2, 1)), 0),),
            (Module("", "Net"),),
            (Derived("w", "", (4, 2), Rows((0, 0)), ("a",)),),
            (16,),
            (Step("mm", "", 0, (("w", 8),), (), (2, 2), 32, ""), Step("add", "", 0, (), (0,))),
        )
    )
)
TENSOR, STEP = GOOD["tensors"][0], GOOD["steps"][0]


def at(storage: int, offset: int, stride: list[int]) -> dict[str, Any]:
    return TENSOR | {"region": {"storage": storage, "offset": offset, "stride": stride}}


def formed(**options: Any) -> dict[str, Any]:
    return {"rewrites": [{"name": "a", "form": options, "reads": []}]}


def changed(**fields: Any) -> str:
    return json.dumps(GOOD | fields)


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ("[]", "The file must be an object"),
        ("{}", 'format must be "shareviz.snapshot"'),
        (changed(version=2), "version must be 1"),
        (changed(storages=[-1]), "storages[0]"),
        (changed(storages=[True]), "storages[0]"),
        (changed(storages={}), "storages must be a list"),
        (changed(tensors=[TENSOR | {"shape": [-1]}]), "tensors[0].shape"),
        (changed(tensors=[TENSOR | {"shape": [1.5]}]), "tensors[0].shape"),
        (changed(tensors=[TENSOR | {"shape": [2**40, 2**40]}]), "tensors[0].shape"),
        (changed(tensors=[TENSOR | {"shape": [1] * 33}]), "tensors[0].shape"),
        (changed(tensors=[TENSOR | {"dtype": "float13"}]), "tensors[0].dtype"),
        (changed(tensors=[TENSOR | {"kind": "weight"}]), "tensors[0].kind"),
        (changed(tensors=[TENSOR | {"name": 5}]), "tensors[0].name"),
        (changed(tensors=[TENSOR | {"name": "x" * 9000}]), "tensors[0].name"),
        (changed(tensors=[TENSOR | {"trainable": "yes"}]), "tensors[0].trainable"),
        (changed(tensors=[at(1, 0, [2, 1])]), "region.storage"),
        (changed(tensors=[at(0, 4, [2, 1])]), "within its storage"),
        (changed(tensors=[at(0, 0, [1])]), "as long as the shape"),
        (changed(tensors=[TENSOR, TENSOR]), "two slots"),
        (changed(tensors=[{"name": "a"}]), "tensors[0] must be an object with"),
        (changed(derived=[GOOD["derived"][0] | {"reads": ["x"]}]), "derived[0].reads"),
        (changed(derived=[GOOD["derived"][0] | {"form": {"kind": "magic"}}]), "derived[0].form.kind"),
        (changed(derived=[GOOD["derived"][0] | {"form": {"kind": "rows", "table": [5]}}]), "derived[0].form"),
        (changed(derived=[GOOD["derived"][0] | {"form": {"kind": "rows"}}]), "derived[0].form"),
        (changed(derived=[GOOD["derived"][0] | {"form": None}]), "derived[0].form"),
        (changed(steps=[STEP | {"reads": [["x", 1]]}]), "steps[0].reads"),
        (changed(steps=[STEP | {"reads": [["w"]]}]), "steps[0].reads"),
        (changed(steps=[STEP | {"inputs": [0]}]), "steps[0].inputs"),
        (changed(steps=[STEP | {"flops": 10**30}]), "steps[0].flops"),
        (changed(modules=[{"path": "", "cls": "A", "aliases": ["a"] * 65}]), "modules[0].aliases"),
        (changed(source={"notes": ["\ud800"]}), "source.notes[0]"),
        (changed()[:-1], "no valid JSON"),
        (changed().replace('"version"', '"format"'), "format twice"),
        ("[" * 100_000, "nests too deep"),
        (
            changed(storages=[10**5000])[:10] + "9" * 5000 if False else '{"a":' + "9" * 5000 + "}",
            "no valid JSON",
        ),
        (" " * (HOSTED.header_bytes + 1), "more than"),
    ],
)
def test_a_bad_snapshot_is_refused_with_the_place(document: str, says: str) -> None:
    with pytest.raises(FormatError) as caught:
        from_json(document, HOSTED)
    assert says in caught.value.message
    assert caught.value.code in ("malformed", "limit", "ambiguous", "bad-name")
    assert caught.value.hint


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"rewrites": [{"name": "a", "form": None, "reads": [["", "b", "c"]]}]}, "rewrites[0].reads"),
        ({"rewrites": [{"name": "a", "form": None, "reads": []}] * 2}, "twice"),
        (formed(kind="low-rank", rank=0), "rewrites[0].form"),
        (formed(kind="low-rank", rank=[1]), "rewrites[0].form"),
        ({"rewrites": [{"name": "a", "reads": []}]}, "rewrites[0] must be an object with form"),
        ({"title": 5}, "title"),
    ],
)
def test_a_bad_plan_is_refused_with_the_place(fields: dict[str, Any], says: str) -> None:
    document = json.dumps(json.loads(plan_to_json(PLAN)) | fields)
    with pytest.raises(FormatError) as caught:
        plan_from_json(document)
    assert says in caught.value.message


@settings(max_examples=150, deadline=None)
@given(some.data())
def test_any_part_changed_reads_or_is_refused(draw: some.DataObject) -> None:
    document = json.loads(json.dumps(GOOD))
    here: Any = document
    while True:
        keys = list(here) if isinstance(here, dict) else list(range(len(here)))
        key = draw.draw(some.sampled_from(keys))
        if isinstance(here[key], (dict, list)) and here[key] and draw.draw(some.booleans()):
            here = here[key]
            continue
        here[key] = draw.draw(some.none() | some.booleans() | some.integers() | some.text() | some.just([]))
        break
    try:
        from_json(json.dumps(document))
    except FormatError as error:
        assert error.code in get_args(Code)
        assert error.hint
