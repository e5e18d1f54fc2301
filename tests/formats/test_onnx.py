"""ONNX: what the onnx package writes, walked on the wire; readers as steps; external and packed data."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as some
from onnx import TensorProto, helper, numpy_helper

from shareviz.errors import FormatError
from shareviz.formats import Upload, load
from shareviz.jsonio import from_json, to_json
from shareviz.sharing import reads, tally, tied_groups
from shareviz.snapshot import Kind, Snapshot
from tests.formats import bad_onnx as handmade


def weight(name: str, *shape: int) -> TensorProto:
    return numpy_helper.from_array(np.zeros(shape, np.float32), name)


def file(nodes: list[Any], weights: list[TensorProto], *, check: bool = True) -> Upload:
    """Return what the onnx package writes, after its own checker has passed it."""
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", "columns"])
    result = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["rows", "columns"])
    made = helper.make_model(helper.make_graph(nodes, "g", [value], [result], weights))
    if check:
        onnx.checker.check_model(made)
    return Upload("model.onnx", made.SerializeToString())


def read(nodes: list[Any], weights: list[TensorProto], *, check: bool = True) -> Snapshot:
    return load(file(nodes, weights, check=check))


TWICE = [
    helper.make_node("MatMul", ["x", "w"], ["h"], name="/first/MatMul"),
    helper.make_node("MatMul", ["h", "w"], ["y"], name="/second/MatMul"),
]


def test_a_tensor_that_two_nodes_read_is_one_slot_used_twice() -> None:
    snapshot = read(TWICE, [weight("w", 4, 4)])
    counts = tally(snapshot)
    assert (counts.named, counts.stored, counts.used, counts.saved_by_reuse) == (16, 16, 32, 16)
    assert [(step.op, step.module, step.inputs) for step in snapshot.steps or ()] == [
        ("MatMul", "first", ()),
        ("MatMul", "second", (0,)),
    ]
    assert tied_groups(snapshot) == ()


def test_equal_tensors_are_two() -> None:
    nodes = [helper.make_node("Add", ["a", "b"], ["y"])]
    snapshot = read(nodes, [weight("a", 3), weight("b", 3)])
    assert tied_groups(snapshot) == ()
    assert tally(snapshot).stored == 6


def test_a_view_is_no_step_and_passes_the_weight_on() -> None:
    nodes = [
        helper.make_node("Gather", ["table", "x"], ["h"]),
        helper.make_node("Transpose", ["table"], ["t"]),
        helper.make_node("MatMul", ["h", "t"], ["y"]),
    ]
    snapshot = read(nodes, [weight("table", 10, 4)])
    assert [step.op for step in snapshot.steps or ()] == ["Gather", "MatMul"]
    assert (reads(snapshot) or {})["table"] == 80


@pytest.mark.parametrize("op", ["Split", "Slice"])
def test_parts_of_a_weight_are_read_once_together(op: str) -> None:
    if op == "Split":
        cut = [helper.make_node("Split", ["w"], ["a", "b"], axis=0, num_outputs=2)]
    else:
        cut = [helper.make_node("Slice", ["w", "from", "to"], [part]) for part in ("a", "b")]
    nodes = [
        *cut,
        helper.make_node("MatMul", ["x", "a"], ["h"]),
        helper.make_node("MatMul", ["h", "b"], ["y"]),
    ]
    bounds = [numpy_helper.from_array(np.array([0]), name) for name in ("from", "to")]
    snapshot = read(nodes, [weight("w", 4, 4), *bounds], check=False)
    assert [step.op for step in snapshot.steps or ()] == ["MatMul", "MatMul"]
    assert (tally(snapshot).used, tally(snapshot).saved_by_reuse) == (16, 0)


def test_one_operation_that_takes_a_tensor_twice_reads_it_once() -> None:
    snapshot = read([helper.make_node("MatMul", ["w", "w"], ["y"])], [weight("w", 4, 4)])
    assert tally(snapshot).used == 16


def test_vectors_with_several_readers_are_merged_constants_and_no_reuse() -> None:
    nodes = [helper.make_node("Add", ["x", "b"], ["h"]), helper.make_node("Add", ["h", "b"], ["y"])]
    snapshot = read(nodes, [weight("b", 3)])
    assert tally(snapshot).saved_by_reuse == 0
    assert snapshot.source.notes[0].startswith("1 vector has more readers than any matrix.")


def test_a_vector_read_as_often_as_a_matrix_belongs_to_a_block_that_is_called_again() -> None:
    nodes = [
        helper.make_node("Gemm", ["x", "w", "b"], ["h"]),
        helper.make_node("Gemm", ["h", "w", "b"], ["i"]),
        helper.make_node("Add", ["i", "b"], ["y"]),
    ]
    snapshot = read(nodes, [weight("w", 4, 4), weight("b", 4)])
    assert tally(snapshot).saved_by_reuse == 16 + 4  # of the three readers of b, two count


def test_a_matrix_in_a_constant_node_counts_and_a_single_number_does_not() -> None:
    nodes = [
        helper.make_node("Constant", [], ["w"], value=weight("inner", 3, 3)),
        helper.make_node("Constant", [], ["scale"], value=weight("s")),
        helper.make_node("MatMul", ["x", "w"], ["h"]),
        helper.make_node("Mul", ["h", "scale"], ["y"]),
    ]
    snapshot = read(nodes, [])
    assert [(tensor.name, tensor.shape) for tensor in snapshot.tensors] == [("w", (3, 3))]
    assert tally(snapshot).used == 9
    assert "1 weight is kept in Constant nodes" in snapshot.source.notes[0]


def branch(name: str, *weights: TensorProto) -> onnx.GraphProto:
    value = helper.make_tensor_value_info("r", TensorProto.FLOAT, ["rows", "columns"])
    return helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["m"]), helper.make_node("Add", ["m", "own"], ["r"])],
        name,
        [],
        [value],
        weights,
    )


def test_branches_read_what_stands_outside_and_keep_their_own_apart() -> None:
    branches = {f"{word}_branch": branch(word, weight("own", 4)) for word in ("then", "else")}
    nodes = [helper.make_node("If", ["c"], ["y"], **branches)]
    flag = numpy_helper.from_array(np.array(True), "c")
    snapshot = read(nodes, [weight("w", 4, 4), flag], check=False)
    assert [tensor.name for tensor in snapshot.parameters()] == [
        "w",
        "If_0.else_branch.own",  # the package sorts attributes by name
        "If_0.then_branch.own",
    ]
    assert tally(snapshot).used == 16 + 2 * 4  # one branch runs: what both read is read once
    assert [step.op for step in snapshot.steps or ()] == ["MatMul", "Add", "MatMul", "Add", "If"]
    assert (snapshot.steps or ())[-1].inputs == (1, 3)
    assert any("branch" in note for note in snapshot.source.notes)


KINDS = [kind for kind in TensorProto.DataType.values() if kind not in (0, TensorProto.STRING)]


@pytest.mark.parametrize("raw", [True, False])
@pytest.mark.parametrize("kind", KINDS, ids=TensorProto.DataType.Name)
def test_every_type_of_the_onnx_package_is_read_in_both_ways_that_it_stores(kind: int, raw: bool) -> None:
    values = np.ones((3, 5), np.float32).astype(helper.tensor_dtype_to_np_dtype(kind))
    made = numpy_helper.from_array(values, "w")
    if not raw:
        made = helper.make_tensor("w", kind, (3, 5), values.flatten())
    (tensor,) = load(file([helper.make_node("Identity", ["w"], ["y"])], [made], check=False)).tensors
    assert tensor.shape == (3, 5)
    assert tensor.nbytes == len(numpy_helper.from_array(values).raw_data)


def test_names_and_shapes_are_those_that_the_onnx_package_reads() -> None:
    shapes = {"a": (2, 3), "b.weight": (7,), "c": (1, 2, 3, 4), "empty": (0, 3), "scalar": ()}
    data = file([], [weight(name, *shape) for name, shape in shapes.items()], check=False).data
    expected = {one.name: tuple(one.dims) for one in onnx.load_from_string(data).graph.initializer}
    assert {t.name: t.shape for t in load(Upload("m", data)).tensors} == expected == shapes


def test_external_data_is_not_needed_and_one_place_is_one_storage(tmp_path: Path) -> None:
    shared = [handmade.outside("model.data", name, offset="64", length="16") for name in ("a", "b")]
    other = handmade.outside("model.data", "c", offset="0", length="16")
    snapshot = load(Upload("m.onnx", handmade.model(handmade.graph(weights=(*shared, other)))))
    (group,) = tied_groups(snapshot)
    assert group.names == ("a", "b")
    assert tally(snapshot).stored == 8
    assert "Data stands in model.data" in snapshot.source.notes[0]


def test_what_the_onnx_package_saves_beside_the_model_opens(tmp_path: Path) -> None:
    made = onnx.load_from_string(file(TWICE, [weight("w", 64, 64)]).data)
    onnx.save_model(
        made, tmp_path / "m.onnx", save_as_external_data=True, location="m.data", size_threshold=0
    )
    assert tally(load(tmp_path / "m.onnx")).stored == 64 * 64


def test_matrices_of_small_whole_numbers_are_quantized_weights() -> None:
    weights = [
        numpy_helper.from_array(np.zeros((4, 4), np.int8), "q"),
        numpy_helper.from_array(np.zeros(4, np.int8), "zero_point"),
        numpy_helper.from_array(np.zeros((2, 2), np.int64), "indices"),
    ]
    nodes = [helper.make_node("MatMulInteger", ["x", "q"], ["y"])]
    snapshot = read(nodes, weights, check=False)
    assert [tensor.kind for tensor in snapshot.tensors] == [Kind.UNKNOWN, Kind.BUFFER, Kind.BUFFER]
    assert tally(snapshot).used == 16
    assert any("whole numbers" in note for note in snapshot.source.notes)


def test_a_sparse_tensor_is_its_values_and_indices() -> None:
    values, indices = weight("s", 3), numpy_helper.from_array(np.arange(3), "i")
    sparse = helper.make_sparse_tensor(values, indices, [9])
    graph = helper.make_graph([], "g", [], [], [], sparse_initializer=[sparse])
    read = load(Upload("m", helper.make_model(graph).SerializeToString())).tensors
    assert [(tensor.name, tensor.shape) for tensor in read] == [("s.values", (3,)), ("s.indices", (3,))]


def test_what_is_read_survives_json_with_its_steps() -> None:
    snapshot = read(TWICE, [weight("w", 4, 4)])
    again = from_json(to_json(snapshot))
    assert (again, again.steps, again.source) == (snapshot, snapshot.steps, snapshot.source)


WHOLE = file(TWICE, [weight("w", 4, 4)]).data


@given(some.integers(6, len(WHOLE) - 1))
def test_a_file_cut_anywhere_is_refused_or_lacks_only_its_last_fields(length: int) -> None:
    try:
        assert load(Upload("model.onnx", WHOLE[:length])) == load(Upload("model.onnx", WHOLE))
    except FormatError as error:
        assert error.code in ("truncated", "malformed")


def test_the_largest_graph_is_walked_in_bounded_time() -> None:
    weights = [handmade.tensor()]
    nodes = [handmade.node("Add", (f"v{i}", "w"), (f"v{i + 1}",), name=f"/a/{i}/Add") for i in range(50_000)]
    data = handmade.model(handmade.graph(*nodes, weights=tuple(weights)))
    start = time.process_time()
    assert len(load(Upload("m.onnx", data)).steps or ()) == 50_000
    assert time.process_time() - start < 5
