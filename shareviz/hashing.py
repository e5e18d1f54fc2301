"""Fixed numbers scattered from positions and a seed, so that a hash needs no stored table.

They are made with the operators of whatever array is given, in its own library and on its device: the
same numbers for NumPy and torch, everywhere.
"""

from __future__ import annotations

from typing import Any

_LOW = 0xFFFFFFFF
_ODD = 0x45D9F3B  # under 2²⁷, so that its product with 32 bits stays within 64


def scattered(array: Any, many: int, seed: int) -> Any:
    """Return `many` fixed numbers of 32 bits that look random, as whole numbers beside `array`.

    Args:
        array: Any array with at least one element; it says only the library and the device.
        seed: Another one gives other numbers.
    """
    return mixed((_places(array, many) + 1) ^ mixed((seed + 1) & _LOW))


def mixed(number: Any) -> Any:
    """Return 32 bits made of the 32 bits of a number, or of each in an array, one to one.

    Example:
        >>> mixed(0), len({mixed(number) for number in range(1000)})
        (0, 1000)
    """
    for _ in range(2):
        number = ((number ^ (number >> 16)) * _ODD) & _LOW
    return number ^ (number >> 16)


def _places(array: Any, many: int) -> Any:
    """Return 0, 1, 2 … as whole numbers beside an array."""
    copies = array.reshape(-1)[:1].repeat(many)
    alike = copies == copies
    return (alike | ~alike).cumsum(0) - 1  # true everywhere, also where an element is no number
