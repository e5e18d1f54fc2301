"""The table of sets as a file."""

from __future__ import annotations

import csv
import io
from types import SimpleNamespace

import torch
from torch import nn

from shareviz.capture import capture
from shareviz.sharing import tally
from shareviz.snapshot import Snapshot
from shareviz.ui.mapexports import sets_csv
from tests.mapview import models


def table(snapshot: Snapshot) -> list[dict[str, str]]:
    text = sets_csv(SimpleNamespace(after=snapshot)).decode("utf-8-sig")  # type: ignore[arg-type]
    return list(csv.DictReader(io.StringIO(text)))


def test_numbers_are_exact_and_add_up() -> None:
    snapshot = models.under("tied;cycle?stored=3")
    *rows, total = table(snapshot)
    assert sum(int(row["stored"]) for row in rows) == int(total["stored"]) == tally(snapshot).stored


def test_a_name_is_never_a_formula() -> None:
    weight = nn.Parameter(torch.zeros(2))
    parts = nn.ModuleDict({name: nn.Module() for name in ("=1+1", "plain")})
    for part in parts.values():
        part.register_parameter("w", weight)
    cells = [cell for row in table(capture(parts)) for cell in row.values()]
    assert any("=1+1.w" in cell for cell in cells)
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]
