"""`.pt2` files: weights, ties and steps from their JSON, as capture and trace see the live model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some
from torch import nn

from shareviz.capture import capture
from shareviz.errors import FormatError
from shareviz.formats import Upload, load
from shareviz.relations import Relation, relation
from shareviz.sharing import tally, tied_groups
from shareviz.trace import traced
from tests.formats import hostile, samples
from tests.formats.fuzz import opens_or_refuses


class Turns(nn.Module):
    """One layer called twice, a second name of its weight, a view of it, a convolution and attention."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.other = nn.Linear(4, 4), nn.Linear(4, 4, bias=False)
        self.other.weight = self.layer.weight
        self.conv = nn.Conv1d(4, 4, 3, padding=1)
        self.register_buffer("row", self.layer.weight.detach()[1:])
        self.register_buffer("mask", torch.zeros(4), persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.other(self.layer(self.layer(x))) + self.mask  # (batch, time, 4)
        x = self.conv(x.transpose(1, 2)).transpose(1, 2)
        x = nn.functional.scaled_dot_product_attention(x, x, x)
        return nn.functional.dropout(x @ self.layer.weight.t(), 0.1, self.training)


class TwoNames(nn.Module):
    """Two names of one matrix in one module, each used once."""

    def __init__(self) -> None:
        super().__init__()
        self.a = self.b = nn.Parameter(torch.zeros(4, 4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x @ self.a) @ self.b


class Branch(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(2, 2), nn.Linear(2, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cond(x.sum() > 0, self.a, self.b, (x,))


CASES: list[tuple[nn.Module, tuple[torch.Tensor, ...]]] = [
    (samples.Tied(), (torch.zeros(2, 3, dtype=torch.long),)),
    (Turns(), (torch.zeros(2, 5, 4),)),
    (TwoNames(), (torch.zeros(1, 4),)),
]


@pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning")  # torch's own, as it decomposes
@pytest.mark.parametrize("decomposed", [False, True])
@pytest.mark.parametrize(("module", "inputs"), CASES, ids=["tied", "turns", "names"])
def test_counts_uses_and_work_are_those_of_the_live_model(
    module: nn.Module, inputs: Any, decomposed: bool
) -> None:
    read, live = load(samples.exported(module, *inputs, decomposed=decomposed)), traced(module, *inputs)
    ours, theirs = tally(read), tally(live)
    assert (ours.named, ours.stored, ours.used) == (theirs.named, theirs.stored, theirs.used)
    assert (ours.saved_by_ties, ours.saved_by_reuse) == (theirs.saved_by_ties, theirs.saved_by_reuse)
    assert {t.name: (t.shape, t.kind, t.persistent) for t in read.tensors} == {
        t.name: (t.shape, t.kind, t.persistent) for t in live.tensors
    }
    assert sum(step.flops for step in read.steps or ()) == sum(step.flops for step in live.steps or ())
    assert {m.path: m.cls for m in read.modules}.items() <= {m.path: m.cls for m in live.modules}.items()
    groups = {frozenset(group.names) for group in tied_groups(live)}
    assert {frozenset(group.names) for group in tied_groups(read)} == groups


def test_calls_views_and_reads_are_told_apart() -> None:
    snapshot = load(samples.exported(*[CASES[1][0], *CASES[1][1]]))
    assert relation(snapshot, "row", "layer.weight") is Relation.PARTIAL
    linear = [step for step in snapshot.steps or () if step.op == "linear"]
    assert [(step.module, step.call) for step in linear] == [("layer", 0), ("layer", 1), ("other", 0)]
    assert [dict(step.reads).get("layer.weight", 0) for step in linear] == [16, 16, 0]
    assert [step.op for step in snapshot.steps or ()][-1] == "matmul"  # dropout does nothing here


def test_a_flattened_lstm_is_read_once_by_one_step() -> None:
    lstm = nn.LSTM(3, 4)
    live = capture(lstm)
    with pytest.warns(UserWarning, match="assigned during export"):
        snapshot = load(samples.exported(lstm, torch.zeros(5, 3)))
    assert tally(snapshot).stored == tally(live).stored == 4 * 4 * (3 + 4 + 2)
    assert tally(snapshot).used == tally(snapshot).stored
    (step,) = [step for step in snapshot.steps or () if step.op == "lstm"]
    assert step.flops == 2 * 5 * 16 * (3 + 4)
    assert snapshot.source.notes[-1].startswith("lstm: one operation for all time steps")


def test_a_graph_with_branches_has_weights_and_no_steps() -> None:
    snapshot = load(samples.exported(Branch(), torch.zeros(2)))
    assert snapshot.steps is None
    assert "calls other graphs" in snapshot.source.notes[-1]
    assert len(snapshot.tensors) == 4


def test_a_size_that_may_vary_is_the_one_that_was_seen() -> None:
    dynamic = ({0: torch.export.Dim("batch", min=2, max=9)},)
    snapshot = load(samples.exported(nn.Linear(2, 3), torch.zeros(4, 2), dynamic_shapes=dynamic))
    assert [(step.shape, step.flops) for step in snapshot.steps or ()] == [((4, 3), 2 * 4 * 2 * 3)]


def test_pickled_sample_inputs_are_not_opened(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    sample = hostile.zipped(hostile.pickle.dumps(hostile.Payload(marker), 2))
    data = hostile.exported(extra={"data/sample_inputs/model.pt": sample, "data/weights/weight_1": sample})
    snapshot = load(Upload("sample.pt2", data))
    assert [tensor.name for tensor in snapshot.tensors] == ["a"]
    assert snapshot.source.notes == ("The sample inputs are pickled, and were not opened.",)
    assert not marker.exists()


def test_a_pickled_weight_and_an_object_are_noted_and_not_opened() -> None:
    thing = hostile.payload_meta() | {"tensor_meta": None, "use_pickle": True}
    weights = {"a": hostile.payload_meta(pickled=True), "b": hostile.payload_meta(), "c": thing}
    snapshot = load(Upload("a.pt2", hostile.exported(weights=weights)))
    assert tied_groups(snapshot) == ()
    assert "1 object of other kinds were not opened: c." in snapshot.source.notes
    assert any("1 tensor is pickled" in note for note in snapshot.source.notes)


def test_one_of_several_programs_can_be_picked() -> None:
    config = json.dumps({"config": {"b": hostile.payload_meta()}}).encode()
    extra = {"models/other.json": b"{}", "data/weights/other_weights_config.json": config}
    upload = Upload("a.pt2", hostile.exported(extra=extra))
    assert [tensor.name for tensor in load(upload, pick="model").tensors] == ["a"]
    with pytest.raises(FormatError, match="holds no other_constants_config"):
        load(upload, pick="other")
    with pytest.raises(FormatError, match="2 programs: model, other"):
        load(upload, pick="third")


KEYS = some.sampled_from(["name", "arg", "as_tensor", "as_tensors", "as_int", "as_expr", "as_graph", "a"])
JSON = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(max_size=5),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)
PARTS = ("target", "inputs", "outputs", "metadata")


@settings(max_examples=150, deadline=None)
@given(some.sampled_from(PARTS), JSON, some.sampled_from(["linear", "conv1d", "lstm", "to", "dropout"]))
def test_any_node_opens_or_is_refused(part: str, value: object, op: str) -> None:
    graph = hostile.node(**{"target": f"torch.ops.aten.{op}.default", part: value})
    opens_or_refuses("a.pt2", hostile.exported(graph=graph))
    inputs = [{"name": name, "arg": value} for name in ("input", "weight", "params", "train")]
    opens_or_refuses("a.pt2", hostile.exported(graph=hostile.node(target=f"a.{op}.b", inputs=inputs)))


@settings(max_examples=100, deadline=None)
@given(some.sampled_from(["sizes", "strides", "storage_offset", "dtype"]), JSON)
def test_any_description_of_a_weight_opens_or_is_refused(part: str, value: object) -> None:
    opens_or_refuses("a.pt2", hostile.exported(weights={"a": hostile.payload_meta(**{part: value})}))
