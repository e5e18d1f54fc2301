"""The table of every strategy: nothing is missing, and each row says what its model says."""

from __future__ import annotations

import csv
import functools
import io

import pytest

from shareviz.baseline import without_sharing
from shareviz.design import Design, Preset
from shareviz.models import snapshot_of
from shareviz.savings import comparison, tried
from shareviz.sharing import tally
from shareviz.snapshot import Snapshot
from shareviz.strategies import strategies
from shareviz.ui.ways_view import ways_csv, ways_of
from shareviz.ways import COLUMNS, Way, matching

look = functools.cache(snapshot_of)
TINY = "language_model?layers=6&width=16&heads=4&vocab=400&context=8"


@functools.cache
def table(model: str, text: str = "") -> tuple[Way, ...]:
    seen = look(model)
    design = Design.parse(text)
    shown = comparison(
        tried(seen), without_sharing(seen), Preset("own", "Own", design), design.plan(seen).apply(seen)
    )
    return ways_of(shown, seen)


@pytest.mark.parametrize("model", [TINY, "vit", "siamese", "multitask", "gru_classifier", "ring"])
def test_every_strategy_has_a_row_or_stands_in_one_and_refused_ones_are_last(model: str) -> None:
    every = table(model)
    held = {way.strategy for way in every}
    held |= {step.strategy for way in every if way.design for step in Design.parse(way.design).steps}
    assert set(strategies()) - held <= {"apart"}
    reasons = [bool(way.why_not) for way in every]
    assert reasons == sorted(reasons)
    assert all(way.stored is None and not way.design for way in every if way.why_not)
    assert all(way.stored for way in every if not way.why_not)


def test_a_row_says_what_the_model_under_its_design_says() -> None:
    seen: Snapshot = look(TINY)
    for way in table(TINY):
        if not way.why_not:
            counts = tally(Design.parse(way.design).plan(seen).apply(seen))
            assert (way.stored, way.used, way.non_embedding, way.trainable) == (
                counts.stored,
                counts.used,
                counts.non_embedding,
                counts.trainable,
            )
            assert way.factor == pytest.approx(tally(seen).stored / counts.stored)


def test_an_adapter_is_in_the_table_and_trains_less_than_it_stores() -> None:
    lora = next(way for way in table(TINY) if way.strategy == "lora")
    assert lora.trainable is not None and lora.stored is not None
    assert lora.trainable < lora.stored


def test_the_present_design_is_marked_once() -> None:
    assert [way.title for way in table(TINY, "tied;cycle") if way.current] == ["Cycle 3"]


def test_words_narrow_the_table_and_all_of_them_must_be_there() -> None:
    every = table(TINY)
    assert {way.strategy for way in matching(every, "cycle")} >= {"cycle", "reversed"}
    assert matching(every, "cycle nonsense") == ()
    assert matching(every, " ") == every


def test_the_file_holds_every_row_with_exact_numbers() -> None:
    every = table(TINY)
    rows = list(csv.DictReader(io.StringIO(ways_csv(every).decode("utf-8-sig"))))
    assert list(rows[0]) == [title for title, _ in COLUMNS.values()]
    assert [row["Stored"] for row in rows] == ["" if w.stored is None else str(w.stored) for w in every]
    assert all(row["Why not"] for row in rows if not row["Stored"])
