"""What a model caches of keys and values for a token, and what sharing them would leave.

Sharing keys and values shares activations, not parameters: query heads that read one key head (grouped and
multi-query attention), layers that read one cache (cross-layer attention). Weights, gradients, optimizer
state, FLOPs of the scores and other activations stay as they are. A model built for it also stores fewer
projections; that part is the strategy `gqa`, or a model of its own, and is not counted here.

Source:
    Shazeer (2019), arXiv 1911.02150; Ainslie et al. (2023), arXiv 2305.13245, section 2.2; Brandon et al.
    (2024), cross-layer attention, arXiv 2405.12981; DeepSeek-V2, arXiv 2405.04434 (a cached latent).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from shareviz.snapshot import Snapshot
from shareviz.strategies.embeddings import token_heads
from shareviz.strategies.grouped import key_values

NO_WRITER = "Only a model that writes tokens one by one keeps these."
# DeepSeek's latent: one projection makes what is cached, the latent and the rotary part of the keys
_LATENT = re.compile(r"(^|\.)kv_a_proj_with_mqa\.weight$")


@dataclass(frozen=True, slots=True)
class Cache:
    """Cached elements for a token. None: `note` says why; `absent`: the model keeps no such thing."""

    elements: int | None
    note: str
    absent: bool = False


@dataclass(frozen=True, slots=True)
class _Kept:
    """What one attention caches in one pass: elements, and of how many heads, None where not stated."""

    elements: int
    heads: int | None
    latent: bool = False


def kv_cached(snapshot: Snapshot, *, heads: int = 0, layers: int = 1) -> Cache:
    """Return what a model caches for a token.

    Args:
        heads: Key and value heads that are cached in each layer; 0 as the model has them.
        layers: How many neighbouring layers read one cache; the first of them keeps it.
    """
    if not _writes(snapshot):
        return Cache(None, NO_WRITER, absent=True)
    kept, why = _kept(snapshot)
    if why or not kept:
        return Cache(None, why or "No key and value projections found.")
    why = _refused(kept, heads)
    if why:
        return Cache(None, why)
    elements = sum(_scaled(one, heads) for one in kept[::layers])
    return Cache(elements, _note(kept, heads, layers))


def offered_heads(snapshot: Snapshot) -> tuple[int, ...]:
    """Return the numbers of cached heads that a model leaves room for, its own the last; () where none."""
    kept, why = _kept(snapshot) if _writes(snapshot) else ((), NO_WRITER)
    counts = {one.heads for one in kept}
    if why or None in counts or not counts:
        return ()
    least = min(number for number in counts if number)
    return tuple(n for n in range(1, least + 1) if all(number and number % n == 0 for number in counts))


def cached_layers(snapshot: Snapshot) -> int:
    """Return how many layers keep a cache."""
    kept, why = _kept(snapshot) if _writes(snapshot) else ((), NO_WRITER)
    return 0 if why else len(kept)


def _kept(snapshot: Snapshot) -> tuple[tuple[_Kept, ...], str]:
    """Return what each attention caches, one for each pass, or the reason why it cannot be said."""
    calls = _calls(snapshot)
    found: dict[str, tuple[int, int | None, int]] = {}  # attention → elements, heads, passes
    for part in key_values(snapshot):
        if part.name.endswith("bias") or _reads_all_at_once(part.attention):
            continue
        if part.layout != "single" and part.outputs % 3:
            return (), "A fused projection does not say how wide its keys are."
        wide = part.outputs if part.layout == "single" else 2 * part.outputs // 3
        before, _, _ = found.get(part.attention, (0, None, 1))
        found[part.attention] = before + wide, part.kv_heads, calls.get(part.name, 1)
    kept = [_Kept(wide, heads) for wide, heads, often in found.values() for _ in range(often)]
    for slot in snapshot.parameters():
        if _LATENT.search(slot.name) and len(slot.shape) == 2:
            kept += [_Kept(slot.shape[0], None, latent=True)] * calls.get(slot.name, 1)
    return tuple(kept), ""


def _refused(kept: Iterable[_Kept], heads: int) -> str:
    """Return why so many heads cannot be cached, or ""."""
    if not heads:
        return ""
    for one in kept:
        if one.latent:
            return "This model caches a latent, which has no heads to share: leave KV heads at 0."
        if one.heads is None:
            return "This source does not state heads, so their keys and values cannot be shared by heads."
        if one.heads % heads:
            return f"{heads} KV heads do not divide {one.heads}: choose a divisor, or 0."
    return ""


def _scaled(one: _Kept, heads: int) -> int:
    return one.elements * heads // one.heads if heads and one.heads else one.elements


def _note(kept: tuple[_Kept, ...], heads: int, layers: int) -> str:
    latent = any(one.latent for one in kept)
    what = "The cached latent" if latent else "Keys and values"
    if not heads and layers == 1:
        return f"{what} of every layer that runs. Sharing weights shares no cache."
    said = [f"{heads} key and value heads in a layer" if heads else ""]
    said += [f"one cache for {layers} layers" if layers > 1 else ""]
    return f"{' and '.join(filter(None, said))}: shares activations; weights and FLOPs are as they were."


def _writes(snapshot: Snapshot) -> bool:
    """Whether the model predicts tokens one after the other, as far as its head and class say."""
    root = snapshot.modules[0].cls if snapshot.modules else ""
    return bool(token_heads(snapshot)) and not re.search(r"Encoder$|Bert|MaskedLM|Electra", root)


def _reads_all_at_once(path: str) -> bool:
    """Whether attention stands in an encoder or looks at one: its keys do not grow with the output."""
    return bool(re.search(r"(^|\.)(encoder|cross\w*|encdec\w*)(\.|$)", path.lower()))


def _calls(snapshot: Snapshot) -> Mapping[str, int]:
    """Return how often the forward pass runs the module of each name that it reads."""
    seen: dict[str, set[tuple[str, int]]] = {}
    for step in snapshot.steps or ():
        if not step.makes:
            for name, _ in step.reads:
                seen.setdefault(name, set()).add((step.module, step.call))
    return {name: len(calls) for name, calls in seen.items()}
