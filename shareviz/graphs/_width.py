"""How wide a text is in Arial, near enough to keep a column of a box from being stretched."""

from __future__ import annotations

# thousandths of the size, from Helvetica's metrics, which Arial shares; what is missing counts as a capital
_BY_WIDTH = {
    222: "ijl'|",
    278: " !,./:;I[\\]ft",
    333: '-()r`"{}',
    500: "Jckszvxy",
    556: "0123456789abdeghnopqu_$?#L",
    584: "+<>=~^*×÷−–",
    833: "Mm%",
    722: "wCDHNRU",
    944: "W",
    1000: "@…",
}
_WIDTHS = {ch: width for width, text in _BY_WIDTH.items() for ch in text}
_CAPITAL, _BOLD = 700, 1.08


def width(text: str, size: int, *, bold: bool = False) -> int:
    """Return the points that a text needs, rounded up.

    Example:
        >>> width("attention", 13), width("attention", 13, bold=True), width("", 13)
        (50, 54, 0)
    """
    units = sum(_WIDTHS.get(ch, _CAPITAL) for ch in text) * size
    return int(-(-units * (_BOLD if bold else 1) // 1000))


def laid_out(text: str, size: float) -> float:
    """Return the points that the layout program gave a text: a space for each byte of a sign beyond ASCII."""
    units = (_WIDTHS.get(ch, _CAPITAL) if ch.isascii() else _WIDTHS[" "] * len(ch.encode()) for ch in text)
    return sum(units) * size / 1000
