"""The table of sets adds up to the counts of the model."""

from __future__ import annotations

import pytest

from shareviz.design import presets
from shareviz.mapview import set_rows
from shareviz.models import catalogue
from shareviz.sharing import tally
from shareviz.snapshot import Snapshot
from tests.mapview import models


def check(snapshot: Snapshot) -> None:
    *rows, total = set_rows(snapshot)
    counts = tally(snapshot)
    assert total.what == "Stored"
    assert sum(row.stored for row in rows) == total.stored == counts.stored
    assert total.saved == counts.saved_by_ties + (counts.saved_by_reuse or 0)


@pytest.mark.parametrize("family", sorted(catalogue()))
def test_stored_and_saved_add_up_under_every_tie(family: str) -> None:
    before = models.plain(family)
    for preset in presets(before):
        after = preset.design.plan(before).apply(before)
        if not after.derived:  # a form stores other elements than it makes: saved has no rows for that
            check(after)


def test_reuse_is_saved_too() -> None:
    check(models.reused())
    # two Linear layers of 4·4 + 4 elements, read three times: two reads saved
    assert set_rows(models.reused())[-1].saved == 2 * 2 * 20


def test_own_tensors_are_named_by_their_roles() -> None:
    own = next(row for row in set_rows(models.under("tied;cycle?stored=3")) if row.what == "Own tensors")
    assert (own.where, own.why) == ("norms, positions", "no other user")


def test_the_evidence_of_a_tie_reads_as_python() -> None:
    first = set_rows(models.under("tied"))[0]
    assert (first.why, first.reason) == ("same object", "head.weight is tok_emb.weight")


def test_a_reused_module_is_one_module_called_again() -> None:
    assert set_rows(models.reused())[0].reason == "one module, 3 uses"
