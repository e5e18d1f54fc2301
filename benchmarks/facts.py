"""How long do the facts take on a large model, and does their time grow with it or faster?

`python -m benchmarks.facts [tensors …]` prints CPU milliseconds, the best of three, for a model that
shares nothing and for the same model with all its layers sharing one block. The last column is the
growth since the size before: ×5 for five times the tensors is linear.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace

from benchmarks._timing import best
from shareviz.checks import check
from shareviz.compare import compare
from shareviz.layers import stacks
from shareviz.plan import Plan, tie
from shareviz.sets import shared_sets
from shareviz.sharing import tally, tied_groups
from shareviz.snapshot import Module, Region, Snapshot, Tensor, contiguous

WIDTH = 64
BLOCK = {
    **{f"attn.{letter}_proj": (WIDTH, WIDTH) for letter in "qkvo"},
    **{"mlp.up_proj": (4 * WIDTH, WIDTH), "mlp.down_proj": (WIDTH, 4 * WIDTH)},
    **{"attn_norm": (WIDTH,), "mlp_norm": (WIDTH,)},
}


def model(tensors: int) -> Snapshot:
    """Return a stack of Transformer blocks as data, eight tensors each and none shared."""
    slots: list[Tensor] = []
    modules = [Module("", "Model")]
    for layer in range(tensors // len(BLOCK)):
        for place, shape in BLOCK.items():
            path = f"layers.{layer}.{place}"
            modules.append(Module(path, "RMSNorm" if "norm" in place else "Linear"))
            region = Region(len(slots), 0, contiguous(shape))
            slots.append(
                Tensor(f"{path}.weight", path, shape, "float32", region, object=len(slots), trainable=True)
            )
    return Snapshot(tuple(slots), tuple(modules), storages=tuple(slot.nbytes for slot in slots))


def one_block(snapshot: Snapshot) -> Plan:
    """Return the plan by which every layer reads the tensors of the first."""
    names = [slot.name for slot in snapshot.tensors]
    first = names[: len(BLOCK)]
    return Plan(
        tuple(tie(name, first[place % len(BLOCK)]) for place, name in enumerate(names) if name not in first)
    )


def ways(tensors: int) -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield what is timed; each is given Snapshots that no fact was asked of before."""
    apart, plan = model(tensors), one_block(model(tensors))
    shared = plan.apply(apart)
    assert tally(shared).stored == tally(model(len(BLOCK))).stored, "one block must be stored"
    for title, seen in (("unshared", apart), ("shared", shared)):
        for fact in (tally, stacks, tied_groups, shared_sets, check):
            yield f"{fact.__name__}, {title}", lambda fact=fact, seen=seen: fact(replace(seen))
    yield "compare", lambda: compare(replace(apart), replace(shared))
    yield "apply", lambda: plan.apply(replace(apart))


def main(sizes: list[int]) -> None:
    """Print one line for each size and fact."""
    before: dict[str, float] = {}
    for tensors in sizes:
        for title, run in ways(tensors):
            seconds = best(run)
            growth = f"×{seconds / before[title]:.1f}" if title in before else ""
            print(f"{tensors:>7,} tensors  {title:<22} {1000 * seconds:>9.1f} ms  {growth}", flush=True)
            before[title] = seconds


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or [1_000, 10_000, 50_000])
