"""From a live module to the app: a real server, on the model that was given, and nothing left behind."""

from __future__ import annotations

import os
import subprocess
import webbrowser
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from streamlit.testing.v1 import AppTest
from torch import nn

import shareviz
from shareviz.errors import SharevizError
from shareviz.headline import headline
from shareviz.jsonio import from_json, to_json
from shareviz.trace import traced
from shareviz.ui import library
from tests.checks.toys import Loop, rows

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROOT = Path(__file__).parent.parent
HOME = import_module("shareviz.explore")  # the name in the package is the function


@pytest.fixture(scope="module")
def shown() -> Iterator[HOME.Explorer]:
    explorer = shareviz.explore(Loop(5), rows(), title="my loop", browser=False)
    yield explorer
    explorer.close()


def test_the_app_answers_at_its_address_until_it_is_closed(capsys: pytest.CaptureFixture[str]) -> None:
    explorer = shareviz.explore(Loop(5), rows(), browser=False)
    assert explorer.url in capsys.readouterr().out
    assert urlopen(f"{explorer.url}/_stcore/health", timeout=10).read() == b"ok"
    seen = from_json(explorer.snapshot.read_bytes())
    assert seen == traced(Loop(5), rows()) and seen.steps is not None
    assert explorer.snapshot.parent == Path(os.environ["SHAREVIZ_HOME"])
    explorer.close()
    explorer.close()
    assert not explorer.running
    assert not explorer.snapshot.exists()
    with pytest.raises(URLError):
        urlopen(explorer.url, timeout=2)


def test_the_browser_shows_the_module_that_was_given(
    shown: HOME.Explorer, open_page: Callable[..., Page]
) -> None:
    page = open_page("/", base=shown.url)
    assert page.locator("h1").inner_text() == headline(traced(Loop(5), rows()))
    assert page.get_by_text("my loop").first.is_visible()
    assert "m=" not in page.url


def test_the_browser_is_opened_unless_told_not_to(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    fake = HOME.Explorer("http://localhost:1", tmp_path / "x", subprocess.Popen(["true"]))
    monkeypatch.setattr(HOME, "_started", lambda path: fake)
    shareviz.explore(nn.Linear(2, 2))
    assert opened == ["http://localhost:1"]
    shareviz.explore(nn.Linear(2, 2), browser=False)
    assert len(opened) == 1
    fake.close()


def test_an_installation_without_the_app_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(HOME, "APP", tmp_path / "app.py")
    with pytest.raises(SharevizError, match="installed without app") as refused:
        shareviz.explore(nn.Linear(2, 2))
    assert refused.value.code == "no-app"
    assert "pip install -e" in refused.value.hint


def test_an_app_that_ends_at_once_says_what_it_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "streamlit.py").write_text("raise SystemExit('no such wheel')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("SHAREVIZ_HOME", str(tmp_path / "home"))
    with pytest.raises(SharevizError, match="no such wheel"):
        shareviz.explore(nn.Linear(2, 2), browser=False)
    assert list((tmp_path / "home").iterdir()) == []


def test_the_given_model_is_the_default_and_examples_stay(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "x.shareviz.json"
    path.write_text(to_json(traced(Loop(3), rows())))
    monkeypatch.setenv("SHAREVIZ_WARM", "0")
    monkeypatch.setenv(library.SHOWN, str(path))
    monkeypatch.chdir(ROOT)
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
    assert app.title[0].value.replace("\\", "") == headline(traced(Loop(3), rows()))
    assert library.find(library.DEFAULT, {}).badge == "example"
