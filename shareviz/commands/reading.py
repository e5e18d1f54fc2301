"""`inspect` and `savings`: what is shared, and what sharing would save."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from shareviz.commands._answer import Answer, opened
from shareviz.headline import explanation, headline
from shareviz.mapview.words import reason, why
from shareviz.sets import own_stored, shared_sets
from shareviz.sharing import Tally, attribution, tally, tied_groups
from shareviz.snapshot import Snapshot
from shareviz.text import clean, count, exact, listed, smaller
from shareviz.useforms import unshared_total


def inspect(options: Namespace) -> Answer:
    """Answer what is shared with what."""
    seen = opened(options)
    counts = tally(seen)
    ties = [
        {
            "names": list(group.names),
            "numel": group.numel,
            "relation": group.relation.value,
            "evidence": group.evidence.value,
        }
        for group in tied_groups(seen)
    ]
    data = {
        "title": headline(seen),
        **_counted(counts),
        "unshared": unshared_total(seen),
        "ties": ties,
        "modules": _modules(seen),
        "notes": list(seen.source.notes),
    }
    return Answer(data, "" if options.json else _inspected(seen, counts))


def savings(options: Namespace) -> Answer:
    """Answer what each strategy would save, at its default options."""
    from shareviz.assumptions import Assumptions
    from shareviz.offers import offers

    seen = opened(options)
    if options.sweep:
        return _swept(seen, options.sweep)
    rows = offers(seen, Assumptions.parse(options.assume))
    before = tally(seen).stored
    lines = [f"{headline(seen)}. Stores {count(before)}.", ""]
    refused: dict[str, list[str]] = {}
    for row in rows:
        if row.applies:
            lines.append(f"{row.strategy:<16}{count(row.stored):>8}  {row.verdict}")
        else:
            refused.setdefault(row.why_not, []).append(row.strategy)
    lines += ["", "cannot be applied"] * bool(refused)
    lines += [f"  {', '.join(names)}: {why}" for why, names in refused.items()]
    return Answer([row.data() for row in rows], "\n".join(lines))


def _swept(seen: Snapshot, text: str) -> Answer:
    """Answer what one strategy would store at each value of its numbers."""
    from shareviz.sweep import sweeps_of

    before, curves = tally(seen).stored, sweeps_of(text, seen)
    lines = [f"{headline(seen)}. Stores {count(before)}."]
    for curve in curves:
        lines += ["", f"{curve.title}: {curve.turn.lower()}"]
        for point in curve.points:
            line = f"{point.value:>8}{count(point.stored):>10}  {smaller(before, point.stored):<7}"
            if point.estimate is not None:
                guess = "" if point.estimate.inside else ", extrapolated"
                line += f"acts like {count(point.estimate.acts_like)}{guess}"
            lines.append(line.rstrip())
    return Answer({"stored": before, "curves": [curve.data() for curve in curves]}, "\n".join(lines))


def _counted(counts: Tally) -> Mapping[str, int | None]:
    names = ("named", "stored", "used", "trainable", "saved_by_ties", "saved_by_reuse")
    return {name: getattr(counts, name) for name in (*names, "non_embedding", "never_read")}


def _modules(seen: Snapshot) -> list[dict[str, Any]]:
    shares = {share.path: share for share in attribution(seen)}
    return [
        {
            "path": module.path,
            "class": module.cls,
            "paths": module.paths,
            "exclusive": shares[module.path].exclusive,
            "shared": shares[module.path].shared,
            "amortised": _number(shares[module.path].amortised),
        }
        for module in seen.modules
    ]


def _number(value: Fraction) -> int | float:
    return int(value) if value.denominator == 1 else float(value)


def _inspected(seen: Snapshot, counts: Tally) -> str:
    lines = [headline(seen), explanation(seen), ""]
    for name, value in _counted(counts).items():
        said = "non-embedding" if name == "non_embedding" else name.replace("_", " ")
        lines.append(f"{said:<15} {exact(value):>20}")
    total = exact(unshared_total(seen))
    lines.append(f"{'unshared':<15} {total:>20}   if every use had its own, positions of the example too")
    sets = shared_sets(seen)
    if sets:
        lines += ["", "shared sets"]
        for found in sets:
            where = f"{found.what}: {found.where}"
            reasons = f"{why(found)}: {reason(seen, found)}"
            lines.append(f"  {found.id:<4} {where}; {found.users}, saves {count(found.saved)} ({reasons})")
            lines += [f"       {listed(group, 4)}" for group in found.groups[:3] if len(group) > 1]
        lines.append(f"  own tensors store {count(own_stored(seen, sets))}")
    lines += [""] * bool(seen.source.notes) + [f"note: {clean(note, 300)}" for note in seen.source.notes]
    return "\n".join(lines)
