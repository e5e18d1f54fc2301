"""What tests share: a temporary home for every test run, a real browser, and the app on a free port."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page

ROOT = Path(__file__).parent.parent
LOCAL = {"127.0.0.1", "localhost", None}  # None: data: and blob: addresses have no host
LOGS = pytest.StashKey[list[Path]]()
BROWSERS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
NO_BROWSER = "no Chromium: install Debian's package chromium, or set CHROMIUM to a browser's path"
FLAGS = (
    "--no-sandbox",  # CI runs as root, where Chromium's sandbox refuses to start
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
)

# before torch is imported here or in a child: two workers on two cores must not start four threads each
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

# a busy machine is no fault of the code; under CI the examples are the same each time, so luck lands nothing
settings.register_profile(
    "shareviz",
    deadline=None,
    derandomize=bool(os.environ.get("CI")),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("shareviz")


def find_chromium() -> str | None:
    """Return the path of an installed Chromium, or None."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)


def pytest_configure(config: pytest.Config) -> None:
    config.stash[LOGS] = []


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that open a browser; skip them where there is none, but never under CI."""
    skip = pytest.mark.skip(reason=NO_BROWSER)
    missing = find_chromium() is None and not os.environ.get("CI")
    for item in items:
        if "chromium_path" in getattr(item, "fixturenames", ()):
            item.add_marker("browser")
            # one worker takes them all: one browser and one server
            item.add_marker(pytest.mark.xdist_group("browser"))
            if missing:
                item.add_marker(skip)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Show the end of the app's log below a browser test that failed."""
    report = yield
    if report.failed and item.get_closest_marker("browser"):
        for log in item.config.stash[LOGS]:
            report.sections.append((f"app log {log.name}", log.read_text(errors="replace")[-4000:]))
    return report


@pytest.fixture(scope="session", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Point SHAREVIZ_HOME at a temporary folder, so that no test reads or writes a person's runs."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHAREVIZ_HOME", str(folder))
        yield folder


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """Return the path of the browser that the tests drive."""
    path = find_chromium()
    if path is None:
        pytest.fail(NO_BROWSER)
    return path


@pytest.fixture(scope="session")
def browser(chromium_path: str) -> Iterator[Browser]:
    """Return one headless Chromium for all tests."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=chromium_path, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def start_server(
    tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config
) -> Iterator[Callable[..., str]]:
    """Return a function that starts one more fresh app and returns its address.

    Arguments are options of Streamlit without the dashes: `start_server("client.showErrorDetails=none")`;
    keywords are environment variables.
    """
    with ExitStack() as running:

        def start(*options: str, **environment: str) -> str:
            folder = tmp_path_factory.mktemp("server")
            log = folder / "app.log"
            pytestconfig.stash[LOGS].append(log)
            environment = {**os.environ, "SHAREVIZ_HOME": str(folder), **environment}
            return running.enter_context(_serving(log, options, environment))

        yield start


@pytest.fixture(scope="session")
def server(start_server: Callable[..., str]) -> str:
    """Return the address of the app that most browser tests share, such as http://127.0.0.1:8600."""
    return start_server()


@contextmanager
def _serving(log: Path, options: tuple[str, ...], environment: dict[str, str]) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = ("server.address=127.0.0.1", f"server.port={port}", "server.headless=true")
    settings += ("server.fileWatcherType=none", *options)
    command = [sys.executable, "-m", "streamlit", "run", "app.py", *(f"--{option}" for option in settings)]
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out
        )
    try:
        _await_health(f"http://127.0.0.1:{port}", process, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await_health(url: str, process: subprocess.Popen[bytes], log: Path, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < end:
        try:
            with urlopen(f"{url}/_stcore/health", timeout=5) as answer:
                if answer.status == 200:
                    return
        except (URLError, OSError):
            time.sleep(0.1)
    pytest.fail(f"The app did not start:\n{log.read_text(errors='replace')[-4000:]}")


@dataclass
class Complaints:
    """What a page must never do: log an error, raise one, or ask another host."""

    found: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        """Note every console error, uncaught error and request to another host from now on."""
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.found.append(f"uncaught: {error}"))
        page.on("request", lambda request: self._ask(request.url))
        page.on("websocket", lambda socket: self._ask(socket.url))

    def _hear(self, said: ConsoleMessage) -> None:
        # opened by a link to /savings, Streamlit looks for its server below /savings too
        probe = urlsplit(said.location["url"]).path.endswith(("/_stcore/health", "/_stcore/host-config"))
        if said.type == "error" and not probe:
            self.found.append(f"console: {said.text} ({said.location['url']})")

    def _ask(self, url: str) -> None:
        if urlsplit(url).hostname not in LOCAL:
            self.found.append(f"request: {url}")


def settle(page: Page) -> None:
    """Wait until the script has run and every element stands in its place; fail if it raised.

    A page has its title, or an alert that says why it has none.
    """
    page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]')
    page.wait_for_selector('h1, [data-testid="stException"], [data-testid="stAlert"]')
    page.wait_for_selector('[data-testid="stSkeleton"]', state="detached")
    raised = page.locator('[data-testid="stException"]').all_inner_texts()
    assert not raised, "\n".join(raised)


@pytest.fixture
def open_page(server: str, browser: Browser) -> Iterator[Callable[..., Page]]:
    """Return a function that opens an address of the app and waits for its title.

    `open_page("/savings?m=gpt", width=390, theme="dark", base=start_server())`; all but the address may
    be left out. The test fails at its end if a page logged an error, raised one, or asked another host.
    """
    complaints = Complaints()
    with ExitStack() as contexts:

        def open_(address: str = "/", *, base: str = "", width: int = 1280, theme: str = "light") -> Page:
            size = {"width": width, "height": 900}
            context = browser.new_context(viewport=size, color_scheme=theme, reduced_motion="reduce")
            contexts.callback(context.close)
            page = context.new_page()
            complaints.watch(page)
            page.goto((base or server) + address)
            settle(page)
            return page

        yield open_
        found = tuple(complaints.found)  # before closing: a request cut off by that is no fault
    assert not found, "\n".join(found)
