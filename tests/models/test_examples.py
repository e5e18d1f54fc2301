"""The saved examples: equal to a fresh capture, steps too, and what the page says of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from shareviz.jsonio import from_json, to_json
from shareviz.models._examples import EXAMPLES, FOLDER, SUFFIX, captured, write
from shareviz.relations import relation
from shareviz.sharing import tally, tied_groups
from shareviz.snapshot import Snapshot


def saved(name: str) -> Snapshot:
    return from_json((FOLDER / f"{name}{SUFFIX}").read_bytes())


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_saved_example_is_what_a_fresh_capture_sees(name: str) -> None:
    seen, kept = captured(EXAMPLES[name]), saved(name)
    assert kept == seen
    assert (kept.steps, kept.source) == (seen.steps, seen.source)


def test_the_folder_holds_the_examples_and_nothing_else() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {f"{name}{SUFFIX}" for name in EXAMPLES}


def test_writing_them_makes_the_same_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few = {name: EXAMPLES[name] for name in ("siamese", "gru-over-time")}
    monkeypatch.setattr("shareviz.models._examples.EXAMPLES", few)
    write(tmp_path / "new")
    for name in few:
        assert (tmp_path / "new" / f"{name}{SUFFIX}").read_text() == to_json(saved(name)) + "\n"


@pytest.mark.parametrize(
    ("name", "stored", "used"),
    [
        # 163,037,184 less the head's table and nine blocks without their norms
        ("gpt12-cycle3", 163_037_184 - 50_257 * 768 - 9 * (7_087_872 - 4 * 768), 163_037_184),
        ("albert-base", 11_683_584, 89_650_176),
        ("gpt2-small", 124_439_808, 163_037_184),
        # all three tables are read, the fourth name of them never
        ("t5-small", 60_506_624, 60_506_624 + 2 * 32_128 * 512),
        ("broken-lost-tie", 163_037_184, 163_037_184),
        # one block of 7,087,872 called six times
        ("broken-repeated-layer", 163_037_184 - 11 * 7_087_872, 163_037_184 - 6 * 7_087_872),
        ("gru-over-time", 946, 10_978),
        # a tower of 64·32 + 32 + 32·32 + 32, twice, and a head of 33
        ("siamese", 3_136 + 33, 2 * 3_136 + 33),
    ],
)
def test_an_example_has_the_numbers_of_the_literature(name: str, stored: int, used: int) -> None:
    counts = tally(saved(name))
    assert (counts.stored, counts.used) == (stored, used)


def test_two_blocks_of_the_zamba_like_example_alternate() -> None:
    groups = [set(group.names) for group in tied_groups(saved("zamba-like"))]
    layer, name = "model.layers.{}.shared_transformer.", "self_attn.q_proj.weight"
    assert {layer.format(at) + name for at in (2, 8)} in groups
    assert {layer.format(at) + name for at in (5, 11)} in groups


def test_the_lost_tie_is_declared_and_gone_and_the_kept_one_is_there() -> None:
    kept, lost = saved("gpt2-small"), saved("broken-lost-tie")
    pair = ("lm_head.weight", "transformer.wte.weight")
    assert kept.source.fact("declared_ties") == lost.source.fact("declared_ties") == "=".join(pair)
    assert relation(kept, *pair).shares
    assert not relation(lost, *pair).shares


def test_the_repeated_layer_has_six_names_and_one_object() -> None:
    (block,) = (module for module in saved("broken-repeated-layer").modules if module.cls == "Block")
    assert block.paths == 6
    assert block.aliases == tuple(f"blocks.{n}" for n in range(1, 6))


def test_an_example_is_read_without_torch() -> None:
    code = f"""
import sys
from pathlib import Path
from shareviz.jsonio import from_json
from shareviz.sharing import tally
tally(from_json(open({str(FOLDER / ("gpt12-cycle3" + SUFFIX))!r}).read()))
print("torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
