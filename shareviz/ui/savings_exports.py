"""What the savings page offers for download."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from functools import partial

from shareviz.charts.bars import stored_bars
from shareviz.charts.export import Print
from shareviz.charts.scatter import capacity_scatter
from shareviz.ledger import Line
from shareviz.offers import line_data
from shareviz.savings import Comparison, pytorch
from shareviz.ui import theme
from shareviz.ui.estimates_view import FIT_TITLE, points_of
from shareviz.ui.mapexports import caption
from shareviz.ui.savings_view import BARS_TITLE, bars_of
from shareviz.ui.taste import chart_exports, draw_taste
from shareviz.ui.view import Export, View


def savings_exports(view: View, shown: Comparison, lines: Sequence[Line]) -> list[Export]:
    """Return both charts as PNG and SVG, the ledger as CSV and JSON, and the code."""
    taste = draw_taste(view.menu)
    stem = theme.file_stem(f"{view.title} {shown.now.preset.title} savings")
    code = pytorch(shown.now.preset.design)
    made = [
        Export("Ledger (CSV)", f"{stem}.csv", "text/csv", lambda: ledger_csv(lines)),
        Export("Ledger (JSON)", f"{stem}.json", "application/json", lambda: ledger_json(lines)),
        Export("Code (Python)", f"{stem}.py", "text/x-python", lambda: code.encode()),
    ]
    about = Print(mode=taste.theme, transparent=taste.transparent, footer=caption(view).footer)
    bars = Print(**about, title=BARS_TITLE)
    draw = partial(stored_bars, bars_of(shown), mode=taste.theme)
    made += chart_exports("Strategies", f"{stem}-strategies", draw, (bars, taste.scale))
    points = points_of(shown)
    if points:
        fit = Print(**about, title=FIT_TITLE, width=620)
        scatter = partial(capacity_scatter, points, mode=taste.theme)
        made += chart_exports("Estimates", f"{stem}-estimates", scatter, (fit, taste.scale))
    return made


def ledger_json(lines: Sequence[Line]) -> bytes:
    """Return the ledger as `shareviz savings --json` prints it."""
    return json.dumps([line_data(line) for line in lines], ensure_ascii=False, indent=2).encode()


def ledger_csv(lines: Sequence[Line]) -> bytes:
    """Return the ledger with exact numbers; an empty cell means that it cannot be said."""
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow(("heading", "quantity", "without sharing", "this plan", "unit", "per", "change", "how"))
    for line in lines:
        row = line.after
        values = ["" if value is None else f"{value:.0f}" for value in (line.before.value, row.value)]
        table.writerow((row.heading, row.title, *values, row.unit, row.per, line.verdict, row.note))
    return out.getvalue().encode("utf-8-sig")
