"""The layout program, as a child process that can be stopped: DOT in, SVG or PNG out."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from shareviz.errors import SharevizError
from shareviz.text import clean

PROGRAM = "graphviz-pure"
SCREEN_DPI, SHARP_DPI = 72, 144
_ELSEWHERE = "The map and the table show the same facts."


def layout(dot: str, *, fmt: str = "svg", timeout: float = 10) -> bytes:
    """Return the picture of a DOT text; a PNG is drawn at 144 dots per inch.

    Args:
        fmt: svg or png.
        timeout: Seconds after which the program is killed.

    Raises:
        SharevizError: layout-missing (no such program), layout-timeout, layout-failed.
    """
    if fmt not in ("svg", "png"):
        raise ValueError(f"fmt must be svg or png, not {fmt!r}")
    dpi = [f"-Gdpi={SHARP_DPI}"] if fmt == "png" else []
    command = [str(_program()), f"-T{fmt}", *dpi]
    try:
        # kills the child when the time is over, and waits for its end
        done = subprocess.run(command, input=dot.encode(), capture_output=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired as error:
        raise SharevizError(
            "The graph took too long to lay out.", code="layout-timeout", hint=_ELSEWHERE
        ) from error
    except OSError as error:
        raise SharevizError(
            f"The layout program {PROGRAM} does not start: {error.strerror}.",
            code="layout-missing",
            hint=f"Install it again: pip install --force-reinstall {PROGRAM}.",
        ) from error
    # every sign beyond ASCII makes a warning on stderr, so only the exit status tells
    if done.returncode:
        raise SharevizError(
            f"The graph could not be laid out: {_reason(done.stderr)}.", code="layout-failed", hint=_ELSEWHERE
        )
    return done.stdout


def _program() -> Path:
    name = f"{PROGRAM}.exe" if sys.platform == "win32" else PROGRAM
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.is_file() else shutil.which(PROGRAM)
    if found is None:
        raise SharevizError(
            f"The layout program {PROGRAM} is not installed.",
            code="layout-missing",
            hint=f"Install it: pip install {PROGRAM}.",
        )
    return Path(found)


def _reason(stderr: bytes) -> str:
    lines = stderr.decode(errors="replace").splitlines()
    errors = [line for line in lines if line.strip() and "no value for width" not in line]
    said = re.sub(r"^(Error|Warning):\s*", "", errors[0].strip()) if errors else "the program gave no reason"
    return clean(said, 160).rstrip(".")
