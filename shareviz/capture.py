"""A live module as a Snapshot: its tree, slots, storages and derived weights; no value is read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy
from torch.utils._python_dispatch import is_traceable_wrapper_subclass

from shareviz import snapshot as data
from shareviz.clone import clone
from shareviz.parametrized import is_parametrized, plumbing
from shareviz.paths import Tree, tree_of
from shareviz.snapshot import Kind, Region, Snapshot, Source

# attribute names by which libraries say how many heads an attention module has
_FACTS = {
    "heads": ("num_heads", "num_attention_heads", "n_heads", "heads", "n_head"),
    "kv_heads": ("num_key_value_heads", "kv_heads", "num_kv_heads"),
    "kv_groups": ("num_key_value_groups",),
    "head_dim": ("head_dim", "attention_head_size", "attention_head_dim", "head_size", "key_value_proj_dim"),
}

_PLAIN = (torch.Tensor, nn.Parameter)
_REGISTERS = ("_parameters", "_buffers", "_modules")
_FACT_NAMES = frozenset(name for names in _FACTS.values() for name in names)


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
    for current in tree.order:
        _take(current, tree.paths[id(current)][0], found)
    modules = tuple(_module(current, tree) for current in tree.order)
    notes = (
        *(f"{path} leads back to a module that holds it" for path in tree.cycles),
        *_unregistered(tree, found),
    )
    source = Source("module", title or type(root).__name__, notes)
    return Snapshot(tuple(found.tensors), modules, tuple(found.derived), tuple(found.nbytes), source=source)


@dataclass(slots=True)
class _Found:
    tensors: list[data.Tensor] = field(default_factory=list)
    derived: list[data.Derived] = field(default_factory=list)
    nbytes: list[int] = field(default_factory=list)
    storages: dict[int, int] = field(default_factory=dict)
    objects: dict[int, int] = field(default_factory=dict)
    held: list[torch.UntypedStorage] = field(default_factory=list)  # a freed address is reused


def _unregistered(tree: Tree[nn.Module], found: _Found) -> Iterator[str]:
    """Yield a note for each Parameter that a module keeps in a list, where torch does not look for it.

    The flat list of a recurrent layer repeats what the layer registers, and is no news.
    """
    for module in tree.order:
        for attribute, value in module.__dict__.items():
            if type(value) not in (list, tuple, dict) or not value or attribute in _REGISTERS:
                continue
            own = {id(parameter) for parameter in module._parameters.values()}
            for key, item in value.items() if isinstance(value, dict) else enumerate(value):
                if isinstance(item, nn.Parameter) and id(item) not in own:
                    place = f"{tree.paths[id(module)][0]}.{attribute}[{key!r}]".lstrip(".")
                    number = found.objects.get(id(item))
                    known = next((slot.name for slot in found.tensors if slot.object == number), None)
                    same = f" is {known}," if known and number is not None else " is"
                    yield f"{place}{same} not registered: absent from the state dict"


def _children(module: nn.Module) -> list[tuple[str, nn.Module]]:
    """Return the modules below one, without the plumbing of parametrizations."""
    return [
        (name, child)
        for name, child in module._modules.items()
        if child is not None and not (name == "parametrizations" and is_parametrized(module))
    ]


def _module(module: nn.Module, tree: Tree[nn.Module]) -> data.Module:
    first, *aliases = tree.paths[id(module)]
    kind = type(module)
    # parametrizing swaps in a subclass: name the class that the author wrote
    name = kind.__mro__[1].__name__ if is_parametrized(module) else kind.__name__
    return data.Module(first, name, tuple(aliases), tree.counts[id(module)], _facts(module))


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


def _take(module: nn.Module, path: str, found: _Found) -> None:
    transient = module._non_persistent_buffers_set
    for name, parameter in module._parameters.items():
        if parameter is not None:
            found.tensors.append(_slot(found, path, name, parameter))
    for name, buffer in module._buffers.items():
        if buffer is not None:
            slot = _slot(found, path, name, buffer)
            kept = name not in transient
            found.tensors.append(replace(slot, kind=Kind.BUFFER, persistent=kept, trainable=False))
    for pipe in plumbing(module):
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
    plain = lazy or (type(tensor) in _PLAIN and tensor.layout == torch.strided)
    held = tensor if plain else leaf(tensor)
    return data.Tensor(
        name=f"{path}.{name}" if path else name,
        module=path,
        shape=() if lazy else tuple(held.shape),
        dtype=str(tensor.dtype).removeprefix("torch."),
        region=None if lazy or held.layout != torch.strided else _region(found, held),
        object=found.objects.setdefault(id(tensor), len(found.objects)),
        kind=Kind.PARAMETER,
        trainable=tensor.requires_grad,
    )


def leaf(tensor: Any) -> torch.Tensor:
    """Return the tensor whose elements are stored.

    Of a DTensor that is the part in this process, of a sparse tensor its values.
    """
    while is_traceable_wrapper_subclass(tensor):
        names, _ = tensor.__tensor_flatten__()
        leaves = [
            part for part in (getattr(tensor, name) for name in names) if isinstance(part, torch.Tensor)
        ]
        if len(leaves) != 1:
            break
        tensor = leaves[0]
    found: torch.Tensor = tensor._values() if tensor.layout == torch.sparse_coo else tensor
    return found


def _region(found: _Found, tensor: torch.Tensor) -> Region:
    raw = tensor.untyped_storage()
    if raw._cdata not in found.storages:
        found.storages[raw._cdata] = len(found.nbytes)
        found.nbytes.append(raw.nbytes())
        found.held.append(raw)
    flags = ("conj",) * tensor.is_conj() + ("neg",) * tensor.is_neg()
    offset = int(tensor.storage_offset()) * tensor.element_size()
    return Region(found.storages[raw._cdata], offset, tuple(tensor.stride()), flags)
