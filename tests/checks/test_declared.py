"""Declared against actual ties, on configurations that transformers builds and on facts by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shareviz.checks import Finding, Level, check, title_of
from shareviz.checks.declared import table
from shareviz.formats import LOCAL
from shareviz.formats.config import snapshot_of
from shareviz.snapshot import Snapshot, Source
from shareviz.trace import traced
from tests.checks.toys import Tied, tokens

PAIR = "head.weight=emb.weight"


def declared(flag: str, *, tie: bool = True, pairs: str = PAIR) -> Snapshot:
    facts = (("tie_word_embeddings", flag), ("declared_ties", pairs))
    return replace(traced(Tied(tie=tie), tokens()), source=Source("config", "toy", facts=facts))


def said(snapshot: Snapshot) -> tuple[Finding, ...]:
    return tuple(finding for finding in check(snapshot) if finding.check == "declared")


@pytest.mark.parametrize(
    ("flag", "tie", "level"),
    [
        ("true", True, Level.OK),
        ("true", False, Level.PROBLEM),
        ("false", True, Level.PROBLEM),
        ("false", False, Level.OK),
        ("unset", True, Level.OK),
    ],
)
def test_the_flag_is_held_against_what_is_tied(flag: str, tie: bool, level: Level) -> None:
    (finding,) = said(declared(flag, tie=tie))
    assert finding.level is level


def test_an_unset_flag_and_no_tie_is_nothing_to_report() -> None:
    assert said(declared("unset", tie=False)) == ()


def test_a_declared_tie_that_is_lost_saves_the_head_when_it_is_repaired() -> None:
    model = Tied(tie=False)
    (finding,) = said(declared("true", tie=False))
    assert finding.saves == 40  # 10 tokens of 4
    exec(finding.fix, {"model": model})
    assert model.head.weight is model.emb.weight


def test_a_tie_against_the_declaration_names_t5_and_parts_when_repaired() -> None:
    model = Tied()
    (finding,) = said(declared("false"))
    assert "T5 v1.1" in finding.what
    exec(finding.fix, {"model": model})
    assert model.head.weight is not model.emb.weight


def test_the_title_says_declared_where_something_is() -> None:
    snapshot = declared("true")
    assert title_of(check(snapshot), snapshot) == "The one shared set is as declared"


def test_patterns_and_unknown_names_are_left_alone() -> None:
    rows = table(declared("true", pairs=r"bbox_embed.(?![0])\d+=bbox_embed.0;nowhere=emb.weight;lonely"))
    assert [(row.name, row.actual, row.agrees) for row in rows] == [("nowhere", "not there", True)]


def test_gpt2_ties_as_its_class_declares() -> None:
    config = {
        "model_type": "gpt2",
        "architectures": ["GPT2LMHeadModel"],
        **{"n_layer": 1, "n_embd": 8, "n_head": 2, "vocab_size": 16, "n_positions": 8},
        "tie_word_embeddings": True,
    }
    snapshot = snapshot_of(config, LOCAL, trace=False)
    (row,) = table(snapshot)
    assert (row.declared, row.actual, row.file) == ("tied", "tied", "not stated")
    assert said(snapshot)[0].level is Level.OK


def test_t5_v11_is_tied_though_declared_apart() -> None:
    config = {
        "model_type": "t5",
        "architectures": ["T5ForConditionalGeneration"],
        **{"d_model": 8, "d_kv": 4, "d_ff": 16, "num_layers": 1, "num_heads": 2, "vocab_size": 16},
        "feed_forward_proj": "gated-gelu",
        "tie_word_embeddings": False,
    }
    findings = said(snapshot_of(config, LOCAL, trace=False))
    assert [finding.level for finding in findings] == [Level.PROBLEM]
    assert findings[0].names[0] == "lm_head.weight"
