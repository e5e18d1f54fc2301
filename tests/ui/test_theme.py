"""Words that pass through Markdown unharmed."""

from __future__ import annotations

from shareviz.ui.theme import bold_counts, file_stem, identity_css, plain


def test_marks_of_markdown_lose_their_meaning() -> None:
    assert plain("*a* [b](c) `d` $e$ :smile: <i>") == r"\*a\* \[b\](c) \`d\` \$e\$ \:smile: \<i\>"
    assert plain("- a") == r"\- a"
    assert plain("1. a") == r"1\. a"


def test_plain_words_stay_as_they_are() -> None:
    said = "12 layers: 1 attention, 12 feed-forward stored. The rest is own."
    assert plain(said) == said


def test_counts_are_bold_and_nothing_else() -> None:
    said = bold_counts("Stores 60.7 M parameters and uses 163.0 M: each runs 4 layers.")
    assert said.count("**") == 4
    assert "**60.7 M**" in said


def test_a_file_name_is_made_of_letters_and_hyphens() -> None:
    assert file_stem("GPT, 12 layers, cycle of 3") == "gpt-12-layers-cycle-of-3"
    assert file_stem("../../…") == "model"


def test_components_get_twelve_fills_texts_and_lines() -> None:
    rules = identity_css()
    assert all(f"--{part}{n}:" in rules for part in "ftl" for n in range(1, 13))
