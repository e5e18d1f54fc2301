"""torchinfo's total beside ours, with the difference and its cause."""

from __future__ import annotations

import torchinfo

from shareviz.design import Design
from shareviz.models import build, inputs_of, snapshot_of
from shareviz.realize import realize
from shareviz.sharing import tally
from shareviz.ui.textview import difference

SMALL = "language_model?layers=4&width=32&heads=4&vocab=50&context=16"


def theirs(design: str) -> tuple[int, int]:
    """Return torchinfo's total and our stored count of a model under a design."""
    before = snapshot_of(SMALL)
    plan = Design.parse(design).plan(before)
    module = realize(plan, build(SMALL)) if design else build(SMALL)
    seen = torchinfo.summary(module, input_data=inputs_of(SMALL), device="meta", verbose=0)
    return int(seen.total_params), tally(plan.apply(before)).stored


def test_without_sharing_both_totals_agree() -> None:
    total, stored = theirs("")
    assert difference(total, stored) == f"Its total, {stored:,}, is the stored count."


def test_with_ties_torchinfo_counts_what_is_named() -> None:
    total, stored = theirs("tied;cycle?stored=2")
    assert total > stored
    assert f"{total:,} where {stored:,} is stored, {total - stored:,} apart" in difference(total, stored)
