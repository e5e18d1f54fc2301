"""`share`: from a checkpoint to a shared one."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shareviz.commands._answer import Answer, plan_of, write
from shareviz.errors import OptionError
from shareviz.plan import Plan
from shareviz.snapshot import Snapshot
from shareviz.sources import open_source, values_of
from shareviz.text import clean, percent, plural

if TYPE_CHECKING:
    from shareviz.starts import Neighbours, Started

_SHOWN = 5


def share(options: Namespace) -> Answer:
    """Write a checkpoint whose weights are shared, made from the weights of another."""
    from shareviz.starts import Start, neighbours, rank_errors, saved, started

    target = Path(options.output)
    if target.suffix not in (".pt", ".pth", ".bin"):
        raise OptionError(
            f"{clean(target.name, 80)} is no file that keeps ties.",
            hint="End it in .pt: a safetensors file stores a tied weight once under one name, or twice.",
        )
    seen = open_source(options.source, pick=options.pick, run_code=options.run_code)
    with values_of(options.source, pick=options.pick, run_code=options.run_code) as values:
        alike = neighbours(seen, values)
        plan = _plan(seen, alike, options)
        made = started(plan, seen, values, start=Start(options.start))
        ranks = rank_errors(plan, seen, values, start=made.start)
    write(target, saved(made.baked if options.baked else made.tensors))
    data: dict[str, Any] = {
        "written": str(target),
        "start": made.start.value,
        "moved": made.share,
        "strangers": made.strangers,
        "residuals": [{**asdict(one), "share": one.share} for one in made.residuals],
        "ranks": [{"rank": rank, "left": left} for rank, left in ranks],
        "neighbours": [asdict(one) for one in alike],
    }
    if not options.baked:
        data["plan"] = _save_plan(target, plan)
    return Answer(data, "" if options.json else _said(made, alike, data))


def _plan(seen: Snapshot, alike: Sequence[Neighbours], options: Namespace) -> Plan:
    from shareviz.starts import nearest_design

    if options.nearest is not None:
        if options.design or options.plan:
            raise OptionError("--nearest is a design of its own.", hint="Leave out --design and --plan.")
        options.design = nearest_design(seen, alike, options.nearest)
    plan = plan_of(seen, options)
    if not plan.rewrites:
        raise OptionError("Nothing is to be shared.", hint="Add --design, such as --design 'cycle?stored=3'.")
    return plan


def _save_plan(target: Path, plan: Plan) -> str:
    from shareviz.jsonio import plan_to_json

    beside = target.with_suffix(".plan.json")
    write(beside, plan_to_json(plan).encode())
    return str(beside)


def _said(made: Started, alike: Sequence[Neighbours], data: Any) -> str:
    reached = plural(len(made.residuals), "weight")
    how = _WORDS[made.start.value]
    lines = [f"Started from the {how}, {reached} moved by {percent(made.share, 1)} of the norm."]
    if made.strangers is not None:
        lines.append(f"Weights with nothing in common would move by {percent(made.strangers, 1)}.")
    worst = sorted(made.residuals, key=lambda one: -one.share)[:_SHOWN]
    lines += ["", "moved most"] + [f"  {percent(one.share, 1):>5}  {clean(one.name, 80)}" for one in worst]
    if len(data["ranks"]) > 1:
        left = ", ".join(f"{one['rank']}: {percent(one['left'], 1)}" for one in data["ranks"])
        lines += ["", f"What corrections of each rank would leave of the matrices: {left}."]
    if alike:
        lines += ["", *_neighbours_said(alike)]
    lines += ["", f"Wrote {data['written']}"]
    lines += (
        [f"Wrote {data['plan']}: load the file into the model under this plan."] if "plan" in data else []
    )
    return "\n".join(lines)


_WORDS = {"average": "average", "first": "first layer", "stepwise": "layers at even steps"}


def _neighbours_said(alike: Sequence[Neighbours]) -> list[str]:
    nearest = max(alike, key=lambda one: one.alike)
    pair = f"layers {nearest.first} and {nearest.second}"
    return [
        f"Nearest neighbours: {pair}, alike {nearest.alike:.2f} of 1.",
        f"Random weights would be 0 ± {nearest.chance:.1g}.",
        "Weights that are far may still compute alike, with their hidden units in another order.",
    ]
