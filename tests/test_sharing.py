"""Tally, tied groups and attribution, against hand counts and published numbers."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch
import transformers
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from shareviz.capture import capture
from shareviz.errors import SharevizError
from shareviz.relations import Relation, relation
from shareviz.sharing import attribution, components, tally, tied_groups, uses
from shareviz.snapshot import Region, Snapshot, Tensor
from shareviz.trace import traced

IDS = torch.zeros(1, 8, dtype=torch.long)


def on_meta(cls: str, config: str, **options: object) -> nn.Module:
    with torch.device("meta"):
        return getattr(transformers, cls)(getattr(transformers, config)(**options))


def test_gpt2_small_is_stored_once_less_its_tied_head() -> None:
    counts = tally(traced(on_meta("GPT2LMHeadModel", "GPT2Config"), IDS))
    assert (counts.named, counts.stored, counts.used) == (163_037_184, 124_439_808, 163_037_184)
    assert counts.saved_by_ties == 50_257 * 768 and counts.saved_by_reuse == 0
    assert counts.non_embedding == 124_439_808 - 50_257 * 768 - 1_024 * 768


def test_albert_saves_by_reuse_and_nothing_by_ties() -> None:
    sizes = {"hidden_size": 768, "num_attention_heads": 12, "intermediate_size": 3072}
    model = on_meta("AlbertModel", "AlbertConfig", num_hidden_layers=12, embedding_size=128, **sizes)
    counts = tally(traced(model, IDS))
    assert (counts.stored, counts.used) == (11_683_584, 89_650_176)
    assert (counts.saved_by_ties, counts.saved_by_reuse) == (0, 77_966_592)


def test_a_weight_that_is_never_read_counts_in_stored_and_not_in_used() -> None:
    class Idle(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.busy, self.idle = nn.Linear(2, 3), nn.Linear(4, 5)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.busy(self.busy.weight.new_ones(1, 2)) + x

    counts = tally(traced(Idle(), torch.zeros(1, 3)))
    assert (counts.stored, counts.used, counts.never_read) == (9 + 25, 9, 25)
    assert counts.used == counts.named - counts.never_read + counts.saved_by_reuse


def test_without_a_trace_used_cannot_be_said() -> None:
    counts = tally(capture(nn.Linear(2, 3)))
    assert counts.used is None and counts.saved_by_reuse is None and counts.stored == 9


def test_frozen_parameters_are_stored_and_not_trainable() -> None:
    module = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    module[0].requires_grad_(False)
    assert tally(capture(module)).trainable == 6


def test_a_recurrent_layer_uses_each_weight_once_a_step() -> None:
    for length in (5, 9):
        seen = traced(nn.GRU(3, 4, batch_first=True), torch.zeros(1, length, 3))
        assert set(uses(seen).values()) == {Fraction(length)}


def test_a_row_slice_is_a_partial_overlap_and_counts_once() -> None:
    table = torch.zeros(4, 6)
    module = nn.ParameterList([nn.Parameter(table), nn.Parameter(table[1:3])])
    seen = capture(module)
    assert relation(seen, "0", "1") is Relation.PARTIAL
    assert tally(seen).stored == 24
    (group,) = tied_groups(seen)
    assert (group.names, group.numel, group.saved) == (("0", "1"), 24, 12)


def test_slices_that_do_not_meet_are_not_tied() -> None:
    table = torch.zeros(4, 6)
    module = nn.ParameterList([nn.Parameter(table[:, :3]), nn.Parameter(table[:, 3:])])
    assert relation(capture(module), "0", "1") is Relation.DISJOINT
    assert tied_groups(capture(module)) == ()


def test_an_alias_names_the_same_slot() -> None:
    layer = nn.Linear(2, 2)
    seen = capture(nn.Sequential(layer, layer))
    assert relation(seen, "0.weight", "1.weight") is Relation.SAME_OBJECT


def test_an_unknown_name_is_refused_with_a_way_out() -> None:
    with pytest.raises(SharevizError, match="no tensor nowhere") as caught:
        relation(capture(nn.Linear(2, 2)), "weight", "nowhere")
    assert caught.value.code == "unknown-name" and caught.value.hint


def test_attribution_adds_up_to_the_stored_count() -> None:
    seen = capture(on_meta("GPT2LMHeadModel", "GPT2Config"))
    shares = {share.path: share for share in attribution(seen)}
    table = 50_257 * 768
    assert shares[""].amortised == shares[""].exclusive == 124_439_808
    assert shares["lm_head"].amortised == Fraction(table, 2)
    assert (shares["lm_head"].exclusive, shares["lm_head"].shared) == (0, table)
    assert shares["lm_head"].amortised + shares["transformer"].amortised == 124_439_808


@st.composite
def loose(draw: st.DrawFn) -> tuple[Tensor, ...]:
    """Tensors of one row each, anywhere in two storages."""
    count = draw(st.integers(1, 6))
    out = []
    for number in range(count):
        length, offset, storage = draw(st.tuples(st.integers(1, 5), st.integers(0, 9), st.integers(0, 1)))
        out.append(Tensor(f"t{number}", "", (length,), "float32", Region(storage, 4 * offset, (1,))))
    return tuple(out)


@given(loose())
def test_ties_are_the_connected_parts_of_element_sets(tensors: tuple[Tensor, ...]) -> None:
    where = {
        t.name: {(t.region.storage, t.region.offset // 4 + i) for i in range(t.shape[0])} for t in tensors
    }
    groups: list[set[str]] = []
    for name in where:  # the oracle: merge every group that meets this tensor
        touching = [group for group in groups if any(where[name] & where[other] for other in group)]
        groups = [group for group in groups if group not in touching]
        groups.append({name}.union(*touching))
    assert {frozenset(t.name for t in group) for group in components(tensors)} == set(map(frozenset, groups))
    seen = Snapshot(tensors, storages=(100, 100))
    counts = tally(seen)
    assert counts.stored == len(set().union(*where.values())) <= counts.named


def test_a_shared_module_is_first_called_as_torch_meets_it() -> None:
    class Outer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            shared = nn.Linear(2, 2)
            self.inner = nn.Sequential(shared)
            self.late = shared

    module = Outer()
    seen = capture(module)
    assert [entry.path for entry in seen.modules] == [name for name, _ in module.named_modules()]
    assert seen.by_path["inner.0"].aliases == ("late",)
