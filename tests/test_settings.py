"""The settings that no module reads by itself: the theme, Streamlit's options, the pins."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shareviz.charts.palette import CHROME, IDENTITIES

ROOT = Path(__file__).parent.parent
CONFIG = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())
REGISTRIES = re.compile(
    r"pypi\.org|pythonhosted|index-url|find-links|registry\.npmjs|debian\.org", re.IGNORECASE
)


def options(table: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each option of the configuration with its dotted name."""
    for key, value in table.items():
        if isinstance(value, dict):
            yield from options(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def test_streamlit_knows_every_option(monkeypatch: pytest.MonkeyPatch) -> None:
    from streamlit import config

    monkeypatch.chdir(ROOT)
    config.get_config_options(force_reparse=True)
    assert {name: config.get_option(name) for name, _ in options(CONFIG)} == dict(options(CONFIG))


def test_the_theme_has_the_colours_of_the_palette() -> None:
    assert CONFIG["theme"]["chartCategoricalColors"] == [identity.fill for identity in IDENTITIES]
    names = {"page": "backgroundColor", "band": "secondaryBackgroundColor", "ink": "textColor"}
    names |= {"line": "borderColor", "primary": "primaryColor", "link": "linkColor", "muted": "grayTextColor"}
    for theme, chrome in CHROME.items():
        assert {ours: CONFIG["theme"][theme][theirs] for ours, theirs in names.items()} == {
            ours: chrome[ours] for ours in names
        }


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt", "requirements-bench.txt"])
def test_every_requirement_is_pinned_and_says_why(name: str) -> None:
    lines = [line for line in (ROOT / name).read_text().splitlines() if line and line[0] not in "#-"]
    assert lines
    assert not [line for line in lines if not re.fullmatch(r"[\w-]+==[\w.]+  # \S.+", line)]


@pytest.mark.parametrize(
    "name", ["Makefile", ".ci/run", "pyproject.toml", "requirements.txt", "requirements-dev.txt"]
)
def test_no_registry_host_is_named(name: str) -> None:
    assert not REGISTRIES.search((ROOT / name).read_text())
