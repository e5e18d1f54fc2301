"""Pictures of a training comparison: live curves, a dot for each seed, paired differences.

Versions are drawn in ink shades and dashes with words beside them: hue belongs to identity.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Any

import altair as alt

from shareviz.charts.palette import CHROME
from shareviz.charts.theme import Chart, inline, themed
from shareviz.text import clean
from shareviz.training.results import Event, Member, Result
from shareviz.training.statistics import Comparison
from shareviz.training.verdict import measured

DASHES = ([1, 0], [6, 3], [2, 2], [10, 3, 2, 3], [4, 1], [1, 3], [8, 2], [3, 5])
POINTS = 200  # of one curve; more are thinned
_BAND = 44  # pixels of one version
_LABEL = 118  # pixels: the widest name at 390 leaves the plot more than half

Curve = Sequence[tuple[int, float | None]]
Record = dict[str, Any]


def curves(result: Result, running: Mapping[tuple[str, int], Curve]) -> list[Record]:
    """Return the training loss as records of version, seed, step and loss, without what is not finite.

    Args:
        running: Curves of members that have not finished, by (version, seed).
    """
    titles = {arm.name: clean(arm.title, 60) for arm in result.arms}
    done = {(member.version, member.seed): member.curve for member in result.members}
    return [
        {"version": titles.get(version, clean(version, 60)), "seed": seed, "step": step, "loss": loss}
        for (version, seed), curve in {**running, **done}.items()
        for step, loss in _thinned(curve)
        if loss is not None
    ]


def running_curves(events: Iterable[Event]) -> dict[tuple[str, int], list[tuple[int, float | None]]]:
    """Return the curves so far of all members that are reported, by version and seed."""
    found: dict[tuple[str, int], list[tuple[int, float | None]]] = {}
    for event in events:
        if event.get("tuning"):
            continue
        if event["event"] == "member":
            found[event["version"], event["seed"]] = []
        elif event["event"] == "progress":
            found.setdefault((event["version"], event["seed"]), []).append((event["step"], event["loss"]))
    return found


def all_curves(result: Result, *, theme: str = "light") -> Chart:
    """Return the curves of all finished members."""
    steps = result.spec.steps or result.task.recipe.steps
    names = [clean(arm.title, 60) for arm in result.arms]
    return live_curves(curves(result, {}), names, steps=steps, theme=theme)


def live_curves(
    rows: Sequence[Record], versions: Sequence[str], *, steps: int = 0, theme: str = "light"
) -> Chart:
    """Return one thin line for each seed and a bold median for each version.

    `steps` is where the axis ends from the start, so that it does not move while a run goes on.
    """
    ink = CHROME[theme]["ink"]
    dashes = [DASHES[place % len(DASHES)] for place in range(len(versions))]
    legend = alt.Legend(title=None, symbolType="stroke", symbolSize=500, symbolStrokeColor=ink)
    scale = alt.Scale(domain=list(versions), range=dashes)
    dash = alt.StrokeDash("version:N", scale=scale, legend=legend)
    span = alt.Scale(domain=[0, steps]) if steps else alt.Undefined
    x = alt.X("step:Q", title="step", scale=span, axis=alt.Axis(grid=False, tickMinStep=1, tickCount=8))
    y = alt.Y("loss:Q", title="training loss", scale=alt.Scale(zero=True))
    thin = alt.Chart(inline(rows)).mark_line(strokeWidth=1, opacity=0.28, color=ink)
    bold = alt.Chart(inline(medians(rows))).mark_line(strokeWidth=2.2, color=ink).encode(x, y, dash)
    return themed(alt.layer(thin.encode(x, y, dash, detail="seed:N"), bold).properties(height=260), theme)


def medians(rows: Iterable[Record]) -> list[Record]:
    """Return the median loss over the seeds of each version, step by step."""
    found: dict[tuple[str, int], list[float]] = defaultdict(list)
    for row in rows:
        found[row["version"], row["step"]].append(row["loss"])
    return [
        {"version": version, "step": step, "loss": median(losses)}
        for (version, step), losses in found.items()
    ]


def seed_dots(result: Result, *, only: Sequence[str] = (), theme: str = "light") -> Chart:
    """Return a dot for each seed and a tick at the mean, one row for each version, with chance."""
    kept = [arm for arm in result.arms if not only or arm.name in only]
    names = {arm.name for arm in kept}
    rows = inline(_dots([member for member in result.members if member.version in names], result))
    ink, muted = CHROME[theme]["ink"], CHROME[theme]["muted"]
    y = _versions([clean(arm.title, 60) for arm in kept])
    x = alt.X("value:Q", title=_axis(result), scale=alt.Scale(zero=False, nice=True), axis=_few())
    tip = [alt.Tooltip("version:N"), alt.Tooltip("seed:N"), _tooltip(result)]
    dots = alt.Chart(rows).mark_circle(size=90, opacity=0.5, color=ink).encode(x, y, tooltip=tip)
    ticks = alt.Chart(rows).mark_tick(thickness=2.5, size=26, color=ink).encode(x="mean(value):Q", y=y)
    chance = inline([{"value": _scale(result) * result.task.metric.chance, "label": _baseline(result)}])
    rule = alt.Chart(chance).mark_rule(strokeDash=[3, 3], color=muted).encode(x="value:Q")
    word = alt.Chart(chance).mark_text(align="left", dx=5, y=8, color=muted, fontSize=12)
    layers = (rule, word.encode(x="value:Q", text="label:N"), dots, ticks)
    return themed(alt.layer(*layers).properties(height=alt.Step(_BAND)), theme)


def differences(result: Result, pairs: Sequence[Comparison], *, theme: str = "light") -> Chart:
    """Return paired differences with their intervals and a zero line, one row for each version."""
    ink, muted = CHROME[theme]["ink"], CHROME[theme]["muted"]
    y = _versions([clean(result.arm(pair.version).title, 60) for pair in pairs])
    x = alt.X("value:Q", title=f"difference, {_axis(result)}", scale=alt.Scale(nice=True), axis=_few())
    tip = ["version:N", "seed:N", _tooltip(result, sign="+")]
    zero = alt.Chart(inline([{"value": 0.0}])).mark_rule(color=muted).encode(x="value:Q")
    each = alt.Chart(inline(_pairs(result, pairs))).mark_circle(size=55, opacity=0.4, color=ink)
    spans = alt.Chart(inline(_spans(result, pairs)))
    span = spans.mark_rule(strokeWidth=2.5, color=ink).encode(x="low:Q", x2="high:Q", y=y)
    mean = spans.mark_tick(thickness=3, size=20, color=ink).encode(x="mean:Q", y=y)
    layers = (zero, each.encode(x, y, tooltip=tip), span, mean)
    return themed(alt.layer(*layers).properties(height=alt.Step(_BAND)), theme)


def _pairs(result: Result, pairs: Iterable[Comparison]) -> list[Record]:
    scale = _scale(result)
    return [
        {"version": clean(result.arm(pair.version).title, 60), "seed": seed, "value": scale * value}
        for pair in pairs
        for seed, value in pair.pairs
    ]


def _spans(result: Result, pairs: Iterable[Comparison]) -> list[Record]:
    scale = _scale(result)
    return [
        {
            "version": clean(result.arm(pair.version).title, 60),
            "mean": scale * pair.mean,
            "low": scale * pair.holm_low,
            "high": scale * pair.holm_high,
        }
        for pair in pairs
        if pair.mean is not None and pair.holm_low is not None and pair.holm_high is not None
    ]


def _versions(order: list[str]) -> alt.Y:
    axis = alt.Axis(labelLimit=_LABEL, domain=False, grid=False, labelFontSize=13)
    return alt.Y("version:N", sort=order, title=None, axis=axis)


def _few() -> alt.Axis:
    return alt.Axis(tickCount=5, labelOverlap=True)


def _axis(result: Result) -> str:
    metric = result.task.metric
    return f"{measured(metric)}, points" if metric.share else measured(metric)


def _scale(result: Result) -> float:
    return 100.0 if result.task.metric.share else 1.0


def _baseline(result: Result) -> str:
    return "chance" if result.task.metric.share else "best constant"


def _tooltip(result: Result, *, sign: str = "") -> alt.Tooltip:
    return alt.Tooltip("value:Q", format=f"{sign}.2f" if result.task.metric.share else f"{sign}.3~g")


def _dots(members: Iterable[Member], result: Result) -> list[Record]:
    titles = {arm.name: clean(arm.title, 60) for arm in result.arms}
    name, scale = result.task.main, _scale(result)
    return [
        {"version": titles[member.version], "seed": member.seed, "value": scale * member.values[name]}
        for member in members
        if member.diverged is None and name in member.values
    ]


def _thinned(curve: Curve) -> Curve:
    return curve if len(curve) <= POINTS else curve[:: -(-len(curve) // POINTS)]
