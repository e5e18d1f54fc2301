"""Every example in a docstring of shareviz runs and gives what it says."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# only modules that hold an example: the others need no import here
WITH_EXAMPLES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in (ROOT / "shareviz").rglob("*.py")
    if ">>> " in path.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_the_examples_of_a_module_give_what_they_say(name: str) -> None:
    failed, attempted = doctest.testmod(importlib.import_module(name))
    assert attempted, f"{name} holds examples that doctest does not find"
    assert not failed
