"""A transformers config.json: the model that it describes, built on meta and traced there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from shareviz import text
from shareviz.errors import TraceError
from shareviz.formats import _config_build as building
from shareviz.formats._base import Format, Limits, Request, Tells, refuse
from shareviz.formats._config_keys import check_keys, check_numbers
from shareviz.formats._config_trace import length_of, trace_model
from shareviz.formats._file import File
from shareviz.formats._json import parse
from shareviz.formats._shards import is_index
from shareviz.formats._wrong import json_kind
from shareviz.sharing import tally
from shareviz.snapshot import Evidence, Snapshot, Source

_OTHERS = (b'"shareviz.', b'"cells"')  # a notebook is often larger than a config may be
_HINT = "Upload a config.json of transformers, or the weights."


def sniff(file: File) -> bool:
    """Whether this is a JSON object, and neither ours, an index nor a notebook by its first bytes."""
    known = file.suffix == ".shareviz.json" or any(mark in file.head for mark in _OTHERS)
    return file.is_json and not known and not is_index(file)


def read(file: File, request: Request) -> Snapshot:
    """Return the described model; its ties are those that transformers makes of the config.

    Raises:
        FormatError: config, limit, runs-code, unknown-format (JSON of another kind), timeout.
    """
    if file.size > file.limits.config_bytes:
        have, most = text.size(file.size), text.size(file.limits.config_bytes)
        raise refuse("limit", f"The config has {have}; at most {most} are read.", _HINT)
    return snapshot_of(parsed(file.at(0, file.size)), file.limits)


def parsed(data: bytes) -> Mapping[str, Any]:
    """Return the config in a JSON document, after refusing other kinds of JSON by name."""
    config = parse(data, what="The config", constants=True)
    wrong = json_kind(config)
    if wrong is not None:
        raise wrong.error()
    if "model_type" not in config and "architectures" not in config:
        raise refuse("unknown-format", "This JSON is neither a config nor a snapshot.", _HINT)
    if not isinstance(config.get("model_type"), str):
        raise refuse("config", "The field model_type must be the name of a type.", _HINT)
    names = config.get("architectures")
    if names is not None and not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
        raise refuse("config", "The field architectures must be a list of class names.", _HINT)
    return config  # type: ignore[no-any-return]


def snapshot_of(config: Mapping[str, Any], limits: Limits, *, trace: bool = True) -> Snapshot:
    """Return the Snapshot of a parsed config, with its steps where `trace` finds them.

    Raises:
        FormatError: config, limit, runs-code, timeout.
    """
    check_keys(config)
    check_numbers(config, limits)
    built = building.build(config, limits)
    seen = building.described(built.model)
    notes = [*built.notes, *_conflict(config, built.model, seen)]
    facts = _facts(config, built.model)
    tensors = tuple(replace(tensor, evidence=Evidence.STATED) for tensor in seen.tensors)
    steps = None
    try:
        steps = trace_model(built.model) if trace else None
    except TraceError as error:
        notes.append(error.message)
    title = f"{type(built.model).__name__} ({config['model_type']})"
    return replace(seen, tensors=tensors, steps=steps, source=Source("config", title, tuple(notes), facts))


def _facts(config: Mapping[str, Any], model: Any) -> tuple[tuple[str, str], ...]:
    """Return what the file and the class declare of ties, beside what came out."""
    flag = config.get("tie_word_embeddings")
    length = length_of(model)
    return (
        *((("length", str(length)),) if length else ()),
        ("model_type", config["model_type"]),
        ("tie_word_embeddings", "unset" if flag is None else str(bool(flag)).lower()),
        ("declared_ties", building.declared_ties(model)),
    )


def _conflict(config: Mapping[str, Any], model: Any, seen: Snapshot) -> Iterator[str]:
    """Yield the note for a declared flag that transformers does not follow."""
    flag, tied = config.get("tie_word_embeddings"), building.head_is_tied(model)
    v11 = config["model_type"] == "t5" and config.get("feed_forward_proj") == "gated-gelu"
    if tied and (flag is False or v11):
        head = model.get_output_embeddings().weight.numel()
        says = "The config says tie_word_embeddings: false" if flag is False else "T5 v1.1 is released untied"
        yield (
            f"{says}, yet this version of transformers ties the head to the token table. A checkpoint "
            f"that keeps them apart holds {text.exact(head)} parameters more, "
            f"{text.exact(tally(seen).stored + head)} in all."
        )
    if tied is False and flag is True:
        yield "The config says tie_word_embeddings: true, yet the head does not read the token table."


FORMAT = Format(
    name="config",
    title="transformers config.json",
    tells=Tells(tree="yes, built on meta", flow="by tracing on meta", ties="yes", views="some", values="no"),
    sniff=sniff,
    read=read,
    source="transformers 5.24, PreTrainedConfig and the auto classes",
    suffixes=(".json",),
    torch=True,
)
