"""Running statistics that several places write: BatchNorm inside a shared layer."""

from __future__ import annotations

from collections import Counter

from shareviz.checks._base import Check, Finding, Level, assignment, expression
from shareviz.sharing import components
from shareviz.snapshot import Kind, Module, Snapshot, Tensor
from shareviz.text import clean, listed, plural


def run(snapshot: Snapshot) -> tuple[Finding, ...]:
    """Return a problem where layers share statistics, a note where one norm is called more than once."""
    calls = _calls(snapshot)
    found = []
    for slot in snapshot.tensors:
        module = snapshot.by_path.get(slot.module)
        if slot.kind is not Kind.BUFFER or not slot.name.endswith("running_mean") or module is None:
            continue
        if module.paths > 1:
            found.append(_at_many_places(module, slot))
        elif calls[module.path] > 1:
            found.append(_called_often(module, slot, calls[module.path]))
    return (*_merged(found), *_tied(snapshot))


CHECK = Check(
    name="batchnorm",
    title="Shared running statistics",
    run=run,
    source="Ioffe and Szegedy (2015), arXiv 1502.03167, section 3.1: one mean for one place in the network",
)

_WHY = "In evaluation all of them are normalised by one mixed mean, which none of them had in training."


def _calls(snapshot: Snapshot) -> Counter[str]:
    calls: Counter[str] = Counter()
    for step in snapshot.steps or ():
        calls[step.module] = max(calls[step.module], step.call + 1)
    return calls


def _at_many_places(module: Module, slot: Tensor) -> Finding:
    paths = (module.path, *module.aliases)
    return Finding(
        Level.PROBLEM,
        f"{plural(module.paths, 'place')} share running statistics",
        f"{listed(paths)} update one running mean and variance. {_WHY}",
        names=(slot.name,),
        evidence=f"{expression(paths[0])} is {expression(paths[1])}",
        fix=_apart(paths),
    )


def _apart(paths: tuple[str, ...]) -> str:
    """Return code that gives each place its own module and ties the weights again, not the statistics."""
    host = _common_list(paths)
    if host is None:
        line = assignment(paths[1], f"copy.deepcopy({expression(paths[0])})")
        return f"import copy\n\n{line}  # statistics of its own"
    code = expression(host)
    return (
        "import copy\n\n"
        f"layers = {code}\n"
        "for number in range(1, len(layers)):\n"
        "    layers[number] = copy.deepcopy(layers[0])  # statistics of its own\n"
        "    for name, weight in layers[0].named_parameters():  # and the same weights\n"
        '        host, _, last = name.rpartition(".")\n'
        "        setattr(layers[number].get_submodule(host), last, weight)"
    )


def _common_list(paths: tuple[str, ...]) -> str | None:
    """Return the list of which every path goes through another entry: blocks of blocks.0.bn, blocks.1.bn."""
    split = [path.split(".") for path in paths]
    for place, part in enumerate(split[0]):
        others = {tuple(parts[:place]) + tuple(parts[place + 1 :]) for parts in split}
        if part.isdecimal() and len(others) == 1:
            return ".".join(split[0][:place])
    return None


def _called_often(module: Module, slot: Tensor, calls: int) -> Finding:
    features = slot.shape[0] if slot.shape else 0
    return Finding(
        Level.NOTE,
        f"{clean(module.path, 60)} is called {calls} times with one set of statistics",
        f"Each forward pass updates its running mean {calls} times, from inputs that may differ. "
        "That suits two views of the same data, and no chain of layers.",
        names=(slot.name,),
        evidence=f"The traced forward pass calls it {calls} times.",
        fix=(
            "# in __init__, one norm for each call; the convolutions can stay shared\n"
            f"self.norms = nn.ModuleList(nn.{clean(module.cls, 40)}({features}) for _ in range({calls}))"
        ),
    )


def _merged(found: list[Finding]) -> list[Finding]:
    """Put the norms of one shared list into one finding: the repair is the same."""
    by_fix: dict[str, list[Finding]] = {}
    for finding in found:
        by_fix.setdefault(finding.fix if finding.level is Level.PROBLEM else finding.title, []).append(
            finding
        )
    merged = []
    for same in by_fix.values():
        first = same[0]
        names = tuple(name for finding in same for name in finding.names)
        what = first.what if len(same) == 1 else f"{first.what} So do {plural(len(same) - 1, 'more norm')}."
        merged.append(Finding(first.level, first.title, what, names, first.evidence, first.fix))
    return merged


def _tied(snapshot: Snapshot) -> list[Finding]:
    """Find buffers of several modules on one storage: a tie that torch does not keep."""
    buffers = [slot for slot in snapshot.tensors if slot.kind is Kind.BUFFER and slot.numel]
    found = []
    for group in components(buffers):
        names = tuple(slot.name for slot in group)
        if len(group) > 1 and names[0].rpartition(".")[2].startswith("running_"):
            found.append(
                Finding(
                    Level.PROBLEM,
                    f"{plural(len(group), 'buffer')} share one storage",
                    f"{listed(names)} write the same statistics. {_WHY} "
                    "The first .double() or .half() parts them.",
                    names=names,
                    evidence="Their regions overlap.",
                    fix=assignment(names[1], f"{expression(names[0])}.clone()"),
                )
            )
    return found
