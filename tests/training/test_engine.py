"""Training itself: repeatable, paired, honest about divergence."""

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from shareviz.capture import capture
from shareviz.errors import OptionError, PlanError
from shareviz.models import build, snapshot_of
from shareviz.training import RunSpec, Word, compare_training
from shareviz.training.course import run
from shareviz.training.engine.arms import start
from shareviz.training.engine.member import BLOWN, PATIENCE, Watch, schedule
from shareviz.training.tasks import Batch, Task, Version, find_task, tasks
from shareviz.training.tasks._base import unshared


def without_clock(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return an event less what the wall clock puts in it."""
    return {key: value for key, value in event.items() if key not in ("seconds", "date")}


def trained(spec: RunSpec) -> list[dict[str, Any]]:
    """Return the events of a run."""
    events: list[dict[str, Any]] = []
    run(spec, lambda event: events.append(without_clock(event)))
    return events


def use(monkeypatch: pytest.MonkeyPatch, task: Task) -> None:
    """Put a task in the place of the one of its name, for one test."""
    monkeypatch.setattr("shareviz.training.tasks.tasks", lambda: {**tasks(), task.name: task})


@pytest.mark.parametrize("task", tuple(tasks()))
def test_equal_seeds_give_equal_events_bit_by_bit(task: str) -> None:
    spec = RunSpec(task, versions=find_task(task).defaults[:2], seeds=1, steps=6)
    torch.manual_seed(1)
    first = trained(spec)
    torch.manual_seed(2)
    assert trained(spec) == first
    assert first[-1]["event"] == "done"


def test_a_seed_does_not_depend_on_which_others_ran() -> None:
    alone = compare_training(RunSpec("parity", versions=("all",), seeds=1, steps=20))
    beside = compare_training(RunSpec("parity", versions=("wide", "all", "none"), seeds=2, steps=20))
    (one,) = alone.members
    other = next(member for member in beside.members if (member.version, member.seed) == ("all", 0))
    assert (one.values, one.curve) == (other.values, other.curve)


def test_training_leaves_the_global_generator_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    compare_training(RunSpec("parity", seeds=1, steps=2))
    assert torch.equal(torch.rand(3), expected)


def test_identical_arms_under_two_names_show_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    task = find_task("parity")
    twin = Version("Another name", unshared)
    use(monkeypatch, replace(task, versions={**task.versions, "twin": twin}))
    found = compare_training(RunSpec("parity", versions=("none", "twin"), seeds=3, steps=15))
    (pair,) = found.compare("none")
    assert pair.word is Word.SAME and pair.exact and (pair.low, pair.high) == (0, 0)
    assert found.members[0].curve == found.members[1].curve


@pytest.mark.parametrize("task", tasks().values(), ids=tuple(tasks()))
def test_every_version_trains_as_its_plan_says(task: Task) -> None:
    for name, version in task.versions.items():
        module = start(task.model, version, 0)
        seen = snapshot_of(version.model or task.model)
        assert capture(module) == version.plan(seen).apply(seen), name


def test_a_shared_layer_starts_as_layer_0_and_so_does_the_only_layer_of_a_control() -> None:
    task = find_task("brackets")
    whole, shared, one = (start(task.model, task.versions[name], 3) for name in ("none", "all", "one"))
    expected = whole.state_dict()
    for name, value in shared.state_dict().items():
        layer0 = ".".join(("blocks", "0", *name.split(".")[2:])) if name.startswith("blocks.") else name
        assert torch.equal(value, expected[name if "norm" in name else layer0]), name
    for name, value in one.state_dict().items():
        assert torch.equal(value, expected[name]), name
    other = start(task.model, task.versions["none"], 4).state_dict()
    assert not torch.equal(other["blocks.0.attention.q.weight"], expected["blocks.0.attention.q.weight"])


def test_counts_of_an_arm_are_those_of_its_snapshot() -> None:
    found = compare_training(RunSpec("parity", seeds=1, steps=1))
    none, one = found.arms
    assert (none.stored, one.stored, none.used, one.used) == (10_978, 946, 10_978, 10_978)
    # 12 steps of 32 examples: cell 2·32·48·(1 + 16), and head 2·32·16·2 at each; forward and twice back
    flops = 3 * 12 * (2 * 32 * 48 * 17 + 2 * 32 * 16 * 2)
    assert (none.flops, one.flops) == (flops, flops)


def test_a_diverging_seed_is_marked_and_the_others_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    task = find_task("parity")

    def draw(seed: int, step: int) -> Batch:
        batch = task.draw(seed, step)
        return replace(batch, inputs=batch.inputs * np.float32("nan")) if (seed, step) == (1, 4) else batch

    spec = RunSpec("parity", seeds=3, steps=10)
    whole = compare_training(spec)
    use(monkeypatch, replace(task, draw=draw))
    events: list[Mapping[str, Any]] = []
    found = compare_training(spec, events.append)
    marked = [event for event in events if event["event"] == "diverged"]
    assert [(event["seed"], event["step"]) for event in marked] == [(1, 5), (1, 5)]
    assert all("not finite" in event["why"] for event in marked)
    for version, values in found.values().items():
        assert values == {**whole.values()[version], 1: None}
    assert [(row.seeds, row.diverged) for row in found.table()] == [(3, 1), (3, 1)]


def test_a_rate_of_ten_thousand_diverges() -> None:
    found = compare_training(RunSpec("brackets", versions=("none", "one"), seeds=1, steps=60, lr=1e4))
    assert [member.diverged is not None and member.diverged < 60 for member in found.members] == [True, True]


def test_a_diverged_version_gets_no_verdict_but_a_count() -> None:
    found = compare_training(RunSpec("brackets", versions=("none", "one"), seeds=3, steps=60, lr=1e4))
    (pair,) = found.compare("none")
    assert pair.word is Word.DIVERGED and pair.verdict == f"{pair.diverged} of 3 diverged"
    assert sum(row.diverged for row in found.table()) >= pair.diverged > 0


def test_a_loss_far_above_the_first_diverges_only_after_patience() -> None:
    watch = Watch()
    watch.see(1.0, 1.0)
    for _ in range(PATIENCE - 1):
        watch.see(BLOWN + 0.1, 1.0)
    assert not watch.why
    watch.see(BLOWN - 0.1, 1.0)
    watch.see(BLOWN + 0.1, 1.0)
    assert not watch.why
    for _ in range(PATIENCE - 1):
        watch.see(BLOWN + 0.1, 1.0)
    assert "3 times" in watch.why


@pytest.mark.parametrize(("loss", "norm"), [(float("nan"), 1.0), (1.0, float("inf")), (1.0, float("nan"))])
def test_a_loss_or_gradient_that_is_not_finite_diverges_at_once(loss: float, norm: float) -> None:
    watch = Watch()
    watch.see(loss, norm)
    assert "not finite" in watch.why


def test_the_rate_warms_up_in_20_steps_and_falls_to_almost_nothing() -> None:
    rates = [schedule(step, 400) for step in range(400)]
    assert rates[0] == 1 / 20 and max(rates) == rates[19] == 1
    assert rates[19:] == sorted(rates[19:], reverse=True)
    assert 0 < rates[-1] < 1e-3
    assert [schedule(step, 2) for step in range(2)] == [0.5, 1]


def test_own_best_takes_the_rate_that_wins_on_validation_and_reports_fresh_seeds() -> None:
    events: list[Mapping[str, Any]] = []
    spec = RunSpec("parity", versions=("all",), seeds=2, steps=40, own_best=True)
    found = compare_training(spec, events.append)
    (arm,) = found.arms
    tuned = [event for event in events if event["event"] == "eval" and event["tuning"]]
    assert {event["split"] for event in tuned} == {"validation"}
    assert {event["seed"] for event in tuned}.isdisjoint({member.seed for member in found.members})
    best = max(value for _, value in arm.tried if value is not None)
    assert dict(arm.tried)[arm.lr] == best and len(arm.tried) == 4
    assert {member.lr for member in found.members} == {arm.lr}


def test_waiting_is_not_counted_as_the_time_of_a_training(monkeypatch: pytest.MonkeyPatch) -> None:
    task = find_task("parity")

    def late(seed: int, step: int) -> Batch:
        time.sleep(2 if step == 1 else 0)
        return task.draw(seed, step)

    use(monkeypatch, replace(task, draw=late))
    found = compare_training(RunSpec("parity", versions=("all",), seeds=1, steps=2, device="cpu"))
    assert 0 < found.members[0].seconds < 1.8


def test_a_stop_keeps_the_seeds_that_were_finished() -> None:
    events: list[Mapping[str, Any]] = []
    finished = lambda: sum(event["event"] == "member_done" for event in events) >= 3  # noqa: E731
    run(RunSpec("parity", seeds=5, steps=10), events.append, should_stop=finished)
    assert events[-1]["event"] == "stopped" and finished()
    assert sum(event["event"] == "member_done" for event in events) == 3


def test_a_task_refuses_a_model_that_does_not_fit() -> None:
    with pytest.raises(OptionError, match="parity does not fit encoder") as caught:
        compare_training(RunSpec("parity", model="encoder?layers=2&width=16&heads=2&vocab=10&context=16"))
    assert "gru_classifier" in caught.value.hint


def test_a_task_takes_another_model_that_fits() -> None:
    model = "gru_classifier?steps=12&width=4&output=each"
    found = compare_training(RunSpec("parity", seeds=1, steps=1, model=model))
    # cell 3·4·(1 + 4) + 2·3·4 = 84, head 2·4 + 2 = 10
    assert found.arm("all").stored == 94


def test_a_design_trains_as_the_version_that_it_equals() -> None:
    found = compare_training(RunSpec("parity", versions=("all", "time"), seeds=3, steps=12))
    (pair,) = found.compare("all")
    assert pair.exact and pair.word is Word.SAME
    assert found.arms[1].title and found.arms[0].stored == found.arms[1].stored


def test_a_design_that_does_not_apply_is_refused_before_anything_is_trained() -> None:
    events: list[Mapping[str, Any]] = []
    with pytest.raises(PlanError) as caught:
        compare_training(RunSpec("parity", versions=("none", "gqa?kv_heads=1")), events.append)
    assert caught.value.hint and not events


def test_three_steps_are_those_of_a_loop_written_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    task = find_task("parity")
    task = replace(task, recipe=replace(task.recipe, clip=1e-3))  # so small that it changes the steps
    use(monkeypatch, task)
    module = build(task.model, device="cpu", seed=0)
    assert isinstance(module.cells, nn.ModuleList)
    module.cells = nn.ModuleList([module.cells[0]] * 12)
    optimizer = torch.optim.Adam(module.parameters(), fused=False)
    losses = []
    for step, rate in enumerate((0.01 / 3, 0.01 * 2 / 3, 0.01)):  # all three are warm-up
        batch = task.draw(0, step)
        logits = module(torch.from_numpy(batch.inputs)).flatten(0, 1)
        loss = nn.functional.cross_entropy(logits, torch.from_numpy(batch.targets).flatten())
        optimizer.zero_grad()
        loss.backward()
        for parameter in module.parameters():
            assert parameter.grad is not None
            parameter.grad.clamp_(-1e-3, 1e-3)
        optimizer.param_groups[0]["lr"] = rate
        optimizer.step()
        losses.append(loss.item())
    found = compare_training(RunSpec("parity", versions=("all",), seeds=1, steps=3))
    assert found.members[0].curve == ((3, pytest.approx(sum(losses) / 3, rel=1e-5)),)
    held = task.sets["seen"].draw("test")
    outputs = module(torch.from_numpy(held.inputs)).detach().numpy()
    assert found.members[0].values["seen"] == pytest.approx(
        task.metric.measure(outputs, held.targets), abs=2e-3
    )


@pytest.mark.skipif(torch.cuda.is_available(), reason="a CUDA device is there")
def test_cuda_that_is_not_there_is_refused_with_a_way_out() -> None:
    with pytest.raises(OptionError, match="no CUDA device") as caught:
        compare_training(RunSpec("parity", seeds=1, steps=1, device="cuda"))
    assert "cpu" in caught.value.hint


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_trains_on_the_same_data_and_start() -> None:
    spec = RunSpec("parity", seeds=1, steps=10)
    here, there = compare_training(spec), compare_training(replace(spec, device="cuda"))
    assert there.device != "CPU"
    for one, other in zip(here.members, there.members, strict=True):
        assert one.curve[0][1] == pytest.approx(other.curve[0][1], rel=1e-4)
