"""`make run` and `make test` set up once, repeat at once and mend what broke: with a stand-in Python."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# answers what the Makefile asks of an interpreter, notes what would cost time, and copies itself into .venv
PYTHON = """#!/bin/sh
case "$*" in
*version_info*) exit 0 ;;
*python_version*) cat version ;;
"-m venv .venv") echo venv >>calls; mkdir -p .venv/bin; cp "$0" .venv/bin/python; [ ! -e no-venv ] ;;
"-m pip install"*) echo install >>calls; [ ! -e no-network ] ;;
"-c import streamlit") [ ! -e .venv/damaged ] ;;
"-m streamlit run "*) echo "$*" ;;
esac
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with the Makefile, the pins and a stand-in Python."""
    for name in ("Makefile", "requirements.txt", "requirements-dev.txt"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "version").write_text("3.11.7\n")
    (tmp_path / "python").write_text(PYTHON)
    (tmp_path / "python").chmod(0o755)
    return tmp_path


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run make in the folder with the stand-in Python."""
    command = ["make", "--no-print-directory", f"PYTHON={folder / 'python'}", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def calls(folder: Path) -> list[str]:
    """Return and forget what was done so far that costs time."""
    log = folder / "calls"
    done = log.read_text().split() if log.exists() else []
    log.unlink(missing_ok=True)
    return done


def test_the_app_starts_on_this_machine_only_and_opens_no_browser(folder: Path) -> None:
    done = make(folder, "run")
    assert "run app.py --server.address=localhost --server.headless=true" in done.stdout
    assert not done.returncode


def test_a_second_run_installs_nothing(folder: Path) -> None:
    make(folder, "run")
    assert calls(folder) == ["venv", "install"]
    assert not make(folder, "run").returncode
    assert calls(folder) == []


def test_what_the_tests_need_is_enough_for_the_app_but_not_the_reverse(folder: Path) -> None:
    make(folder, "run")
    make(folder, "test")
    assert calls(folder) == ["venv", "install", "install"]
    make(folder, "run")
    make(folder, "test")
    assert calls(folder) == []


def test_a_changed_pin_is_installed_even_when_it_changes_back(folder: Path) -> None:
    pins = folder / "requirements.txt"
    before = pins.read_text()
    for text in (before, before.replace("streamlit==", "streamlit==9."), before):
        pins.write_text(text)
        make(folder, "run")
    assert calls(folder) == ["venv", "install", "install", "install"]


def test_an_interrupted_install_is_finished_by_the_next_run(folder: Path) -> None:
    (folder / "no-network").touch()
    assert make(folder, "run").returncode
    (folder / "no-network").unlink()
    assert not make(folder, "run").returncode
    assert calls(folder) == ["venv", "install", "install"]


def test_a_damaged_environment_is_made_anew(folder: Path) -> None:
    make(folder, "run")
    (folder / ".venv" / "damaged").touch()
    assert not make(folder, "run").returncode
    assert calls(folder) == ["venv", "install"] * 2


def test_another_interpreter_gets_its_own_environment(folder: Path) -> None:
    make(folder, "run")
    inner = folder / ".venv" / "bin" / "python"
    inner.write_text(inner.read_text().replace("cat version", "echo 3.11.7"))
    (folder / "version").write_text("3.12.1\n")
    make(folder, "run")
    assert calls(folder) == ["venv", "install"] * 2


def test_a_python_without_venv_names_the_package_and_leaves_no_folder(folder: Path) -> None:
    (folder / "no-venv").touch()
    done = make(folder, "run")
    assert "apt install python3.11-venv" in done.stderr
    assert done.returncode
    assert not (folder / ".venv").exists()


def test_no_python_is_said_in_one_sentence(folder: Path) -> None:
    done = make(folder, "run", "PYTHON=/nowhere/python")
    assert done.stderr.splitlines()[0].startswith("shareviz needs Python 3.11 or newer")
    assert done.returncode
