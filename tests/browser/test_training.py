"""A run on the page is alive: watched, left, found again, shown to others, stopped, killed, gone on with."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from shareviz.training.jobs import Jobs
from shareviz.training.verdict import verdict
from tests.conftest import ROOT, settle

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

Open = Callable[..., "Page"]
SLOW = 180_000  # milliseconds: a busy machine


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder for data of the server of these tests."""
    return tmp_path_factory.mktemp("training")


@pytest.fixture(scope="module")
def base(start_server: Callable[..., str], home: Path) -> str:
    return start_server(SHAREVIZ_HOME=str(home))


def begin(open_page: Open, base: str, *, seeds: str = "10") -> Page:
    """Return a page on which a run has begun."""
    page = open_page(f"/training?task=parity&seeds={seeds}", base=base)
    page.get_by_role("button", name="Run", exact=True).click()
    page.wait_for_url(re.compile("job="))
    return page


def training(page: Page) -> None:
    """Wait until curves are on the page."""
    page.get_by_text(re.compile(r"\d+ of \d+ trained")).wait_for(timeout=SLOW)
    page.locator(".stVegaLiteChart canvas, .stVegaLiteChart svg").first.wait_for(timeout=SLOW)


def some_finished(page: Page) -> None:
    page.get_by_text(re.compile(r"[1-9]\d* of \d+ trained")).wait_for(timeout=SLOW)


def job_of(page: Page) -> str:
    found = re.search("job=([0-9a-f]{24})", page.url)
    assert found
    return found[1]


def workers(base: str) -> list[int]:
    """Return the processes that train for a server; other tests of this machine may train too."""
    ps = ["ps", "-ewwo", "pid,ppid,args"]
    listed = subprocess.run(ps, capture_output=True, text=True, check=True).stdout
    lines = [line.split(None, 2) for line in listed.splitlines()[1:]]
    servers = {pid for pid, _, args in lines if f"--server.port={urlsplit(base).port}" in args}
    return [
        int(pid) for pid, parent, args in lines if parent in servers and "shareviz.training.worker" in args
    ]


def stop_of(page: Page) -> Locator:
    """Return the button of the run; Streamlit has one of its own while a script runs."""
    return page.locator(".st-key-sv_stop button").first


def stop(page: Page) -> None:
    stop_of(page).click()
    page.get_by_role("button", name=re.compile("^Go on")).wait_for(timeout=SLOW)


def test_a_run_is_watched_left_found_again_and_stopped(open_page: Open, base: str, home: Path) -> None:
    page = begin(open_page, base)
    training(page)
    page.get_by_role("link", name="Learn").first.click()
    settle(page)
    page.get_by_role("link", name="Training").first.click()
    training(page)
    some_finished(page)
    page.reload()
    training(page)
    assert stop_of(page).is_enabled(), "this browser started it"
    settle(page)  # the reload is not what is timed
    begun = time.monotonic()
    stop_of(page).click()
    page.get_by_role("button", name=re.compile("^Go on: ")).wait_for(timeout=SLOW)
    answered = time.monotonic() - begun
    job = Jobs(home / "runs").find(job_of(page))
    assert job.state == "stopped" and job.result().members
    assert page.locator("h1").inner_text() == verdict(job.result())
    assert answered < 4, "two seconds, and two more for a busy machine"


def test_a_second_visitor_watches_and_cannot_stop_but_takes_a_copy(open_page: Open, base: str) -> None:
    page = begin(open_page, base)
    training(page)
    link = page.url.removeprefix(base)
    other = open_page(link, base=base)
    training(other)
    assert stop_of(other).is_disabled()
    some_finished(page)
    stop(page)
    other.get_by_role("button", name=re.compile("^Go on in a copy")).wait_for(timeout=SLOW)
    other.get_by_role("button", name=re.compile("^Go on in a copy")).click()
    other.wait_for_url(lambda url: job_of(page) not in url, timeout=SLOW)
    some_finished(other)
    assert stop_of(other).is_enabled(), "the copy is its own"
    stop(other)


def test_a_killed_worker_says_so_and_goes_on(open_page: Open, base: str, home: Path) -> None:
    before = set(workers(base))
    page = begin(open_page, base)  # ten seeds in two parts: one is left when the other is finished
    training(page)
    some_finished(page)
    (worker,) = set(workers(base)) - before
    os.kill(worker, signal.SIGKILL)
    page.get_by_text(re.compile(r"The worker stopped .*killed.*Finished seeds are kept")).wait_for(
        timeout=SLOW
    )
    jobs = Jobs(home / "runs")
    kept = jobs.find(job_of(page)).result().members
    page.get_by_role("button", name=re.compile("^Go on: ")).click()
    page.get_by_role("button", name=re.compile("^Go on")).wait_for(state="detached", timeout=SLOW)
    page.get_by_text(re.compile("Your run, ")).wait_for(timeout=3 * SLOW)
    found = jobs.find(job_of(page))
    assert found.state == "done" and len(found.result().members) == 20
    assert set(map(repr, kept)) <= set(map(repr, found.result().members))


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Callable[[], tuple[str, subprocess.Popen[bytes]]]]:
    """Return a function that starts an app on the same port and home, again and again."""
    import socket

    from tests.conftest import _await_health

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    running: list[subprocess.Popen[bytes]] = []

    def start() -> tuple[str, subprocess.Popen[bytes]]:
        options = ["--server.address=127.0.0.1", f"--server.port={port}", "--server.headless=true"]
        command = [
            sys.executable,
            "-m",
            "streamlit",
            "run",
            "app.py",
            *options,
            "--server.fileWatcherType=none",
        ]
        log, environment = tmp_path / "app.log", {**os.environ, "SHAREVIZ_HOME": str(tmp_path)}
        with log.open("ab") as out:
            made = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=out)
        running.append(made)
        _await_health(f"http://127.0.0.1:{port}", made, log)
        return f"http://127.0.0.1:{port}", made

    yield start
    for process in running:
        process.kill()
        process.wait()


def test_a_restart_of_the_server_finds_the_run_and_its_owner(
    own_server: Callable[[], tuple[str, subprocess.Popen[bytes]]], browser: object, tmp_path: Path
) -> None:
    base, server = own_server()
    context = browser.new_context()  # type: ignore[attr-defined]
    context.set_default_timeout(SLOW)
    page = context.new_page()
    page.goto(f"{base}/training?task=parity&seeds=10")
    settle(page)
    page.get_by_role("button", name="Run", exact=True).click()
    page.wait_for_url(re.compile("job="))
    training(page)
    some_finished(page)
    link = page.url
    server.kill()  # no goodbye
    server.wait()
    own_server()
    page.goto(link)
    settle(page)
    page.get_by_text("The app was closed while this ran").wait_for(timeout=SLOW)
    page.get_by_role("button", name=re.compile("^Go on: ")).click()
    training(page)
    stop(page)
    job = Jobs(tmp_path / "runs").find(job_of(page))
    assert [event["event"] for event in job.events()].count("resumed") == 1
    context.close()
