"""A live module as a Snapshot: its tree, slots, storages and derived weights; no value is read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from shareviz import snapshot as data
from shareviz.clone import clone, walk
from shareviz.parametrized import Plumbing, is_parametrized, plumbing
from shareviz.snapshot import ALIAS_LIMIT, Kind, Region, Snapshot, Source

# attribute names by which libraries say how many heads an attention module has
_FACTS = {
    "heads": ("num_heads", "num_attention_heads", "n_heads", "heads", "n_head"),
    "kv_heads": ("num_key_value_heads", "kv_heads", "num_kv_heads"),
    "kv_groups": ("num_key_value_groups",),
    "head_dim": ("head_dim", "attention_head_size", "attention_head_dim", "head_size", "key_value_proj_dim"),
}

_FACT_NAMES = frozenset(name for names in _FACTS.values() for name in names)


def capture(module: nn.Module, *, title: str = "") -> Snapshot:
    """Return what is there in a module, on any device, without changing it.

    Storages and tensor objects are numbered by first appearance in definition order, so two
    captures of equal models are equal. A module reached by several paths is captured once, with
    its further paths as aliases; cycles end and are noted. Parametrized weights are derived, their
    plumbing is folded into the host module. Cost: one walk, linear in modules and tensors.
    """
    root = getattr(module, "_orig_mod", module)  # what torch.compile wraps
    tree = _tree(root)
    found = _Found()
    for current in tree.order:
        if id(current) not in tree.folded:
            _take(current, tree, found)
    modules = tuple(_module(current, tree) for current in tree.order if id(current) not in tree.folded)
    notes = tuple(f"{path} leads back to a module that holds it" for path in tree.cycles)
    source = Source("module", title or type(root).__name__, notes)
    return Snapshot(tuple(found.tensors), modules, tuple(found.derived), tuple(found.nbytes), source=source)


@dataclass(slots=True)
class _Tree:
    order: list[nn.Module]  # each object once, as named_modules lists them
    paths: dict[int, list[str]]  # first path, then aliases up to the limit
    counts: dict[int, int]
    plumbing: dict[int, tuple[Plumbing, ...]]
    folded: set[int]  # parametrization lists and what they hold
    cycles: list[str]


@dataclass(slots=True)
class _Found:
    tensors: list[data.Tensor] = field(default_factory=list)
    derived: list[data.Derived] = field(default_factory=list)
    nbytes: list[int] = field(default_factory=list)
    storages: dict[int, int] = field(default_factory=dict)
    objects: dict[int, int] = field(default_factory=dict)
    held: list[torch.UntypedStorage] = field(default_factory=list)  # a freed address is reused


def _tree(root: nn.Module) -> _Tree:
    order = list(walk(root))
    pipes = {id(module): found for module in order if (found := plumbing(module))}
    folded = {
        id(inner)
        for module in order
        if is_parametrized(module)
        for inner in walk(module.parametrizations)  # type: ignore[arg-type]
    }
    tree = _Tree(order, {id(root): [""]}, {id(root): 1}, pipes, folded, [])
    sequence, back = _topological(root)
    for module in sequence:
        _spread(module, tree, back)
    return tree


def _spread(module: nn.Module, tree: _Tree, back: set[tuple[int, str]]) -> None:
    for name, child in module._modules.items():
        if child is None or child is module:
            continue
        paths = tree.paths[id(module)]
        if (id(module), name) in back:
            tree.cycles.append(f"{paths[0]}.{name}".lstrip("."))
            continue
        tree.counts[id(child)] = tree.counts.get(id(child), 0) + tree.counts[id(module)]
        known = tree.paths.setdefault(id(child), [])
        known += [f"{path}.{name}" if path else name for path in paths[: ALIAS_LIMIT + 1 - len(known)]]


def _topological(root: nn.Module) -> tuple[list[nn.Module], set[tuple[int, str]]]:
    """Return modules with parents first, and the edges that close a cycle."""
    done: list[nn.Module] = []
    state: dict[int, int] = {id(root): 1}  # 1 open, 2 done
    back: set[tuple[int, str]] = set()
    stack: list[tuple[nn.Module, Iterator[tuple[str, nn.Module | None]]]] = [
        (root, iter(reversed(root._modules.items())))
    ]
    while stack:
        module, children = stack[-1]
        for name, child in children:
            if child is None:
                continue
            if id(child) not in state:
                state[id(child)] = 1
                stack.append((child, iter(reversed(child._modules.items()))))
                break
            if state[id(child)] == 1:
                back.add((id(module), name))
        else:
            state[id(module)] = 2
            done.append(module)
            stack.pop()
    return done[::-1], back


def _module(module: nn.Module, tree: _Tree) -> data.Module:
    first, *aliases = tree.paths[id(module)]
    kind = type(module)
    # parametrizing swaps in a subclass: name the class that the author wrote
    name = kind.__mro__[1].__name__ if is_parametrized(module) else kind.__name__
    return data.Module(first, name, tuple(aliases[:ALIAS_LIMIT]), tree.counts[id(module)], _facts(module))


def _facts(module: nn.Module) -> tuple[tuple[str, int], ...]:
    facts: list[tuple[str, int]] = []
    held = _FACT_NAMES & module.__dict__.keys()
    for fact, names in _FACTS.items() if held else ():
        for name in names:
            value = module.__dict__.get(name)
            if isinstance(value, int) and not isinstance(value, bool) and value > 0:
                facts.append((fact, value))
                break
    return tuple(facts)


def _take(module: nn.Module, tree: _Tree, found: _Found) -> None:
    path = tree.paths[id(module)][0]
    transient = module._non_persistent_buffers_set
    pipes = tree.plumbing.get(id(module), ())
    for name, parameter in module._parameters.items():
        if parameter is not None:
            found.tensors.append(_slot(found, path, name, parameter))
    for name, buffer in module._buffers.items():
        if buffer is not None:
            slot = _slot(found, path, name, buffer)
            kept = name not in transient
            found.tensors.append(replace(slot, kind=Kind.BUFFER, persistent=kept, trainable=False))
    for pipe in pipes:
        for name, tensor in pipe.inner:
            slot = _slot(found, path, name, tensor)
            if not isinstance(tensor, nn.Parameter):
                slot = replace(slot, kind=Kind.BUFFER, trainable=False)
            found.tensors.append(slot)
        dot = f"{path}." if path else ""
        reads = tuple(dot + name for name in pipe.reads)
        shape = pipe.shape(clone)
        found.derived.append(data.Derived(dot + pipe.attribute, path, shape, pipe.form, reads))


def _slot(found: _Found, path: str, name: str, tensor: torch.Tensor) -> data.Tensor:
    lazy = is_lazy(tensor)
    return data.Tensor(
        name=f"{path}.{name}" if path else name,
        module=path,
        shape=() if lazy else tuple(tensor.shape),
        dtype=str(tensor.dtype).removeprefix("torch."),
        region=None if lazy or tensor.layout != torch.strided else _region(found, tensor),
        object=found.objects.setdefault(id(tensor), len(found.objects)),
        kind=Kind.PARAMETER,
        trainable=tensor.requires_grad,
    )


def _region(found: _Found, tensor: torch.Tensor) -> Region:
    raw = tensor.untyped_storage()
    if raw._cdata not in found.storages:
        found.storages[raw._cdata] = len(found.nbytes)
        found.nbytes.append(raw.nbytes())
        found.held.append(raw)
    flags = ("conj",) * tensor.is_conj() + ("neg",) * tensor.is_neg()
    offset = int(tensor.storage_offset()) * tensor.element_size()
    return Region(found.storages[raw._cdata], offset, tuple(tensor.stride()), flags)
