"""The turns of a model, strategy or task: named, bounded, and the same text in a link and a command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import parse_qsl, urlencode

from shareviz.errors import OptionError
from shareviz.text import clean

Value = int | float | bool | str


@dataclass(frozen=True, slots=True)
class Option:
    """One turn: its default gives its type. Numbers need `low` and `high`; words need `choices`.

    `help` says in one sentence what turning it does; `step` is the slider's step.
    """

    name: str
    title: str
    default: Value
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    step: float = 1
    help: str = ""

    def __post_init__(self) -> None:
        self.check(self.default)

    def check(self, value: object) -> Value:
        """Return the value in this option's type.

        Raises:
            OptionError: Not of the type, out of range, or not among the choices.
        """
        kind = type(self.default)
        parsed = _typed(value, kind)
        if parsed is None:
            raise OptionError(
                f"{self.name} must be a {_WORD[kind]}, not {clean(str(value), 40)!r}.", hint=self._way_out()
            )
        if self.choices and parsed not in self.choices:
            raise OptionError(f"{self.name} cannot be {clean(str(parsed), 40)!r}.", hint=self._way_out())
        number = parsed if isinstance(parsed, int | float) and not isinstance(parsed, bool) else None
        low, high = self.low, self.high
        if number is not None and not ((low is None or number >= low) and (high is None or number <= high)):
            raise OptionError(f"{self.name} = {number} is out of range.", hint=self._way_out())
        return parsed

    def _way_out(self) -> str:
        if self.choices:
            return f"Choose one of {', '.join(self.choices)}."
        if isinstance(self.default, bool):
            return "Choose true or false."
        return f"Choose a value from {_plain(self.low)} to {_plain(self.high)}."


def settle(options: Sequence[Option], given: Mapping[str, object]) -> Mapping[str, Value]:
    """Return every option's value: the given one, checked, or its default.

    Raises:
        OptionError: An unknown name, or a value that does not fit.
    """
    known = {option.name: option for option in options}
    for name in given:
        if name not in known:
            choices = ", ".join(known) or "none"
            raise OptionError(f"There is no option {clean(name, 40)!r}.", hint=f"The options are: {choices}.")
    values = {name: option.check(given.get(name, option.default)) for name, option in known.items()}
    return MappingProxyType(values)


def parse(text: str) -> tuple[str, dict[str, str]]:
    """Return name and options of `name?option=value&option=value`, percent-decoded.

    Example:
        >>> parse("gpt?layers=6&width=128")
        ('gpt', {'layers': '6', 'width': '128'})

    Raises:
        OptionError: The part after the question mark is no list of pairs.
    """
    name, _, query = text.partition("?")
    try:
        pairs = parse_qsl(query, strict_parsing=bool(query), keep_blank_values=True, max_num_fields=64)
    except ValueError as error:
        raise OptionError(
            f"{clean(query, 60)!r} is no list of options.", hint="Write them as name=value&name=value."
        ) from error
    return name, dict(pairs)


def unparse(name: str, options: Sequence[Option], values: Mapping[str, object]) -> str:
    """Return the text that `parse` and `settle` read back; defaults are left out."""
    turned = {
        option.name: _plain(values[option.name])
        for option in options
        if option.name in values and values[option.name] != option.default
    }
    return f"{name}?{urlencode(turned)}" if turned else name


_WORD = {int: "whole number", float: "number", bool: "yes or no", str: "word"}
_TRUTH = {
    "true": True,
    "1": True,
    "yes": True,
    "on": True,
    "false": False,
    "0": False,
    "no": False,
    "off": False,
}


def _typed(value: object, kind: type[Value]) -> Value | None:
    text = str(value).strip()
    if kind is bool:
        return value if isinstance(value, bool) else _TRUTH.get(text.lower())
    if kind is str:
        return value if isinstance(value, str) else None
    if isinstance(value, bool) or len(text) > 40:
        return None
    try:
        number = float(text)
        if kind is int:
            return int(number) if number.is_integer() else None
    except (ValueError, OverflowError):
        return None
    return number if abs(number) < float("inf") else None


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.12g}" if isinstance(value, float) else str(value)
