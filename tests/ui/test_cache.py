"""What is computed once."""

from __future__ import annotations

from shareviz.snapshot import Snapshot
from shareviz.ui.cache import MOST, Kept
from tests.mapview import models


def test_a_function_runs_once_for_a_snapshot_object() -> None:
    kept, seen = Kept(), []

    def made(snapshot: Snapshot, word: str) -> int:
        seen.append(word)
        return len(seen)

    snapshot, other = models.named("a"), models.named("a")
    assert [kept.get(made, snapshot, ("x",)) for _ in range(3)] == [1, 1, 1]
    assert kept.get(made, snapshot, ("y",)) == 2
    assert kept.get(made, other, ("x",)) == 3


def test_the_oldest_results_go_first() -> None:
    kept, snapshot = Kept(), models.named("a")
    seen = []

    def made(snapshot: Snapshot, n: int) -> int:
        seen.append(n)
        return n

    for n in range(MOST + 1):
        kept.get(made, snapshot, (n,))
    kept.get(made, snapshot, (MOST,))
    kept.get(made, snapshot, (0,))
    assert len(seen) == MOST + 2
