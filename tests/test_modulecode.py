"""A model written out as Python: it runs with torch alone, and it is the model that the page shows."""

from __future__ import annotations

import functools
import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from shareviz.capture import capture
from shareviz.cli import main
from shareviz.design import Design
from shareviz.errors import OptionError
from shareviz.models import build, inputs_of, settled, snapshot_of
from shareviz.models.layers import flow_of
from shareviz.modulecode import module_code
from shareviz.plan import Plan, tie
from shareviz.realize import realize
from shareviz.rowshares import share_plan
from shareviz.snapshot import Snapshot
from shareviz.sources import open_source
from tests.kinds.tables import tables
from tests.kinds.test_kinds import text_of

DEEP = "layers?rows=embedding-20-8~positions~block-2-x8~norm~head-20"
ROWS = "layers?rows=embedding-20-8~block-2-x4~linear-8-relu~block-2-x2~gru-8~linear-8-relu~gru-8~head-20"
look = functools.cache(snapshot_of)


def imported(code: str, folder: Path) -> ModuleType:
    """Return the file as Python imports any other."""
    path = folder / "model.py"
    path.write_text(code, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("written_model", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["written_model"] = module
    spec.loader.exec_module(module)
    return module


def written(text: str, plan: Plan, folder: Path) -> nn.Module:
    """Return the written model, after a look at its names, shapes and ties."""
    after = plan.apply(snapshot_of(text))
    module: nn.Module = imported(module_code(text, after), folder).Layers()
    assert capture(module) == after
    return module


def computes_the_same(module: nn.Module, text: str, plan: Plan) -> None:
    """Check that with equal values both give equal answers."""
    ours = realize(plan, build(text, device="cpu", seed=3)).eval()
    module.eval().load_state_dict(ours.state_dict())
    zeros = inputs_of(text, device="cpu")[0]
    x = torch.randn(zeros.shape) if zeros.is_floating_point() else zeros
    assert torch.equal(module(x), ours(x))


@pytest.mark.parametrize(
    "design", ["", "tied", "all", "cycle?stored=3", "tied;reversed?stored=3&norms=shared"]
)
def test_a_design_is_written_as_code_and_the_code_is_the_model(design: str, tmp_path: Path) -> None:
    plan = Design.parse(design).plan(look(DEEP))
    computes_the_same(written(DEEP, plan, tmp_path), DEEP, plan)


@pytest.mark.parametrize("shares", [{2: 2}, {4: 2}, {6: 3, 7: 5}, {4: 4, 6: 3}, {2: 2, 4: 2, 8: 1}])
def test_rows_that_share_are_written_as_code(shares: dict[int, int], tmp_path: Path) -> None:
    plan = share_plan(flow_of(settled(ROWS)[1]), shares, look(ROWS))
    computes_the_same(written(ROWS, plan, tmp_path), ROWS, plan)


def any_ties(seen: Snapshot, draw: st.DataObject) -> Plan:
    """Draw ties between weights of equal shape, whatever they are."""
    slots = list(seen.parameters())
    rewrites = {}
    for place, slot in enumerate(slots):
        alike = [other.name for other in slots[:place] if other.shape == slot.shape]
        if alike and draw.draw(st.booleans()):
            rewrites[slot.name] = tie(slot.name, draw.draw(st.sampled_from(alike)))
    return Plan(tuple(rewrites.values()))


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(table=tables(), draw=st.data())
def test_any_table_under_any_ties_is_the_model_that_the_page_shows(
    table, draw: st.DataObject, tmp_path: Path
) -> None:
    text = text_of(table)
    plan = any_ties(snapshot_of(text), draw)
    computes_the_same(written(text, plan, tmp_path), text, plan)


def test_the_file_runs_by_itself_where_there_is_no_shareviz(tmp_path: Path) -> None:
    after = Design.parse("tied;cycle?stored=2").plan(look(DEEP)).apply(look(DEEP))
    path = tmp_path / "model.py"
    path.write_text(module_code(DEEP, after), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-I", str(path)], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    # 20·8 + 8·8, two blocks of 12·8² + 9·8, eight pairs of norms of 4·8, a norm of 16, a bias of 20
    assert done.stdout.splitlines() == [
        "(2, 8, 20)",
        f"{224 + 2 * 840 + 8 * 32 + 16 + 20:,} parameters stored",
    ]
    assert "import shareviz" not in path.read_text() and "from shareviz" not in path.read_text()


def test_a_cycle_is_a_loop_over_rows_and_only_what_is_used_is_written() -> None:
    after = Design.parse("tied;cycle?stored=3").plan(look(DEEP)).apply(look(DEEP))
    code = module_code(DEEP, after, design="Cycle 3")
    assert "for layer, row in enumerate((0, 1, 2, 0, 1, 2, 0, 1)):" in code
    assert 'share(self.blocks[layer], self.blocks[row], "attention.", "ffn.")' in code
    assert "self.head.weight = self.embedding.weight" in code
    assert "Sharing: Cycle 3" in code and "class GRU" not in code and "Any" not in code


@pytest.mark.parametrize(
    ("text", "design", "says"),
    [
        ("siamese", "", "siamese is not built layer by layer"),
        (DEEP, "factorised?rank=2", "embedding.weight of pieces"),
        (DEEP, "lora?rank=2", "of pieces"),
    ],
)
def test_what_cannot_be_written_says_what_to_take_instead(text: str, design: str, says: str) -> None:
    with pytest.raises(OptionError) as caught:
        module_code(text, Design.parse(design).plan(look(text)).apply(look(text)))
    assert says in caught.value.message
    assert "Savings, Export" in caught.value.hint


def test_the_command_writes_the_file_and_shareviz_reads_it_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mine.py"
    arguments = ["module", f"catalogue:{DEEP}", "--design", "tied;cycle?stored=2", "-o", str(path)]
    assert main(arguments) == 0
    after = Design.parse("tied;cycle?stored=2").plan(look(DEEP)).apply(look(DEEP))
    assert open_source([f"{path}:Layers"], run_code=True) == after
    assert main(["module", "model.safetensors", "-o", str(path)]) == 2
    assert "Savings" in capsys.readouterr().err
