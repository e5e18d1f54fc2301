"""What the savings page offers for download."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from shareviz.charts import export
from shareviz.charts.savings import capacity_scatter, stored_bars
from shareviz.charts.theme import Chart
from shareviz.ledger import Line
from shareviz.savings import Comparison, pytorch
from shareviz.ui import theme
from shareviz.ui.savings_view import bars_of, points_of
from shareviz.ui.view import Export, View


def savings_exports(view: View, shown: Comparison, lines: Sequence[Line]) -> list[Export]:
    """Return both charts as PNG and SVG, the ledger as CSV, and the code."""
    stem = theme.file_stem(f"{view.title} {shown.now.preset.title} savings")
    made = [
        Export("Ledger (CSV)", f"{stem}.csv", "text/csv", lambda: ledger_csv(lines)),
        Export(
            "Code (Python)", f"{stem}.py", "text/x-python", lambda: pytorch(shown.now.preset.design).encode()
        ),
        *_pictures("Strategies", f"{stem}-strategies", stored_bars(bars_of(shown))),
    ]
    points = points_of(shown)
    if points:
        made += _pictures("Estimates", f"{stem}-estimates", capacity_scatter(points), width=620)
    return made


def _pictures(title: str, stem: str, chart: Chart, width: int = 900) -> list[Export]:
    return [
        Export(f"{title} (PNG ×2)", f"{stem}.png", "image/png", lambda: export.chart_png(chart, width=width)),
        Export(
            f"{title} (SVG)",
            f"{stem}.svg",
            "image/svg+xml",
            lambda: export.chart_svg(chart, width=width).encode(),
        ),
    ]


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
