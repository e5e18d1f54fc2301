"""The lines of Python that tie a set again."""

from __future__ import annotations

from shareviz.checks._base import tie_line
from shareviz.sets import SharedSet
from shareviz.snapshot import Module, Snapshot

MOST = 12  # lines that are written out


def repair(before: Snapshot, shared: SharedSet) -> str:
    """Return the lines that tie a set again; for several paths to one module, the module's own line."""
    lines = []
    for group in shared.groups:
        lines += [tie_line(name, group[0]) for name in group[1:]]
        if len(group) == 1:
            module = _top(before, before.by_name[group[0]].module)
            lines += [tie_line(alias, module.path) for alias in module.aliases]
    unique = list(dict.fromkeys(lines))
    more = [f"# and {len(unique) - MOST} lines more of the same kind"] if len(unique) > MOST else []
    return "\n".join((*unique[:MOST], *more))


def _top(before: Snapshot, path: str) -> Module:
    """Return the outermost module with as many paths: the object that stands at several places."""
    module = before.by_path[path]
    while module.path:
        above = before.by_path.get(module.path.rpartition(".")[0])
        if above is None or above.paths != module.paths:
            break
        module = above
    return module
