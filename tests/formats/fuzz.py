"""What every broken file must meet: it opens, or is refused with a word and a hint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import get_args

from shareviz.errors import FormatError
from shareviz.formats import HOSTED, Upload, load
from shareviz.formats._base import Code

HERE = replace(HOSTED, isolated=False)


def opens_or_refuses(name: str, data: bytes, companions: Sequence[Upload] = ()) -> None:
    """Fail on any error but one of ours, and on a refusal without code or hint."""
    try:
        assert load(Upload(name, data), limits=HERE, companions=companions).tensors
    except FormatError as error:
        assert error.code in get_args(Code)
        assert error.hint
        assert str(error).isprintable()
