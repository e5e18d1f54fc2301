"""Plans on hand-made snapshots: what they do to regions, and every sentence of refusal."""

from __future__ import annotations

import pytest

from shareviz.errors import PlanError
from shareviz.forms import Factor, LowRank, Rows
from shareviz.plan import Plan, Rewrite, own, tie
from shareviz.snapshot import Evidence, Kind, Module, Region, Snapshot, Tensor, contiguous


def model(*shapes: tuple[int, ...], tied: tuple[tuple[int, int], ...] = ()) -> Snapshot:
    """Modules m0, m1, … with a weight each; pairs in `tied` read the first one's storage and object."""
    firsts = {second: first for first, second in tied}
    numbers: dict[int, int] = {}
    tensors = []
    for at, shape in enumerate(shapes):
        number = numbers.setdefault(firsts.get(at, at), len(numbers))
        region = Region(number, 0, contiguous(shape))
        tensors.append(
            Tensor(f"m{at}.weight", f"m{at}", shape, "float32", region, object=number, trainable=True)
        )
    nbytes = dict.fromkeys(range(len(numbers)), 0)
    for tensor in tensors:
        assert tensor.region is not None
        nbytes[tensor.region.storage] = tensor.nbytes
    modules = (Module("", "Net"), *(Module(f"m{at}", "Linear") for at in range(len(shapes))))
    return Snapshot(tuple(tensors), modules, storages=tuple(nbytes.values()))


def storages(snapshot: Snapshot) -> list[int]:
    return [tensor.region.storage for tensor in snapshot.tensors if tensor.region]


def objects(snapshot: Snapshot) -> list[int | None]:
    return [tensor.object for tensor in snapshot.tensors]


THREE = model((4, 4), (4, 4), (4, 4))


def test_an_empty_plan_changes_nothing() -> None:
    assert Plan().apply(THREE) is THREE


def test_a_tie_drops_a_storage_and_an_object() -> None:
    after = Plan((tie("m2.weight", "m0.weight"),)).apply(THREE)
    assert storages(after) == objects(after) == [0, 1, 0]
    assert after.storages == (64, 64)


def test_storages_are_numbered_by_first_appearance() -> None:
    after = Plan((tie("m0.weight", "m2.weight"),)).apply(THREE)
    assert storages(after) == [0, 1, 0]


def test_ties_are_followed_to_the_last_owner() -> None:
    after = Plan((tie("m2.weight", "m1.weight"), tie("m1.weight", "m0.weight"))).apply(THREE)
    assert storages(after) == [0, 0, 0]


def test_a_name_of_its_own_leaves_its_group() -> None:
    before = model((4, 4), (4, 4), (4, 4), tied=((0, 1), (0, 2)))
    after = Plan((own("m1.weight"),)).apply(before)
    assert storages(after) == [0, 1, 0]
    assert after.storages == (64, 64)


def test_a_tie_to_a_name_that_is_made_its_own_reads_the_new_memory() -> None:
    before = model((4, 4), (4, 4), (4, 4), tied=((0, 1),))
    after = Plan((own("m1.weight"), tie("m2.weight", "m1.weight"))).apply(before)
    assert storages(after) == [0, 1, 1]


def test_a_tie_to_itself_is_memory_of_its_own() -> None:
    before = model((4, 4), (4, 4), tied=((0, 1),))
    assert Plan((tie("m1.weight", "m1.weight"),)).apply(before) == Plan((own("m1.weight"),)).apply(before)


def test_a_tie_is_trained_and_known_as_its_owner_is() -> None:
    one = Tensor("a", "", (2,), "float32", Region(0, 0, (1,)), trainable=False, evidence=Evidence.STATED)
    two = Tensor("b", "", (2,), "float32", Region(1, 0, (1,)), trainable=True, evidence=Evidence.STORAGE)
    after = Plan((tie("b", "a"),)).apply(Snapshot((one, two), (Module("", "Net"),), storages=(8, 8)))
    assert (after.by_name["b"].trainable, after.by_name["b"].evidence) == (False, Evidence.STATED)
    assert after.by_name["b"].object is None  # a file knows no objects


def test_a_view_that_is_untied_becomes_dense() -> None:
    whole, part = Region(0, 0, (4, 1)), Region(0, 32, (4, 1))
    before = Snapshot(
        (
            Tensor("a", "", (4, 4), "float32", whole, object=0, trainable=True),
            Tensor("b", "", (2, 2), "float32", part, object=1, trainable=True),
        ),
        (Module("", "Net"),),
        storages=(64,),
    )
    after = Plan((own("b"),)).apply(before)
    assert after.by_name["b"].region == Region(1, 0, (2, 1))
    assert after.storages == (64, 16)


def test_a_form_stores_its_pieces_and_derives_the_weight() -> None:
    after = Plan((Rewrite("m1.weight", Rows((0, 0))),)).apply(THREE)
    (weight,) = after.derived
    assert (weight.name, weight.shape, weight.reads) == (
        "m1.weight",
        (4, 4),
        ("m1.parametrizations.weight.original",),
    )
    assert after.by_name[weight.reads[0]].shape == (2, 4)
    assert after.storages == (64, 32, 64)
    assert after.pieces == set(weight.reads)


def test_derived_weights_are_listed_in_the_order_of_modules() -> None:
    after = Plan((Rewrite("m2.weight", Rows((0, 0))), Rewrite("m0.weight", Rows((0, 0))))).apply(THREE)
    assert [weight.name for weight in after.derived] == ["m0.weight", "m2.weight"]


def test_pieces_after_the_first_are_kept_by_the_parametrization() -> None:
    after = Plan((Rewrite("m1.weight", LowRank(1), (("base", "m0.weight"),)),)).apply(THREE)
    root = "m1.parametrizations.weight"
    assert after.derived[0].reads == (f"{root}.original", f"{root}.0.up", f"{root}.0.down")
    assert after.by_name[f"{root}.original"].region == after.by_name["m0.weight"].region
    assert after.by_name[f"{root}.original"].object == after.by_name["m0.weight"].object
    assert after.storages == (64, 16, 16, 64)  # the base is layer 0's; up and down lie apart


def test_forms_may_share_one_piece_and_keep_another() -> None:
    shared = Rewrite("m1.weight", Factor(2), (("right", "m0.weight"),))
    after = Plan((Rewrite("m0.weight", Factor(2)), shared)).apply(THREE)
    pieces = {
        name.removesuffix("weight.original"): slot.region.storage
        for name, slot in after.by_name.items()
        if slot.region
    }
    left, right = "m{}.parametrizations.", "m{}.parametrizations.weight.0.right"
    assert pieces[left.format(0)] != pieces[left.format(1)]
    assert pieces[right.format(0)] == pieces[right.format(1)]


def test_steps_and_source_stay() -> None:
    assert Plan((tie("m1.weight", "m0.weight"),)).apply(THREE).source is THREE.source


def splits(plan: Plan) -> tuple[str, ...]:
    return plan.splits(model((4, 4), (4, 4), (4, 4), tied=((0, 1),)))


def test_a_rewrite_of_one_name_of_a_tie_splits_it() -> None:
    assert splits(Plan((tie("m1.weight", "m2.weight"),))) == ("m1.weight",)
    assert splits(Plan((own("m0.weight"),))) == ("m0.weight",)
    assert splits(Plan((Rewrite("m1.weight", Rows((0, 0))),))) == ("m1.weight",)


def test_a_tie_that_is_kept_or_moved_as_a_whole_is_not_split() -> None:
    assert splits(Plan((tie("m1.weight", "m0.weight"),))) == ()
    assert splits(Plan((tie("m0.weight", "m2.weight"), tie("m1.weight", "m2.weight")))) == ()
    assert splits(Plan((tie("m2.weight", "m0.weight"),))) == ()


def plan(*rewrites: Rewrite, title: str = "") -> Plan:
    return Plan(rewrites, title)


ROWS = Rows((0, 0))
BUFFERED = Snapshot(
    (
        Tensor("a", "", (4, 4), "float32", Region(0, 0, (4, 1)), object=0, trainable=True),
        Tensor("b", "", (4, 4), "float32", Region(1, 0, (4, 1)), object=1, kind=Kind.BUFFER),
        Tensor("h", "", (4, 4), "float16", Region(2, 0, (4, 1)), object=2, trainable=True),
        Tensor("lazy", "", (), "float32", None, object=3, trainable=True),
    ),
    (Module("", "Net"),),
    storages=(64, 64, 32),
)


@pytest.mark.parametrize(
    ("rewrites", "snapshot", "says"),
    [
        ((tie("m9.weight", "m0.weight"),), THREE, "The model has no tensor m9.weight."),
        ((tie("m0.weight", "m9.weight"),), THREE, "m0.weight cannot read m9.weight: the model has no such"),
        ((own("b"),), BUFFERED, "b is a buffer; only parameters are planned."),
        ((tie("a", "b"),), BUFFERED, "a cannot read b: the model has no such parameter."),
        ((own("lazy"),), BUFFERED, "lazy has no shape yet."),
        ((tie("a", "lazy"),), BUFFERED, "a cannot read lazy: the model has no such parameter."),
        ((tie("a", "h"),), BUFFERED, "a and h differ: 4×4 float32 and 4×4 float16."),
        (
            (tie("m0.weight", "m1.weight"),),
            model((4, 4), (4, 2)),
            "m0.weight and m1.weight differ: 4×4 float32 and 4×2 float32.",
        ),
        (
            (tie("m0.weight", "m1.weight"), tie("m1.weight", "m0.weight")),
            THREE,
            "The owners of m0.weight form a circle.",
        ),
        (
            (Rewrite("m0.weight", ROWS), tie("m1.weight", "m0.weight")),
            THREE,
            "m1.weight is tied to m0.weight, which is made of pieces.",
        ),
        (
            (Rewrite("m0.weight", ROWS, (("columns", "m1.weight"),)),),
            THREE,
            "m0.weight has no piece 'columns'.",
        ),
        (
            (Rewrite("m0.weight", ROWS), Rewrite("m1.weight", Factor(2), (("left", "m0.weight"),))),
            THREE,
            "m1.weight cannot read m0.weight: it has no piece 'left'.",
        ),
        (
            (Rewrite("m0.weight", ROWS, (("rows", "m1.weight"),)),),
            THREE,
            "m0.weight and m1.weight differ: 2×4 float32 and 4×4 float32.",
        ),
        (
            (Rewrite("m0.weight", Rows((0, 0, 0))),),
            THREE,
            "m0.weight: axis 0 of (4, 4) does not split into 3 blocks.",
        ),
        ((Rewrite("m0.weight", LowRank(2)),), model((4,)), "m0.weight: a vector or an empty tensor"),
    ],
)
def test_a_plan_that_cannot_apply_says_why_and_what_to_do(
    rewrites: tuple[Rewrite, ...], snapshot: Snapshot, says: str
) -> None:
    with pytest.raises(PlanError) as caught:
        Plan(rewrites).apply(snapshot)
    assert says in caught.value.message
    assert caught.value.hint.endswith(".")
    assert caught.value.code == "plan"


def test_one_name_is_rewritten_once() -> None:
    with pytest.raises(PlanError, match=r"rewrites m0\.weight twice"):
        plan(own("m0.weight"), tie("m0.weight", "m1.weight"))


def test_a_name_made_of_pieces_is_not_rewritten_again() -> None:
    formed = plan(Rewrite("m0.weight", ROWS)).apply(THREE)
    for name in ("m0.weight", "m0.parametrizations.weight.original"):
        with pytest.raises(PlanError, match="already made of pieces"):
            plan(own(name)).apply(formed)


def test_hostile_names_are_cleaned_in_the_sentence() -> None:
    with pytest.raises(PlanError) as caught:
        plan(own("a\u202e\n<b>")).apply(THREE)
    assert "\u202e" not in caught.value.message
    assert "\\u202e" in caught.value.message


def test_a_later_plan_comes_after_and_wins() -> None:
    first = plan(tie("m1.weight", "m0.weight"), tie("m2.weight", "m0.weight"), title="all")
    later = plan(own("m2.weight"), title="but one")
    both = first.then(later)
    assert both.title == "all + but one"
    assert both.apply(THREE) == later.apply(first.apply(THREE))
    assert storages(both.apply(THREE)) == [0, 0, 1]


def test_ties_then_forms_are_both_in_turn() -> None:
    first = plan(tie("m1.weight", "m0.weight"))
    later = plan(Rewrite("m2.weight", LowRank(1), (("base", "m0.weight"),)))
    assert first.then(later).apply(THREE) == later.apply(first.apply(THREE))


def test_a_later_low_rank_may_lean_on_a_formed_weights_pieces_of_its_form() -> None:
    first = plan(Rewrite("m0.weight", LowRank(1)))
    later = plan(Rewrite("m1.weight", LowRank(1), (("base", "m0.weight"),)))
    after = first.then(later).apply(THREE)
    pieces = [f"m{n}.parametrizations.weight.original" for n in (0, 1)]
    assert after.by_name[pieces[0]].region == after.by_name[pieces[1]].region


@pytest.mark.parametrize(
    ("first", "later", "says"),
    [
        (
            plan(Rewrite("m0.weight", ROWS)),
            plan(own("m0.weight")),
            "already made of pieces by an earlier plan",
        ),
        (plan(Rewrite("m0.weight", ROWS), title="GQA"), plan(tie("m1.weight", "m0.weight")), "pieces by GQA"),
        (
            plan(tie("m1.weight", "m0.weight")),
            plan(tie("m0.weight", "m2.weight")),
            "m1.weight is tied to m0.weight, which a later step moves.",
        ),
    ],
)
def test_plans_that_do_not_follow_each_other_say_so(first: Plan, later: Plan, says: str) -> None:
    with pytest.raises(PlanError) as caught:
        first.then(later)
    assert says in caught.value.message
    assert caught.value.hint
