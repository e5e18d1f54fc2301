"""JSON read strictly: no name twice, no NaN, no depth beyond reason, and errors that say where."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import prod
from typing import Any, TypeVar

from shareviz import text
from shareviz.errors import FormatError
from shareviz.formats._base import Limits, refuse

MOST = 2**63 - 1
_REDO = "Write the file again with the library that made it."
E = TypeVar("E", bound=StrEnum)
T = TypeVar("T")


class _TwiceError(ValueError):
    """One name twice in an object."""


def parse(data: bytes | str, *, what: str, constants: bool = False) -> Any:
    """Return the value; `what` is how messages call it ("The header").

    With `constants`, NaN and Infinity are let through as floats, to be refused by name later.

    Raises:
        FormatError: ambiguous (a name twice), malformed.
    """
    try:
        decoded = data.decode("utf-8-sig") if isinstance(data, bytes) else data
        constant = float if constants else _no_constant
        return json.loads(decoded, object_pairs_hook=_once, parse_constant=constant)
    except _TwiceError as error:
        shown = text.clean(str(error), 80)
        raise refuse("ambiguous", f"{what} holds the name {shown} twice.", _REDO) from error
    except RecursionError as error:
        raise refuse("malformed", f"{what} nests too deep.", _REDO) from error
    except ValueError as error:
        raise refuse("malformed", f"{what} is no valid JSON.", _REDO) from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        counts = Counter(key for key, _ in pairs)
        raise _TwiceError(counts.most_common(1)[0][0])
    return made


def _no_constant(word: str) -> float:
    raise ValueError(f"{word} is no number of JSON")


@dataclass(frozen=True, slots=True)
class At:
    """A value of a JSON document and the place where it stands; every step checks its type."""

    value: Any
    place: str
    limits: Limits

    def wrong(self, wanted: str) -> FormatError:
        """Return the error that says what should stand here."""
        place = text.clean(self.place, 120) or "The file"
        return refuse("malformed", f"{place} must be {wanted}.", _REDO)

    def integer(self, most: int = MOST) -> int:
        """Return a whole number from 0."""
        if type(self.value) is not int or not 0 <= self.value <= most:
            raise self.wrong("a whole number, not negative, of 64 bits at most")
        return self.value

    def flag(self) -> bool:
        """Return true or false."""
        if not isinstance(self.value, bool):
            raise self.wrong("true or false")
        return self.value

    def words(self, most: int) -> str:
        """Return a text of at most `most` characters."""
        if not isinstance(self.value, str) or len(self.value) > most:
            raise self.wrong(f"a text of at most {most} characters")
        try:
            self.value.encode()
        except UnicodeEncodeError as error:
            place = text.clean(self.place, 120)
            raise refuse("bad-name", f"{place} is no valid text.", _REDO) from error
        return self.value

    def name(self) -> str:
        """Return a text as long as a name may be."""
        return self.words(self.limits.name_chars)

    def names(self, most: int) -> tuple[str, ...]:
        """Return a list of at most `most` names."""
        return tuple(inner.name() for inner in self.items(most))

    def word(self, words: type[E]) -> E:
        """Return one of the words of an enumeration."""
        try:
            return words(self.words(32))
        except ValueError as error:
            raise self.wrong(f"one of {', '.join(words)}") from error

    def items(self, most: int) -> tuple[At, ...]:
        """Return the elements of a list with at most `most` of them."""
        if not isinstance(self.value, list):
            raise self.wrong("a list")
        if len(self.value) > most:
            said = f"{text.clean(self.place, 120)} has {text.exact(len(self.value))} entries"
            raise refuse("limit", f"{said}; at most {text.exact(most)} are read.", _REDO)
        return tuple(At(value, f"{self.place}[{i}]", self.limits) for i, value in enumerate(self.value))

    def pairs(self) -> tuple[tuple[At, At], ...]:
        """Return a list of lists of two."""
        pairs = [inner.items(2) for inner in self.items(self.limits.tensors)]
        if any(len(pair) != 2 for pair in pairs):
            raise self.wrong("a list of pairs")
        return tuple((pair[0], pair[1]) for pair in pairs)

    def integers(self, most: int) -> tuple[int, ...]:
        """Return a list of at most `most` whole numbers from 0."""
        if not isinstance(self.value, list) or len(self.value) > most:
            raise self.wrong(f"a list of at most {most} whole numbers")
        if not all(type(number) is int and 0 <= number <= MOST for number in self.value):
            raise self.wrong("a list of whole numbers, none negative")
        return tuple(self.value)

    def shape(self) -> tuple[int, ...]:
        """Return sizes whose product a tensor can have."""
        shape = self.integers(self.limits.dimensions)
        if prod(shape) > self.limits.elements:
            said = f"{text.clean(self.place, 120)} claims more than 2⁴⁸ elements."
            raise refuse("limit", said, _REDO)
        return shape

    def fields(self) -> Mapping[str, Any]:
        """Return the members of an object."""
        if not isinstance(self.value, dict):
            raise self.wrong("an object")
        return self.value

    def maybe(self, read: Callable[[At], T]) -> T | None:
        """Return None for null, else what `read` makes of the value."""
        return None if self.value is None else read(self)

    def get(self, key: str, default: Any) -> At:
        """Return a member that may be missing."""
        place = f"{self.place}.{key}" if self.place else key
        return At(self.fields().get(key, default), place, self.limits)

    def __getitem__(self, key: str) -> At:
        if key not in self.fields():
            raise self.wrong(f"an object with {key}")
        return self.get(key, None)
