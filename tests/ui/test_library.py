"""Models by the text of a link."""

from __future__ import annotations

import pytest

from shareviz.errors import OptionError
from shareviz.models import canonical, catalogue
from shareviz.ui import library
from shareviz.ui.library import UploadGone


def test_an_example_has_no_live_module_and_a_build_has_one() -> None:
    assert library.find(library.DEFAULT, {}).live is None
    chosen = library.find("multitask", {})
    assert chosen.badge == "built"
    assert chosen.live is not None
    assert next(chosen.live().parameters()).is_meta


@pytest.mark.parametrize("family", sorted(catalogue()))
def test_every_family_can_be_told_from_every_example(family: str) -> None:
    chosen = library.find(library.built_ref(family), {})
    assert chosen.badge == "built"
    assert library.find(chosen.ref, {}).badge == "built"
    assert canonical(chosen.ref) == family


def test_a_text_has_one_spelling() -> None:
    chosen = library.find("language_model?width=128&heads=4&layers=12", {})
    assert chosen.ref == "language_model?width=128&heads=4"


def test_an_upload_is_found_in_its_own_session_only() -> None:
    snapshot = library.example(library.DEFAULT)
    assert library.find("upload", {"upload:1": snapshot}).badge == "file"
    with pytest.raises(UploadGone):
        library.find("upload:1", {})


@pytest.mark.parametrize("ref", ["", "nothing", "/etc/passwd", "language_model?layers=0", "gpt2/.."])
def test_what_is_no_model_is_refused(ref: str) -> None:
    with pytest.raises(OptionError):
        library.find(ref, {})
