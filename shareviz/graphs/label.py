"""Labels of boxes, frames and exports as HTML-like DOT; every text is cleaned and escaped here."""

from __future__ import annotations

import html

from shareviz.graphs import paint
from shareviz.graphs._width import width
from shareviz.graphs.parts import Box, Cluster, Row
from shareviz.text import clean

SIGN = 18  # side of the sign that opens a box


def label(box: Box) -> str:
    """Return a box: a line with title and note, then rows of chip, words and what they hold."""
    chips = max((_chip_width(row) for row in box.rows), default=0)
    words = max((width(row.label, 13) for row in box.rows), default=0)
    details = max((width(row.detail, 12) for row in box.rows), default=0)
    needed = width(box.title, 13, bold=True) + width(box.note, 12) + (24 if box.note else 8)
    needed += SIGN + 6 if box.mark else 0
    # a heading wider than the rows would stretch every column; so the gap takes the difference
    gap = max(4, needed - (chips + 5 if chips else 0) - words - details - 8)
    note = f'<TD WIDTH="8"></TD><TD ALIGN="RIGHT">{muted(box.note, 12)}</TD>' if box.note else ""
    turn = sign("−" if box.open else "+") if box.mark else ""
    top = table(f"<TR>{beside(turn, box.title)}{note}</TR>", padding=0)
    lines = [f'<TR><TD COLSPAN="{5 if chips else 3}" ALIGN="LEFT">{top}</TD></TR>']
    lines += [_row(row, chips, gap) for row in box.rows]
    return table("".join(lines), padding=2)


def _row(row: Row, chips: int, gap: int) -> str:
    chip = f'{_chip(row, chips)}<TD WIDTH="3" CELLPADDING="0"></TD>' if chips else ""
    words = f'<TD ALIGN="LEFT">{text(row.label)}</TD>'
    detail = f'<TD ALIGN="RIGHT">{muted(row.detail, 12)}</TD>'
    return f'<TR>{chip}{words}<TD WIDTH="{gap}" CELLPADDING="0"></TD>{detail}</TR>'


def _chip(row: Row, chips: int) -> str:
    """Return the id on its colour, as wide as the widest of the box, so that words begin at one line."""
    if not row.sets:
        return f'<TD WIDTH="{chips}" CELLPADDING="0"></TD>'
    ink, fill = colours(row.sets)
    look = f'FIXEDSIZE="TRUE" WIDTH="{chips}" HEIGHT="16" VALIGN="BOTTOM" BGCOLOR="{fill}" STYLE="ROUNDED"'
    chip = f'<TD {look}><FONT COLOR="{ink}" POINT-SIZE="11"><B>{text(row.chip)}</B></FONT></TD>'
    # a table of its own: the padding around it parts it from the chip above
    return f'<TD CELLPADDING="2">{table(f"<TR>{chip}</TR>", padding=0)}</TD>'


def colours(sets: tuple[str, ...]) -> tuple[str, str]:
    """Return the text and the fill of a chip; several sets in one chip have no colour of their own."""
    return (paint.text_on(sets[0]), paint.fill(sets[0])) if len(sets) == 1 else (paint.INK, paint.BAND)


def _chip_width(row: Row) -> int:
    return width(row.chip, 11, bold=True) + 9 if row.sets else 0


def below(lines: list[str]) -> str:
    """Return the small lines under a picture."""
    rows = "".join(f"<TR>{cell(muted(line, 11))}</TR>" for line in lines)
    return table(rows, padding=1)


def heading(frame: Cluster) -> str:
    """Return the title of a frame with its note."""
    more = f'<TD WIDTH="6"></TD>{cell(muted(frame.note, 12))}' if frame.note else ""
    turn = sign("−") if frame.mark else ""
    return table(f"<TR>{beside(turn, frame.title)}{more}</TR>", padding=0)


def beside(turn: str, words: str) -> str:
    """Return a sign and a title in one cell of fixed size: the layout program would spread them."""
    if not turn:
        return title(words)
    size = f'FIXEDSIZE="TRUE" WIDTH="{SIGN + 8 + width(words, 13, bold=True)}" HEIGHT="22"'
    rows = f"<TR>{turn}{title(words)}</TR>"
    return cell(f'<TABLE ALIGN="LEFT" {size} BORDER="0" CELLSPACING="0" CELLPADDING="0">{rows}</TABLE>')


def sign(what: str) -> str:
    """Return the small button in front of a title; `svg` makes it one by its colours."""
    size = f'FIXEDSIZE="TRUE" WIDTH="{SIGN}" HEIGHT="{SIGN}"'
    look = f'BORDER="1" COLOR="{paint.MARK}" BGCOLOR="{paint.PLATE}" STYLE="ROUNDED"'
    inner = f'<TD {size} {look}><FONT COLOR="{paint.MARK}" POINT-SIZE="12"><B>{what}</B></FONT></TD>'
    return f'<TD>{table(f"<TR>{inner}</TR>", padding=0)}</TD><TD WIDTH="6"></TD>'


def title(words: str) -> str:
    """Return a cell of bold text; the layout program sets it higher than plain text, so it stands low."""
    return f'<TD ALIGN="LEFT" HEIGHT="20" VALIGN="BOTTOM">{bold(words)}</TD>'


def table(rows: str, *, padding: int) -> str:
    """Return a table without lines."""
    return f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="{padding}">{rows}</TABLE>'


def cell(content: str) -> str:
    """Return a cell that begins at the left."""
    return f'<TD ALIGN="LEFT">{content}</TD>'


def bold(words: str) -> str:
    """Return bold text; never an empty B, which is a syntax error."""
    return f"<B>{text(words)}</B>" if words.strip() else ""


def muted(words: str, size: int) -> str:
    """Return muted text; never an empty FONT, which is a syntax error."""
    if not words.strip():
        return ""
    return f'<FONT COLOR="{paint.MUTED}" POINT-SIZE="{size}">{text(words)}</FONT>'


def text(words: str) -> str:
    """Return text that DOT's HTML shows as it is; its signs are inert."""
    return html.escape(clean(words)) or " "
