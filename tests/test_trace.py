"""One forward pass on meta: steps, where they run, what they read; uses have their table elsewhere."""

from __future__ import annotations

import sys

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from shareviz.errors import TraceError
from shareviz.forms import LowRank, Rows
from shareviz.models import build, inputs_of
from shareviz.plan import Plan, Rewrite, tie
from shareviz.realize import realize
from shareviz.trace import trace, traced


class Twice(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(F.relu(self.layer(x)))


def test_steps_come_in_order_with_their_module_and_call() -> None:
    steps = trace(Twice(), torch.zeros(2, 3))
    assert [(step.op, step.module, step.call) for step in steps] == [
        ("addmm", "layer", 0),
        ("relu", "", 0),
        ("addmm", "layer", 1),
    ]
    assert steps[0].reads == (("layer.bias", 3), ("layer.weight", 9))
    assert [step.inputs for step in steps] == [(), (0,), (1,)]
    assert [step.shape for step in steps] == [(2, 3)] * 3
    assert steps[0].flops == 2 * 2 * 3 * 3


def test_views_and_copies_of_the_input_are_no_steps_that_read() -> None:
    class Views(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = nn.Parameter(torch.zeros(4, 4))

        def forward(self, x: Tensor) -> Tensor:
            return x + self.w.t().reshape(2, 8).t().unsqueeze(0).detach().sum()

    steps = trace(Views(), torch.zeros(1))
    assert [step.op for step in steps if step.reads] == ["clone"]  # reshape of a transpose copies


def test_an_allocation_like_a_weight_reads_nothing_of_it() -> None:
    class Like(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = nn.Parameter(torch.zeros(4, 4))

        def forward(self, x: Tensor) -> Tensor:
            return x + torch.zeros_like(self.w) + self.w.new_ones(4) + torch.rand_like(self.w)

    assert not [step for step in trace(Like(), torch.zeros(4)) if step.reads]


def test_buffers_are_in_no_read() -> None:
    steps = trace(nn.BatchNorm1d(3), torch.zeros(2, 3))
    assert {name for step in steps for name, _ in step.reads} == {"weight", "bias"}


def test_the_module_is_left_as_it_was() -> None:
    module = nn.Sequential(nn.BatchNorm1d(3), nn.Dropout())
    before = {name: value.clone() for name, value in module.state_dict().items()}
    hooks = len(module._forward_hooks)
    trace(module, torch.ones(2, 3))
    assert module.training
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert len(module._forward_hooks) == hooks


def test_a_module_on_the_cpu_and_on_meta_make_the_same_steps() -> None:
    text = "language_model?layers=2&width=16&heads=2&vocab=11&context=9"
    given = inputs_of(text, device="cpu")
    assert trace(build(text, device="cpu"), *given) == trace(build(text), *given)


def test_named_inputs_are_passed_on() -> None:
    class Named(nn.Module):
        def forward(self, *, x: Tensor) -> Tensor:
            return x + 1

    assert [step.op for step in trace(Named(), x=torch.zeros(2))] == ["add"]


@pytest.mark.parametrize("name", ["language_model", "encoder_decoder", "vit"])
def test_operations_add_up_to_torchs_own_count(name: str) -> None:
    module, given = build(name), inputs_of(name)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module.eval()(*given)
    steps = trace(module, *given)
    assert sum(step.flops for step in steps) == counter.get_total_flops()


def test_the_making_of_a_weight_is_marked_and_the_weight_read_by_its_own_name() -> None:
    module = realize(Plan((Rewrite("layer.weight", Rows((0, 0, 0))),)), Twice())
    steps = trace(module, torch.zeros(2, 3))
    makes = {step.makes for step in steps if step.reads and step.module == "layer"}
    assert makes == {"", "layer.weight"}
    reads = [step.reads for step in steps if step.module == "layer" and not step.makes]
    assert reads == [(("layer.bias", 3), ("layer.weight", 9))] * 2
    pieces = {name for step in steps if step.makes for name, _ in step.reads}
    assert pieces == {"layer.parametrizations.weight.original"}


def test_a_base_of_another_layer_is_read_by_the_layer_that_leans_on_it() -> None:
    module = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    leaned = realize(Plan((Rewrite("1.weight", LowRank(1), (("base", "0.weight"),)),)), module)
    steps = trace(leaned, torch.zeros(2, 3))
    assert [dict(step.reads).get("0.weight") for step in steps if step.module == "0"] == [9]
    plain = [name for step in steps if step.module == "1" and not step.makes for name, _ in step.reads]
    assert sorted(plain) == ["1.bias", "1.weight"]


def test_a_tied_head_reads_its_own_name() -> None:
    text = "language_model?layers=1&width=16&heads=2&vocab=11&context=9"
    tied = realize(Plan((tie("head.weight", "tok_emb.weight"),)), build(text))
    reads = {step.module: dict(step.reads) for step in trace(tied, *inputs_of(text)) if step.reads}
    assert reads["head"] == {"head.weight": 11 * 16}
    assert reads["tok_emb"] == {"tok_emb.weight": 11 * 16}


def test_a_weight_and_its_transpose_are_read_each_by_its_own_module() -> None:
    module = nn.Sequential(nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False))
    module[1].weight = nn.Parameter(module[0].weight.detach().t())
    reads = [step.reads for step in trace(module, torch.zeros(2, 3))]
    assert reads == [(("0.weight", 9),), (("1.weight", 9),)]


def test_a_module_that_reads_its_childs_weight_reads_that_child_under_a_tie() -> None:
    module = nn.ModuleList(nn.MultiheadAttention(4, 2) for _ in range(2))

    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = module

        def forward(self, x: Tensor) -> Tensor:
            for layer in reversed(self.layers):
                x = layer(x, x, x)[0]
            return x

    tied = realize(Plan((tie("layers.1.out_proj.weight", "layers.0.out_proj.weight"),)), Both())
    steps = trace(tied, torch.zeros(3, 1, 4))
    reads = [(step.module, name) for step in steps for name, _ in step.reads if "out_proj.weight" in name]
    assert reads == [(f"layers.{n}", f"layers.{n}.out_proj.weight") for n in (1, 0)]


def test_two_names_in_one_module_are_read_in_turn() -> None:
    cells = nn.GRUCell(4, 4)
    tied = realize(Plan((tie("weight_hh", "weight_ih"),)), cells)
    reads = [name for step in trace(tied, torch.zeros(1, 4)) for name, _ in step.reads]
    assert reads.count("weight_ih") == reads.count("weight_hh") == 1


def test_a_read_of_a_slice_that_has_a_name_is_that_names() -> None:
    class Sliced(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            whole = torch.zeros(6, 2)
            self.whole, self.part = nn.Parameter(whole), nn.Parameter(whole[2:5])

        def forward(self, x: Tensor) -> Tensor:
            return (x @ self.part.t()).sum() + (x @ self.whole.t()).sum()

    reads = [step.reads for step in trace(Sliced(), torch.zeros(1, 2)) if step.reads]
    assert reads == [(("part", 6),), (("whole", 12),)]


def test_the_pass_is_one_of_evaluation() -> None:
    steps = trace(nn.Sequential(nn.Dropout(), nn.BatchNorm1d(3)), torch.ones(2, 3))
    assert {step.module for step in steps} == {"1"}  # no dropout


def test_what_was_written_last_is_the_input() -> None:
    class InPlace(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            y = x * 2
            y.add_(1)
            return y * 3

    steps = trace(InPlace(), torch.zeros(2))
    assert [(step.op, step.inputs) for step in steps] == [("mul", ()), ("add_", (0,)), ("mul", (1,))]


def test_a_wrong_input_is_refused_with_the_reason() -> None:
    with pytest.raises(TraceError) as caught:
        trace(nn.Linear(3, 3), torch.zeros(2, 5))
    assert "cannot be traced on meta" in caught.value.message
    assert caught.value.hint


def test_a_model_that_cannot_be_traced_is_still_captured() -> None:
    seen = traced(nn.Linear(3, 3), torch.zeros(2, 5))
    assert seen.steps is None
    assert len(seen.tensors) == 2
    assert "cannot be traced" in seen.source.notes[-1]


def test_a_pass_that_never_ends_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    class Forever(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            while True:
                x = x + 1

    monkeypatch.setattr(sys.modules[trace.__module__], "_INFINITE", 50)
    with pytest.raises(TraceError, match="does not end"):
        trace(Forever(), torch.zeros(1))


def test_a_compiled_module_is_traced_as_without() -> None:
    module = Twice()
    x = torch.zeros(2, 3)
    assert trace(torch.compile(module, backend="eager"), x) == trace(module, x)
