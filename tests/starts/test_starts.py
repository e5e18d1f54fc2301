"""A shared checkpoint computes what the realized model computes, and moves as little as it can."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import nn

from shareviz.capture import capture
from shareviz.cli import main
from shareviz.design import Design
from shareviz.errors import PlanError, SharevizError
from shareviz.formats import load
from shareviz.forms import Factor, Hashed, HashedRows, LowRank, Mix, Rows
from shareviz.jsonio import plan_from_json
from shareviz.models import build
from shareviz.plan import Plan, Rewrite, tie
from shareviz.realize import realize
from shareviz.snapshot import Snapshot
from shareviz.starts import (
    Neighbours,
    Start,
    Started,
    nearest_design,
    nearest_rows,
    neighbours,
    rank_errors,
    started,
)
from shareviz.starts._fitted import bucket_means, pooled
from shareviz.starts._weights import best_of_rank
from shareviz.values import Values, open_values

MODEL = "language_model?layers=4&width=16&heads=4&ffn=2&vocab=24&context=8"
DESIGNS = ("tied", "all", "cycle?stored=2", "tied;sequence?stored=2&norms=shared", "gqa?kv_heads=2")
DESIGNS += ("relaxed?stored=2&rank=3", "factorised?rank=5", "basis?rank=4&group=2", "atoms?atoms=2")
DESIGNS += ("hashed?ratio=4", "lora?rank=2", "vera?rank=2", "tied_lora?rank=2", "low_rank?rank=3")


def net(seed: int = 0) -> nn.Module:
    return build(MODEL, device="cpu", seed=seed)


def made(text: str, module: nn.Module, start: Start = Start.AVERAGE) -> tuple[Plan, Started]:
    seen = capture(module)
    plan = Design.parse(text).plan(seen)
    return plan, started(plan, seen, Values.of(module), start=start)


def tied(seen: Snapshot) -> set[frozenset[str]]:
    regions = {slot.region for slot in seen.tensors}
    return {frozenset(slot.name for slot in seen.tensors if slot.region == one) for one in regions}


@pytest.mark.parametrize("start", Start)
@pytest.mark.parametrize("text", DESIGNS)
def test_both_checkpoints_load_and_compute_the_same(text: str, start: Start) -> None:
    module = net()
    plan, found = made(text, module, start)
    shared, plain = realize(plan, module), net(seed=1)
    shared.load_state_dict(dict(found.tensors), strict=True)
    plain.load_state_dict(dict(found.baked), strict=True)
    tokens = torch.arange(8).reshape(1, 8)
    torch.testing.assert_close(shared(tokens), plain(tokens), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("text", DESIGNS)
def test_a_saved_checkpoint_keeps_the_ties_of_the_plan(text: str, tmp_path: Path) -> None:
    module = net()
    plan, found = made(text, module)
    torch.save(dict(found.tensors), tmp_path / "shared.pt")
    after = plan.apply(capture(module))
    kept = load(tmp_path / "shared.pt")
    assert tied(kept) == tied(after)


def test_the_average_is_the_mean_and_its_residual_is_the_distance_to_it() -> None:
    module = net()
    _, found = made("all", module)
    names = [name for name in found.baked if name.endswith("weight") and found.baked[name].dim() == 2]
    stacked = [name for name in names if name.split(".")[1:2] == ["0"]]
    state = module.state_dict()
    for first in stacked:
        layers = [state[first.replace(".0.", f".{n}.", 1)] for n in range(4)]
        mean = torch.stack(layers).double().mean(0)
        torch.testing.assert_close(found.baked[first].double(), mean, rtol=1e-6, atol=1e-7)
        moved = {one.name: one for one in found.residuals}[first]
        assert moved.moved == pytest.approx(float((layers[0].double() - mean).norm()), rel=1e-5)
    assert stacked


def test_unrelated_layers_lose_what_theory_says() -> None:
    # the mean of n independent matrices leaves sqrt(1 - 1/n) of each
    layers = nn.ModuleList(nn.Linear(200, 200, bias=False) for _ in range(4))
    _, found = made("all", layers)
    assert found.share == pytest.approx(math.sqrt(3 / 4), abs=0.01)


def test_first_and_stepwise_take_whole_layers() -> None:
    layers = nn.ModuleList(nn.Linear(4, 4, bias=False) for _ in range(6))
    with torch.no_grad():
        for number, layer in enumerate(layers):
            layer.weight.fill_(number)  # type: ignore[operator, union-attr]
    rows = {}
    for start in Start:
        _, found = made("cycle?stored=3", layers, start)
        rows[start] = [found.baked[f"{n}.weight"][0, 0].item() for n in range(3)]
    assert rows == {Start.AVERAGE: [1.5, 2.5, 3.5], Start.FIRST: [0, 1, 2], Start.STEPWISE: [0, 2, 5]}


def test_equal_layers_lose_nothing() -> None:
    layers = nn.ModuleList(nn.Linear(4, 4) for _ in range(3))
    for layer in layers[1:]:
        layer.load_state_dict(layers[0].state_dict())
    _, found = made("all", layers)
    assert found.share == pytest.approx(0, abs=1e-7)


def test_a_correction_of_full_rank_gives_every_layer_back() -> None:
    layers = nn.ModuleList(nn.Linear(6, 4, bias=False) for _ in range(3))
    seen = capture(layers)
    names = [f"{n}.weight" for n in range(3)]
    plans = [Plan(tuple(Rewrite(n, LowRank(r), (("base", names[0]),)) for n in names)) for r in range(1, 5)]
    shares = [started(plan, seen, Values.of(layers)).share for plan in plans]
    assert shares == sorted(shares, reverse=True)
    assert shares[-1] < 1e-6


@pytest.mark.parametrize("shape", [(5, 9), (9, 5), (6, 6)])
def test_the_best_of_a_rank_is_the_truncated_svd(shape: tuple[int, int]) -> None:
    weight = torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    left, singular, right = torch.linalg.svd(weight, full_matrices=False)
    up, down = best_of_rank(weight, 3)
    torch.testing.assert_close(up @ down, (left[:, :3] * singular[:3]) @ right[:3])
    up, down = best_of_rank(torch.zeros(shape), 2)
    assert not (up @ down).any()


def test_pooled_rows_are_the_mean_of_their_heads() -> None:
    weight = torch.arange(8.0).reshape(4, 2)
    assert pooled(Rows((0, 0, 1, 1)), weight).tolist() == [[1, 2], [5, 6]]
    assert pooled(Rows((0, 1, 0, 1), axis=0), weight).tolist() == [[2, 3], [4, 5]]
    assert pooled(Rows((0, 0), axis=1), weight).tolist() == [[0.5], [2.5], [4.5], [6.5]]


def test_buckets_are_nearest_in_least_squares() -> None:
    weight = torch.randn(6, 7, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    form = Hashed(5, seed=3)
    one_each = torch.eye(5, dtype=torch.float64)
    design = torch.stack([form.make({"buckets": row}, (6, 7)).flatten() for row in one_each], 1)
    best = torch.linalg.lstsq(design, weight.flatten()[:, None]).solution[:, 0]
    torch.testing.assert_close(bucket_means(form, weight), best)


@pytest.mark.parametrize("own", ["left", "right"])
def test_a_shared_factor_is_the_svd_of_all_weights_together(own: str) -> None:
    layers = nn.ModuleList(nn.Linear(5, 4, bias=False) for _ in range(3))
    shared = "right" if own == "left" else "left"
    names = [f"{n}.weight" for n in range(3)]
    rewrites = tuple(Rewrite(n, Factor(2), ((shared, names[0]),) if n != names[0] else ()) for n in names)
    found = started(Plan(rewrites), capture(layers), Values.of(layers))
    weights = [layer.weight.detach() for layer in layers]
    stacked = torch.cat([w if own == "left" else w.T for w in weights])  # type: ignore[operator, misc]
    left, singular, right = torch.linalg.svd(stacked)
    best = (left[:, :2] * singular[:2]) @ right[:2]
    again = torch.cat([found.baked[n] if own == "left" else found.baked[n].T for n in names])
    torch.testing.assert_close(again, best, rtol=1e-4, atol=1e-5)


def test_atoms_span_the_layers_as_well_as_any_can() -> None:
    layers = nn.ModuleList(nn.Linear(5, 4, bias=False) for _ in range(4))
    names = [f"{n}.weight" for n in range(4)]
    rewrites = tuple(Rewrite(n, Mix(2), (("atoms", names[0]),) if n != names[0] else ()) for n in names)
    found = started(Plan(rewrites), capture(layers), Values.of(layers))
    flat = torch.stack([layer.weight.detach().flatten() for layer in layers])  # type: ignore[operator, misc]
    lost = torch.linalg.svdvals(flat)[2:].square().sum().sqrt()
    assert math.hypot(*(one.moved for one in found.residuals)) == pytest.approx(float(lost), rel=1e-4)


@pytest.mark.parametrize("text", ["lora?rank=2", "vera?rank=2", "tied_lora?rank=2"])
def test_an_adapter_keeps_the_function_and_can_learn(text: str) -> None:
    module = net()
    plan, found = made(text, module)
    assert found.share == 0
    shared = realize(plan, module)
    shared.load_state_dict(dict(found.tensors))
    shared(torch.arange(8).reshape(1, 8)).square().mean().backward()
    grads = [p.grad for p in shared.parameters() if p.requires_grad and p.grad is not None]
    assert any(bool(grad.any()) for grad in grads)


def test_a_correction_of_nothing_can_learn() -> None:
    # layer 0 is the base itself, so its correction starts at zero: one factor must not be
    _, found = made("relaxed?stored=1&rank=2", net(), Start.FIRST)
    downs = [value for name, value in found.tensors.items() if name.endswith(".down")]
    assert downs
    assert all(bool(down.any(1).all()) for down in downs)


def test_hashed_rows_are_refused_in_a_sentence() -> None:
    table = nn.Sequential(nn.Embedding(20, 8))
    plan = Plan((Rewrite("0.weight", HashedRows(4)),))
    with pytest.raises(PlanError, match="no start from trained weights is known"):
        started(plan, capture(table), Values.of(table))


def test_a_tied_name_that_the_plan_does_not_touch_moves_with_its_owner() -> None:
    layers = nn.ModuleList(nn.Linear(2, 2, bias=False) for _ in range(3))
    layers[2].weight = layers[0].weight
    seen = capture(layers)
    found = started(Plan((tie("1.weight", "0.weight"),)), seen, Values.of(layers))
    assert found.baked["2.weight"] is found.baked["0.weight"] is found.baked["1.weight"]
    mean = (layers[0].weight + layers[1].weight) / 2  # type: ignore[operator]
    torch.testing.assert_close(found.baked["0.weight"], mean.detach())
    assert {one.name for one in found.residuals} == {"0.weight", "1.weight"}


def test_a_file_gives_the_same_as_the_live_module(tmp_path: Path) -> None:
    module = net()
    torch.save(module.state_dict(), tmp_path / "model.pt")
    seen = load(tmp_path / "model.pt")
    plan = Design.parse("cycle?stored=2").plan(seen)
    with open_values(tmp_path / "model.pt") as values:
        found = started(plan, seen, values)
    _, live = made("cycle?stored=2", module)
    assert found.baked.keys() == live.baked.keys()
    assert all(torch.equal(found.baked[name], live.baked[name]) for name in live.baked)


def test_overlapping_parts_are_refused() -> None:
    module = nn.ModuleList(nn.Linear(2, 2, bias=False) for _ in range(3))
    whole = torch.arange(6.0)
    module[0].weight = nn.Parameter(whole[:4].view(2, 2))
    module[1].weight = nn.Parameter(whole[2:].view(2, 2))
    with pytest.raises(PlanError, match=r"0\.weight and 1\.weight read overlapping parts"):
        started(Plan((tie("2.weight", "0.weight"),)), capture(module), Values.of(module))


def test_a_model_without_values_says_so() -> None:
    layers = nn.ModuleList(nn.Linear(2, 2, device="meta") for _ in range(2))
    with pytest.raises(SharevizError, match="are not at hand"):
        made("all", layers)


def test_what_strangers_would_move_is_what_they_move() -> None:
    layers = nn.ModuleList(nn.Linear(300, 300, bias=False) for _ in range(3))
    for start in Start:
        _, found = made("all", layers, start)
        assert found.strangers == pytest.approx(found.share, rel=0.01), start
    _, formed = made("relaxed?stored=1&rank=2", layers)
    assert formed.strangers is None


def test_neighbours_are_alike_as_their_angle_says() -> None:
    layers = nn.ModuleList(nn.Linear(100, 100, bias=False) for _ in range(4))
    layers[1].load_state_dict(layers[0].state_dict())
    layers[3].load_state_dict({"weight": -layers[2].weight.detach()})  # type: ignore[operator, union-attr]
    seen = capture(layers)
    found = neighbours(seen, Values.of(layers))
    assert [round(one.alike, 1) for one in found] == [1, 0, -1]
    assert found[1].chance == 0.01
    assert abs(found[1].alike) < 5 * found[1].chance
    assert nearest_rows(found, 3) == (0, 0, 1, 2)


def test_as_many_rows_as_there_are_layers_at_most() -> None:
    with pytest.raises(PlanError, match="4 stored blocks do not fit 3 layers"):
        nearest_rows((Neighbours(0, 1, 0.5, 1), Neighbours(1, 2, 0.5, 1)), 4)


def test_the_nearest_layers_share_by_a_design_that_a_link_can_hold() -> None:
    module = net()
    twins = [dict(module.named_parameters())[f"blocks.{n}.attention.q.weight"] for n in (1, 2)]
    with torch.no_grad():
        twins[1].copy_(twins[0])
    seen = capture(module)
    text = nearest_design(seen, neighbours(seen, Values.of(module)), 3)
    assert text == "a:.00.;f:=a"
    after = Design.parse(text).plan(seen).apply(seen)
    assert (
        after.by_name["blocks.1.attention.q.weight"].region
        == after.by_name["blocks.2.attention.q.weight"].region
    )


def run(*words: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    code = main(list(words))
    out = capsys.readouterr()
    return code, out.out + out.err


def test_the_command_writes_a_checkpoint_and_its_plan(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    module = net()
    torch.save(module.state_dict(), tmp_path / "model.pt")
    target = tmp_path / "shared.pt"
    words = ("share", str(tmp_path / "model.pt"), "--design", "relaxed?stored=2&rank=3", "-o", str(target))
    code, said = run(*words, capsys=capsys)
    assert code == 0, said
    assert "moved by" in said
    assert "Nearest neighbours: layers" in said
    assert "corrections of each rank would leave of the matrices: 0: 70 %" in said
    plan = plan_from_json((tmp_path / "shared.plan.json").read_text())
    shared = realize(plan, net(seed=1))
    shared.load_state_dict(torch.load(target, weights_only=True), strict=True)
    code, _ = run(*words, "--baked", "--json", capsys=capsys)
    plain = net(seed=2)
    plain.load_state_dict(torch.load(target, weights_only=True), strict=True)
    tokens = torch.arange(8).reshape(1, 8)
    torch.testing.assert_close(shared(tokens), plain(tokens), rtol=1e-5, atol=1e-6)


def test_the_command_shares_the_nearest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save(net().state_dict(), tmp_path / "model.pt")
    words = ("share", str(tmp_path / "model.pt"), "--nearest", "2", "-o", str(tmp_path / "shared.pt"))
    assert run(*words, capsys=capsys)[0] == 0
    assert len(stored_once(tmp_path / "shared.pt")) < len(stored_once(tmp_path / "model.pt"))
    assert run(*words, "--design", "all", capsys=capsys) == (
        2, "shareviz: --nearest is a design of its own. Leave out --design and --plan.\n"
    )  # fmt: skip


def stored_once(path: Path) -> set[object]:
    return {slot.region for slot in load(path).tensors}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "Nothing is to be shared"),
        (("--design", "all", "-o", "x.safetensors"), "no file that keeps ties"),
        (("--design", "all", "--start", "best"), "invalid choice"),
    ],
)
def test_the_command_refuses_in_a_sentence(
    words: tuple[str, ...], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save(net().state_dict(), tmp_path / "model.pt")
    code, found = run(
        "share", str(tmp_path / "model.pt"), "-o", str(tmp_path / "x.pt"), *words, capsys=capsys
    )
    assert code == 2
    assert said in found
    assert not (tmp_path / "x.pt").exists()


def test_the_curve_of_ranks_is_what_corrections_of_that_rank_leave() -> None:
    module = net()
    seen = capture(module)
    plan = Design.parse("cycle?stored=2").plan(seen)
    curve = dict(rank_errors(plan, seen, Values.of(module)))
    assert list(curve) == [0, 1, 2, 4, 8, 16]
    assert list(curve.values()) == sorted(curve.values(), reverse=True)
    assert curve[16] < 1e-6
    for rank in (1, 4):
        _, found = made(f"relaxed?stored=2&rank={rank}", module)
        matrices = [one for one in found.residuals if len(seen.by_name[one.name].shape) > 1]
        moved, norm = (math.hypot(*(getattr(one, field) for one in matrices)) for field in ("moved", "norm"))
        assert moved / norm == pytest.approx(curve[rank], rel=1e-4)


def test_a_plan_without_shared_matrices_has_no_curve() -> None:
    module = net()
    assert rank_errors(Plan(), capture(module), Values.of(module)) == ((0, 0.0),)
