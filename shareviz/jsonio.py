"""Snapshots and plans as JSON text, equal both ways. What is read is checked field by field."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any

from shareviz.errors import PlanError
from shareviz.formats._base import LOCAL, Limits, refuse
from shareviz.formats._json import At, parse
from shareviz.forms import FORMS, Form
from shareviz.plan import Plan, Rewrite
from shareviz.snapshot import (
    ALIAS_LIMIT,
    Derived,
    Evidence,
    Kind,
    Module,
    Region,
    Snapshot,
    Source,
    Step,
    Tensor,
    itemsize,
)

SNAPSHOT = "shareviz.snapshot"
PLAN = "shareviz.plan"
VERSION = 1

_REDO = "Save it again with shareviz."
_WORDS = 2**16  # characters of a note or a fact
_MOST_PATHS = 2**4096  # diamonds double the paths to a module: exact numbers are long


def to_json(snapshot: Snapshot) -> str:
    """Return the Snapshot as JSON text, with its steps and source; defaults are left out."""
    document = {
        "source": _plain(snapshot.source),
        "storages": snapshot.storages,
        "modules": [_plain(module) for module in snapshot.modules],
        "tensors": [_plain(tensor) for tensor in snapshot.tensors],
        "derived": [_plain(derived) for derived in snapshot.derived],
        "steps": None if snapshot.steps is None else [_plain(step) for step in snapshot.steps],
    }
    return _text(SNAPSHOT, document)


def from_json(document: str | bytes, limits: Limits = LOCAL) -> Snapshot:
    """Return the Snapshot that `to_json` wrote.

    Raises:
        FormatError: malformed, ambiguous, bad-name or limit; the message names the place.
    """
    root = _opened(document, SNAPSHOT, limits)
    storages = tuple(entry.integer() for entry in root["storages"].items(limits.tensors))
    tensors = tuple(_tensor(entry, storages) for entry in root["tensors"].items(limits.tensors))
    names = {tensor.name for tensor in tensors}
    derived = tuple(_derived(entry, names) for entry in root["derived"].items(limits.tensors))
    names |= {weight.name for weight in derived}
    modules = tuple(_module(entry) for entry in root["modules"].items(limits.visits))
    steps = root["steps"].maybe(lambda entry: _steps(entry, names))
    try:
        return Snapshot(tensors, modules, derived, storages, steps, _source(root["source"]))
    except ValueError as error:
        raise refuse("malformed", f"The snapshot does not fit together: {error}.", _REDO) from error


def plan_to_json(plan: Plan) -> str:
    """Return the Plan as JSON text."""
    rewrites = [
        {"name": rewrite.name, "form": _form_out(rewrite.form), "reads": rewrite.reads}
        for rewrite in plan.rewrites
    ]
    still = {"frozen": plan.frozen} if plan.frozen else {}
    return _text(PLAN, {"title": plan.title, "rewrites": rewrites, **still})


def plan_from_json(document: str | bytes, limits: Limits = LOCAL) -> Plan:
    """Return the Plan that `plan_to_json` wrote.

    Raises:
        FormatError: malformed, ambiguous, bad-name or limit; the message names the place.
    """
    root = _opened(document, PLAN, limits)
    rewrites = tuple(
        Rewrite(entry["name"].name(), entry["form"].maybe(_form_in), _pairs(entry["reads"]))
        for entry in root["rewrites"].items(limits.tensors)
    )
    try:
        frozen = root.get("frozen", []).names(limits.tensors)
        return Plan(rewrites, root["title"].words(_WORDS), frozen)
    except PlanError as error:
        raise refuse("malformed", error.message, error.hint) from error


def _text(kind: str, document: Mapping[str, Any]) -> str:
    return json.dumps({"format": kind, "version": VERSION, **document}, separators=(",", ":"))


def _plain(value: Any) -> Any:
    """Return the fields of a frozen record that are not at their default."""
    made: dict[str, Any] = {}
    for spec in fields(value):
        inner = getattr(value, spec.name)
        if spec.default is not MISSING and inner == spec.default:
            continue
        if isinstance(inner, Region):
            inner = _plain(inner)
        elif isinstance(inner, Form):
            inner = _form_out(inner)
        made[spec.name] = inner
    return made


def _form_out(form: Form | None) -> Any:
    if form is None:
        return None
    return {"kind": form.kind, **{spec.name: getattr(form, spec.name) for spec in fields(form)}}


def _form_in(entry: At) -> Form:
    kind = entry["kind"].name()
    if kind not in FORMS:
        raise entry["kind"].wrong(f"one of {', '.join(FORMS)}")
    options: dict[str, Any] = {}
    for spec in fields(FORMS[kind]):
        if spec.name in entry.fields():
            at = entry[spec.name]
            options[spec.name] = at.integers(at.limits.width) if isinstance(at.value, list) else at.integer()
    try:
        return FORMS[kind](**options)
    except (TypeError, ValueError) as error:
        raise entry.wrong(f"a form {kind}: {error}") from error


def _opened(document: str | bytes, kind: str, limits: Limits) -> At:
    if len(document) > limits.header_bytes:
        raise refuse("limit", f"The text has more than {limits.header_bytes:,} characters.", _REDO)
    root = At(parse(document, what="The file"), "", limits)
    for key, wanted in (("format", kind), ("version", VERSION)):
        if root.get(key, None).value != wanted:
            raise root.get(key, None).wrong(json.dumps(wanted))
    return root


def _pairs(entry: At) -> tuple[tuple[str, str], ...]:
    return tuple((first.name(), second.words(_WORDS)) for first, second in entry.pairs())


def _counts(entry: At) -> tuple[tuple[str, int], ...]:
    return tuple((name.name(), number.integer()) for name, number in entry.pairs())


def _tensor(entry: At, storages: tuple[int, ...]) -> Tensor:
    tensor = Tensor(
        name=entry["name"].name(),
        module=entry["module"].name(),
        shape=entry["shape"].shape(),
        dtype=entry["dtype"].name(),
        region=entry["region"].maybe(_region),
        object=entry.get("object", None).maybe(At.integer),
        kind=entry.get("kind", Kind.PARAMETER).word(Kind),
        trainable=entry.get("trainable", None).maybe(At.flag),
        persistent=entry.get("persistent", True).flag(),
        evidence=entry.get("evidence", Evidence.OBJECT).word(Evidence),
    )
    try:
        itemsize(tensor.dtype)
    except ValueError as error:
        raise entry["dtype"].wrong("a known type") from error
    _check_region(entry, tensor, storages)
    return tensor


def _region(entry: At) -> Region:
    flags = entry.get("flags", []).names(2)
    if not {"conj", "neg"}.issuperset(flags):
        raise entry["flags"].wrong("conj and neg")
    stride = entry["stride"].integers(entry.limits.dimensions)
    return Region(entry["storage"].integer(), entry["offset"].integer(), stride, flags)


def _check_region(entry: At, tensor: Tensor, storages: tuple[int, ...]) -> None:
    region = tensor.region
    if region is None:
        return
    if region.storage >= len(storages):
        raise entry["region"]["storage"].wrong(f"the number of one of {len(storages)} storages")
    if len(region.stride) != len(tensor.shape):
        raise entry["region"]["stride"].wrong("as long as the shape")
    reach = 1 + sum((size - 1) * step for size, step in zip(tensor.shape, region.stride, strict=True))
    if tensor.numel and region.offset + reach * itemsize(tensor.dtype) > storages[region.storage]:
        raise entry["region"].wrong("within its storage")


def _derived(entry: At, names: set[str]) -> Derived:
    form = entry["form"].name() if isinstance(entry["form"].value, str) else _form_in(entry["form"])
    reads = entry["reads"].names(entry.limits.keys)
    if not names.issuperset(reads):
        raise entry["reads"].wrong("names of tensors")
    return Derived(entry["name"].name(), entry["module"].name(), entry["shape"].shape(), form, reads)


def _module(entry: At) -> Module:
    return Module(
        path=entry["path"].name(),
        cls=entry["cls"].name(),
        aliases=entry.get("aliases", []).names(ALIAS_LIMIT),
        paths=entry.get("paths", 1).integer(_MOST_PATHS),
        facts=_counts(entry.get("facts", [])),
    )


def _steps(entry: At, names: set[str]) -> tuple[Step, ...]:
    steps = tuple(_step(inner) for inner in entry.items(entry.limits.nodes))
    for position, step in enumerate(steps):
        if not names.issuperset(name for name, _ in step.reads):
            raise At(None, f"steps[{position}].reads", entry.limits).wrong(
                "names of tensors, each with a number"
            )
        if any(number >= position for number in step.inputs):
            raise At(None, f"steps[{position}].inputs", entry.limits).wrong("positions of earlier steps")
    return steps


def _step(entry: At) -> Step:
    return Step(
        op=entry["op"].name(),
        module=entry["module"].name(),
        call=entry["call"].integer(),
        reads=_counts(entry.get("reads", [])),
        inputs=entry.get("inputs", []).integers(entry.limits.nodes),
        shape=entry.get("shape", []).shape(),
        flops=entry.get("flops", 0).integer(),
        makes=entry.get("makes", "").name(),
    )


def _source(entry: At) -> Source:
    return Source(
        kind=entry.get("kind", "module").name(),
        title=entry.get("title", "model").name(),
        notes=tuple(note.words(_WORDS) for note in entry.get("notes", []).items(entry.limits.keys)),
        facts=_pairs(entry.get("facts", [])),
    )
