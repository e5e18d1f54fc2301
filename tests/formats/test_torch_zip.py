"""`.pt` files that torch writes: ties and views by storage, state dicts found, modules as trees."""

from __future__ import annotations

import copy
import warnings
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from shareviz.capture import capture
from shareviz.errors import FormatError, OptionError, Part
from shareviz.formats import LOCAL, Upload, load
from shareviz.relations import Relation, relation
from shareviz.sharing import tally, tied_groups
from shareviz.snapshot import Evidence, Kind
from tests.formats import hostile, samples


def names(upload: Upload, **options: Any) -> list[str]:
    return [tensor.name for tensor in load(upload, **options).tensors]


def test_a_tie_in_a_state_dict_is_one_storage() -> None:
    snapshot = load(samples.pt(samples.Tied().state_dict()))
    (group,) = tied_groups(snapshot)
    assert group.names == ("table.weight", "head.weight")
    assert group.evidence is Evidence.STORAGE
    assert relation(snapshot, *group.names) is Relation.SAME_VIEW  # a file cannot tell one object
    assert tally(snapshot).saved_by_ties == 40


def test_regions_are_those_of_the_live_tensors() -> None:
    base = torch.zeros(6, 8)
    tensors = {"a": base, "t": base.t(), "row": base[2:5], "col": base[:, 3:], "e": torch.zeros(0, 3)}
    tensors |= {"wide": torch.zeros(1).expand(5), "c": torch.zeros(3, dtype=torch.complex64)}
    tensors["conj"] = tensors["c"].conj()
    module = nn.Module()
    for name, tensor in tensors.items():
        module.register_buffer(name, tensor)
    live, read = capture(module), load(samples.pt(tensors))
    assert read.storages == live.storages
    assert [(t.name, t.shape, t.dtype, t.region) for t in read.tensors] == [
        (t.name, t.shape, t.dtype, t.region) for t in live.tensors
    ]


def test_lstm_weights_in_one_storage_are_disjoint() -> None:
    lstm = nn.LSTM(3, 4)
    flat = torch.cat([p.detach().flatten() for p in lstm.parameters()])
    parts = dict(zip("abcd", flat.split([p.numel() for p in lstm.parameters()]), strict=True))
    snapshot = load(samples.pt(parts))
    assert len(snapshot.storages) == 1
    assert tied_groups(snapshot) == ()
    assert relation(snapshot, "a", "b") is Relation.DISJOINT


@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.uint16, torch.bfloat16, torch.complex128])
def test_types_without_a_storage_class_of_their_own_are_read(dtype: torch.dtype) -> None:
    (tensor,) = load(samples.pt({"a": torch.zeros(3, 2, dtype=dtype)})).tensors
    assert f"torch.{tensor.dtype}" == str(dtype)


def test_sparse_quantized_and_meta_tensors_are_read() -> None:
    with warnings.catch_warnings():  # torch warns of it once in a process, whichever test comes first
        warnings.simplefilter("ignore")
        quantized = torch.quantize_per_tensor(torch.zeros(2), 0.1, 0, torch.qint8)
    tensors = {"s": torch.eye(3).to_sparse(), "q": quantized, "m": torch.zeros(4, device="meta")}
    read = load(samples.pt(tensors)).tensors
    found = {tensor.name: (tensor.shape, tensor.dtype, tensor.kind) for tensor in read}
    assert found == {
        "s.indices": ((2, 3), "int64", Kind.BUFFER),
        "s.values": ((3,), "float32", Kind.UNKNOWN),
        "q": ((2,), "qint8", Kind.UNKNOWN),
        "m": ((4,), "float32", Kind.UNKNOWN),
    }


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_every_pickle_protocol_reads_the_same(protocol: int) -> None:
    state = samples.Tied().state_dict()
    assert load(samples.pt(state, pickle_protocol=protocol)) == load(samples.pt(state))


def test_the_model_is_found_in_a_training_checkpoint() -> None:
    model = samples.Tied()
    optimizer = torch.optim.Adam(model.parameters())
    sum(p.sum() for p in model.parameters()).backward()  # type: ignore[union-attr]
    optimizer.step()
    checkpoint = {"epoch": 3, "model": model.state_dict(), "optimizer": optimizer.state_dict()}
    checkpoint |= {"rng": torch.get_rng_state(), "loss": torch.tensor(0.5)}
    snapshot = load(samples.pt(checkpoint))
    assert snapshot.tensors == load(samples.pt(model.state_dict())).tensors
    assert "Opened model" in snapshot.source.notes[0]


def test_several_models_are_ambiguous_until_one_is_picked() -> None:
    upload = samples.pt({"g": {"net": {"a": torch.zeros(2)}}, "d": {"b": torch.zeros(3)}})
    with pytest.raises(FormatError, match=r"2 models: g\.net, d\.") as caught:
        load(upload)
    assert caught.value.code == "ambiguous"
    assert names(upload, pick="d") == ["b"]
    assert names(upload, pick="g") == ["net.a"]
    assert names(upload, pick=".") == ["g.net.a", "d.b"]
    with pytest.raises(FormatError, match="no part named x; it holds g, d"):
        load(upload, pick="x")


def test_the_models_to_pick_from_are_data_too() -> None:
    inner = {"a": torch.zeros(2), "more": {"b": torch.zeros(1)}}
    upload = samples.pt({"g": {"net": inner}, "d": {"b": torch.zeros(3)}, "m": nn.Linear(1, 1)})
    with pytest.raises(FormatError) as caught:
        load(upload)
    assert caught.value.parts == (Part("g.net", 2), Part("d", 1), Part("m"))  # a module is not counted
    for part in caught.value.parts:
        assert len(names(upload, pick=part.name)) == (part.tensors or 2)
    with pytest.raises(FormatError) as other:
        load(samples.pt({"a": "nothing"}))
    assert other.value.parts == ()


def test_of_many_models_the_first_hundred_are_offered_and_none_without_a_usable_name() -> None:
    many = {"": {"a": torch.zeros(1)}, "n" * 9000: {"a": torch.zeros(1)}}
    many |= {f"part{i}": {"a": torch.zeros(1)} for i in range(150)}
    with pytest.raises(FormatError, match="152 models") as caught:
        load(samples.pt(many))
    assert caught.value.parts == tuple(Part(f"part{i}", 1) for i in range(100))


def test_nested_state_dicts_and_lists_are_walked() -> None:
    nested = {
        "bias": torch.zeros(1),
        "inner": {"weight": torch.zeros(2)},
        "more": [torch.zeros(3)],
        7: torch.zeros(1),
    }
    assert names(samples.pt(nested)) == ["bias", "inner.weight", "more.0", "7"]
    assert names(samples.pt([torch.zeros(1), torch.zeros(1)])) == ["0", "1"]
    assert names(samples.pt(torch.zeros(1))) == ["tensor"]


def test_one_name_spelt_twice_is_ambiguous() -> None:
    with pytest.raises(FormatError, match=r"Two tensors are named a\.b") as caught:
        load(samples.pt({"a.b": torch.zeros(1), "a": {"b": torch.zeros(1)}}))
    assert caught.value.code == "ambiguous"


def test_an_optimizer_alone_holds_no_model() -> None:
    optimizer = torch.optim.SGD(samples.Tied().parameters(), momentum=0.9)
    with pytest.raises(FormatError, match="optimizer") as caught:
        load(samples.pt(optimizer.state_dict()))
    assert caught.value.code == "no-tensors"


@pytest.mark.parametrize(
    "make", [samples.Tied, samples.Shared, lambda: nn.Sequential(nn.GRU(2, 3), nn.ReLU())]
)
def test_a_pickled_module_has_the_tree_of_the_live_one(make: Any) -> None:
    module = make()
    read, live = load(samples.pt(module)), capture(module)
    assert sorted((m.cls, m.paths) for m in read.modules) == sorted((m.cls, m.paths) for m in live.modules)
    assert [m.path for m in read.modules] == [path for path, _ in module.named_modules()]
    parameters = [tensor for tensor in read.tensors if tensor.kind is Kind.PARAMETER]
    assert [tensor.name for tensor in parameters if tensor.name in dict(module.named_parameters())] == [
        name for name, _ in module.named_parameters()
    ]
    assert tally(read).stored == tally(live).stored


def test_a_module_at_three_paths_is_listed_once_with_its_aliases() -> None:
    snapshot = load(samples.pt(samples.Shared()))
    (block,) = [module for module in snapshot.modules if module.cls == "Linear"]
    assert (block.path, set(block.aliases), block.paths) == ("inner.0", {"first", "second"}, 3)
    assert set(snapshot.names_of(snapshot.tensors[0])) == {"inner.0.weight", "first.weight", "second.weight"}


def test_a_module_inside_a_checkpoint_is_found() -> None:
    snapshot = load(samples.pt({"epoch": 1, "model": samples.Tied(), "args": {"lr": 0.1}}))
    assert [module.path for module in snapshot.modules] == ["", "table", "norm", "head"]
    assert snapshot.source.notes[:1] == ("Opened model, one part of the file.",)
    assert "nothing of it was run" in snapshot.source.notes[1]


def test_a_diamond_of_depth_sixty_is_counted_not_walked() -> None:
    class Twice(nn.Module):
        def __init__(self, inner: nn.Module) -> None:
            super().__init__()
            self.a = self.b = inner

    module: nn.Module = nn.Linear(1, 1)
    for _ in range(60):
        module = Twice(module)
    globals()["Twice"] = Twice  # pickle finds a class by its module's name
    Twice.__qualname__ = "Twice"
    (leaf,) = [module for module in load(samples.pt(module)).modules if module.cls == "Linear"]
    assert leaf.paths == 2**60


def test_foreign_objects_beside_tensors_are_named_and_not_run(tmp_path: Any) -> None:
    marker = tmp_path / "marker"
    upload = samples.pt({"model": {"a": torch.zeros(2)}, "x": hostile.Payload(marker)})
    snapshot = load(upload)
    assert [tensor.name for tensor in snapshot.tensors] == ["a"]
    assert any("`io.open`" in note for note in snapshot.source.notes)
    assert not marker.exists()


def test_an_ordered_dict_written_by_python_2_is_read() -> None:
    """Its pickle calls OrderedDict with a list of pairs."""
    pairs = hostile.state()[3:-2]  # name and tensor
    old = b"\x80\x02ccollections\nOrderedDict\n(](" + b"(" + pairs + b"tetR."
    (tensor,) = load(Upload("old.pt", hostile.zipped(old, ("0", b"\0" * 16)))).tensors
    assert tensor.name == "weight"


def test_a_pick_for_a_format_with_one_model_is_an_option_error(tmp_path: Any) -> None:
    with pytest.raises(OptionError, match="holds one model"):
        load(samples.safetensors({"a": torch.zeros(1)}, tmp_path), pick="a")


@pytest.mark.parametrize("save", [samples.pt, samples.legacy])
def test_a_config_beside_it_states_a_name_that_the_file_lacks(save: Any) -> None:
    beside = samples.config(**samples.SMALL_GPT2, architectures=["GPT2LMHeadModel"])
    whole = load(beside)
    state = {t.name: torch.zeros(t.shape) for t in whole.tensors if t.name != "lm_head.weight"}
    snapshot = load(save(state), companions=[beside])
    (group,) = tied_groups(snapshot)
    assert set(group.names) == {"transformer.wte.weight", "lm_head.weight"}
    assert group.evidence is Evidence.STATED
    full = load(save(state | {"lm_head.weight": state["transformer.wte.weight"]}), companions=[beside])
    assert [group.evidence for group in tied_groups(full)] == [Evidence.STORAGE]
    assert "config.json states no tie that the file lacks." in full.source.notes


def test_a_deep_copy_of_two_parameters_on_one_storage_is_read_as_untied() -> None:
    a = nn.Parameter(torch.zeros(3))
    module = nn.ParameterList([a, nn.Parameter(a.data)])
    assert len(tied_groups(load(samples.pt(module.state_dict())))) == 1
    assert tied_groups(load(samples.pt(copy.deepcopy(module).state_dict()))) == ()


def test_more_tensors_than_the_limit_are_refused() -> None:
    upload = samples.pt({str(i): torch.zeros(1) for i in range(9)})
    assert len(load(upload, limits=replace(LOCAL, tensors=9)).tensors) == 9
    with pytest.raises(FormatError, match="more than 8 tensors"):
        load(upload, limits=replace(LOCAL, tensors=8))
