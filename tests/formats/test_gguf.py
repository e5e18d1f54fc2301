"""GGUF: what the gguf package writes, read from the header alone; the tied head; packed types."""

from __future__ import annotations

import struct
import time
from pathlib import Path

import numpy as np
import pytest
from gguf import GGMLQuantizationType, GGUFReader, GGUFWriter
from gguf.constants import GGML_QUANT_SIZES
from hypothesis import given
from hypothesis import strategies as some

from shareviz.errors import FormatError
from shareviz.formats import LOCAL, Upload, load
from shareviz.jsonio import from_json, to_json
from shareviz.relations import Relation, relation
from shareviz.sharing import tally, tied_groups
from shareviz.snapshot import Evidence, Kind, Snapshot, itemsize
from tests.formats import bad_gguf as handmade

TABLE, HEAD = ("token_embd.weight", (10, 4)), ("output.weight", (10, 4))
NORM = ("output_norm.weight", (4,))


def read(data: bytes) -> Snapshot:
    return load(Upload("model.gguf", data))


def written(folder: Path, *, head: bool = False, quantized: bool = False) -> Path:
    """Return what the gguf package writes of a small llama with a tokenizer."""
    path = folder / "model.gguf"
    writer = GGUFWriter(path, "llama")
    writer.add_name("Tiny\nllama")
    writer.add_tokenizer_model("llama")
    writer.add_token_list([f"word {i}" for i in range(300)])
    writer.add_token_scores([0.5] * 300)
    names = ["token_embd.weight", "blk.0.attn_q.weight", "output_norm.weight", *["output.weight"] * head]
    for name in names:
        shape = (8,) if "norm" in name else (64, 32)
        if quantized and "norm" not in name:
            raw = np.zeros((64, 18), dtype=np.uint8)  # 32 elements in 18 bytes
            writer.add_tensor(name, raw, raw_dtype=GGMLQuantizationType.Q4_0)
        else:
            writer.add_tensor(name, np.zeros(shape, dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.mark.parametrize("quantized", [False, True])
def test_names_shapes_and_bytes_are_those_that_the_gguf_package_reads(
    quantized: bool, tmp_path: Path
) -> None:
    path = written(tmp_path, head=True, quantized=quantized)
    expected = {t.name: (tuple(map(int, t.shape[::-1])), int(t.n_bytes)) for t in GGUFReader(path).tensors}
    assert {t.name: (t.shape, t.nbytes) for t in load(path).tensors} == expected


def test_the_title_is_the_models_own_name_cleaned(tmp_path: Path) -> None:
    assert load(written(tmp_path)).source.title == "Tiny\\u000allama"
    assert read(handmade.model(TABLE)).source.title == "model.gguf"


def test_a_head_that_is_left_out_is_inferred_to_be_the_token_table() -> None:
    snapshot = read(handmade.model(TABLE, NORM))
    (group,) = tied_groups(snapshot)
    assert group.names == ("token_embd.weight", "output.weight")
    assert group.evidence is Evidence.INFERRED
    assert relation(snapshot, *group.names) is Relation.SAME_VIEW
    assert (tally(snapshot).named, tally(snapshot).stored) == (84, 44)  # 2 × 40 + 4, and one table less
    assert "by GGUF's rule" in snapshot.source.notes[1]


@pytest.mark.parametrize("architecture", ["bert", "nomic-bert", "t5encoder", "clip", "gemma-embedding"])
def test_a_model_without_a_head_has_none_inferred(architecture: str) -> None:
    assert tied_groups(read(handmade.model(TABLE, architecture=architecture))) == ()


def test_a_stored_head_is_no_tie_whatever_its_values() -> None:
    assert tied_groups(read(handmade.model(TABLE, NORM, HEAD))) == ()


def test_a_part_of_a_split_model_says_so_and_infers_nothing() -> None:
    split = handmade.pair("split.count", handmade.U16, struct.pack("<H", 3))
    snapshot = read(handmade.gguf([split], [handmade.info("token_embd.weight", (4, 10))], data=160))
    assert tied_groups(snapshot) == ()
    assert "one of 3 files" in snapshot.source.notes[1]


def test_shapes_are_in_torchs_order_and_a_note_says_so() -> None:
    snapshot = read(handmade.model(("a.weight", (2, 3, 5))))
    assert snapshot.tensors[0].shape == (2, 3, 5)
    assert "torch's order" in snapshot.source.notes[0]


TYPES = [kind for kind in GGMLQuantizationType if kind.name != "Q8_1"]  # never stored in a file


@pytest.mark.parametrize("kind", TYPES, ids=lambda kind: kind.name)
def test_every_type_of_the_gguf_package_has_its_size(kind: GGMLQuantizationType) -> None:
    block, nbytes = GGML_QUANT_SIZES[kind]
    data = handmade.gguf([], [handmade.info("a", (block * 3, 5), kind)], data=nbytes * 15)
    (tensor,) = read(data).tensors
    assert tensor.shape == (5, block * 3)
    assert tensor.nbytes == nbytes * 15
    assert itemsize(tensor.dtype) * block == nbytes
    assert tensor.kind is (Kind.BUFFER if kind.name.startswith("I") and block == 1 else Kind.UNKNOWN)


def test_packed_weights_count_by_element_and_survive_json() -> None:
    q4 = int(GGMLQuantizationType.Q4_0)
    infos = [handmade.info("token_embd.weight", (64, 10), q4), handmade.info("b", (32,), q4, 384)]
    snapshot = read(handmade.gguf([], infos, data=416))
    assert tally(snapshot).stored == 64 * 10 + 32
    assert tally(snapshot).saved_by_ties == 640
    assert snapshot.storages == (360, 18)  # 640 and 32 elements, 18 bytes for 32
    assert from_json(to_json(snapshot)) == snapshot


def test_rope_factors_are_buffers() -> None:
    snapshot = read(handmade.model(("rope_freqs.weight", (4,)), ("blk.0.attn_q.weight", (4, 4))))
    assert [tensor.kind for tensor in snapshot.tensors] == [Kind.BUFFER, Kind.UNKNOWN]


def test_a_file_cut_after_its_header_opens_with_a_note() -> None:
    whole = handmade.model(TABLE, HEAD)
    cut = read(whole[:-200])
    assert cut.tensors == read(whole).tensors
    assert any("its header is whole" in note for note in cut.source.notes)


@given(some.integers(0, 400))
def test_a_header_cut_anywhere_is_refused_as_truncated(length: int) -> None:
    whole = handmade.model(TABLE, NORM, HEAD, name="A model")
    header = len(whole) - 160 - 32 - 160
    if 0 < length < header - 32:
        with pytest.raises(FormatError) as caught:
            read(whole[:length])
        assert caught.value.code in ("truncated", "unknown-format")


def test_a_tokenizer_of_a_quarter_million_words_is_passed_over_in_a_second() -> None:
    tokens = handmade.array(handmade.STRING, 250_000, handmade.words("a word") * 250_000)
    pairs = [handmade.pair("tokenizer.ggml.tokens", handmade.ARRAY, tokens)]
    data = handmade.gguf(pairs, [handmade.info("a", (4,))], data=16)
    start = time.process_time()
    assert read(data).tensors
    assert time.process_time() - start < 2


def test_no_byte_behind_the_header_is_needed(tmp_path: Path) -> None:
    path = tmp_path / "sparse.gguf"
    infos = [handmade.info("a.weight", (2**20, 2**12), 1)]
    path.write_bytes(handmade.gguf([], infos))
    with path.open("r+b") as file:
        file.truncate(2**33 + path.stat().st_size)
    assert tally(load(path, limits=LOCAL)).stored == 2**32
