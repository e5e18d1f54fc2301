"""What an axis of counts is measured in."""

from __future__ import annotations


def unit_of(most: float) -> tuple[float, str]:
    """Return what an axis up to `most` counts in, and the word to append to its title."""
    for unit, word in ((1e9, ", billions"), (1e6, ", millions"), (1e3, ", thousands")):
        if most >= unit:
            return unit, word
    return 1.0, ""
