"""A table of words that folds into blocks on a phone: real rows and headers, never cut off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from shareviz.ui.component import mounted

_ROWS = mounted(__file__)


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: text, with a mark in front and a tone (good, warn, bad, plain) that never stand alone.

    `note` stands below in small letters; `strong` writes the text bold.
    """

    text: str
    mark: str = ""
    tone: str = "plain"
    note: str = ""
    strong: bool = False


MARKS = {  # words with a mark and a tone
    "kept": ("✓", "good"),
    "lost": ("✕", "bad"),
    "half-tied": ("◐", "warn"),
    "tied": ("✓", "good"),
    "not tied": ("✕", "plain"),
}


def marked(said: str) -> Cell:
    """Return the cell of a word that has a mark of its own; any other word gets a dash."""
    mark, tone = MARKS.get(said, ("–", "plain"))
    return Cell(said, mark, tone, strong=said in ("lost", "half-tied"))


def draw_rows(
    titles: Sequence[str],
    rows: Sequence[Sequence[Cell]],
    *,
    key: str,
    caption: str,
    wide: Sequence[int] = (),
) -> None:
    """Draw a table; `caption` says for a screen reader what it is.

    Args:
        wide: Columns that a phone leaves out, because the page says the same elsewhere.
    """
    cells = [[asdict(cell) for cell in row] for row in rows]
    _ROWS(key=key, data={"titles": list(titles), "rows": cells, "caption": caption, "wide": list(wide)})
