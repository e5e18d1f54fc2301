"""Which way a version is trained, what it needs, and what a run says of both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from shareviz.errors import OptionError
from shareviz.training import RunSpec, compare_training, result_of
from shareviz.training.course import run
from shareviz.training.engine import devices, loop, memory, opening, ways
from shareviz.training.engine import group as group_module
from shareviz.training.engine.group import Group, train_group
from shareviz.training.engine.member import PATIENCE
from shareviz.training.engine.planning import MOST_TOGETHER, chunks, reported_groups, tuning_groups
from shareviz.training.protocol import DEVICES
from shareviz.training.repeat import script
from shareviz.training.tasks import Batch, Version, find_task, tasks
from shareviz.training.tasks._base import unshared

SPEC = RunSpec("parity", versions=("none", "all"), seeds=4, steps=24, device="cpu")


def told(spec: RunSpec, **more: Any) -> list[Mapping[str, Any]]:
    """Return the events of a run."""
    events: list[Mapping[str, Any]] = []
    run(spec, events.append, **more)
    return events


def clocked(monkeypatch: pytest.MonkeyPatch, alone: float, beside: float, begin: float = 0.0) -> None:
    """Let the clock say these seconds, of a short run, too."""
    monkeypatch.setattr(ways, "LEAST", 0)
    monkeypatch.setattr(ways, "_timed", lambda *args: (alone, beside, begin))


def way(events: list[Mapping[str, Any]]) -> dict[str, bool]:
    """Return what was chosen for each version."""
    return {event["version"]: event["together"] for event in events if event["event"] == "way"}


@pytest.mark.parametrize(
    ("alone", "beside", "begin", "together"),
    [
        (2e-3, 1e-3, 0.0, True),
        (1e-3, 2e-3, 0.0, False),
        (1e-3, 0.95e-3, 0.0, False),
        (2e-3, 1e-3, 9.0, False),
    ],
    ids=["faster", "slower", "hardly faster", "not worth the beginning"],
)
def test_members_are_trained_together_where_the_clock_says_so(
    monkeypatch: pytest.MonkeyPatch, alone: float, beside: float, begin: float, together: bool
) -> None:
    clocked(monkeypatch, alone, beside, begin)
    events = told(SPEC)
    assert way(events) == {"none": together, "all": together}
    found = result_of(SPEC, events)
    assert [arm.together for arm in found.arms] == [4 if together else 1] * 2
    assert [event["seconds"] for event in events if event["event"] == "way"] == [(alone, beside)] * 2


def test_the_clock_finds_that_small_models_train_faster_together() -> None:
    spec = replace(SPEC, steps=400, seeds=5).settle()
    chosen = ways.choose_ways(spec, {"none": 1, "all": 1}, lambda event: None)
    assert chosen == {"none": True, "all": True}


def test_a_run_too_short_to_gain_is_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    clocked(monkeypatch, 1.0, 0.1)
    monkeypatch.setattr(ways, "LEAST", 4 * 20 + 1)
    events = told(replace(SPEC, steps=20))
    assert way(events) == {"none": False, "all": False}
    assert all("too few steps" in event["why"] for event in events if event["event"] == "way")


def test_a_module_that_vmap_refuses_is_trained_alone_and_the_reason_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plain = told(replace(SPEC, steps=20))

    def refuse(*args: object) -> None:
        raise RuntimeError("no batching rule")

    monkeypatch.setattr("shareviz.training.engine.banked.Banked._step", refuse)
    monkeypatch.setattr(ways, "LEAST", 0)
    events = told(replace(SPEC, steps=20))
    assert way(events) == {"none": False, "all": False}
    assert {event["why"] for event in events if event["event"] == "way"} == {"no batching rule"}
    assert curves(events) == curves(plain)
    group = Group("all", (0, 1), (1e-2,), together=True)
    alone: list[Mapping[str, Any]] = []
    train_group(replace(SPEC, steps=20), group, alone.append)  # falls back by itself, too
    assert curves(alone) == {
        who: curve for who, curve in curves(plain).items() if who in {("all", 0), ("all", 1)}
    }


def curves(events: list[Mapping[str, Any]]) -> dict[tuple[str, int], list[tuple[int, float]]]:
    """Return the curve of each member."""
    found: dict[tuple[str, int], list[tuple[int, float]]] = {}
    for event in events:
        if event["event"] == "progress":
            found.setdefault((event["version"], event["seed"]), []).append((event["step"], event["loss"]))
    return found


def test_a_whole_run_gives_the_same_numbers_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    clocked(monkeypatch, 2.0, 1.0)
    beside = result_of(SPEC, told(SPEC))
    clocked(monkeypatch, 1.0, 2.0)
    alone = result_of(SPEC, told(SPEC))
    assert [arm.together for arm in beside.arms] == [4, 4]
    for one, other in zip(beside.members, alone.members, strict=True):
        assert (one.version, one.seed, one.lr) == (other.version, other.seed, other.lr)
        assert [step for step, _ in one.curve] == [step for step, _ in other.curve]
        assert list(one.curve) == [(step, pytest.approx(loss, rel=1e-3)) for step, loss in other.curve]
        assert one.values == pytest.approx(other.values, abs=0.02)


def test_the_same_seed_gives_the_same_curve_however_its_group_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    clocked(monkeypatch, 2.0, 1.0)
    whole = curves(told(SPEC))
    again = curves(told(SPEC))
    assert again == whole
    for seeds in ((2,), (1, 2)):
        part: list[Mapping[str, Any]] = []
        train_group(SPEC, Group("all", seeds, (1e-2,), together=True), part.append)
        assert curves(part) == {("all", seed): whole["all", seed] for seed in seeds}


def test_a_run_that_goes_on_takes_the_way_that_it_took(monkeypatch: pytest.MonkeyPatch) -> None:
    clocked(monkeypatch, 2.0, 1.0)
    whole = told(SPEC)
    events: list[Mapping[str, Any]] = []
    stop = lambda: sum(event["event"] == "member_done" for event in events) >= 2  # noqa: E731
    run(SPEC, events.append, should_stop=stop)
    clocked(monkeypatch, 1.0, 2.0)  # the machine is busy now
    rest = told(SPEC, kept=events)
    assert not way(rest)
    found, wanted = result_of(SPEC, [*events, *rest]), result_of(SPEC, whole)
    assert found.arms == wanted.arms
    assert [(m.values, m.curve) for m in found.members] == [(m.values, m.curve) for m in wanted.members]


def test_equal_versions_take_one_way_whatever_the_clock_says(monkeypatch: pytest.MonkeyPatch) -> None:
    task = find_task("parity")
    twin = replace(task, versions={**task.versions, "twin": Version("Another name", unshared)})
    monkeypatch.setattr("shareviz.training.tasks.tasks", lambda: {**tasks(), "parity": twin})
    monkeypatch.setattr(ways, "LEAST", 0)
    answers = iter([(2.0, 1.0, 0.0), (1.0, 2.0, 0.0)])
    monkeypatch.setattr(ways, "_timed", lambda *args: next(answers))
    found = compare_training(replace(SPEC, versions=("none", "all", "twin")))
    assert [arm.together for arm in found.arms] == [4, 1, 4]
    (pair,) = found.compare("none", ["twin"])
    assert pair.exact


def test_rates_are_chosen_together_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    clocked(monkeypatch, 2.0, 1.0)
    spec = replace(SPEC, versions=("all",), own_best=True)
    events = told(spec)
    tuned = [event for event in events if event["event"] == "member" and event["tuning"]]
    done = [event for event in events if event["event"] == "member_done" and event["tuning"]]
    assert len(tuned) == len(done) == 8 and events.index(tuned[3]) < events.index(done[0])
    assert len(result_of(spec, events).arm("all").tried) == 4


def test_groups_hold_every_seed_once_and_whole_pairs_come_first() -> None:
    spec = replace(SPEC, seeds=12, versions=("none", "all", "cycle2")).settle()
    rates = dict.fromkeys(spec.versions, 1e-2)
    groups = reported_groups(spec, rates, {"none": True, "all": False, "cycle2": True})
    assert sorted((g.version, seed) for g in groups for seed in g.seeds) == sorted(
        (version, seed) for version in spec.versions for seed in range(12)
    )
    assert max(len(group.seeds) for group in groups) <= MOST_TOGETHER
    done: dict[str, int] = dict.fromkeys(spec.versions, 0)
    for group in groups:
        done[group.version] += len(group.seeds)
        assert max(done.values()) - min(done.values()) <= len(chunks(12)[0])
    assert not tuning_groups(spec, "none")


@pytest.mark.parametrize("seeds", range(1, 21))
def test_parts_of_seeds_are_nearly_equal(seeds: int) -> None:
    sizes = [len(part) for part in chunks(seeds)]
    assert sum(chunks(seeds), ()) == tuple(range(seeds))
    assert max(sizes) - min(sizes) <= 1 and max(sizes) <= MOST_TOGETHER


def test_a_run_says_how_much_memory_it_needs_before_it_starts() -> None:
    start = opening(replace(SPEC, versions=("all",), steps=10).settle())
    # 946 parameters four times; batches of ten steps, 32 × 12 signs of 4 bytes and answers of 8
    least = 4 * 4 * 946 + 10 * 32 * 12 * (4 + 8)
    assert start["member_bytes"]["all"] > least
    assert start["bytes"] == 4 * start["member_bytes"]["all"] < 2**24


def test_the_estimate_covers_what_autograd_keeps() -> None:
    """It is an upper estimate: what is saved for the gradient of a real step is less."""
    spec = RunSpec("sort", versions=("none",)).settle()
    (one,) = ways_ready(spec)
    kept: dict[int, int] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    task = find_task("sort")
    module = ways._module(spec, "none")
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        module(torch.from_numpy(task.draw(0, 0).inputs)).sum()
    assert 0.3 * one.need.activations * 4 < sum(kept.values()) < one.need.of(1)


def ways_ready(spec: RunSpec) -> Any:
    """Return the arms of a spec with their needs."""
    from shareviz.training.engine.arms import ready

    return ready(spec)


def test_what_needs_too_much_memory_is_refused_with_a_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "MOST", 100_000)
    with pytest.raises(OptionError, match="of memory") as caught:
        compare_training(SPEC)
    assert "smaller model" in caught.value.hint


def test_a_model_of_billions_is_refused_before_it_is_built() -> None:
    large = "language_model?layers=96&width=16384&heads=128"  # 1.2 TB, which no machine here could hold
    with pytest.raises(OptionError, match="of memory"):
        compare_training(RunSpec("brackets", ("none",), seeds=1, steps=1, model=large))


def test_members_that_would_not_fit_together_are_trained_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    clocked(monkeypatch, 2.0, 1.0)
    monkeypatch.setattr(ways, "MOST", opening(SPEC.settle())["member_bytes"]["none"] * 2)
    events = told(SPEC)
    assert way(events) == {"none": False, "all": False}
    assert "memory" in next(event["why"] for event in events if event["event"] == "way")


@pytest.mark.parametrize("device", [name for name in DEVICES if name not in ("auto", "cpu", *devices.gpus())])
def test_a_gpu_that_is_not_here_is_refused(device: str) -> None:
    with pytest.raises(OptionError, match="device here") as caught:
        compare_training(replace(SPEC, device=device))
    assert "auto or cpu" in caught.value.hint


def test_auto_is_the_device_whose_steps_are_fastest(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = replace(SPEC, device="auto").settle()
    assert ways.fastest(spec, {"none": 1, "all": 1}) == "cpu" or devices.gpus()
    took = {"cpu": (3.0, 1.0), "cuda": (2.0, 0.5), "mps": (9.0, 9.0)}
    monkeypatch.setattr(ways, "gpus", lambda: ("cuda", "mps"))
    monkeypatch.setattr(ways, "_module", lambda spec, name: spec.device)
    monkeypatch.setattr(
        ways, "_way", lambda spec, name, module, nbytes: ways.Way(name, True, 4, took[module])
    )
    assert ways.fastest(spec, {"none": 1}) == "cuda"
    took["cuda"] = (2.0, 1.5)
    assert ways.fastest(spec, {"none": 1}) == "cpu"
    assert ways.fastest(replace(spec, device="mps"), {"none": 1}) == "mps"


@pytest.mark.skipif(not devices.gpus(), reason="no GPU here")
@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize("task", ["parity", "sort", "rule110"])
def test_a_gpu_starts_at_the_loss_of_the_cpu(task: str, together: bool) -> None:
    losses = []
    for device in ("cpu", *devices.gpus()):
        events: list[Mapping[str, Any]] = []
        spec = RunSpec(task, versions=("all",), seeds=2, steps=1, device=device)
        train_group(spec, Group("all", (0, 1), (1e-2,), together=together), events.append)
        losses.append([event["loss"] for event in events if event["event"] == "progress"])
    assert all(found == pytest.approx(losses[0], rel=1e-4) for found in losses)


def test_reading_losses_in_batches_tells_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a GPU, which must not be waited for at each step."""
    task = find_task("parity")

    def draw(seed: int, step: int) -> Batch:
        batch = task.draw(seed, step)
        return replace(batch, inputs=batch.inputs * np.float32("nan")) if (seed, step) == (1, 14) else batch

    broken = replace(task, draw=draw)
    monkeypatch.setattr("shareviz.training.tasks.tasks", lambda: {**tasks(), "parity": broken})
    for together in (False, True):
        group = Group("all", (0, 1, 2), (1e-2,), together=together)
        told: dict[int, list[Mapping[str, Any]]] = {1: [], 10: []}
        for steps, events in told.items():
            monkeypatch.setattr(loop, "every", lambda device, steps=steps: steps)
            train_group(replace(SPEC, steps=35), group, events.append)
        assert [(e["seed"], e["step"]) for e in told[10] if e["event"] == "diverged"] == [(1, 15)]
        assert curves(told[10]) == curves(told[1])
        assert values(told[10]) == values(told[1])


def values(events: list[Mapping[str, Any]]) -> list[tuple[int, Any, Any]]:
    """Return how each member ended."""
    return [(e["seed"], dict(e["values"]), e["diverged"]) for e in events if e["event"] == "member_done"]


def test_numbers_are_read_before_patience_ends() -> None:
    assert loop.every(torch.device("cpu")) == 1 < loop.every(torch.device("cuda")) < PATIENCE


def test_dropout_draws_by_the_seed_and_leaves_the_global_generator(monkeypatch: pytest.MonkeyPatch) -> None:
    made = group_module.module_of

    def with_dropout(*args: Any) -> torch.nn.Module:
        module = made(*args)
        module.head = torch.nn.Sequential(torch.nn.Dropout(0.5), module.head)
        return module

    monkeypatch.setattr(group_module, "module_of", with_dropout)
    found = []
    for start in (1, 2):
        torch.manual_seed(start)
        events: list[Mapping[str, Any]] = []
        train_group(replace(SPEC, steps=10), Group("all", (0, 1), (1e-2,), together=True), events.append)
        found.append(curves(events))
        after = torch.rand(1)
        torch.manual_seed(start)
        assert torch.equal(after, torch.rand(1))
    assert found[0] == found[1] and found[0]["all", 0] != found[0]["all", 1]


def test_a_result_can_be_repeated_bit_by_bit_on_a_machine_whose_clock_says_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = iter([(2.0, 1.0, 0.0), (1.0, 2.0, 0.0)])
    monkeypatch.setattr(ways, "LEAST", 0)
    monkeypatch.setattr(ways, "_timed", lambda *args: next(answers))
    found = compare_training(SPEC)
    assert [arm.together for arm in found.arms] == [4, 1]
    space: dict[str, Any] = {}
    for line in script(found).split("FOUND")[:1]:
        exec(line, space)  # the spec as the script states it
    assert space["SPEC"] == replace(SPEC.settle(), together=("none",))
    clocked(monkeypatch, 1.0, 2.0)
    again = compare_training(space["SPEC"])
    assert again.arms == found.arms
    assert [(m.values, m.curve) for m in again.members] == [(m.values, m.curve) for m in found.members]


def test_a_spec_that_states_ways_is_read_back_and_checked() -> None:
    spec = replace(SPEC, together=("all",))
    assert RunSpec.from_json(spec.to_json()) == spec
    assert RunSpec.from_json(SPEC.to_json()) == SPEC
    with pytest.raises(OptionError, match="not trained"):
        replace(SPEC, together=("wide",)).settle()
    with pytest.raises(OptionError, match="cannot be"):
        RunSpec.from_dict({"task": "parity", "together": 1})
