"""When two names are the same weights: each case of the conformance table, on live modules."""

from __future__ import annotations

import copy
import time
import warnings
from collections.abc import Callable, Iterator

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn.utils import parametrizations, parametrize, prune

from shareviz.capture import capture
from shareviz.clone import COMPRESSED, clone
from shareviz.copies import Likeness, copies
from shareviz.relations import Relation, relation
from shareviz.sharing import tally, uses
from shareviz.trace import traced
from shareviz.values import Values


class Pair(nn.Module):
    """Two modules with a weight each."""

    def __init__(self, a: Tensor, b: Tensor) -> None:
        super().__init__()
        self.a, self.b = nn.Module(), nn.Module()
        for module, tensor in ((self.a, a), (self.b, b)):
            grad = tensor.is_floating_point() or tensor.is_complex()
            parameter = (
                tensor if isinstance(tensor, nn.Parameter) else nn.Parameter(tensor, requires_grad=grad)
            )
            module.weight = parameter


def one() -> Pair:
    weight = nn.Parameter(torch.randn(12, 6))
    return Pair(weight, weight)


def alias() -> Pair:
    weight = torch.randn(12, 6)
    return Pair(weight, weight.detach())


def halves(first: Callable[[Tensor], Tensor], second: Callable[[Tensor], Tensor]) -> Callable[[], Pair]:
    def make() -> Pair:
        x = torch.randn(12, 6)
        return Pair(first(x), second(x))

    return make


def seen(module: nn.Module, a: str = "a.weight", b: str = "b.weight") -> Relation:
    """The relation, asked both ways and of a clone on meta too."""
    snapshot = capture(module)
    there, back = relation(snapshot, a, b), relation(snapshot, b, a)
    assert there is back
    assert capture(clone(module, "meta")) == snapshot
    return there


def itself(x: Tensor) -> Tensor:
    return x


VIEWS: dict[str, tuple[Callable[[], Pair], Relation]] = {
    "one Parameter object in two modules": (one, Relation.SAME_OBJECT),
    "a Parameter of another's data": (alias, Relation.SAME_VIEW),
    "untied": (lambda: Pair(torch.randn(12, 6), torch.randn(12, 6)), Relation.NONE),
    "transposed": (halves(itself, lambda x: x.t()), Relation.TRANSPOSED),
    "some rows": (halves(itself, lambda x: x[2:5]), Relation.PARTIAL),
    "another shape": (halves(itself, lambda x: x.view(6, 12)), Relation.RESHAPED),
    "another dtype": (halves(itself, lambda x: x.view(torch.int32)), Relation.REINTERPRETED),
    "upper and lower rows": (halves(lambda x: x[:6], lambda x: x[6:]), Relation.DISJOINT),
    "left and right columns": (halves(lambda x: x[:, :3], lambda x: x[:, 3:]), Relation.DISJOINT),
    "columns that meet in one": (halves(lambda x: x[:, :4], lambda x: x[:, 3:]), Relation.PARTIAL),
    "even and odd rows": (halves(lambda x: x[::2], lambda x: x[1::2]), Relation.DISJOINT),
    "elements repeated": (halves(lambda x: x[:1].expand(12, 6), itself), Relation.PARTIAL),
    "two empty tensors": (lambda: Pair(torch.empty(0, 3), torch.empty(0, 3)), Relation.NONE),
    "two empty views of one tensor": (halves(lambda x: x[:0], lambda x: x[:0]), Relation.NONE),
    "all ones": (lambda: Pair(torch.ones(6), torch.ones(6)), Relation.NONE),
}


@pytest.mark.parametrize("case", VIEWS)
def test_two_views_are_related_as_the_table_says(case: str) -> None:
    make, wanted = VIEWS[case]
    assert seen(make()) is wanted


@pytest.mark.parametrize("case", VIEWS)
def test_on_meta_the_relation_is_the_same(case: str) -> None:
    make, wanted = VIEWS[case]
    with torch.device("meta"):
        assert seen(make()) is wanted


def test_a_conjugate_view_is_one() -> None:
    x = torch.randn(3, 4, dtype=torch.complex64)
    assert seen(Pair(x, x.conj())) is Relation.CONJUGATE


def test_fake_tensors_are_told_apart() -> None:
    with FakeTensorMode():
        assert relation(capture(one()), "a.weight", "b.weight") is Relation.SAME_OBJECT
        assert relation(capture(alias()), "a.weight", "b.weight") is Relation.SAME_VIEW
        apart = Pair(torch.randn(12, 6), torch.randn(12, 6))
        assert relation(capture(apart), "a.weight", "b.weight") is Relation.NONE


def test_one_module_at_three_paths_is_one_set_of_slots_with_three_names_each() -> None:
    layer = nn.Linear(2, 3)
    snapshot = capture(nn.ModuleDict({"x": layer, "y": layer, "z": layer}))
    assert [snapshot.names_of(slot) for slot in snapshot.tensors] == [
        ("x.weight", "y.weight", "z.weight"),
        ("x.bias", "y.bias", "z.bias"),
    ]
    assert relation(snapshot, "x.weight", "z.weight") is Relation.SAME_OBJECT
    assert snapshot.by_path["x"].paths == 3


def test_a_cycle_ends_and_its_one_edge_is_noted() -> None:
    root = nn.Module()
    root.a = nn.Linear(2, 2)
    root.a.up = root
    snapshot = capture(root)
    assert [slot.name for slot in snapshot.tensors] == ["a.weight", "a.bias"]
    assert snapshot.source.notes == ("a.up leads back to a module that holds it",)
    assert capture(clone(root)) == snapshot


def test_a_diamond_of_depth_sixty_is_counted_in_milliseconds() -> None:
    bottom: nn.Module = nn.Linear(2, 2)
    for _ in range(60):
        above = nn.Module()
        above.left = above.right = bottom
        bottom = above
    start = time.perf_counter()
    snapshot = capture(bottom)
    assert time.perf_counter() - start < 1
    assert len(snapshot.tensors) == 2
    linear = snapshot.modules[-1]
    assert (linear.cls, linear.paths) == ("Linear", 2**60)
    assert len(linear.aliases) == 64
    assert len({linear.path, *linear.aliases}) == 65


class Twice(nn.Module):
    def forward(self, weight: Tensor) -> Tensor:
        return 2 * weight


def linears(tied: bool = True) -> nn.Module:
    module = nn.Module()
    module.a, module.b = nn.Linear(6, 6, bias=False), nn.Linear(6, 6, bias=False)
    if tied:
        module.b.weight = module.a.weight
    return module


def halved() -> dict[str, tuple[Callable[[nn.Module], object], str, str]]:
    return {
        "parametrized": (
            lambda a: parametrize.register_parametrization(a, "weight", Twice()),
            "a.parametrizations.weight.original",
            "Twice",
        ),
        "spectral_norm": (
            parametrizations.spectral_norm,
            "a.parametrizations.weight.original",
            "SpectralNorm",
        ),
        "pruned": (lambda a: prune.l1_unstructured(a, "weight", 0.5), "a.weight_orig", "pruned"),
    }


@pytest.mark.parametrize("case", halved())
def test_a_tie_with_a_weight_computed_on_one_side_is_half_a_tie(case: str) -> None:
    act, stored, form = halved()[case]
    module = linears()
    act(module.a)
    snapshot = capture(module)
    assert relation(snapshot, stored, "b.weight") is Relation.SAME_OBJECT
    computed = snapshot.derived_by_name["a.weight"]
    assert computed.form == form
    assert computed.reads[0] == stored
    assert tally(snapshot).stored == 36


def test_weight_norm_takes_the_weight_for_its_direction_and_leaves_two_parameters_on_it() -> None:
    module = linears()
    parametrizations.weight_norm(module.a)
    snapshot = capture(module)
    (weight,) = snapshot.derived
    norm, direction = weight.reads
    assert relation(snapshot, norm, "b.weight") is Relation.NONE
    assert relation(snapshot, direction, "b.weight") is Relation.SAME_VIEW
    assert tally(snapshot).stored == 36 + 6


def test_a_parameter_kept_in_a_list_is_noted() -> None:
    module = linears(tied=False)
    module.b.kept = [module.a.weight]
    module.b.named = {"w": nn.Parameter(torch.ones(2))}
    snapshot = capture(module)
    assert snapshot.source.notes == (
        "b.kept[0] is a.weight, not registered: absent from the state dict",
        "b.named['w'] is not registered: absent from the state dict",
    )
    assert not capture(nn.LSTM(2, 3)).source.notes  # its flat list repeats what it registers


def test_lazy_modules_are_related_to_nothing() -> None:
    module = nn.ModuleDict({"a": nn.LazyLinear(3), "b": nn.LazyLinear(3)})
    snapshot = capture(module)
    assert relation(snapshot, "a.weight", "b.weight") is Relation.NONE
    assert tally(snapshot).stored == 0


@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor")  # deprecated, and still in saved models
def test_a_quantized_alias_is_the_same_view() -> None:
    packed = torch.quantize_per_tensor(torch.randn(4, 3), 0.1, 0, torch.qint8)
    module = nn.Module()
    module.a, module.b = nn.Module(), nn.Module()
    module.a.register_buffer("weight", packed)
    module.b.register_buffer("weight", packed.detach())
    assert relation(capture(module), "a.weight", "b.weight") is Relation.SAME_VIEW


def test_a_sparse_alias_is_related_as_its_values_are() -> None:
    sparse = torch.sparse_coo_tensor([[0, 1], [1, 0]], torch.randn(2), (2, 2), check_invariants=True)
    module = Pair(sparse, sparse.detach())
    assert seen(module) is Relation.SAME_VIEW
    assert tally(capture(module)).stored == 2
    assert torch.equal(clone(module).b.weight.to_dense(), sparse.to_dense())
    assert seen(Pair(sparse, sparse.clone())) is Relation.NONE


@pytest.mark.parametrize("layout", COMPRESSED)
def test_a_compressed_sparse_alias_is_related_as_its_values_are(layout: torch.layout) -> None:
    blocks = (2, 2) if layout in (torch.sparse_bsr, torch.sparse_bsc) else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch: the support of these layouts is in beta
        sparse = torch.eye(4).to_sparse(layout=layout, blocksize=blocks)
        module = Pair(sparse, sparse.detach())
        assert seen(module) is Relation.SAME_VIEW
        assert tally(capture(module)).stored == sparse.values().numel()
        assert torch.equal(clone(module).b.weight.to_dense(), torch.eye(4))
        assert seen(Pair(sparse, sparse.clone())) is Relation.NONE


class Scaled(torch.Tensor):
    """Codes and a scale behind one tensor, as quantized weights are kept."""

    @staticmethod
    def __new__(cls, codes: Tensor, scale: Tensor) -> Scaled:
        return torch.Tensor._make_wrapper_subclass(cls, codes.shape, dtype=scale.dtype)

    def __init__(self, codes: Tensor, scale: Tensor) -> None:
        self.codes, self.scale = codes, scale

    def __tensor_flatten__(self) -> tuple[list[str], None]:
        return ["scale", "codes"], None

    @classmethod
    def __tensor_unflatten__(cls, parts: dict[str, Tensor], *_: object) -> Scaled:
        return cls(parts["codes"], parts["scale"])

    @classmethod
    def __torch_dispatch__(
        cls, func: object, types: object, args: tuple = (), kwargs: object = None
    ) -> Tensor:
        assert func is torch.ops.aten.detach.default  # all that nn.Parameter asks for
        return cls(args[0].codes, args[0].scale)


def test_a_tensor_that_wraps_several_is_related_as_the_largest_of_them_is() -> None:
    codes, scale = torch.ones(40, 4, dtype=torch.int8), torch.ones(1, 4)
    assert seen(scaled(codes, scale, codes, scale)) is Relation.SAME_VIEW
    assert seen(scaled(codes, scale, codes, scale.clone())) is Relation.SAME_VIEW
    assert seen(scaled(codes, scale, codes.clone(), scale)) is Relation.NONE
    assert capture(scaled(codes, scale, codes, scale)).tensors[0].dtype == "int8"


def scaled(*parts: Tensor) -> nn.Module:
    module = nn.Module()
    module.a, module.b = nn.Module(), nn.Module()
    for host, (codes, scale) in ((module.a, parts[:2]), (module.b, parts[2:])):
        host.weight = nn.Parameter(Scaled(codes, scale), requires_grad=False)
    return module


@pytest.fixture
def mesh() -> Iterator[object]:
    """A mesh of this process alone."""
    from torch.distributed import destroy_process_group, init_process_group
    from torch.distributed.device_mesh import init_device_mesh
    from torch.testing._internal.distributed.fake_pg import FakeStore

    init_process_group("fake", rank=0, world_size=1, store=FakeStore())
    yield init_device_mesh("cpu", (1,))
    destroy_process_group()


def test_distributed_tensors_are_told_apart(mesh: object) -> None:
    from torch.distributed.tensor import Replicate, distribute_tensor

    x, y = (distribute_tensor(torch.randn(4, 3), mesh, [Replicate()]) for _ in range(2))
    assert seen(Pair(x, y)) is Relation.NONE
    assert seen(Pair(x, x.detach())) is Relation.SAME_VIEW
    weight = nn.Parameter(x)
    assert seen(Pair(weight, weight)) is Relation.SAME_OBJECT


def loaded(module: nn.Module) -> nn.Module:
    fresh = linears()
    fresh.load_state_dict(module.state_dict())
    return fresh


def assigned(module: nn.Module) -> nn.Module:
    fresh = linears()
    fresh.load_state_dict(module.state_dict(), assign=True)
    return fresh


def emptied(_: nn.Module) -> nn.Module:
    with torch.device("meta"):
        fresh = linears()
    return fresh.to_empty(device="cpu")


def replaced(module: nn.Module) -> nn.Module:
    module.b.weight = nn.Parameter(module.a.weight.data)
    module.b.weight.data = module.b.weight.data.clone()
    return module


@pytest.mark.parametrize(
    ("act", "wanted"),
    [
        (lambda module: module.half(), Relation.SAME_OBJECT),
        (lambda module: module.share_memory(), Relation.SAME_OBJECT),
        (copy.deepcopy, Relation.SAME_OBJECT),
        (loaded, Relation.SAME_OBJECT),
        (assigned, Relation.SAME_VIEW),
        (lambda module: module.to("meta"), Relation.NONE),
        (emptied, Relation.NONE),
        (replaced, Relation.NONE),
        (clone, Relation.SAME_OBJECT),
        (lambda module: clone(module, "meta"), Relation.SAME_OBJECT),
    ],
    ids="half share_memory deepcopy load assign to-meta to_empty data clone clone-meta".split(),
)
def test_a_tie_survives_or_not_as_torch_does_it(
    act: Callable[[nn.Module], nn.Module], wanted: Relation
) -> None:
    assert relation(capture(act(linears())), "a.weight", "b.weight") is wanted


def test_two_parameters_on_one_storage_are_lost_by_deepcopy_and_kept_by_clone() -> None:
    assert seen(copy.deepcopy(alias())) is Relation.NONE
    assert seen(clone(alias())) is Relation.SAME_VIEW


def test_a_flattened_lstm_shares_nothing() -> None:
    rnn = nn.LSTM(3, 4, num_layers=3)
    flat = torch.cat([weight.detach().flatten() for weight in rnn.parameters()])
    offset = 0
    for name, weight in list(rnn.named_parameters()):  # as cuDNN lays them out
        setattr(rnn, name, nn.Parameter(flat[offset : offset + weight.numel()].view_as(weight)))
        offset += weight.numel()
    snapshot = capture(rnn)
    names = [slot.name for slot in snapshot.tensors]
    assert len(names) == 12
    assert len(snapshot.storages) == 1
    assert {relation(snapshot, a, b) for a in names for b in names if a != b} == {Relation.DISJOINT}
    assert tally(snapshot).stored == flat.numel()
    assert capture(clone(rnn)) == snapshot


def test_separate_norms_of_ones_have_a_value_relation_and_no_tie() -> None:
    module = nn.ModuleDict({"a": nn.LayerNorm(6, bias=False), "b": nn.LayerNorm(6, bias=False)})
    assert seen(module) is Relation.NONE
    (copy_,) = copies(capture(module), Values.of(module))
    assert copy_.likeness is Likeness.CONSTANT and not copy_.saved


def test_a_compiled_module_is_seen_as_without() -> None:
    module = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 3))
    assert capture(torch.compile(module, backend="eager")) == capture(module)


# how often one forward pass uses a weight


class Calls(nn.Module):
    """An embedding, a layer, and a forward pass that the test gives."""

    def __init__(self, run: Callable[[Calls, Tensor], Tensor]) -> None:
        super().__init__()
        self.emb, self.layer = nn.Embedding(5, 5), nn.Linear(5, 5, bias=False)
        self.run = run

    def forward(self, tokens: Tensor) -> Tensor:
        return self.run(self, tokens)


def used(run: Callable[[Calls, Tensor], Tensor]) -> tuple[dict[str, float], list[tuple[str, str]]]:
    """The uses of each weight, and where each read is made."""
    snapshot = traced(Calls(run), torch.zeros(1, 3, dtype=torch.long))
    assert snapshot.steps, snapshot.source.notes
    reads = [(name, step.module) for step in snapshot.steps for name, _ in step.reads]
    return dict(uses(snapshot) or {}), reads


def test_a_functional_use_of_an_embedding_counts_where_it_is_made() -> None:
    counts, reads = used(lambda m, x: F.linear(m.emb(x), m.emb.weight))
    assert counts["emb.weight"] == 2
    assert reads == [("emb.weight", "emb"), ("emb.weight", "")]


def test_a_layer_called_three_times_is_used_three_times() -> None:
    counts, _ = used(lambda m, x: m.layer(m.layer(m.layer(m.emb(x)))))
    assert counts == {"emb.weight": 1, "layer.weight": 3}


def test_a_view_taken_once_and_multiplied_twice_is_used_twice() -> None:
    def run(m: Calls, x: Tensor) -> Tensor:
        w = m.layer.weight.t()
        return m.emb(x) @ w @ w

    assert used(run)[0]["layer.weight"] == 2


def test_a_tied_parameter_is_used_once_by_each_of_its_names() -> None:
    def run(m: Calls, x: Tensor) -> Tensor:
        return m.layer(m.emb(x))

    module = Calls(run)
    module.layer.weight = module.emb.weight
    snapshot = traced(module, torch.zeros(1, 3, dtype=torch.long))
    assert uses(snapshot) == {"emb.weight": 1, "layer.weight": 1}
    assert relation(snapshot, "emb.weight", "layer.weight") is Relation.SAME_OBJECT


def test_a_layer_never_called_is_not_used() -> None:
    assert used(lambda m, x: m.emb(x))[0] == {"emb.weight": 1, "layer.weight": 0}


def test_one_operation_that_takes_a_tensor_twice_is_one_use() -> None:
    assert used(lambda m, x: m.layer.weight @ m.layer.weight)[0]["layer.weight"] == 1


def test_two_slices_of_a_weight_are_one_use() -> None:
    counts, reads = used(lambda m, x: m.emb(x) @ m.layer.weight[:, :2] + m.emb(x) @ m.layer.weight[:, 3:])
    assert counts["layer.weight"] == pytest.approx(4 / 5)
    assert [name for name, _ in reads].count("layer.weight") == 2


@pytest.mark.parametrize("steps", [5, 9])
@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])
def test_a_recurrent_layer_uses_each_weight_once_a_step(kind: type[nn.RNNBase], steps: int) -> None:
    snapshot = traced(kind(3, 4), torch.zeros(steps, 1, 3))
    assert set((uses(snapshot) or {}).values()) == {steps}


def test_fused_attention_uses_each_weight_once() -> None:
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    snapshot = traced(layer, torch.zeros(1, 5, 8))
    assert set((uses(snapshot) or {}).values()) == {1}


def test_separate_keys_read_one_projection_in_slices() -> None:
    class Across(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.mha = nn.MultiheadAttention(8, 2)

        def forward(self, x: Tensor, memory: Tensor) -> Tensor:
            return self.mha(x, memory, memory)[0]

    snapshot = traced(Across(), torch.zeros(5, 1, 8), torch.zeros(3, 1, 8))
    assert set((uses(snapshot) or {}).values()) == {1}


def test_a_branch_on_a_value_cannot_be_traced_and_says_so() -> None:
    snapshot = traced(
        Calls(lambda m, x: m.emb(x) if x.sum() > 0 else m.layer(m.emb(x))), torch.zeros(1, 3).long()
    )
    assert snapshot.steps is None
    assert "cannot be traced on meta" in snapshot.source.notes[-1]
    assert uses(snapshot) is None
