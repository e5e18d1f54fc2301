"""Published parameter counts, each from its configuration: exact."""

from __future__ import annotations

import csv
import json
from importlib.resources import files
from typing import Any

import pytest
import transformers

from shareviz.formats import LOCAL
from shareviz.formats.config import snapshot_of
from shareviz.sharing import tally

TABLE = files("shareviz") / "data" / "published_params.csv"
ROWS = list(csv.DictReader(TABLE.read_text(encoding="utf-8").splitlines()))
BUILT = [(row, spec) for row in ROWS if (spec := json.loads(row["config_json"]))["builder"] == "hf"]


def as_config(spec: dict[str, Any]) -> dict[str, Any]:
    """Return the config.json that a row's constructor call would save."""
    kind = getattr(transformers, spec["hf_config_class"]).model_type
    fields = dict(spec["hf_config"])
    if "num_labels" in fields:  # a saved config names its labels
        fields["id2label"] = {str(i): f"LABEL_{i}" for i in range(fields.pop("num_labels"))}
    return {"model_type": kind, "architectures": [spec["hf_class"]], **fields}


@pytest.mark.parametrize(("row", "spec"), BUILT, ids=[row["model"] for row, _ in BUILT])
def test_a_published_count_comes_out_exactly(row: dict[str, str], spec: dict[str, Any]) -> None:
    snapshot = snapshot_of(as_config(spec), LOCAL, trace=False)
    assert tally(snapshot).stored + spec.get("plus", 0) == int(row["exact_params"])


def test_the_table_is_all_there() -> None:
    assert len(ROWS) == 90
    assert len(BUILT) == 45
