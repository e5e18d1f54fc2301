"""The layout program: what comes back, and what happens when it is late, missing or refuses."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from shareviz.errors import SharevizError
from shareviz.graphs import layout

PROGRAM = "graphviz-pure"
DENSE = "digraph{" + "".join(f"a{i}->a{j};" for i in range(60) for j in range(i)) + "}"


def test_svg_and_png_come_back_as_bytes() -> None:
    assert b"<svg" in layout("digraph { a -> b }")
    assert layout("digraph { a -> b }", fmt="png").startswith(b"\x89PNG")


def test_a_png_is_twice_as_sharp_as_the_screen() -> None:
    def wide(data: bytes) -> int:
        return int.from_bytes(data[16:20])  # the header chunk of a PNG

    points = "digraph { graph [pad=0] a [shape=box width=2 fixedsize=true] }"
    assert 2 * 144 <= wide(layout(points, fmt="png")) <= 2 * 144 + 24


def test_signs_beyond_ascii_are_no_failure() -> None:
    assert "×" in layout('digraph { a [label="×4 – …"] }').decode()


def test_a_late_layout_is_killed_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[bytes]] = []
    real = subprocess.Popen

    class Watched(real):  # type: ignore[type-arg,misc,valid-type]
        def __init__(self, *args: object, **kwargs: object) -> None:
            super().__init__(*args, **kwargs)
            started.append(self)

    monkeypatch.setattr(subprocess, "Popen", Watched)
    begin = time.monotonic()
    with pytest.raises(SharevizError, match="too long") as raised:
        layout(DENSE, timeout=1)
    assert raised.value.code == "layout-timeout"
    assert time.monotonic() - begin < 6
    assert [process.returncode for process in started] == [-9]  # killed and reaped


def test_a_bad_text_is_refused_with_the_programs_reason() -> None:
    with pytest.raises(SharevizError, match="syntax error") as raised:
        layout("digraph { a -> }")
    assert raised.value.code == "layout-failed"


def test_a_bad_label_is_refused_although_a_picture_comes_back() -> None:
    with pytest.raises(SharevizError) as raised:
        layout("digraph { a [label=<<B></B>>] }")
    assert raised.value.code == "layout-failed"


def test_a_missing_program_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SharevizError, match="pip install graphviz-pure") as raised:
        layout("digraph { a }")
    assert raised.value.code == "layout-missing"


def test_a_program_that_does_not_start_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    name = PROGRAM + (".exe" if sys.platform == "win32" else "")
    (tmp_path / name).write_text("no program")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(SharevizError, match="does not start") as raised:
        layout("digraph { a }")
    assert raised.value.code == "layout-missing"


def test_another_format_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="svg or png"):
        layout("digraph { a }", fmt="pdf")
