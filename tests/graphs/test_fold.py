"""A model as a small graph: what becomes one box, what a box says, what is drawn between boxes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from shareviz.graphs import Graph, fold
from shareviz.graphs.parts import Box, Edge, Row
from shareviz.layers import stacks
from shareviz.models import snapshot_of
from shareviz.sets import shared_sets
from shareviz.snapshot import Snapshot
from shareviz.trace import traced
from tests.graphs.snapshots import apart, file_of, language_model, shared


def box(graph: Graph, title: str) -> Box:
    """Return the box with this title."""
    return next(one for one in graph.boxes if one.title == title)


def titles(graph: Graph) -> list[str]:
    """Return the titles of all boxes, in order of definition."""
    return [one.title for one in graph.boxes]


def arrows(graph: Graph) -> set[tuple[str, str]]:
    """Return the arrows as pairs of titles."""
    names = {one.id: one.title for one in graph.boxes}
    return {(names[edge.source], names[edge.target]) for edge in graph.edges}


def chips(graph: Graph) -> list[tuple[str, str]]:
    """Return what every row says of its set, with its words."""
    return [(row.chip, row.label) for one in graph.boxes for row in one.rows if row.sets]


def test_a_cycle_of_three_is_three_boxes_and_a_loop() -> None:
    graph = fold(shared(apart(lambda layer: layer % 3), tied=True))
    assert titles(graph)[2:5] == ["blocks 0, 3, 6, 9", "blocks 1, 4, 7, 10", "blocks 2, 5, 8, 11"]
    assert [loop.label for loop in graph.loops] == ["×4"]
    (frame,) = graph.clusters
    assert (frame.title, frame.note) == ("blocks 0–11", "3 stored, each runs 4 times")


def test_the_rows_of_a_looped_box_name_the_set_once_and_count_one_layer() -> None:
    graph = fold(shared(apart(lambda layer: layer % 3), tied=True))
    # width 8: attention 4·(64 + 8), feed-forward 2·8·32 + 32 + 8, norms 4·8
    assert box(graph, "blocks 1, 4, 7, 10").rows == (
        Row("attention", "288", ("S3",)),
        Row("feed-forward", "552", ("S3",)),
        Row("norms", "32, own ×4"),
    )


def test_a_stack_without_sharing_is_one_box() -> None:
    graph = fold(language_model(96))
    assert titles(graph) == ["tok_emb", "pos_emb", "blocks 0–95", "norm", "head"]
    assert box(graph, "blocks 0–95").note == "×96, own"
    assert graph.clusters == graph.loops == graph.ties == ()


def test_one_stored_block_is_one_box_that_says_how_often_it_runs() -> None:
    graph = fold(shared(lambda layer, column: 0))
    assert box(graph, "blocks 0–11").note == "×12"
    assert chips(graph) == [("S1 ×12", "attention"), ("S1 ×12", "feed-forward"), ("S1 ×12", "norms")]


def test_neighbours_that_share_fold_group_by_group() -> None:
    graph = fold(shared(apart(lambda layer: layer // 4)))
    assert titles(graph)[2:5] == ["blocks 0–3", "blocks 4–7", "blocks 8–11"]
    assert {one.note for one in graph.boxes[2:5]} == {"×4"}
    assert graph.loops == ()


def test_shared_attention_and_own_feed_forward_stay_one_box() -> None:
    graph = fold(shared(lambda layer, column: 0 if "attention" in column else layer))
    assert box(graph, "blocks 0–11").rows == (
        Row("attention", "288", ("S1",), 12),
        Row("feed-forward", "552, own ×12"),
        Row("norms", "32, own ×12"),
    )


def test_own_layers_at_both_ends_are_boxes_of_their_own() -> None:
    graph = fold(shared(lambda layer, column: layer if layer in (0, 11) else 1))
    assert titles(graph)[2:5] == ["blocks 0", "blocks 1–10", "blocks 11"]


def test_a_loop_between_prelude_and_coda_is_found() -> None:
    rows = [0, 1, 2, 3, 4, 5, 2, 3, 4, 5, 10, 11]
    graph = fold(shared(lambda layer, column: rows[layer]))
    (loop,) = graph.loops
    assert loop.label == "×2"
    names = {one.id: one.title for one in graph.boxes}
    assert [names[one] for one in loop.boxes] == ["blocks 2, 6", "blocks 3, 7", "blocks 4, 8", "blocks 5, 9"]


def test_an_order_that_is_not_the_same_each_time_is_counted_in_runs() -> None:
    rows = [0, 1, 2, 0, 1, 2, 2, 1, 0, 2, 1, 0]
    graph = fold(shared(lambda layer, column: rows[layer]))
    assert [loop.label for loop in graph.loops] == ["12 runs"]


def test_many_groups_are_drawn_as_the_first_the_rest_and_the_last() -> None:
    graph = fold(shared(apart(lambda layer: layer // 2), layers=96))
    assert titles(graph)[2:6] == ["blocks 0, 1", "blocks 2, 3", "blocks 4–93", "blocks 94, 95"]
    assert graph.boxes[4].note == "45 more groups"
    assert graph.boxes[4].rows[0].sets == tuple(f"S{n}" for n in range(3, 48))


def test_two_tied_modules_are_one_line() -> None:
    graph = fold(shared(apart(lambda layer: layer), tied=True))
    names = {one.id: one.title for one in graph.boxes}
    assert [(tie.sets, [names[one] for one in tie.boxes]) for tie in graph.ties] == [
        (("S1",), ["tok_emb", "head"])
    ]


def test_a_tie_of_many_is_one_hub_and_never_a_line_for_each_pair() -> None:
    graph = fold(file_of([f"{name}.weight" for name in "abcdefgh"]))
    (tie,) = graph.ties
    assert len(tie.boxes) == 8


def test_layers_that_each_tie_two_columns_are_still_alike() -> None:
    graph = fold(file_of(*([f"blocks.{n}.k.weight", f"blocks.{n}.v.weight"] for n in range(12))))
    (one,) = graph.boxes
    assert (one.title, one.rows[0].label) == ("blocks 0–11", "k = v")
    assert one.rows[0].chip == "S1–S12 ×2"


def test_two_stacks_tied_layer_by_layer_are_two_boxes_and_one_line() -> None:
    graph = fold(file_of(*([f"enc.{n}.weight", f"dec.{n}.weight"] for n in range(12))))
    assert sorted(titles(graph)) == ["dec 0–11", "enc 0–11"]
    (tie,) = graph.ties
    assert len(tie.sets) == 12


def test_layers_of_two_structures_in_turn_are_two_boxes_in_a_loop() -> None:
    names = [f"layers.{n}.{part}.weight" for n in range(8) for part in ("a", "b", "c")[: 2 + n % 2]]
    graph = fold(file_of(*names))
    assert titles(graph) == ["layers 0, 2, 4, 6", "layers 1, 3, 5, 7"]
    assert graph.loops[0].label == "×4"


def test_arrows_follow_the_traced_pass() -> None:
    graph = fold(language_model(2))
    assert arrows(graph) == {
        ("tok_emb", "blocks 0, 1"),
        ("pos_emb", "blocks 0, 1"),
        ("blocks 0, 1", "norm"),
        ("norm", "head"),
    }
    assert graph.notes == ()


def test_without_a_trace_the_order_of_definition_is_drawn_and_said() -> None:
    graph = fold(file_of("a.weight", "b.weight", "c.weight"))
    assert [(edge.source, edge.target) for edge in graph.edges] == [("n0", "n1"), ("n1", "n2")]
    assert "Order of definition" in graph.notes[0]
    assert not graph.traced


def test_the_encoder_feeds_the_decoder_once() -> None:
    graph = fold(snapshot_of("encoder_decoder?encoder_layers=3&decoder_layers=3&width=8&heads=2&vocab=6"))
    frames = {one.id: one.title for one in graph.clusters}
    where = {one.id: frames.get(one.cluster, "") for one in graph.boxes}
    across = [(where[edge.source], where[edge.target]) for edge in graph.edges]
    assert across.count(("encoder", "decoder")) == 1


class Skips(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.down, self.middle, self.up = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.down(x)
        return self.up(x + torch.relu(self.middle(x)))


def test_skip_connections_are_drawn() -> None:
    graph = fold(traced(Skips(), torch.zeros(1, 4)))
    assert ("down", "up") in arrows(graph)


class Residual(nn.Module):
    """Twenty residual branches by name, no numbers: every one feeds all that follow."""

    def __init__(self) -> None:
        super().__init__()
        for letter in "abcdefghijklmnopqrst":
            self.add_module(letter, nn.Linear(4, 4))

    def forward(self, x: Tensor) -> Tensor:
        for branch in self.children():
            x = x + branch(x)
        return x


def test_many_skips_are_thinned_to_the_way_that_shows_them() -> None:
    graph = fold(traced(Residual(), torch.zeros(1, 4)))
    assert len(graph.edges) == 19


class Again(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.cell, self.rnn = nn.Linear(4, 4), nn.Linear(4, 4), nn.GRU(4, 4, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        for _ in range(3):
            x = self.cell(x)
        return self.rnn(x)[0]


def test_a_module_that_is_called_again_says_so_once() -> None:
    graph = fold(traced(Again(), torch.zeros(1, 5, 4)))
    cell = box(graph, "cell")
    assert cell.note == "Linear, ×3 calls"
    assert {row.chip for row in cell.rows} == {"S1"}


def test_a_fused_recurrent_layer_shows_its_steps() -> None:
    graph = fold(traced(Again(), torch.zeros(1, 5, 4)))
    assert {row.chip for row in box(graph, "rnn").rows} == {"S2 ×5"}


class Six(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([nn.Sequential(nn.Linear(4, 4), nn.LayerNorm(4))] * 6)

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x)
        return x


def test_one_module_at_six_numbers_is_one_box() -> None:
    graph = fold(traced(Six(), torch.zeros(1, 4)))
    (one,) = graph.boxes
    assert (one.title, one.note) == ("blocks 0–5", "×6")
    assert {row.chip for row in one.rows} == {"S1 ×6"}


def test_towers_side_by_side_have_no_arrow_between_them() -> None:
    siamese = snapshot_of("siamese?inputs=8&width=8")
    graph = fold(siamese)
    assert arrows(graph) == {("towers 0, 1", "head")}


def test_a_weight_used_through_a_function_is_an_arrow_back() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.emb, self.lin = nn.Embedding(5, 4), nn.Linear(4, 4)

        def forward(self, x: Tensor) -> Tensor:
            return nn.functional.linear(self.lin(self.emb(x)), self.emb.weight)

    graph = fold(traced(Tied(), torch.zeros(1, 3, dtype=torch.long)))
    assert Edge("n1", "n0", back=True) in graph.edges


def test_frames_stand_for_modules_that_hold_several_parts() -> None:
    graph = fold(file_of("a.x.weight", "a.y.weight", "b.weight", "c.z.weight"))
    (frame,) = graph.clusters
    assert frame.title == "a"
    assert [one.title for one in graph.boxes if one.cluster == frame.id] == ["x", "y"]
    assert titles(graph) == ["x", "y", "b", "c.z"]


def test_a_model_of_many_parts_is_folded_from_the_deepest_level() -> None:
    names = [f"{a}.{b}.{c}.{b}{c}" for a in "abc" for b in "defg" for c in "hijklmnopq"]
    graph = fold(file_of(*names))
    assert len(graph.boxes) == 12
    assert graph.notes[0] == "Modules below depth 2 are folded into one box each."


def test_a_model_with_thousands_of_parts_at_the_top_still_fits() -> None:
    graph = fold(file_of(*(f"part_{n}.weight_{n}" for n in range(1000))))
    assert len(graph.boxes) == 300
    assert any("700 further parts" in note for note in graph.notes)


def test_a_model_without_weights_is_an_empty_graph() -> None:
    graph = fold(Snapshot(()))
    assert graph.boxes == graph.edges == graph.notes == ()


@pytest.mark.parametrize("layers", [2, 12, 96])
@pytest.mark.parametrize("period", [1, 2, 3, 6, 48])
def test_every_set_is_in_some_box_whatever_is_folded(layers: int, period: int) -> None:
    model = shared(apart(lambda layer: layer % period), layers, tied=True)
    shown = {one for held in fold(model).boxes for one in held.sets}
    assert shown == {one.id for one in shared_sets(model)}


def test_every_layer_is_in_some_box() -> None:
    model = shared(apart(lambda layer: layer % 5), 12)
    said = " ".join(one.title for one in fold(model).boxes if one.title.startswith("blocks"))
    numbers = sorted(int(word.strip(",")) for word in said.split() if word.strip(",").isdigit())
    assert numbers == list(stacks(model)[0].layers)
