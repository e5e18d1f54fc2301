"""The README is true: what it names exists, what exists is named, and its commands run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

import shareviz
from shareviz.checks import checks
from shareviz.cli import main
from shareviz.formats import formats
from shareviz.kinds import kinds
from shareviz.models import catalogue
from shareviz.strategies import strategies
from shareviz.training.tasks import tasks

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
WORDS = set(re.findall(r"`([a-z_0-9]+)`", README))


@pytest.mark.parametrize("table", [strategies, formats, catalogue, checks, tasks, kinds])
def test_every_plug_in_is_named(table: object) -> None:
    assert set(table()) - WORDS == set()


def test_every_page_and_public_name_is_real() -> None:
    for page in (ROOT / "pages").glob("*.py"):
        assert re.search(rf"^\| {page.stem.capitalize()} \|", README, re.MULTILINE), page
    for name in (
        "load",
        "capture",
        "build",
        "relation",
        "tied_groups",
        "tally",
        "strategies",
        "realize",
        "bake",
    ):
        assert f"`{name}`" in README and callable(getattr(shareviz, name))


def test_every_linked_file_exists() -> None:
    for target in re.findall(r"\]\(([^)]+)\)", README):
        assert (ROOT / target).is_file(), target
    for folder in re.findall(r"`(shareviz/[a-z/]+/)`", README):
        assert (ROOT / folder).is_dir(), folder


def commands() -> list[str]:
    """Return the commands of the README that need no file of the reader's own, and take no minutes."""
    lines = re.findall(r"^python -m shareviz (.+)$", README, re.MULTILINE)
    return [line for line in lines if "catalogue:" in line]


@pytest.mark.parametrize("command", commands())
def test_the_commands_of_the_readme_run(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(shlex.split(command)) == 0
    assert capsys.readouterr().out


def test_the_python_of_the_readme_runs() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    model = shareviz.build("language_model?layers=2&width=16&heads=2&vocab=64", device="cpu")
    space = {"model": model}
    exec(compile(code, "README.md", "exec"), space)
    assert (
        shareviz.tally(shareviz.capture(space["tied"])).stored
        == shareviz.tally(space["seen"]).stored - 64 * 16
    )
