"""The numbers of a config.json held within bounds, and its unsafe keys found; no torch here.

Source: transformers 5.24, the defaults of all 820 config types: none is refused here but those
of more than 1,024 experts, and n-gram tables of more than ten million rows.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from shareviz import text
from shareviz.formats._base import Code, Limits, refuse

_POSITIONS = 2**24  # Llama 4 Scout states 10,485,760 of them, in a rotary embedding without a table
_FREE = re.compile(r"(^|_)(ids?|ind(ex|ices)|idx|tokens?|offset|layer|val|value)$")
_COUNTS = re.compile(r"(^|_)(layers|depths?|blocks|hidden_groups)$|^(n|num)_(\w+_)?layer$")
_STAGES = re.compile(r"(^|_)(depths?|blocks)$")
_EXPERTS = re.compile(r"^(\w+_)?(num|n)_(\w+_)?experts$|^num_experts_\w+|^moe_num_experts$")
_ROWS = re.compile(r"vocab|codebook_size|buckets")
_LONG = re.compile(r"position|length|window|chunk|ctx|context|frames|sampl|rate|theta|floor|scale")
_SHAPES = re.compile(
    r"hidden|width|dim|embd|embed|inner|intermediate|ffn|channels|kernel|heads?$|rank|labels"
    r"|experts|layers|depths?$|blocks$|vocab|positions|^[dn]_|^num_(?!images)|(image|patch|state)_size"
)

_RUNS_CODE = ("auto_map", "custom_pipelines", "trust_remote_code")


def check_keys(config: Mapping[str, Any]) -> None:
    """Refuse a config that asks to run code.

    Raises:
        FormatError: runs-code.
    """
    for place, key, value in _walk(config, "", 0):
        if key in _RUNS_CODE and value:
            raise refuse(
                "runs-code",
                f"The config asks to run code of its author ({text.clean(place, 80)}); that was not done.",
                "Run your own module locally with --run-code, or upload its weights.",
            )


def check_numbers(config: Mapping[str, Any], limits: Limits) -> None:
    """Refuse numbers that are no size of any model.

    Raises:
        FormatError: config (not finite, negative), limit (too large); the field is named.
    """
    for place, key, value in _walk(config, "", 0):
        if isinstance(value, float):
            _check_float(place, key, value)
        elif type(value) is int:
            _check_integer(place, key, value, limits)
        elif isinstance(value, list) and _STAGES.search(key):
            _check_stages(place, value, limits)


def _walk(value: Any, place: str, depth: int) -> Iterator[tuple[str, str, Any]]:
    """Yield every member with its place and its key; elements of a list go by the list's key."""
    stack: list[tuple[str, str, Any, int]] = [(place, "", value, depth)]
    while stack:
        place, key, value, depth = stack.pop()
        if depth > 16:
            raise _wrong("config", place, "nests too deep")
        yield place, key, value
        if isinstance(value, Mapping):
            for name, inner in value.items():
                # the members of a table by number, such as per-layer settings, go by its own key
                known = key if name.isdigit() else name
                stack.append((f"{place}.{name}" if place else name, known, inner, depth + 1))
        elif isinstance(value, list):
            stack.extend((f"{place}[{i}]", key, inner, depth + 1) for i, inner in enumerate(value))


def _check_float(place: str, key: str, value: float) -> None:
    if math.isnan(value) or (math.isinf(value) and not key.endswith("_limit")):
        raise _wrong("config", place, "is no finite number")
    if _SHAPES.search(key) and value < 0 and not _FREE.search(key):
        raise _wrong("config", place, "is negative")


def _check_integer(place: str, key: str, value: int, limits: Limits) -> None:
    free = _FREE.search(key) is not None and not _COUNTS.search(key)
    if value < 0 and not free and _SHAPES.search(key):
        raise _wrong("config", place, f"is negative ({text.exact(max(value, -(10**15)))})")
    most = _bound(key, limits)
    if abs(value) > most:
        raise _wrong("limit", place, f"is beyond {text.exact(most)}")


def _check_stages(place: str, values: list[Any], limits: Limits) -> None:
    if sum(value for value in values if type(value) is int) > limits.layers:
        raise _wrong("limit", place, f"adds up to more than {limits.layers} layers")


def _bound(key: str, limits: Limits) -> int:
    """Return the largest value of a field, by the first pattern that its name matches."""
    table = (
        (_COUNTS, limits.layers),
        (_EXPERTS, limits.experts),
        (_ROWS, limits.vocabulary),
        (_LONG, _POSITIONS),
        (_FREE, limits.vocabulary),
    )
    return next((most for pattern, most in table if pattern.search(key)), limits.width)


def _wrong(code: Code, place: str, what: str) -> Exception:
    hint = "Correct this field of the config, or upload the weights."
    return refuse(code, f"The field {text.clean(place, 80)} {what}.", hint)
