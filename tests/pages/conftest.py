"""What the tests of pages share: the app as AppTest sees it, without torch warming up behind them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(autouse=True)
def cold(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the background import away: it would run into other tests."""
    monkeypatch.setenv("SHAREVIZ_WARM", "0")


@pytest.fixture
def open_app(monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    """Return a function that runs the app: `open_app("savings", m="gpt2")`, the page and the link's keys."""
    monkeypatch.chdir(ROOT)

    def open_(page: str = "", **keys: str) -> AppTest:
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
        for key, value in keys.items():
            app.query_params[key] = value
        app.run()
        if page:
            app.switch_page(f"pages/{page}.py").run()
        return app

    return open_
