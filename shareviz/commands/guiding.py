"""`guide`: which ways to share fit a situation, measured on a model."""

from __future__ import annotations

from argparse import Namespace

from shareviz.commands._answer import Answer, opened
from shareviz.errors import OptionError


def guide(options: Namespace) -> Answer:
    """Answer which approaches fit what hurts, the best fit first."""
    from shareviz.baseline import without_sharing
    from shareviz.guide import CANNOT, HURTS, Advice, Situation, builds_of
    from shareviz.guide import guide as advise

    seen = without_sharing(opened(options))
    hurts = tuple(dict.fromkeys(filter(None, options.hurts.split(","))))
    try:
        situation = Situation(options.builds or builds_of(seen), hurts, options.trained)
    except ValueError as error:
        raise OptionError(f"{str(error)[:1].upper()}{str(error)[1:]}.", hint="Choose from these.") from error

    def said(place: int, one: Advice) -> list[str]:
        rows = [f"   {line.after.title}: {line.after.shown}, {line.verdict}" for line in one.lines]
        sources = [f"   for: {effect.text} {effect.source}" for effect in one.pro]
        sources += [f"   against: {effect.text} {effect.source}" for effect in one.con]
        head = f"{place}. {one.rule.title}" + (f"  --design '{one.design}'" if one.design else "")
        return [head, *rows, *sources, f"   stays: {one.rule.keeps}", f"   limits: {one.rule.limits}", ""]

    found = advise(seen, situation)
    lines = [f"{HURTS[name][0]}: {CANNOT[name]}" for name in hurts if name in CANNOT]
    lines += [""] * bool(lines)
    for place, one in enumerate((one for one in found if not one.why_not), 1):
        lines += said(place, one)
    lines += [f"not here: {one.rule.title}. {one.why_not}" for one in found if one.why_not]
    data = {
        "builds": situation.builds,
        "hurts": list(situation.hurts),
        "trained": situation.trained,
        "cannot": {name: CANNOT[name] for name in hurts if name in CANNOT},
        "approaches": [one.data() for one in found],
    }
    return Answer(data, "\n".join(lines).rstrip() or "Nothing eases this here.")
