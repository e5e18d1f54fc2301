"""Parameters that the traced forward pass never reads."""

from __future__ import annotations

from shareviz.checks._base import Check, Finding, Level, expression
from shareviz.sharing import distinct, named_numels, readers, reads
from shareviz.snapshot import Snapshot, Tensor
from shareviz.text import count, listed, plural


def run(snapshot: Snapshot) -> tuple[Finding, ...]:
    """Return one note that names the weights nobody reads; () where the model was not traced.

    A name whose elements are read under another name (T5's `shared.weight`) costs nothing and is left
    out, as are rows of a table beyond the traced length.
    """
    taken = reads(snapshot)
    if taken is None:
        return ()
    asked = named_numels(snapshot)
    silent: list[Tensor] = []
    for slots in readers(snapshot):
        names = [slot.name for slot in slots if slot.name in asked]
        if names == [slot.name for slot in slots] and not any(taken[name] for name in names):
            silent += [slot for slot in slots if slot.numel]
    return (_finding(snapshot, silent),) if silent else ()


CHECK = Check(
    name="never_read",
    title="Weights that are never read",
    run=run,
    source="torch.nn.parallel.DistributedDataParallel, find_unused_parameters",
)


def _finding(snapshot: Snapshot, silent: list[Tensor]) -> Finding:
    names = tuple(slot.name for slot in silent)
    stored = distinct(silent)
    modules = list(dict.fromkeys(slot.module for slot in silent))
    code = [f"{expression(path)}.requires_grad_(False)" for path in modules[:5]]
    more = [f"# and {plural(len(modules) - 5, 'more module')}"] if len(modules) > 5 else []
    length = snapshot.source.fact("length")
    return Finding(
        Level.NOTE,
        f"{plural(len(names), 'weight')} {'is' if len(names) == 1 else 'are'} never read",
        f"{listed(names)}: {count(stored)} parameters without a gradient. They are stored and saved all "
        "the same, and data-parallel training stops on them unless it is told to look.",
        names=names,
        evidence="Traced once on the meta device"
        + (f" with {length} positions" if length else "")
        + "; another input may read them.",
        fix="\n".join((*code, *more, "# or remove them, if no other input needs them")),
        saves=stored,
    )
