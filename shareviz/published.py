"""What papers say of the size of their models, beside what the same configuration counts exactly."""

from __future__ import annotations

import csv
import functools
import re
from dataclasses import dataclass
from importlib.resources import files

_NUMBER = re.compile(r"~?(\d+(?:\.\d+)?)\s*([kMB])(?![\w/])")
_UNITS = {"k": 10**3, "M": 10**6, "B": 10**9}
_TOLERATED = 0.02  # a rounded figure may be off by this much without being called different


@dataclass(frozen=True, slots=True)
class Published:
    """One row of the table: `said` as the paper writes it, `exact` counted from its configuration.

    `number` is what the paper's figure means in elements, None where it gives none.
    """

    family: str
    model: str
    said: str
    number: float | None
    exact: int
    source: str

    @property
    def differs(self) -> bool:
        """Whether the exact count does not round to the published figure, and is 2 % off or more."""
        if self.number is None or abs(self.exact - self.number) <= _TOLERATED * self.number:
            return False
        digits, unit = _parsed(self.said)
        places = len(digits.partition(".")[2])
        return f"{self.exact / _UNITS[unit]:.{places}f}" != digits


@functools.cache
def published() -> tuple[Published, ...]:
    """Return the rows of the table that count parameters, in its order."""
    text = (files("shareviz") / "data" / "published_params.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())
    return tuple(_row(row) for row in rows if "/token" not in row["published_params"])


def of_count(stored: int) -> tuple[Published, ...]:
    """Return the published models that store exactly so many elements."""
    return tuple(row for row in published() if row.exact == stored)


def _row(row: dict[str, str]) -> Published:
    said = row["published_params"]
    digits, unit = _parsed(said)
    number = float(digits) * _UNITS[unit] if digits else None
    source = re.sub(r"\s*\[.*", "", row["source"]).strip()
    return Published(row["family"], row["model"], said, number, int(row["exact_params"]), source)


def _parsed(said: str) -> tuple[str, str]:
    # the longest figure is the most exact one: "8B (8.03B)"
    found = max(_NUMBER.findall(said), key=lambda pair: len(pair[0]), default=("", ""))
    return found[0], found[1]
