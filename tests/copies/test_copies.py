"""Copies that were once ties: found by bytes, told apart by how they are alike, never by chance."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import nn

from shareviz.capture import capture
from shareviz.clone import clone
from shareviz.copies import Copy, Likeness, copies
from shareviz.copies._cast import rounded_to
from shareviz.errors import SharevizError
from shareviz.formats import load
from shareviz.values import Values, open_values

EQUAL, TRANSPOSED, ROUNDED = Likeness.EQUAL, Likeness.TRANSPOSED, Likeness.ROUNDED


def written(tensors: Mapping[str, torch.Tensor], folder: Path, kind: str = "safetensors") -> Path:
    path = folder / f"model.{kind}"
    if kind == "pt":
        torch.save(dict(tensors), path)
    else:
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path)
    return path


def found(tensors: Mapping[str, torch.Tensor], folder: Path, kind: str = "safetensors") -> tuple[Copy, ...]:
    path = written(tensors, folder, kind)
    with open_values(path) as values:
        return copies(load(path), values)


def random(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).to(dtype)


@pytest.mark.parametrize("kind", ["safetensors", "pt"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16, torch.int8, torch.float64])
def test_a_doubled_head_is_found_and_counts_what_a_tie_would_save(
    tmp_path: Path, kind: str, dtype: torch.dtype
) -> None:
    table = (10 * random(50, 8)).to(dtype)
    tensors = {"emb.weight": table, "mid.weight": random(8, 8, seed=1), "head.weight": table.clone()}
    (copy,) = found(tensors, tmp_path, kind)
    assert copy.likeness is EQUAL
    assert set(copy.names) == {"emb.weight", "head.weight"}
    assert copy.saved == (0 if dtype is torch.int8 else 50 * 8)  # integers count as buffers


def test_names_that_are_tied_are_no_copies_and_stay_together(tmp_path: Path) -> None:
    table = random(50, 8)
    tied = {"emb.weight": table, "head.weight": table}
    assert found(tied, tmp_path, "pt") == ()
    (copy,) = found({**tied, "old.weight": table.clone()}, tmp_path, "pt")
    assert copy.members == (("emb.weight", "head.weight"), ("old.weight",))
    assert copy.saved == 50 * 8


def test_three_copies_are_one_answer(tmp_path: Path) -> None:
    table = random(50, 8)
    (copy,) = found({name: table.clone() for name in "abc"}, tmp_path)
    assert copy.members == (("a",), ("b",), ("c",))
    assert copy.saved == 2 * 50 * 8


def test_one_differing_byte_between_the_samples_makes_no_copy(tmp_path: Path) -> None:
    table = random(300, 8)
    other = table.clone()
    other[40, 3] = torch.nextafter(other[40, 3], torch.tensor(torch.inf))
    likeness = {copy.likeness for copy in found({"a": table, "b": other}, tmp_path)}
    assert EQUAL not in likeness


@pytest.mark.parametrize("kind", ["safetensors", "pt"])
@pytest.mark.parametrize("shape", [(40, 12), (16, 16), (3000, 900)])
def test_a_transposed_copy_is_found(tmp_path: Path, kind: str, shape: tuple[int, int]) -> None:
    weight = random(*shape)
    (copy,) = found({"a": weight, "b": weight.t().contiguous(), "c": random(*shape, seed=1)}, tmp_path, kind)
    assert (copy.likeness, copy.names) == (TRANSPOSED, ("a", "b"))
    assert copy.saved == math.prod(shape)


def test_a_turned_view_in_another_storage_has_equal_elements_not_equal_memory(tmp_path: Path) -> None:
    weight = random(40, 12)
    turned = weight.t().contiguous().t()  # the same elements, column by column in memory
    (copy,) = found({"a": weight, "b": turned}, tmp_path, "pt")
    assert copy.likeness is EQUAL


def test_a_symmetric_matrix_is_no_transposed_copy_of_itself(tmp_path: Path) -> None:
    weight = random(16, 16)
    other = random(16, 16, seed=1)
    assert found({"a": weight + weight.t(), "b": other + other.t()}, tmp_path) == ()


@pytest.mark.parametrize("coarse", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("precise", [torch.float32, torch.float64])
def test_a_rounded_copy_is_found(tmp_path: Path, precise: torch.dtype, coarse: torch.dtype) -> None:
    weight = random(70, 30).to(precise)
    tensors = {"a": weight, "b": weight.to(coarse), "c": random(70, 30, seed=1, dtype=coarse)}
    (copy,) = found(tensors, tmp_path)
    assert (copy.likeness, set(copy.names)) == (ROUNDED, {"a", "b"})


@given(st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=40))
@settings(max_examples=60)
def test_casts_are_those_of_torch(numbers: list[float]) -> None:
    exact = torch.tensor(numbers, dtype=torch.float32)
    data = exact.numpy().tobytes()
    for name in ("bfloat16", "float16"):
        cast = exact.to(getattr(torch, name))
        assert rounded_to(name, data, "float32") == cast.view(torch.int16).numpy().tobytes()


def test_a_cast_keeps_what_is_no_number() -> None:
    data = torch.tensor([torch.nan, torch.inf, -torch.inf]).numpy().tobytes()
    back = torch.frombuffer(bytearray(rounded_to("bfloat16", data, "float32")), dtype=torch.bfloat16)
    assert back.isnan().tolist() == [True, False, False]
    assert back[1:].tolist() == [torch.inf, -torch.inf]


def test_norms_of_ones_and_biases_of_zeros_are_constant_and_never_offered(tmp_path: Path) -> None:
    tensors = {f"{i}.{name}": make(300) for i in range(3) for name, make in KINDS.items()}
    answers = found({**tensors, "w": random(30, 10)}, tmp_path)
    assert {copy.likeness for copy in answers} == {Likeness.CONSTANT}
    assert {len(copy.members) for copy in answers} == {6 if len(answers) == 1 else 3}
    assert sum(copy.saved for copy in answers) == 0


KINDS = {"norm.weight": torch.ones, "bias": torch.zeros}


def test_equal_buffers_are_said_and_save_nothing(tmp_path: Path) -> None:
    table = random(64)
    (copy,) = found({"0.attn.inv_freq": table, "1.attn.inv_freq": table.clone()}, tmp_path)
    assert copy.buffers
    assert copy.saved == 0


def test_a_weight_that_drifted_a_little_is_a_hint_and_no_tie(tmp_path: Path) -> None:
    weight = random(200, 100)
    drifted = weight + 0.01 * random(200, 100, seed=1)
    (copy,) = found({"a": weight, "b": drifted, "c": random(200, 100, seed=2)}, tmp_path)
    assert (copy.likeness, copy.names) == (Likeness.NEAR, ("a", "b"))
    assert copy.saved == 0 and not copy.likeness.may_be_a_tie


def test_gains_near_one_are_not_near_each_other(tmp_path: Path) -> None:
    # uncentred, their cosine is 0.997
    gains = {str(i): 1 + 0.05 * random(128, 256, seed=i) for i in range(3)}
    assert found(gains, tmp_path) == ()


def test_where_nothing_is_equal_a_few_per_cent_are_read(tmp_path: Path) -> None:
    path = written({f"{i}.weight": random(256, 256, seed=i) for i in range(24)}, tmp_path)
    with open_values(path) as values:
        assert copies(load(path), values) == ()
        assert 0 < values.bytes_read < 0.03 * path.stat().st_size


def test_only_the_bytes_that_may_be_equal_are_read_whole(tmp_path: Path) -> None:
    table = random(256, 256, seed=99)
    tensors = {f"{i}.weight": random(256, 256, seed=i) for i in range(24)}
    path = written({**tensors, "a": table, "b": table.clone()}, tmp_path)
    with open_values(path) as values:
        copies(load(path), values)
        assert 2 * table.nbytes <= values.bytes_read < 2 * table.nbytes + 0.03 * path.stat().st_size


def test_progress_rises_to_one(tmp_path: Path) -> None:
    table = random(3000, 900)
    path = written({"a": table, "b": table.clone()}, tmp_path)
    told: list[float] = []
    with open_values(path) as values:
        copies(load(path), values, progress=told.append)
    assert told == sorted(told) and told[-1] == 1.0 and len(told) > 3


def test_a_search_can_be_stopped(tmp_path: Path) -> None:
    table = random(300, 90)
    path = written({"a": table, "b": table.clone()}, tmp_path)
    asked: list[int] = []

    def enough() -> bool:
        asked.append(1)
        return len(asked) > 2

    with open_values(path) as values, pytest.raises(SharevizError, match="stopped") as stopped:
        copies(load(path), values, cancel=enough)
    assert stopped.value.code == "cancelled"
    assert values.bytes_read < 1.1 * table.nbytes  # to the end it would read two tables


def test_a_live_module_is_searched_the_same_way() -> None:
    model = nn.ModuleDict({"emb": nn.Embedding(50, 8), "head": nn.Linear(8, 50, bias=False)})
    model["head"].weight = nn.Parameter(model["emb"].weight.detach().clone())
    (copy,) = copies(capture(model), Values.of(model))
    assert copy.names == ("emb.weight", "head.weight")
    model["head"].weight = model["emb"].weight
    assert copies(capture(model), Values.of(model)) == ()


def test_layers_that_start_as_deep_copies_are_found() -> None:
    model = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16), 3, enable_nested_tensor=False)
    equal = [copy for copy in copies(capture(model), Values.of(model)) if copy.likeness is EQUAL]
    assert {len(copy.members) for copy in equal} == {3}
    assert "layers.2.linear1.weight" in [name for copy in equal for name in copy.names]


def test_views_of_one_storage_are_compared_by_their_elements() -> None:
    x = random(24, 6)
    x[12:] = x[:12]
    model = nn.Module()
    model.a, model.b = nn.Parameter(x[:12]), nn.Parameter(x[12:])
    model.c, model.d = nn.Parameter(x[:12, :3]), nn.Parameter(x[12:, :3])
    found = copies(capture(model), Values.of(model))
    assert {copy.members for copy in found} == {(("a",), ("b",)), (("c",), ("d",))}


def test_on_meta_there_are_no_values_and_no_copies() -> None:
    model = clone(nn.ModuleDict({"a": nn.Linear(3, 3), "b": nn.Linear(3, 3)}), "meta")
    values = Values.of(model)
    assert copies(capture(model), values) == ()
    assert values.bytes_read == 0


def test_a_view_that_repeats_a_small_storage_is_not_read() -> None:
    model = nn.Module()
    model.a = nn.Parameter(torch.ones(1).expand(2**40), requires_grad=False)
    model.b = nn.Parameter(torch.ones(1).expand(2**40), requires_grad=False)
    values = Values.of(model)
    assert copies(capture(model), values) == ()
    assert values.bytes_read == 0


@given(st.data())
@settings(max_examples=25)
def test_equal_bytes_are_exactly_those_that_torch_calls_equal(data: st.DataObject) -> None:
    pool = [random(6, 5, seed=seed) for seed in range(3)]
    picks = data.draw(st.lists(st.integers(0, 2), min_size=2, max_size=6))
    model = nn.ParameterDict({f"w{i}": nn.Parameter(pool[pick].clone()) for i, pick in enumerate(picks)})
    expected = {
        tuple((f"w{i}",) for i, other in enumerate(picks) if other == pick)
        for pick in picks
        if picks.count(pick) > 1
    }
    got = {copy.members for copy in copies(capture(model), Values.of(model)) if copy.likeness is EQUAL}
    assert got == expected
