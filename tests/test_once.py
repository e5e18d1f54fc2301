"""A fact is worked out once for each Snapshot, and never for another."""

import gc
import pickle
import weakref
from collections import Counter
from dataclasses import replace

import pytest

from shareviz.once import once
from shareviz.snapshot import Region, Snapshot, Tensor

asked: Counter[int] = Counter()


@once
def names(snapshot: Snapshot) -> tuple[str, ...]:
    """Return the names of a model."""
    asked[id(snapshot)] += 1
    return tuple(slot.name for slot in snapshot.tensors)


@once
def first(snapshot: Snapshot) -> str:
    return snapshot.tensors[0].name


def one(name: str = "w") -> Snapshot:
    return Snapshot((Tensor(name, "", (2,), "float32", Region(0, 0, (1,))),), storages=(8,))


def test_a_fact_is_worked_out_once_for_one_object() -> None:
    seen = one()
    assert names(seen) is names(seen)
    assert asked[id(seen)] == 1


def test_another_snapshot_gets_its_own_answer() -> None:
    seen = one()
    assert names(seen) == ("w",)
    assert names(replace(seen, tensors=one("v").tensors)) == ("v",)


def test_two_facts_of_one_snapshot_keep_apart() -> None:
    seen = one()
    assert (names(seen), first(seen)) == (("w",), "w")


def test_kept_answers_change_neither_equality_nor_hash_nor_print() -> None:
    asked_before, fresh = one(), one()
    names(asked_before)
    assert asked_before == fresh
    assert hash(asked_before) == hash(fresh)
    assert repr(asked_before) == repr(fresh)


def test_an_answer_goes_with_its_snapshot() -> None:
    seen = one()
    names(seen)
    gone = weakref.ref(seen)
    del seen
    gc.collect()
    assert gone() is None


def test_a_snapshot_with_answers_travels_between_processes() -> None:
    seen = one()
    names(seen)
    assert pickle.loads(pickle.dumps(seen)) == seen


def test_an_error_is_not_kept_as_an_answer() -> None:
    empty = Snapshot(())
    for _ in range(2):
        with pytest.raises(IndexError):
            first(empty)


def test_the_fact_keeps_its_name_and_words() -> None:
    assert names.__name__ == "names"
    assert names.__doc__ == "Return the names of a model."
