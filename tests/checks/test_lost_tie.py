"""Lost ties as findings: what is offered as a tie, what is only said, and repairs that repair."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from shareviz.capture import capture
from shareviz.checks import Finding, Level, check, check_copies
from shareviz.cli import main
from shareviz.copies import copies
from shareviz.sharing import tally
from shareviz.values import Values


class Doubled(nn.Module):
    """A token table and a head that was tied to it once, twelve norms, and a rotary table in each of two."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(8, 50, bias=False)
        self.emb = nn.Embedding(50, 8)
        self.head.weight = nn.Parameter(self.emb.weight.detach().clone())
        self.norms = nn.ModuleList(nn.LayerNorm(8) for _ in range(12))
        for norm in self.norms[:2]:
            norm.register_buffer("inv_freq", torch.arange(4.0))


def said(model: nn.Module) -> tuple[Finding, ...]:
    return check_copies(copies(capture(model), Values.of(model)))


def test_a_doubled_head_is_a_note_with_what_a_tie_saves() -> None:
    note, buffers = said(Doubled())
    assert (note.level, note.check, note.saves) == (Level.NOTE, "lost_tie", 50 * 8)
    assert note.title == "2 copies of emb.weight, not shared"
    assert note.names == ("head.weight", "emb.weight")
    assert "equal bytes, different storage" in note.evidence
    assert buffers.level is Level.OK and buffers.saves is None


def test_the_repair_ties_them_again() -> None:
    model = Doubled()
    before = tally(capture(model)).stored
    (fix,) = [finding.fix for finding in said(model) if finding.fix]
    exec(fix, {"model": model})
    assert model.head.weight is model.emb.weight
    assert tally(capture(model)).stored == before - 50 * 8
    assert not [finding for finding in said(model) if finding.level is Level.NOTE]


def test_every_name_of_a_tied_copy_is_moved() -> None:
    model = Doubled()
    model.old = nn.Linear(8, 50, bias=False)
    model.old.weight = model.head.weight
    exec(said(model)[0].fix, {"model": model})
    assert model.old.weight is model.head.weight is model.emb.weight


def test_the_tensors_of_copied_modules_are_one_finding() -> None:
    layer = nn.Linear(6, 6)
    model = nn.ModuleList([layer, nn.Linear(6, 6)])
    model[1].load_state_dict(layer.state_dict())
    (note,) = said(model)
    assert note.saves == 6 * 6 + 6
    assert "1 more tensor of the same modules" in note.what
    exec(note.fix, {"model": model})
    assert model[1].weight is layer.weight and model[1].bias is layer.bias


def test_a_transposed_copy_is_not_assigned() -> None:
    model = nn.ModuleDict({"a": nn.Linear(6, 9, bias=False), "b": nn.Linear(9, 6, bias=False)})
    model["b"].weight.data = model["a"].weight.data.t().clone()
    (note,) = said(model)
    assert "model.a.weight.t()" in note.fix
    exec(note.fix, {"model": model})
    assert not hasattr(model["b"], "weight")


def test_names_alone_say_nothing_of_values() -> None:
    assert not [finding for finding in check(capture(Doubled())) if finding.check == "lost_tie"]


@pytest.fixture
def doubled(tmp_path: Path) -> str:
    path = tmp_path / "doubled.safetensors"
    save_file(Doubled().state_dict(), path)
    return str(path)


def test_the_command_reads_values_only_when_asked(doubled: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", doubled, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert main(["check", doubled, "--values", "--json"]) == 0
    note, _ = json.loads(capsys.readouterr().out)
    assert (note["check"], note["saves"], note["level"]) == ("lost_tie", 400, "note")
    assert main(["check", doubled, "--values"]) == 0
    assert "not shared, saves 400" in capsys.readouterr().out


def test_a_source_without_values_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "catalogue:siamese", "--values", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "no-values"
