"""The module tree as text."""

from __future__ import annotations

from torch import nn

from shareviz.capture import capture
from shareviz.sharing import tally
from shareviz.tree import text_tree, tree


class Tied(nn.Module):
    """Two blocks that share their weight, and one of their own."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([nn.Linear(3, 3, bias=False) for _ in range(2)])
        self.blocks[1].weight = self.blocks[0].weight
        self.own = nn.Linear(3, 1)


def test_alike_neighbours_are_one_line() -> None:
    lines = {line.name: line for line in tree(capture(Tied()))}
    assert lines["0–1"].times == 2
    assert (lines["0–1"].alone, lines["0–1"].shared, lines["0–1"].even) == (0, 9, 4.5)


def test_the_first_line_is_the_stored_count() -> None:
    snapshot = capture(Tied())
    assert tree(snapshot)[0].even == tally(snapshot).stored == 9 + 3 + 1


def test_layers_that_differ_keep_their_lines() -> None:
    names = [line.name for line in tree(capture(nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 3))))]
    assert names == ["", "0", "1"]


def test_the_text_has_a_line_for_each_and_no_control_characters() -> None:
    model = nn.ModuleDict({"a\nb": nn.Linear(1, 1), "c": nn.Linear(1, 1)})
    said = text_tree(capture(model)).splitlines()
    assert len(said) == 1 + 3
    assert "a\\u000ab" in said[2]


def test_a_source_without_modules_has_no_tree() -> None:
    from dataclasses import replace

    bare = replace(capture(nn.Linear(2, 2)), modules=())
    assert tree(bare) == ()
