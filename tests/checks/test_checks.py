"""What holds for every check: order, isolation of errors, hostile names, and the title."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from shareviz.checks import Check, Finding, Level, check, checks, problems, title_of
from shareviz.checks._base import expression
from shareviz.snapshot import Derived, Evidence, Module, Region, Snapshot, Tensor
from shareviz.trace import traced
from tests.checks.toys import Block, Chain, Loop, Tied, rows, tokens


def failing(snapshot: Snapshot) -> tuple[Finding, ...]:
    raise ZeroDivisionError("no steps to divide by")


BROKEN = Check("broken", "A check that fails", failing, "this test")


def test_an_error_inside_one_check_becomes_a_finding_and_the_others_run() -> None:
    chosen = [BROKEN, *checks().values()]
    found = check(traced(Chain([Block()] * 6), rows()), chosen)
    said = next(finding for finding in found if finding.check == "broken")
    assert said.title == "Not run: A check that fails"
    assert "ZeroDivisionError: no steps to divide by" in said.what
    assert any(finding.check == "accidental" for finding in found)


def test_findings_are_ordered_worst_first() -> None:
    found = check(traced(Chain([Block(norm=True)] * 3), rows()))
    levels = [list(Level).index(finding.level) for finding in found]
    assert levels == sorted(levels)
    assert found[0].level is Level.PROBLEM
    assert problems(found) == 1


@pytest.mark.parametrize("name", sorted(checks()))
def test_every_check_says_where_it_is_from_and_is_silent_on_an_empty_model(name: str) -> None:
    one = checks()[name]
    assert one.name == name
    assert one.title
    assert one.source
    assert one.run(Snapshot(())) == ()


def test_the_title_counts_problems_and_notes() -> None:
    snapshot = traced(Chain([Block(norm=True)] * 3), rows())
    assert title_of(check(snapshot), snapshot) == "1 problem, 1 note"


def test_the_title_of_a_model_in_order_counts_its_sets() -> None:
    snapshot = traced(Tied(), tokens())
    assert title_of(check(snapshot), snapshot) == "The one shared set is as the code says"


def test_the_title_of_a_file_speaks_of_the_file() -> None:
    live = traced(Tied(), tokens())
    filed = replace(live, tensors=tuple(replace(one, evidence=Evidence.STORAGE) for one in live.tensors))
    assert title_of(check(filed), filed) == "The one shared set is as the file says"


def test_a_loop_over_one_block_leaves_the_title_in_order() -> None:
    snapshot = traced(Loop(12), rows())
    assert title_of(check(snapshot), snapshot) == "The one shared set is as the code says"


def test_a_model_without_sharing_has_a_title_of_its_own() -> None:
    snapshot = traced(Tied(tie=False), tokens())
    assert title_of(check(snapshot), snapshot) == "Nothing is shared, and nothing is wrong"


@pytest.mark.parametrize("path", ["a.b-c.weight", 'a"); import os; ("', "a.class.weight", "a\nb.1x", "ß.0"])
def test_names_from_files_cannot_put_code_into_a_fix(path: str) -> None:
    code = expression(path)
    seen: list[str] = []

    class Recorder:
        def __getattr__(self, name: str) -> Recorder:
            seen.append(name)
            return self

        def __getitem__(self, number: int) -> Recorder:
            seen.append(str(number))
            return self

    eval(code, {"model": Recorder(), "getattr": getattr, "__builtins__": {}})
    assert seen == path.split(".")


def test_hostile_names_are_cleaned_in_titles() -> None:
    name = "a\u202ex.weight"
    tensors = [
        Tensor(n, n.rpartition(".")[0], (4,), "float32", Region(0, offset, (1,)), object=i)
        for i, (n, offset) in enumerate([(name, 0), ("b.weight", 8)])
    ]
    (finding,) = check(Snapshot(tuple(tensors), storages=(24,)))
    assert "\u202e" not in finding.title + finding.what + finding.evidence + finding.fix
    assert "\\u202e" in finding.title


def test_thousands_of_doubled_and_computed_modules_are_checked_within_seconds() -> None:
    slots, modules, derived = [], [Module("", "Model")], []
    for n in range(4000):
        modules.append(Module(f"a{n}", "Linear", (f"b{n}",), 2))
        pieces = tuple(f"a{n}.weight{suffix}" for suffix in ("_g", "_v"))
        slots += [Tensor(name, f"a{n}", (4,), "float32", Region(len(slots), 0, (1,))) for name in pieces]
        derived.append(Derived(f"a{n}.weight", f"a{n}", (4,), "weight_norm", pieces))
    storages = tuple(range(len(slots)))
    many = Snapshot(tuple(slots), tuple(modules), tuple(derived), storages)
    started = time.process_time()
    assert len(check(many)) == 4000  # each module stands at two places
    assert time.process_time() - started < 6  # a guard against asking all slots for each: that took 20
