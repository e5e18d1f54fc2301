"""What each command answers: data for scripts and text for people, from the same computation.

Everything heavy is imported inside the command that needs it: `inspect` on a file loads no torch.
"""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shareviz.errors import OptionError, SharevizError
from shareviz.headline import explanation, headline
from shareviz.mapview.words import reason, why
from shareviz.plan import Plan
from shareviz.sets import own_stored, shared_sets
from shareviz.sharing import Tally, attribution, tally, tied_groups
from shareviz.snapshot import Snapshot
from shareviz.sources import open_source
from shareviz.text import clean, count, exact, listed, percent
from shareviz.useforms import unshared_total

if TYPE_CHECKING:
    from shareviz.checks import Finding
    from shareviz.training.results import Result
    from shareviz.training.statistics import Comparison


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command prints: `data` under --json, `text` otherwise, and its exit code."""

    data: Any
    text: str = ""
    code: int = 0


def opened(options: Namespace) -> Snapshot:
    """Return the model of a command, under its plan and design."""
    seen = open_source(options.source, pick=options.pick, run_code=options.run_code)
    return planned(seen, options)


def planned(seen: Snapshot, options: Namespace) -> Snapshot:
    """Return a model under the plan and the design of a command."""
    if options.plan:
        seen = _saved_plan(options.plan).apply(seen)
    if options.design:
        from shareviz.design import Design

        seen = Design.parse(options.design).plan(seen).apply(seen)
    return seen


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
    from shareviz.offers import offers

    seen = opened(options)
    rows = offers(seen)
    before = tally(seen).stored
    lines = [f"{headline(seen)}. Stores {count(before)}.", ""]
    refused: dict[str, list[str]] = {}
    for row in rows:
        if row.applies:
            lines.append(f"{row.strategy:<14}{count(row.stored):>8}  {row.verdict}")
        else:
            refused.setdefault(row.why_not, []).append(row.strategy)
    lines += ["", "cannot be applied"] * bool(refused)
    lines += [f"  {', '.join(names)}: {why}" for why, names in refused.items()]
    return Answer([row.data() for row in rows], "\n".join(lines))


def graph(options: Namespace) -> Answer:
    """Write the module graph."""
    from shareviz import graphs

    makers = {".svg": lambda seen: graphs.graph_svg(seen, theme="light").encode(), ".png": graphs.graph_png}
    makers[".dot"] = lambda seen: graphs.graph_dot(seen).encode()
    target = Path(options.output)
    if target.suffix not in makers:
        raise OptionError(
            f"{clean(target.name, 80)} is no picture that can be written.",
            hint="End it in .svg, .png or .dot.",
        )
    return _written(target, makers[target.suffix](opened(options)))


def snapshot(options: Namespace) -> Answer:
    """Write names, shapes and ties as a .shareviz.json, without weights."""
    from shareviz.jsonio import to_json

    return _written(Path(options.output), to_json(opened(options)).encode())


def report(options: Namespace) -> Answer:
    """Write one self-contained HTML page."""
    from shareviz.report import Subject, report_html

    before = open_source(options.source, pick=options.pick, run_code=options.run_code)
    plan = Path(options.plan).name if options.plan else ""
    if options.design:
        from shareviz.design import Design

        plan = Design.parse(options.design).title(before)
    subject = Subject(planned(before, options), before if plan else None, clean(plan, 80))
    return _written(Path(options.output), report_html(subject).encode())


def check(options: Namespace) -> Answer:
    """Answer whether the sharing is what was meant; exit code 1 for a problem or a broken lock."""
    from shareviz.checks import check as run_checks
    from shareviz.checks import title_of, worst_first
    from shareviz.lock import check_lock, make_lock

    seen = opened(options)
    findings = list(run_checks(seen))
    if options.values:
        findings = list(worst_first((*findings, *_lost_ties(seen, options))))
    if options.write_lock:
        _write(Path(options.write_lock), make_lock(seen).encode())
    if options.expect:
        findings += check_lock(seen, _text_of(options.expect))
    failed = any(finding.level == "problem" for finding in findings)
    lines = [title_of(findings)] + [""] * bool(findings)
    for finding in findings:
        saves = f", saves {count(finding.saves)}" if finding.saves else ""
        lines += [f"{finding.level}: {finding.title}{saves}", f"  {finding.evidence}"]
        lines += [f"  {line}" for line in finding.fix.splitlines()]
    return Answer([asdict(finding) for finding in findings], "\n".join(lines), int(failed))


def _lost_ties(seen: Snapshot, options: Namespace) -> tuple[Finding, ...]:
    """Return what the values say; where people read, the share that is done is counted up."""
    from shareviz.checks import check_copies
    from shareviz.copies import copies
    from shareviz.sources import values_of

    def show(done: float) -> None:
        print(f"\rComparing values: {percent(done, 1)}", end="" if done < 1 else "\n", file=sys.stderr)

    shown = show if sys.stderr.isatty() and not options.json else None
    with values_of(options.source, pick=options.pick, run_code=options.run_code) as values:
        return check_copies(copies(seen, values, progress=shown))


def compare(options: Namespace) -> Answer:
    """Answer what differs between two models; exit code 1 if anything does."""
    from shareviz.compare import compare as differ

    a, b = (open_source([part], run_code=options.run_code) for part in (options.a, options.b))
    found = differ(a, b)
    text = "\n".join(difference.text for difference in found) or "No difference."
    return Answer([asdict(difference) for difference in found], text, int(bool(found)))


def train(options: Namespace) -> Answer:
    """Run a comparison; under --json every event is a line as it happens, the result the last."""
    from shareviz.training.compare import compare_training
    from shareviz.training.protocol import RunSpec

    spec = RunSpec(
        options.task,
        versions=tuple(filter(None, (options.versions or "").split(","))),
        seeds=options.seeds,
        steps=options.steps,
        own_best=options.own_rates,
        device=options.device,
    )

    def show(event: Mapping[str, Any]) -> None:
        if options.json:
            print(json.dumps(event, ensure_ascii=False), flush=True)
        elif event["event"] == "member_done":
            print(f"{event['version']}, seed {event['seed']}: done", file=sys.stderr, flush=True)

    result = compare_training(spec, show)
    if options.json:
        print(json.dumps({"event": "result", "result": json.loads(result.to_json())}), flush=True)
        return Answer(None)
    return Answer(None, _trained(result))


def _trained(result: Result) -> str:
    from shareviz.training.verdict import measured

    measure = measured(result.task.metric)
    lines = [f"{result.task.title}: {measure}, {result.spec.seeds} seeds, {result.device}", ""]
    for row in result.table():
        mean = "diverged" if row.mean is None else f"{row.mean:.3f}"
        spread = "" if row.sd is None else f" ± {row.sd:.3f}"
        lines.append(f"  {row.arm.title:<28} {mean}{spread}  stores {count(row.arm.stored)}")
    for column, pairs in result.columns():
        lines += ["", column.title]
        lines += [f"  {_said(result, pair)}" for pair in pairs]
    return "\n".join(lines)


def _said(result: Result, pair: Comparison) -> str:
    names = f"{result.arm(pair.version).title} against {result.arm(pair.reference).title}"
    if pair.mean is None or pair.holm_low is None or pair.holm_high is None:
        return f"{names}: {pair.verdict}"
    # Holm's interval leaves out zero exactly where a winner is named
    interval = f"{pair.mean:+.3f}, 95 % interval {pair.holm_low:+.3f} to {pair.holm_high:+.3f}"
    return f"{names}: {pair.verdict} ({interval}, {len(pair.pairs)} paired seeds)".replace("-", "−")


def _saved_plan(path: str) -> Plan:
    from shareviz.jsonio import plan_from_json

    return plan_from_json(_text_of(path))


def _text_of(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SharevizError(
            f"{clean(path, 80)} cannot be read as text.",
            code="not-a-file",
            hint="Give a JSON file that exists.",
        ) from error


def _written(path: Path, content: bytes) -> Answer:
    _write(path, content)
    return Answer({"written": str(path), "bytes": len(content)}, f"Wrote {path}")


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise SharevizError(
            f"{clean(str(path), 80)} cannot be written: {error.strerror}.",
            code="not-a-file",
            hint="Choose a folder that exists and that you may write to.",
        ) from error


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
