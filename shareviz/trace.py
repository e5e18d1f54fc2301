"""One forward pass on the meta device: which operation reads which weight, where, and how often."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import nn
from torch.nn.utils import parametrize
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only
from torch.utils.flop_counter import flop_registry

from shareviz.capture import capture
from shareviz.clone import clone
from shareviz.errors import TraceError
from shareviz.snapshot import Snapshot, Step, Tensor, itemsize

# they take a tensor for its shape alone
_ALLOCATES = ("empty", "zeros", "ones", "full", "rand", "new_", "arange")
_INFINITE = 10_000_000  # steps; a longer pass is a loop that never ends


def trace(module: nn.Module, *inputs: Any, **named: Any) -> tuple[Step, ...]:
    """Return the non-view operations of one forward pass in evaluation mode, in order.

    The module is cloned to meta, so nothing is computed and the module is not changed; tensors
    among the inputs are moved to meta. An operation reads a parameter when it takes elements of
    it and is neither a view, a detach nor an allocation; a read counts the elements of the view
    that it takes, and belongs to the slot whose module runs. Buffers are in no count.

    Raises:
        TraceError: The pass needs a value (a data-dependent branch), or fails on meta.
    """
    base = clone(module, "meta").eval()
    base = getattr(base, "_orig_mod", base)
    recorder = _Recorder(capture(base), base)
    inputs, named = tree_map_only(torch.Tensor, lambda value: value.to("meta"), (inputs, named))
    with torch.no_grad(), recorder:
        try:
            base(*inputs, **named)
        except TraceError:
            raise
        except Exception as error:  # a foreign forward may raise anything
            reason = " ".join(str(error).split())[:160] or type(error).__name__
            raise TraceError(
                f"The forward pass cannot be traced on meta: {reason}.",
                hint="Give example inputs that fit, or go on without uses: they read n/a.",
            ) from error
    return tuple(recorder.steps)


def traced(module: nn.Module, *inputs: Any, **named: Any) -> Snapshot:
    """Return `capture(module)` with its steps, or with a note that says why there are none."""
    seen = capture(module)
    try:
        return replace(seen, steps=trace(module, *inputs, **named))
    except TraceError as error:
        notes = (*seen.source.notes, error.message)
        return replace(seen, source=replace(seen.source, notes=notes))


@dataclass(slots=True)
class _Frame:
    path: str
    call: int


@dataclass(slots=True)
class _State:
    stack: list[_Frame] = field(default_factory=list)
    making: list[str] = field(default_factory=list)
    calls: Counter[str] = field(default_factory=Counter)
    turns: Counter[str] = field(default_factory=Counter)  # reads of each slot so far
    derived: dict[int, str] = field(default_factory=dict)  # storage of a made weight → its name
    writers: dict[int, int] = field(default_factory=dict)  # storage → the step that wrote it last
    held: list[Any] = field(default_factory=list)  # keeps addresses from being used again


class _Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    def __init__(self, seen: Snapshot, module: nn.Module) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.seen = seen
        self.steps: list[Step] = []
        self.state = _State()
        self.slots = _slots_by_storage(seen, module)
        for path, current in _paths(seen, module):
            self._hook(path, current)

    def _hook(self, path: str, module: nn.Module) -> None:
        state = self.state

        def enter(*_: Any) -> None:
            state.stack.append(_Frame(path, state.calls[path]))
            state.calls[path] += 1

        def leave(*_: Any) -> None:
            state.stack.pop()

        module.register_forward_pre_hook(enter, prepend=True)
        module.register_forward_hook(leave)
        if parametrize.is_parametrized(module):
            for attribute, pipe in module.parametrizations.items():  # type: ignore[operator, union-attr]
                name = f"{path}.{attribute}" if path else attribute
                pipe.register_forward_pre_hook(lambda *_, name=name: state.making.append(name))
                pipe.register_forward_hook(lambda *args, name=name: self._made(name, args[-1]))

    def _made(self, name: str, weight: torch.Tensor) -> None:
        self.state.making.pop()
        key = weight.untyped_storage()._cdata
        if key not in self.slots:
            self.state.derived[key] = name
            self.state.held.append(weight)

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        if not _is_view(func):
            self._record(func, (args, kwargs), out)
        return out

    def _record(self, func: Any, given: tuple[tuple[Any, ...], dict[str, Any]], out: Any) -> None:
        if len(self.steps) >= _INFINITE:
            raise TraceError("The forward pass does not end.", hint="Give a shorter input.")
        state = self.state
        taken = [leaf for leaf in tree_leaves(given) if isinstance(leaf, torch.Tensor)]
        made = [leaf for leaf in tree_leaves(out) if isinstance(leaf, torch.Tensor)]
        frame = state.stack[-1] if state.stack else _Frame("", 0)
        allocates = func._overloadpacket.__name__.startswith(_ALLOCATES)
        keys = [tensor.untyped_storage()._cdata for tensor in taken]
        self.steps.append(
            Step(
                op=func._overloadpacket.__name__,
                module=frame.path,
                call=frame.call,
                reads=() if allocates else self._reads(taken),
                inputs=tuple(sorted({state.writers[key] for key in keys if key in state.writers})),
                shape=tuple(made[0].shape) if made else (),
                flops=_flops(func, given, out),
                makes=state.making[-1] if state.making else "",
            )
        )
        for tensor in made:
            state.writers[tensor.untyped_storage()._cdata] = len(self.steps) - 1
            state.held.append(tensor)

    def _reads(self, taken: list[torch.Tensor]) -> tuple[tuple[str, int], ...]:
        reads: Counter[str] = Counter()
        limits: dict[str, int] = {}
        times = Counter(map(_view_key, taken))
        for view, tensor in {_view_key(tensor): tensor for tensor in taken}.items():
            key = tensor.untyped_storage()._cdata
            if key in self.state.derived:
                name = self.state.derived[key]
                limits[name] = self.seen.derived_by_name[name].numel
                reads[name] += tensor.numel()
            for slot in self._touched(tensor, times[view]):
                limits[slot.name] = slot.numel
                reads[slot.name] += min(tensor.numel(), slot.numel)
        return tuple((name, min(count, limits[name])) for name, count in reads.items())

    def _touched(self, tensor: torch.Tensor, times: int) -> Iterator[Tensor]:
        """Yield the slots that a view reads: the one that holds it, or all that it reaches over."""
        key = tensor.untyped_storage()._cdata
        low, high = _span(int(tensor.storage_offset()), tensor.shape, tensor.stride(), tensor.element_size())
        met = [group for group in self.slots.get(key, ()) if group.low < high and low < group.high]
        # several regions may hold it, a matrix and its transpose: no read belongs to both
        holders = [group for group in met if (group.low, group.high) == (low, high)]
        holders = holders or [group for group in met if group.low <= low and high <= group.high]
        if holders:
            yield from self._running([slot for group in holders for slot in group.slots], times)
        else:
            for group in met:
                yield from self._running(group.slots, times)

    def _running(self, slots: list[Tensor], times: int) -> list[Tensor]:
        """Return the slots that an operation reads: those of the module that runs.

        A module may read its children's, as nn.MultiheadAttention does. Where it holds several names
        of one region, they are read in turn, as many at once as the operation takes the tensor.
        """
        here = slots
        if len(slots) > 1:
            for frame in reversed(self.state.stack):
                below = f"{frame.path}." if frame.path else ""
                here = [slot for slot in slots if slot.module == frame.path]
                here = here or [slot for slot in slots if slot.module.startswith(below)]
                if here:
                    break
            here = sorted(here or slots, key=lambda slot: self.state.turns[slot.name])[:times]
        self.state.turns.update(slot.name for slot in here)
        return here


@dataclass(slots=True)
class _Group:
    low: int
    high: int
    slots: list[Tensor]


def _slots_by_storage(seen: Snapshot, module: nn.Module) -> dict[int, list[_Group]]:
    """Return, for each live storage, its parameter slots grouped by equal region."""
    live: dict[str, torch.Tensor] = dict(module.named_parameters(remove_duplicate=False))
    found: dict[int, dict[Any, _Group]] = {}
    for slot in seen.parameters():
        tensor = live.get(slot.name)
        if tensor is None or slot.region is None:
            continue
        width = int(itemsize(slot.dtype))
        low, high = _span(slot.region.offset // width, slot.shape, slot.region.stride, width)
        groups = found.setdefault(tensor.untyped_storage()._cdata, {})
        groups.setdefault((low, high, slot.region.stride), _Group(low, high, [])).slots.append(slot)
    return {key: list(groups.values()) for key, groups in found.items()}


def _paths(seen: Snapshot, module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    for entry in seen.modules:
        yield entry.path, module.get_submodule(entry.path)


def _span(offset: int, shape: tuple[int, ...], stride: tuple[int, ...], width: int) -> tuple[int, int]:
    if 0 in shape:
        return offset * width, offset * width
    last = offset + sum((length - 1) * step for length, step in zip(shape, stride, strict=True))
    return offset * width, (last + 1) * width


def _view_key(tensor: torch.Tensor) -> tuple[Any, ...]:
    where = tensor.untyped_storage()._cdata
    return where, tensor.storage_offset(), tuple(tensor.shape), tuple(tensor.stride())


def _is_view(func: Any) -> bool:
    """Whether an operation returns its input's own memory without writing: views and detach."""
    returns = func._schema.returns
    return bool(returns) and all(
        value.alias_info is not None and not value.alias_info.is_write for value in returns
    )


def _flops(func: Any, given: tuple[tuple[Any, ...], dict[str, Any]], out: Any) -> int:
    counter: Callable[..., Any] | None = flop_registry.get(func._overloadpacket)
    return int(counter(*given[0], **given[1], out_val=out)) if counter else 0
