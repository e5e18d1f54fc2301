"""A live module as a Snapshot: its tree, slots, storages and derived weights; no value is read."""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy
from torch.utils._python_dispatch import is_traceable_wrapper_subclass

from shareviz import snapshot as data
from shareviz.clone import COMPRESSED, clone
from shareviz.collector import collector_paused
from shareviz.parametrized import is_parametrized, plumbing
from shareviz.paths import tree_of
from shareviz.snapshot import Kind, Region, Snapshot, Source

# attribute names by which libraries say how many heads an attention module has
_FACTS = {
    "heads": ("num_heads", "num_attention_heads", "n_heads", "heads", "n_head"),
    "kv_heads": ("num_key_value_heads", "kv_heads", "num_kv_heads"),
    "kv_groups": ("num_key_value_groups",),
    "head_dim": ("head_dim", "attention_head_size", "attention_head_dim", "head_size", "key_value_proj_dim"),
}

_PLAIN = (torch.Tensor, nn.Parameter)
_HOLDERS = (list, tuple, dict)
_EVERY_MODULE_HAS = frozenset(vars(nn.Module()))
_FACT_NAMES = frozenset(name for names in _FACTS.values() for name in names)


@collector_paused()
def capture(module: nn.Module, *, title: str = "") -> Snapshot:
    """Return what is there in a module, on any device, without changing it.

    Storages and tensor objects are numbered by first appearance in definition order, so two
    captures of equal models are equal. A module reached by several paths is captured once, with
    its further paths as aliases; cycles end and are noted. Parametrized weights are derived, their
    plumbing is folded into the host module. Cost: one walk, linear in modules and tensors.
    """
    root = getattr(module, "_orig_mod", module)  # what torch.compile wraps
    tree = tree_of(root, _children)
    found = _Found()
    for current in tree.order:  # one pass: a large model's modules are far apart in memory
        paths = tree.paths[id(current)]
        _take(current, paths[0], found)
        own = vars(current).keys() - _EVERY_MODULE_HAS  # what its author added: most add numbers only
        facts = _facts(current) if not own.isdisjoint(_FACT_NAMES) else ()
        further, count = tuple(paths[1:]), tree.counts[id(current)]
        found.modules.append(data.Module(paths[0], _class(current), further, count, facts))
        if own:
            found.aside += _aside(current, paths[0], own)
    notes = (*(f"{path} leads back to a module that holds it" for path in tree.cycles), *_unregistered(found))
    return Snapshot(
        tuple(found.tensors),
        tuple(found.modules),
        tuple(found.derived),
        tuple(found.nbytes),
        source=Source("module", title or type(root).__name__, notes),
    )


@dataclass(slots=True)
class _Found:
    tensors: list[data.Tensor] = field(default_factory=list)
    modules: list[data.Module] = field(default_factory=list)
    derived: list[data.Derived] = field(default_factory=list)
    nbytes: list[int] = field(default_factory=list)
    storages: dict[int, int] = field(default_factory=dict)
    objects: dict[int, int] = field(default_factory=dict)
    held: list[torch.UntypedStorage] = field(default_factory=list)  # a freed address is reused
    aside: list[tuple[str, nn.Parameter]] = field(default_factory=list)  # where torch does not look


def _unregistered(found: _Found) -> Iterator[str]:
    """Yield a note for each Parameter that a module keeps in a list, where torch does not look for it.

    The flat list of a recurrent layer repeats what the layer registers, and is no news.
    """
    names = {slot.object: slot.name for slot in reversed(found.tensors)} if found.aside else {}
    for place, parameter in found.aside:
        number = found.objects.get(id(parameter))
        same = "" if number is None else f" {names[number]},"
        yield f"{place} is{same} not registered: absent from the state dict"


def _aside(module: nn.Module, path: str, names: Set[str]) -> list[tuple[str, nn.Parameter]]:
    """Return the Parameters in a module's lists and dictionaries of these names, each with its place."""
    held = vars(module)
    if not any(type(held[name]) in _HOLDERS for name in names):
        return []
    full = [name for name in held if name in names and type(held[name]) in _HOLDERS]
    own = {id(parameter) for parameter in module._parameters.values()}
    return [
        (f"{path}.{name}[{key!r}]".lstrip("."), item)
        for name in full
        for key, item in (held[name].items() if isinstance(held[name], dict) else enumerate(held[name]))
        if isinstance(item, nn.Parameter) and id(item) not in own
    ]


def _children(module: nn.Module) -> list[tuple[str, nn.Module]]:
    """Return the modules below one, without the plumbing of parametrizations."""
    held = module._modules
    if not held:
        return []
    plumbed = is_parametrized(module)
    return [
        (name, child)
        for name, child in held.items()
        if child is not None and not (plumbed and name == "parametrizations")
    ]


def _class(module: nn.Module) -> str:
    kind = type(module)
    # parametrizing swaps in a subclass: name the class that the author wrote
    return kind.__mro__[1].__name__ if is_parametrized(module) else kind.__name__


def _facts(module: nn.Module) -> tuple[tuple[str, int], ...]:
    held = vars(module)
    facts: list[tuple[str, int]] = []
    for fact, names in _FACTS.items():
        for name in names:
            value = held.get(name)
            if isinstance(value, int) and not isinstance(value, bool) and value > 0:
                facts.append((fact, value))
                break
    return tuple(facts)


def _take(module: nn.Module, path: str, found: _Found) -> None:
    dot = f"{path}." if path else ""
    for name, parameter in module._parameters.items():
        if parameter is not None:
            found.tensors.append(_slot(found, path, dot + name, parameter))
    for name, buffer in module._buffers.items():
        if buffer is not None:
            slot = _slot(found, path, dot + name, buffer)
            kept = name not in module._non_persistent_buffers_set
            found.tensors.append(replace(slot, kind=Kind.BUFFER, persistent=kept, trainable=False))
    for pipe in plumbing(module):
        for name, tensor in pipe.inner:
            slot = _slot(found, path, dot + name, tensor)
            if not isinstance(tensor, nn.Parameter):
                slot = replace(slot, kind=Kind.BUFFER, trainable=False)
            found.tensors.append(slot)
        reads = tuple(dot + name for name in pipe.reads)
        shape = pipe.shape(clone)
        found.derived.append(data.Derived(dot + pipe.attribute, path, shape, pipe.form, reads))


def _slot(found: _Found, path: str, name: str, tensor: torch.Tensor) -> data.Tensor:
    plain = type(tensor) in _PLAIN and tensor.layout == torch.strided
    lazy = not plain and is_lazy(tensor)
    held = tensor if plain or lazy else leaf(tensor)
    return data.Tensor(
        name=name,
        module=path,
        shape=() if lazy else tuple(held.shape),
        dtype=_dtype(held.dtype),
        region=None if lazy or held.layout != torch.strided else _region(found, held),
        object=found.objects.setdefault(id(tensor), len(found.objects)),
        kind=Kind.PARAMETER,
        trainable=tensor.requires_grad,
    )


@cache
def _dtype(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def leaf(tensor: Any) -> torch.Tensor:
    """Return the tensor whose elements are stored.

    Of a DTensor that is the part in this process, of a sparse tensor its values, of a subclass that
    wraps several tensors (quantized data and its scales) the largest.
    """
    while is_traceable_wrapper_subclass(tensor):
        names, _ = tensor.__tensor_flatten__()
        held = [getattr(tensor, name) for name in names]
        leaves = [part for part in held if isinstance(part, torch.Tensor)]
        if not leaves:
            break
        tensor = max(leaves, key=lambda part: part.numel() * part.element_size())
    if tensor.layout == torch.sparse_coo:
        tensor = tensor._values()
    elif tensor.layout in COMPRESSED:
        tensor = tensor.values()
    found: torch.Tensor = tensor
    return found


def _region(found: _Found, tensor: torch.Tensor) -> Region:
    raw = tensor.untyped_storage()
    number = found.storages.setdefault(raw._cdata, len(found.nbytes))
    if number == len(found.nbytes):
        found.nbytes.append(raw.nbytes())
        found.held.append(raw)
    conj, neg = tensor.is_conj(), tensor.is_neg()
    flags = ("conj",) * conj + ("neg",) * neg if conj or neg else ()
    return Region(number, int(tensor.storage_offset()) * tensor.element_size(), tensor.stride(), flags)
