"""A sharing table as text that people read: `a:012012012012;f:=a;n:own;tie:1`.

One item for each part of a layer: a attention, f feed-forward, n norms, r the rest. One sign for each
layer, top down: layers with one sign read one stored row, and "." is a layer's own. `own` stands for
dots alone, `=a` for the signs of an earlier part; `0*12` and `(012)*32` repeat, with a comma
where a digit follows. `tie` says whether the output head is the token table. A part that is not named
stays as the model has it.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from shareviz.errors import OptionError
from shareviz.text import clean, plural

PARTS = {"a": "attention", "f": "feed-forward", "n": "norms", "r": "the rest"}
SIGNS = string.digits + string.ascii_letters  # of rows that layers share, in order of first use
OWN_SIGN = "."
MOST_LAYERS = 4096
LONGEST = 16_384  # characters of a table
PLAIN = 16  # layers up to which signs are written out one by one

Signs = tuple[int | None, ...]  # for each layer its shared row, by first use; None is its own
OWN: Signs = ()  # each layer's own, in a model of any depth

_START = re.compile(r"(?:[afnr]|tie):")
_COUNTED = re.compile(r"\*[0-9]+$")
_TOKEN = re.compile(r"(?:([0-9A-Za-z.])|\(([0-9A-Za-z.]+)\))(?:\*([0-9]{1,4}),?)?")


@dataclass(frozen=True, slots=True)
class Table:
    """Which stored row each layer reads, for each part of a layer; `tie` is None where nothing is said."""

    parts: tuple[tuple[str, Signs], ...] = ()
    tie: bool | None = None

    @property
    def text(self) -> str:
        """The text that `parse_table` reads back."""
        said: list[str] = []
        seen: dict[Signs, str] = {}
        for key, signs in self.parts:
            said.append(f"{key}:={seen[signs]}" if signs in seen else f"{key}:{_written(signs)}")
            if signs:
                seen.setdefault(signs, key)
        if self.tie is not None:
            said.append(f"tie:{int(self.tie)}")
        return ";".join(said)


def is_table(text: str) -> bool:
    """Whether a text begins as a table does."""
    return bool(_START.match(text))


def signs_of(rows: Sequence[object]) -> Signs | None:
    """Return the signs of layers that read equal values alike; None where there are too many rows."""
    times = Counter(rows)
    numbers: dict[object, int] = {}
    signs = tuple(numbers.setdefault(row, len(numbers)) if times[row] > 1 else None for row in rows)
    if len(numbers) > len(SIGNS):
        return None
    return signs if numbers else OWN


def parse_table(text: str) -> Table:
    """Return the table that a text says.

    Raises:
        OptionError: Too long, an unknown or repeated part, or signs that are none.
    """
    if len(text) > LONGEST:
        raise _refused(f"has {len(text):,} characters")
    parts: dict[str, Signs] = {}
    tied: bool | None = None
    for item in text.split(";"):
        key, colon, said = item.partition(":")
        if not colon or key not in (*PARTS, "tie"):
            raise _refused(f"has no part {clean(item, 40)!r}")
        if key in parts or (key == "tie" and tied is not None):
            raise _refused(f"names the part {key!r} twice")
        if key == "tie":
            tied = _truth(said)
        else:
            parts[key] = _signs(said, parts)
    return Table(tuple(parts.items()), tied)


def _truth(said: str) -> bool:
    if said not in ("0", "1"):
        raise _refused(f"says tie:{clean(said, 20)}, which is neither 0 nor 1")
    return said == "1"


def _signs(said: str, earlier: dict[str, Signs]) -> Signs:
    if said == "own":
        return OWN
    if said.startswith("="):
        if said[1:] not in earlier:
            raise _refused(f"points to {clean(said, 20)!r}, which does not stand before it")
        return earlier[said[1:]]
    found = signs_of([n if sign == OWN_SIGN else sign for n, sign in enumerate(_expanded(said))])
    return found if found is not None else OWN  # more signs than there are cannot be written


def _expanded(said: str) -> str:
    """Return one sign for each layer; the length is checked before anything is repeated."""
    out: list[str] = []
    length = place = 0
    while place < len(said):
        token = _TOKEN.match(said, place)
        if token is None:
            raise _refused(f"has no sign {clean(said[place], 8)!r}")
        unit, times = token[1] or token[2], int(token[3] or 1)
        length += len(unit) * times
        if length > MOST_LAYERS:
            raise _refused(f"has more than {plural(MOST_LAYERS, 'layer')}")
        out.append(unit * times)
        place = token.end()
    if not length:
        raise _refused("has a part without layers")
    return "".join(out)


def _written(signs: Signs) -> str:
    if not signs:
        return "own"
    plain = "".join(OWN_SIGN if sign is None else SIGNS[sign] for sign in signs)
    if len(plain) <= PLAIN and len(set(plain)) > 1:
        return plain
    return min((_in_runs(plain), _in_periods(plain)), key=len)


def _in_runs(plain: str) -> str:
    out = ""
    for sign, members in groupby(plain):
        times = len(list(members))
        comma = "," if sign.isdecimal() and _COUNTED.search(out) else ""
        out += comma + (f"{sign}*{times}" if times > 3 else sign * times)
    return out


def _in_periods(plain: str) -> str:
    size = next(
        n for n in range(1, len(plain) + 1) if len(plain) % n == 0 and plain == plain[:n] * (len(plain) // n)
    )
    return plain if size in (1, len(plain)) else f"({plain[:size]})*{len(plain) // size}"


def _refused(why: str) -> OptionError:
    return OptionError(
        f"The table of the design {why}.",
        hint="Write it as a:012012;f:=a;n:own;tie:1, one sign for each layer.",
    )
