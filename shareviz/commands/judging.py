"""`check` and `compare`: is the sharing what was meant, and what differs."""

from __future__ import annotations

import sys
from argparse import Namespace
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from shareviz.commands._answer import Answer, opened, text_of, write
from shareviz.commands._drawing import drawn, picturable, theme_of
from shareviz.snapshot import Snapshot
from shareviz.sources import open_source
from shareviz.text import count, percent

if TYPE_CHECKING:
    from shareviz.checks import Finding


def check(options: Namespace) -> Answer:
    """Answer whether the sharing is what was meant; exit code 1 for a problem or a broken lock."""
    from shareviz.checks import check as run_checks
    from shareviz.checks import title_of, worst_first
    from shareviz.lock import check_lock, make_lock

    seen = opened(options)
    findings = list(run_checks(seen))
    if options.values:
        findings += _lost_ties(seen, options)
    if options.write_lock:
        write(Path(options.write_lock), make_lock(seen).encode())
    if options.expect:
        findings += check_lock(seen, text_of(options.expect))
    findings = list(worst_first(findings))
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
    if options.output:
        text += f"\n{_pictured(options, a, b).text}"
    return Answer([asdict(difference) for difference in found], text, int(bool(found)))


def _pictured(options: Namespace, a: Snapshot, b: Snapshot) -> Answer:
    """Write the picture of two models side by side."""
    from shareviz.takeaway import Wish, compared_svg

    target = picturable(Path(options.output), ".svg or .png")
    wish = Wish(theme=theme_of(options), transparent=options.transparent)
    return drawn(target, compared_svg(a, b, (a.source.title, b.source.title), wish), options.scale)
