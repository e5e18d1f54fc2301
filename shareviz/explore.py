"""From a notebook or a script to the app: what a live module shares, in the browser."""

from __future__ import annotations

import atexit
import os
import socket
import subprocess
import sys
import tempfile
import time
import webbrowser
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import URLError
from urllib.request import urlopen

from shareviz.errors import SharevizError
from shareviz.jsonio import to_json
from shareviz.text import clean

if TYPE_CHECKING:
    from torch import nn

APP = Path(__file__).parent.parent / "app.py"
START_SECONDS = 60.0
STOP_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Explorer:
    """A running app that shows one model. `url` is its address; `close` ends it."""

    url: str
    snapshot: Path
    _process: subprocess.Popen[bytes]

    @property
    def running(self) -> bool:
        """Whether the app still answers."""
        return self._process.poll() is None

    def close(self) -> None:
        """End the app and remove its snapshot; a second call does nothing."""
        atexit.unregister(self.close)
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self.snapshot.unlink(missing_ok=True)


def explore(module: nn.Module, *inputs: Any, title: str = "", browser: bool = True) -> Explorer:
    """Open the app on a live module, print its address, and return what can close it.

    The app sees names, shapes and ties, never weights. It ends with this process at the latest.

    Args:
        inputs: Example inputs; with them the forward pass is traced, so that reuse is counted.
        title: What the app calls the model; its class where this is empty.
        browser: Whether to open the browser.

    Raises:
        SharevizError: no-app (installed without `app.py` and `pages/`), timeout (it did not start).
    """
    if not APP.is_file():
        raise SharevizError(
            f"The app is not here: shareviz was installed without app.py, which belongs in {APP.parent}.",
            code="no-app",
            hint="Use a checkout of shareviz, or install one with `pip install -e`.",
        )
    path = _written(module, inputs, title)
    try:
        explorer = _started(path)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    atexit.register(explorer.close)
    print(f"shareviz shows {title or type(module).__name__} at {explorer.url}")
    if browser:
        webbrowser.open(explorer.url)
    return explorer


def _written(module: nn.Module, inputs: tuple[Any, ...], title: str) -> Path:
    """Return the snapshot of a module as a file in SHAREVIZ_HOME, or in the system's temporary folder."""
    from dataclasses import replace

    from shareviz.capture import capture
    from shareviz.trace import traced

    seen = traced(module, *inputs) if inputs else capture(module)
    seen = replace(seen, source=replace(seen.source, title=title or type(module).__name__))
    folder = os.environ.get("SHAREVIZ_HOME")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(suffix=".shareviz.json", prefix="explore-", dir=folder or None)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(to_json(seen))
    return Path(name)


def _started(snapshot: Path) -> Explorer:
    port = _free_port()
    url = f"http://localhost:{port}"
    options = {
        "server.port": port,
        "server.address": "localhost",
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
    }
    command = [sys.executable, "-m", "streamlit", "run", str(APP)]
    command += [f"--{name}={value}" for name, value in options.items()]
    environment = {**os.environ, "SHAREVIZ_MODEL": str(snapshot)}
    with tempfile.TemporaryFile() as log:  # the child keeps its own handle
        process = subprocess.Popen(
            command, cwd=APP.parent, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        explorer = Explorer(url, snapshot, process)
        if _answers(explorer):
            return explorer
        explorer.close()
        log.seek(0)
        said = clean(" ".join(log.read().decode(errors="replace").split())[-300:], 300)
    raise SharevizError(
        f"The app did not start: {said or 'it said nothing'}.",
        code="timeout",
        hint="Run `python -m streamlit run app.py` to see why.",
    )


def _answers(explorer: Explorer) -> bool:
    """Wait until the app answers; False where it ended or took too long."""
    end = time.monotonic() + START_SECONDS
    while explorer.running and time.monotonic() < end:
        try:
            with urlopen(f"{explorer.url}/_stcore/health", timeout=5) as answer:
                if answer.status == 200:
                    return True
        except (URLError, OSError):
            time.sleep(0.1)
    return False


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("localhost", 0))
        return int(free.getsockname()[1])
