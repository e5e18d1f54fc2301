"""The command line: JSON for scripts, sentences for people, exit code 2 for a refusal."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from shareviz.cli import main

ROOT = Path(__file__).parent.parent
GPT2 = {"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"]}
SMALL = "catalogue:language_model?layers=3&width=16&heads=2&vocab=64"


def answer(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> object:
    """Run a command under --json and return what it printed."""
    assert main([*words, "--json"]) == code
    return json.loads(capsys.readouterr().out)


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(GPT2))
    return str(path)


def test_inspect_says_what_scripts_rely_on(capsys: pytest.CaptureFixture[str], config: str) -> None:
    said = answer(capsys, "inspect", config)
    assert said["stored"] == 124_439_808 and said["named"] == said["used"] == 163_037_184
    assert said["title"] == "The output head is the token table"
    (tie,) = said["ties"]
    assert tie["names"] == ["transformer.wte.weight", "lm_head.weight"]
    assert (tie["numel"], tie["relation"], tie["evidence"]) == (50_257 * 768, "same-object", "stated")
    root = said["modules"][0]
    assert root["path"] == "" and root["amortised"] == said["stored"]


def test_a_file_of_several_models_names_them_as_data(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = str(tmp_path / "both.pt")
    torch.save({"a": {"w": torch.zeros(2)}, "b": {"w": torch.zeros(2), "v": torch.zeros(1)}}, path)
    error = answer(capsys, "inspect", path, code=2)["error"]
    assert error["code"] == "ambiguous" and "a, b" in error["message"]
    assert error["parts"] == [{"name": "a", "tensors": 1}, {"name": "b", "tensors": 2}]
    assert "parts" not in answer(capsys, "inspect", "catalogue:none", code=2)["error"]


def test_inspect_speaks_to_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", SMALL, "--design", "tied"]) == 0
    said = capsys.readouterr().out
    assert "The output head is the token table" in said and "S1" in said


def test_inspect_on_a_file_loads_no_torch(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_file({"layer.weight": torch.zeros(3, 4)}, path)
    code = (
        "import sys; from shareviz.cli import main; main(['inspect', sys.argv[1], '--json']);"
        "assert not {'torch', 'streamlit', 'altair', 'pandas', 'transformers'} & set(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, path], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["stored"] == 12


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("inspect", "nowhere.pt"), "not-a-file"),
        (("inspect", "catalogue:nothing"), "option"),
        (("inspect", "catalogue:language_model?layers=0"), "option"),
        (("inspect", SMALL, "--design", "cycle?stored=99999"), "option"),
        (("inspect", SMALL, "--plan", "nowhere.json"), "not-a-file"),
        (("inspect", "model.py"), "runs-code"),
        (("inspect", "python:no.such.package:make"), "python"),
        (("graph", SMALL, "-o", "picture.gif"), "option"),
        (("graph", SMALL, "-o", "/no/such/folder/picture.dot"), "not-a-file"),
        (("train", "nothing"), "option"),
        (("train", "parity", "--seeds", "0"), "option"),
        (("frobnicate",), "option"),
    ],
)
def test_a_refused_input_exits_with_2_and_a_way_out(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], code: str
) -> None:
    said = answer(capsys, *words, code=2)["error"]
    assert said["code"] == code and said["message"] and said["hint"]


def test_a_refusal_is_one_sentence_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", "nowhere.pt"]) == 2
    out = capsys.readouterr()
    assert out.out == "" and out.err.startswith("shareviz: nowhere.pt") and "Traceback" not in out.err


def test_a_hosted_command_runs_no_code(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHAREVIZ_HOSTED", "1")
    assert answer(capsys, "inspect", "python:torch.nn:Identity", code=2)["error"]["code"] == "runs-code"


def test_a_program_runs_only_when_asked(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    marker, program = tmp_path / "ran", tmp_path / "model.py"
    program.write_text(
        f"import torch; open({str(marker)!r}, 'w').close()\n"
        "def make(): return torch.nn.Linear(2, 3), torch.zeros(1, 2)\n"
    )
    assert answer(capsys, "inspect", f"{program}:make", code=2)["error"]["code"] == "runs-code"
    assert not marker.exists()
    assert answer(capsys, "inspect", f"{program}:make", "--run-code")["used"] == 9


def test_a_snapshot_opens_again_as_the_same_model(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = str(tmp_path / "model.shareviz.json")
    answer(capsys, "snapshot", SMALL, "-o", path)
    first, again = answer(capsys, "inspect", SMALL), answer(capsys, "inspect", path)
    assert first == again


def test_a_plan_is_applied_to_any_source(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    rewrites = [{"name": "head.weight", "form": None, "reads": [["", "tok_emb.weight"]]}]
    head = {"format": "shareviz.plan", "version": 1, "title": "tie"}
    plan.write_text(json.dumps({**head, "rewrites": rewrites}))
    before, after = answer(capsys, "inspect", SMALL), answer(capsys, "inspect", SMALL, "--plan", str(plan))
    assert after["stored"] == before["stored"] - 64 * 16


@pytest.mark.parametrize(("ending", "start"), [("svg", b"<svg"), ("png", b"\x89PNG"), ("dot", b"digraph")])
def test_a_graph_is_written_in_each_format(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, ending: str, start: bytes
) -> None:
    path = tmp_path / f"graph.{ending}"
    answer(capsys, "graph", SMALL, "-o", str(path))
    assert start in path.read_bytes()[:600]


@pytest.mark.parametrize("kind", ["graph", "map", "both"])
def test_the_same_picture_is_the_same_bytes(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, kind: str
) -> None:
    wish = ("--picture", kind, "--open", "s0.0", "--search", "head", "--dark", "--transparent", "--no-flow")
    paths = [tmp_path / f"{n}.svg" for n in range(2)]
    for path in paths:
        answer(capsys, "graph", SMALL, "-o", str(path), *wish)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    answer(capsys, "graph", SMALL, "-o", str(tmp_path / "plain.svg"), "--picture", kind)
    assert (tmp_path / "plain.svg").read_bytes() != paths[0].read_bytes()


@pytest.mark.parametrize("wish", [("--open", "blocks"), ("--depth", "99"), ("--scale", "100")])
def test_a_look_that_says_nothing_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, wish: tuple[str, str]
) -> None:
    said = answer(capsys, "graph", SMALL, "-o", str(tmp_path / "graph.png"), *wish, code=2)["error"]
    assert said["code"] == "option" and said["hint"]


def test_a_comparison_is_drawn(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "both.svg"
    answer(capsys, "compare", SMALL, SMALL.replace("=3", "=2"), "-o", str(path), code=1)
    assert b"names missing" in path.read_bytes() or b"names added" in path.read_bytes()


def test_savings_lists_every_strategy(capsys: pytest.CaptureFixture[str]) -> None:
    from shareviz import strategies

    rows = answer(capsys, "savings", SMALL)
    assert {row["strategy"] for row in rows} == set(strategies())
    tied = next(row for row in rows if row["strategy"] == "tied")
    assert tied["applies"] and tied["stored"] == answer(capsys, "inspect", SMALL)["stored"] - 64 * 16
    assert {"weights", "gradients"} <= {line["name"].lower() for line in tied["ledger"]}
    refused = [row for row in rows if not row["applies"]]
    assert refused and all(row["why_not"] and row["stored"] is None for row in refused)


def test_savings_share_the_cache_as_assumed(capsys: pytest.CaptureFixture[str]) -> None:
    def cache(*words: str) -> tuple[float, float]:
        row = next(one for one in answer(capsys, "savings", SMALL, *words) if one["strategy"] == "tied")
        line = next(line for line in row["ledger"] if line["key"] == "kv_cache")
        return line["before"], line["after"]

    before, after = cache()
    assert before == after
    assert cache("--assume", "kv_layers=3") == (before, before / 3)
    assert answer(capsys, "savings", SMALL, "--assume", "kv=1", code=2)["error"]["code"] == "option"


def test_the_guide_says_what_fits_and_what_sharing_cannot_ease(capsys: pytest.CaptureFixture[str]) -> None:
    said = answer(capsys, "guide", SMALL, "--hurts", "disk,speed")
    assert said["builds"] == "language-model"
    assert set(said["cannot"]) == {"speed"}
    assert {"tied", "low-rank"} <= {one["rule"] for one in said["approaches"]}
    assert main(["guide", SMALL, "--hurts", "kv"]) == 0
    assert "shares no cache" in capsys.readouterr().out
    assert "none of" in answer(capsys, "guide", SMALL, "--hurts", "rain", code=2)["error"]["message"]


def test_check_fails_on_a_broken_lock(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    lock = str(tmp_path / "sharing.lock.json")
    answer(capsys, "check", SMALL, "--design", "tied", "--write-lock", lock)
    answer(capsys, "check", SMALL, "--design", "tied", "--expect", lock)
    assert any(
        found["level"] == "problem" for found in answer(capsys, "check", SMALL, "--expect", lock, code=1)
    )


def test_compare_names_what_differs(capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(capsys, "compare", SMALL, SMALL) == []
    assert answer(capsys, "compare", SMALL, SMALL.replace("layers=3", "layers=2"), code=1)


def test_train_prints_events_and_the_result(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "parity", "--seeds", "1", "--steps", "2", "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[0]["event"] == "start" and lines[-1]["event"] == "result"
    assert lines[-1]["result"]["status"] == "done"


def test_train_speaks_to_people_in_the_words_of_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "flipflop", "--seeds", "3", "--steps", "1"]) == 0
    out = capsys.readouterr()
    assert "Flip-flop: accuracy, 3 seeds" in out.out and "One cell against A cell per step:" in out.out
    assert "3 paired seeds" in out.out and "stores 994" in out.out
    assert "A cell per step, seed 1 of 3" in out.err


def test_a_report_is_one_file_that_asks_for_nothing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "report.html"
    answer(capsys, "report", SMALL, "--design", "tied", "-o", str(path))
    page = path.read_text()
    assert "The output head is the token table" in page
    assert "src=" not in page and "<link" not in page and "@import" not in page


def test_a_report_takes_what_train_printed(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    from shareviz.training.saved import saved_run

    run, page = tmp_path / "run.jsonl", tmp_path / "report.html"
    result = json.loads(saved_run("brackets").to_json())  # type: ignore[union-attr]
    run.write_text('{"event": "start"}\n' + json.dumps({"event": "result", "result": result}))
    answer(capsys, "report", SMALL, "-o", str(page), "--training", str(run), "--link", "https://x.org/?m=a")
    assert "<h2>Training</h2>" in page.read_text() and "https://x.org/?m=a" in page.read_text()
    run.write_text("{}")
    said = answer(capsys, "report", SMALL, "-o", str(page), "--training", str(run), code=2)["error"]
    assert said["code"] == "not-a-result"
