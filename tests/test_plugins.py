"""Tables of plug-ins: what is no member, and what would hide another, is refused by name."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from shareviz.plugins import collect, members

FAMILIES = {
    "twice": {"one": "WORDS = ('a', 'b')", "two": "WORDS = ('c', 'a')"},
    "other": {"one": "WORDS = ('a', 3)"},
    "none": {"one": "MORE = ()"},
    "good": {"one": "WORDS = ('a',)", "two": "WORDS = ('b',)", "_three": "raise ValueError('private')"},
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> object:
    """Return a package that holds a family of words."""
    name = f"plugins_{request.param}"
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").touch()
    for file, text in FAMILIES[request.param].items():
        (tmp_path / name / f"{file}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    return importlib.import_module(name)


@pytest.mark.parametrize(
    ("package", "said"),
    [
        ("twice", "two members have the name 'a'; one is in two"),
        ("other", "WORDS of one holds 3, not a str"),
        ("none", "plugins_none.one must define WORDS"),
    ],
    indirect=["package"],
)
def test_a_family_that_is_wrong_is_named(package: object, said: str) -> None:
    with pytest.raises(TypeError, match=said):
        members(package, "WORDS", str, str)  # type: ignore[arg-type]


@pytest.mark.parametrize("package", ["good"], indirect=True)
def test_a_table_holds_every_member_of_every_public_file(package: object) -> None:
    assert dict(members(package, "WORDS", str, str)) == {"a": "a", "b": "b"}  # type: ignore[arg-type]
    assert dict(collect(package, "WORDS", tuple)) == {"one": ("a",), "two": ("b",)}  # type: ignore[arg-type]
