"""Numbers and names as people read them: the only place that rounds or cleans.

Exact integers travel everywhere else; names from files are hostile wherever they are shown,
so they pass through `clean` first and each renderer still escapes for itself.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

NAME_LIMIT = 512
_DECIMAL = ((10**12, "T"), (10**9, "B"), (10**6, "M"), (10**3, "k"))
_BINARY = ((2**50, "PiB"), (2**40, "TiB"), (2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"))


def count(number: int | float | None) -> str:
    """Return a count with a decimal unit: 60.7 M, 7.08 M, 163.0 M; n/a for None.

    Example:
        >>> count(60_700_000), count(7_080_000), count(824_800), count(12), count(None)
        ('60.7 M', '7.08 M', '824.8 k', '12', 'n/a')
    """
    if number is None:
        return "n/a"
    return minus(_scaled(number, _DECIMAL) or f"{number:,.0f}")


def exact(number: int | None) -> str:
    """Return the integer with commas, or n/a."""
    return "n/a" if number is None else minus(f"{number:,}")


def size(nbytes: int | float | None) -> str:
    """Return bytes with a binary unit: 231 MiB, 1.2 GiB; n/a for None.

    Example:
        >>> size(231 * 2**20), size(1.21 * 2**30), size(100)
        ('231 MiB', '1.2 GiB', '100 B')
    """
    if nbytes is None:
        return "n/a"
    for unit, name in _BINARY:
        if abs(nbytes) >= unit:
            value = nbytes / unit
            return minus(f"{value:.0f} {name}" if abs(value) >= 100 else f"{value:.1f} {name}")
    return minus(f"{nbytes:.0f} B")


def smaller(before: float, after: float) -> str:
    """Return the factor of a reduction: ÷2.7, or same, or ×1.1 where it grew.

    Example:
        >>> smaller(163, 60.7), smaller(5, 5), smaller(10, 11), smaller(5, 0)
        ('÷2.7', 'same', '×1.1', 'none left')
    """
    if before == after:
        return "same"
    if not after:
        return "none left"
    if not before:
        return "new"
    ratio, sign = (before / after, "÷") if before > after else (after / before, "×")
    for digits in (1, 2, 3):
        if round(ratio, digits) > 1:
            return f"{sign}{ratio:.0f}" if ratio >= 100 else f"{sign}{ratio:.{digits}f}"
    return f"{sign}1.0"


def percent(part: float, whole: float) -> str:
    """Return a whole percentage, n/a of nothing.

    Example:
        >>> percent(40.3, 85.1), percent(1, 0)
        ('47 %', 'n/a')
    """
    return f"{100 * part / whole:.0f} %" if whole else "n/a"


def duration(seconds: float) -> str:
    """Return seconds as people say them: 25 s, 2 min 20 s.

    Example:
        >>> duration(0.2), duration(25), duration(136)
        ('1 s', '25 s', '2 min 20 s')
    """
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    tens = round(seconds / 10)
    return f"{tens // 6} min {tens % 6 * 10} s" if tens % 6 else f"{tens // 6} min"


def points(value: float, *, sign: bool = False) -> str:
    """Return a share in points of a hundred, with one digit: 95.4, or +1.5 with `sign`.

    Example:
        >>> points(0.9543), points(-0.015, sign=True), points(-0.0001, sign=True)
        ('95.4', '−1.5', '0.0')
    """
    shown = f"{100 * value:{'+' if sign else ''}.1f}"
    return "0.0" if float(shown) == 0 else minus(shown)


def figure(value: float, *, sign: bool = False) -> str:
    """Return a number with three digits that count: 0.192, or +0.318 with `sign`.

    Example:
        >>> figure(0.19187), figure(-0.0005, sign=True), figure(0.0, sign=True)
        ('0.192', '−0.0005', '0')
    """
    return minus(f"{value:{'+' if sign else ''}.3g}") if value else "0"


def shape(sizes: Sequence[int]) -> str:
    """Return sizes joined by a multiplication sign; a scalar is said in a word."""
    return "×".join(map(str, sizes)) if sizes else "scalar"


def plural(number: int, noun: str, many: str | None = None) -> str:
    """Return the number with its noun: 1 layer, 2 layers, 3 copies (with `many`)."""
    return f"{number:,} {noun if number == 1 else many or noun + 's'}"


def ranges(numbers: Iterable[int]) -> str:
    """Return layer numbers compactly: 0, 3, 6, 9 up to six, then runs such as 0–11.

    Example:
        >>> ranges([0, 3, 6, 9]), ranges(range(12)), ranges([0, 1, 2, 3, 5, 6, 7, 9])
        ('0, 3, 6, 9', '0–11', '0–3, 5–7, 9')
    """
    ordered = sorted(set(numbers))
    if len(ordered) <= 6 and not (len(ordered) > 2 and ordered[-1] - ordered[0] == len(ordered) - 1):
        return ", ".join(map(str, ordered))
    runs: list[list[int]] = []
    for number in ordered:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    parts = [str(a) if a == b else f"{a}–{b}" for a, b in runs]
    return ", ".join(parts) if len(parts) <= 6 else ", ".join(parts[:5]) + ", …"


def minus(text: str) -> str:
    """Return the text with a true minus sign in place of a leading hyphen."""
    return "−" + text[1:] if text.startswith("-") else text


def clean(name: str, limit: int = NAME_LIMIT) -> str:
    r"""Return a name safe to show: control and bidirectional characters as \uXXXX, cut at `limit`.

    The raw name stays in the data. This is no escaping: HTML, DOT, SVG and CSV still need theirs.

    Example:
        >>> clean("a\nb\u202ec")
        'a\\u000ab\\u202ec'
    """
    cut = name if len(name) <= limit else name[: limit - 1] + "…"
    if cut.isascii() and cut.isprintable():
        return cut
    return "".join(_visible(ch) for ch in cut)


def shortened(sentence: str, most: int) -> str:
    """Return a text cut after a word, with "…" in place of the rest.

    Example:
        >>> shortened("The width is no multiple of the heads.", 20)
        'The width is no…'
    """
    if len(sentence) <= most:
        return sentence
    kept, space, _ = sentence[:most].rpartition(" ")
    return f"{kept if space else sentence[: most - 1]}…".replace(",…", "…")


def listed(names: Sequence[str], most: int = 3) -> str:
    """Return the first names, cleaned, and how many more there are."""
    shown = ", ".join(clean(name, 80) for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most:,} more"


def _visible(ch: str) -> str:
    hidden = unicodedata.category(ch) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    return f"\\u{ord(ch):04x}" if hidden else ch


def _scaled(number: int | float, units: tuple[tuple[int, str], ...]) -> str | None:
    for unit, name in units:
        # 999,950 rounds to 1000.0 k: let the larger unit take it
        if abs(number) >= unit * 0.99995:
            value = number / unit
            return f"{value:.2f} {name}" if abs(value) < 9.995 else f"{value:.1f} {name}"
    return None
