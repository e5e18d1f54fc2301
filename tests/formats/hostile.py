"""Makes bad files. The payload of each that could run code touches a marker file, and does no more.

`BAD` holds one function for each row: it takes the marker's path and returns the bytes.
"""

from __future__ import annotations

import io
import json
import pickle
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class Payload:
    """Pickles as a call that opens the marker for writing."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, ...]:
        return open, (str(self.marker), "w")


@dataclass(frozen=True, slots=True)
class Bad:
    """A file name, what makes its bytes, the codes of which one must come, and words of the message."""

    name: str
    make: Callable[[Path], bytes]
    codes: tuple[str, ...]
    says: str = ""


def zipped(
    data: bytes, *storages: tuple[str, bytes], extra: tuple[tuple[str, bytes], ...] = (), method: int = 0
) -> bytes:
    """Return a `.pt` with this data.pkl; storages are (key, bytes)."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("archive/data.pkl", data, compress_type=method)
        for key, content in storages:
            file.writestr(f"archive/data/{key}", content)
        for name, content in extra:
            file.writestr(name, content)
        file.writestr("archive/version", b"3\n")
    return out.getvalue()


def state(
    *,
    name: str = "weight",
    key: str = "0",
    shape: tuple[int, ...] = (4,),
    stride: tuple[int, ...] = (1,),
    offset: int = 0,
    elements: int = 4,
) -> bytes:
    """Return a pickled state dict of one float tensor, as torch writes it, with any numbers."""
    words = text(name) + b"ctorch._utils\n_rebuild_tensor_v2\n("
    words += (
        b"("
        + text("storage")
        + b"ctorch\nFloatStorage\n"
        + text(key)
        + text("cpu")
        + number(elements)
        + b"tQ"
    )
    words += number(offset) + numbers(shape) + numbers(stride)
    words += b"\x89ccollections\nOrderedDict\n)RtR"
    return b"\x80\x02}" + words + b"s."


def text(value: str) -> bytes:
    raw = value.encode("utf-8", "surrogatepass")
    return b"X" + struct.pack("<I", len(raw)) + raw


def number(value: int) -> bytes:
    raw = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8b" + struct.pack("<i", len(raw)) + raw


def numbers(values: tuple[int, ...]) -> bytes:
    return b"(" + b"".join(map(number, values)) + b"t"


def header(value: object, data: bytes = b"", length: int | None = None) -> bytes:
    """Return a safetensors file with this header; a text is taken as it is."""
    raw = (value if isinstance(value, str) else json.dumps(value)).encode()
    return struct.pack("<Q", len(raw) if length is None else length) + raw + data


def one(dtype: str = "F32", shape: object = (1,), offsets: object = (0, 4)) -> dict[str, object]:
    """Return a header of one tensor."""
    return {"a": {"dtype": dtype, "shape": shape, "data_offsets": offsets}}


def config(**fields: object) -> bytes:
    """Return a small GPT-2 config with some fields changed."""
    small = {"model_type": "gpt2", "n_layer": 1, "n_embd": 8, "n_head": 2, "vocab_size": 16}
    return json.dumps(small | fields).encode()


def laughs() -> bytes:
    """Ten lists of ten, each ten times the one before: 10¹¹ elements in a few hundred bytes."""
    data = b"\x80\x02" + b"(" + b"K\x00" * 10 + b"lq\x00"
    for level in range(1, 11):
        data += b"(" + b"h" + bytes([level - 1]) + (b"h" + bytes([level - 1])) * 9 + b"lq" + bytes([level])
    return data + b"."


def _dup(marker: Path) -> bytes:
    good, other = zipped(state(), ("0", b"\0" * 16)), zipped(pickle.dumps(Payload(marker), 2))
    out = io.BytesIO(good)
    with zipfile.ZipFile(out, "a") as file, zipfile.ZipFile(io.BytesIO(other)) as more:
        entry = zipfile.ZipInfo("archive/data.pkl")
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            file.writestr(entry, more.read("archive/data.pkl"))
    return out.getvalue()


def legacy(*parts: bytes) -> bytes:
    """Return a file from before torch 1.6: three pickles of its own, then an object, keys, storages."""
    start = (0x1950A86A20F9469CFC6C, 1001, {"protocol_version": 1001, "little_endian": True})
    return b"".join((*(pickle.dumps(value, 2) for value in start), *parts))


def _legacy_state(
    *, keys: object = ("0",), length: int = 4, data: bytes = b"\0" * 16, **numbers: Any
) -> bytes:
    return legacy(state(**numbers), pickle.dumps(keys, 2), struct.pack("<q", length), data)


def _encrypted(_marker: Path) -> bytes:
    data = bytearray(zipped(state(), ("0", b"\0" * 16)))
    at = data.rfind(b"PK\x01\x02", 0, data.rfind(b"PK\x05\x06"))
    data[at + 8] |= 1
    return bytes(data)


def _deep(depth: int) -> bytes:
    return b"\x80\x02" + b"](" * depth + b"e" * depth + b"."


def _million() -> str:
    inner = '"dtype":"F32","shape":[0],"data_offsets":[0,0]'
    return "{" + ",".join(f'"{i}":{{{inner}}}' for i in range(1_000_000)) + "}"


def _zip_of(*names: str) -> Callable[[Path], bytes]:
    def make(_marker: Path) -> bytes:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as file:
            for name in names:
                file.writestr(name, b"x")
        return out.getvalue()

    return make


def _is(data: bytes) -> Callable[[Path], bytes]:
    return lambda _marker: data


_FOUR = b"\0" * 4
_EYE = ("0", b"\0" * 16)
_TWO = '{"dtype":"F32","shape":[1],"data_offsets":[%s]}'
_LONG_NAME = "n" * 70_000_000

PICKLES = (
    Bad("rce.pt", lambda m: zipped(pickle.dumps(Payload(m), 2)), ("no-tensors",), "io.open"),
    Bad("rce4.pt", lambda m: zipped(pickle.dumps([Payload(m)], 4)), ("no-tensors",), "io.open"),
    Bad("rce_raw.bin", lambda m: pickle.dumps(Payload(m), 2), ("pickle-only",), "bare pickle"),
    Bad("rce_raw0.bin", lambda m: pickle.dumps(Payload(m), 0), ("pickle-only",), "bare pickle"),
    Bad("memo_bomb.pt", _is(zipped(b"\x80\x02Nr\xff\xff\xff\x3f.")), ("no-tensors",)),
    Bad("alloc_bomb.pt", _is(zipped(b"\x80\x05\x96" + b"\xff" * 7 + b"\x7f.")), ("malformed",)),
    Bad("bomb_pkl.pt", _is(zipped(b"\0" * 2**26, method=zipfile.ZIP_DEFLATED)), ("compressed",), "data.pkl"),
    Bad("dup_entry.pt", _dup, ("ambiguous",), "data.pkl"),
    Bad("traversal.pt", _is(zipped(state(), _EYE, extra=(("../../x", b""),))), ("unsafe-path",), "../../x"),
    Bad("absolute.pt", _is(zipped(state(), _EYE, extra=(("/x", b""),))), ("unsafe-path",), "/x"),
    Bad("encrypted.pt", _encrypted, ("encrypted",)),
    Bad("deep.pt", _is(zipped(_deep(300_000))), ("limit",), "nest"),
    Bad("cycle.pt", _is(zipped(b"\x80\x02]q\x00h\x00a.")), ("limit", "no-tensors")),
    Bad("laughs.pt", _is(zipped(laughs())), ("limit",), "repeat"),
    Bad("deep_key.pt", _is(zipped(b"\x80\x02}N" + b"\x85" * 300_000 + b"Ns.")), ("no-tensors",)),
    Bad("missing_storage.pt", _is(zipped(state())), ("malformed",), "weight"),
    Bad("short_storage.pt", _is(zipped(state(), ("0", b"\0" * 8))), ("malformed",), "16 bytes"),
    Bad("view_oob.pt", _is(zipped(state(offset=1), _EYE)), ("malformed",), "weight"),
    Bad("neg_stride.pt", _is(zipped(state(stride=(-1,), offset=3), _EYE)), ("malformed",), "stride"),
    Bad("neg_offset.pt", _is(zipped(state(offset=-1), _EYE)), ("malformed",)),
    Bad(
        "huge_size.pt",
        _is(zipped(state(shape=(2**40, 2**40), stride=(0, 0)), _EYE)),
        ("malformed", "limit"),
        "weight",
    ),
    Bad("huge_number.pt", _is(zipped(state(shape=(2**80_000,), stride=(0,)), _EYE)), ("malformed", "limit")),
    Bad("key_path.pt", _is(zipped(state(key="../../../../etc/passwd"), _EYE)), ("malformed",)),
    Bad("name_70mb.pt", _is(zipped(state(name=_LONG_NAME), _EYE)), ("limit",)),
    Bad("name_10kb.pt", _is(zipped(state(name="n" * 10_000), _EYE)), ("limit",), "10,000"),
    Bad("name_parts.pt", _is(zipped(state(name="0." * 2000 + "w"), _EYE)), ("limit",), "parts"),
    Bad("surrogate.pt", _is(zipped(state(name="a\ud800"), _EYE)), ("bad-name",)),
    Bad("truncated.pt", _is(zipped(state(), _EYE)[:-30]), ("truncated", "malformed"), "end"),
    Bad("cut_data.pt", _is(zipped(state(), _EYE)[40:]), ("unknown-format", "malformed", "truncated")),
    Bad("random.pt", _is(bytes(range(128, 256)) * 8), ("unknown-format",)),
    Bad("empty.pt", _is(b""), ("empty",), "empty"),
    Bad("compressed_storage.pt", lambda m: _deflated_storage(), ("compressed",), "data/0"),
)


def _deflated_storage() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("archive/data.pkl", state())
        file.writestr("archive/data/0", b"\0" * 16, compress_type=zipfile.ZIP_DEFLATED)
    return out.getvalue()


_CONSTANTS = (("archive/constants.pkl", b"\x80\x02)."),)


def payload(marker: Path) -> bytes:
    """Return the opcodes that set the attribute x to a payload."""
    return text("x") + pickle.dumps(Payload(marker), 2)[2:-1] + b"s"


LEGACY = (
    Bad("rce_legacy.pt", lambda m: legacy(pickle.dumps(Payload(m), 2)), ("no-tensors",), "io.open"),
    Bad(
        "rce_magic.pt", lambda m: legacy()[:15] + pickle.dumps(Payload(m), 2) * 4, ("no-tensors",), "io.open"
    ),
    Bad("legacy_memo.pt", _is(legacy(b"\x80\x02Nr\xff\xff\xff\x3f.")), ("no-tensors",)),
    Bad("legacy_alloc.pt", _is(legacy(b"\x80\x04\x8e" + b"\xff" * 7 + b"\x0f")), ("limit", "truncated")),
    Bad("legacy_short.pt", _is(_legacy_state(length=3, data=b"\0" * 12)), ("malformed",), "16 bytes"),
    Bad("legacy_oob.pt", _is(_legacy_state(offset=1)), ("malformed",), "weight"),
    Bad("legacy_length.pt", _is(_legacy_state(length=2**62)), ("truncated",), "cut off"),
    Bad("legacy_negative.pt", _is(_legacy_state(length=-4)), ("malformed",), "negative"),
    Bad("legacy_twice.pt", _is(_legacy_state(keys=["0", "0"])), ("malformed",), "twice"),
    Bad("legacy_key.pt", _is(_legacy_state(keys=["../../etc/passwd"])), ("malformed",), "no tensor"),
    Bad("legacy_no_key.pt", _is(_legacy_state(keys=[])), ("malformed",), "does not hold"),
    Bad("legacy_keys.pt", _is(_legacy_state(keys=5)), ("malformed",), "list"),
    Bad("legacy_cut.pt", _is(legacy(state())[:-9]), ("truncated",), "ends within"),
    Bad("legacy_end.pt", _is(legacy()), ("truncated",)),
    Bad("legacy_line.pt", _is(legacy(b"c" + b"a" * 100)), ("truncated",)),
    Bad("legacy_laughs.pt", _is(legacy(laughs())), ("limit",), "repeat"),
    Bad("legacy_deep.pt", _is(legacy(_deep(100_000))), ("limit",), "nest"),
)


def script(data: bytes, constants: bytes = b"\x80\x02).", code: bytes = b"", method: int = 0) -> bytes:
    """Return a TorchScript file with these pickles and this code."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("a/data.pkl", data)
        file.writestr("a/data/0", b"\0" * 16)
        file.writestr("a/constants.pkl", constants)
        file.writestr("a/code/__torch__.py", code, compress_type=method)
    return out.getvalue()


def scripted(attributes: bytes) -> bytes:
    """Return the pickle of a module with these attributes, a pickled dict without its frame."""
    return b"\x80\x02c__torch__\nM\n)\x81" + attributes + b"b."


def code_bomb(_marker: Path) -> bytes:
    """A class whose text claims to be short, and is not: what is past the claim is not unpacked."""
    data = bytearray(script(pickle.dumps([]), code=b"\0" * 2**26, method=zipfile.ZIP_DEFLATED))
    at = data.rfind(b"PK\x01\x02", 0, data.rfind(b"PK\x05\x06"))
    data[at + 24 : at + 28] = struct.pack("<I", 100)
    return bytes(data)


SCRIPTS = (
    Bad("rce.jit", lambda m: script(pickle.dumps(Payload(m), 2)), ("no-tensors",), "io.open"),
    Bad("rce_inside.jit", lambda m: script(scripted(b"}" + payload(m))), ("no-tensors",), "io.open"),
    Bad("rce_constants.jit", lambda m: script(scripted(b"}"), pickle.dumps(Payload(m), 2)), ("malformed",)),
    Bad("script_bomb.jit", _is(zipped(b"\0" * 2**26, method=8, extra=_CONSTANTS)), ("compressed",)),
    Bad("scriptcode_bomb.jit", code_bomb, ("no-tensors",)),
    Bad("script_storage.jit", _is(script(scripted(state(key="5")[2:-1]))), ("malformed",), "data/5"),
    Bad("script_short.jit", _is(script(scripted(state(elements=9)[2:-1]))), ("malformed",), "36 bytes"),
    Bad("script_laughs.jit", _is(script(scripted(b"}"), laughs())), ("limit",), "repeat"),
    Bad("script_deep.jit", _is(script(scripted(b"}" + text("a") + _deep(10**5)[2:-1] + b"s"))), ("limit",)),
    Bad(
        "script_cycle.jit",
        _is(script(b"\x80\x02c__torch__\nM\n)\x81q\x00}X\1\0\0\0ah\x00sb.")),
        ("no-tensors",),
    ),
)


def exported(
    *, weights: object = None, graph: object = None, specs: object = (), extra: dict[str, bytes] | None = None
) -> bytes:
    """Return a `.pt2` of one weight of four floats, any part of it replaced."""
    one = {"target": "torch.ops.aten.relu.default", "inputs": [], "outputs": [], "metadata": {}}
    whole = {"nodes": [one], "tensor_values": {}} if graph is None else graph
    parts: dict[str, object] = {
        "models/model.json": {"graph_module": {"graph": whole, "signature": {"input_specs": specs}}},
        "data/weights/model_weights_config.json": {
            "config": {"a": payload_meta()} if weights is None else weights
        },
        "data/constants/model_constants_config.json": {"config": {}},
    }
    members = {name: json.dumps(value).encode() for name, value in parts.items()}
    members |= {"data/weights/weight_0": b"\0" * 16, **(extra or {})}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for name, data in members.items():
            file.writestr(f"a/{name}", data)
    return out.getvalue()


def payload_meta(*, path: str = "weight_0", pickled: bool = False, **meta: object) -> dict[str, object]:
    """Return the entry of a weight, with parts of its description replaced."""
    known: dict[str, object] = {"dtype": 7, "sizes": [{"as_int": 4}], "strides": [{"as_int": 1}]}
    known |= {"storage_offset": {"as_int": 0}} | meta
    return {"path_name": path, "is_param": True, "use_pickle": pickled, "tensor_meta": known}


def node(**parts: object) -> dict[str, object]:
    node = {"target": "torch.ops.aten.relu.default", "inputs": [], "outputs": [], "metadata": {}} | parts
    return {"nodes": [node], "tensor_values": {}}


def _weight(**parts: Any) -> Callable[[Path], bytes]:
    return _is(exported(weights={"a": payload_meta(**parts)}))


_SPEC = {"parameter": {"arg": {"name": "p"}, "parameter_name": "missing"}}
_STACK = {"nn_module_stack": "k," + "a." * 2000 + ",C"}
EXPORTS = (
    Bad("pt2_path.pt2", _weight(path="../../../etc/passwd"), ("malformed",), "does not hold"),
    Bad("pt2_out.pt2", _weight(storage_offset={"as_int": 1}), ("malformed",), "reaches byte 20"),
    Bad("pt2_negative.pt2", _weight(strides=[{"as_int": -1}]), ("malformed",), "strides"),
    Bad("pt2_huge.pt2", _weight(sizes=[{"as_int": 2**60}], strides=[{"as_int": 0}]), ("limit",), "2⁴⁸"),
    Bad("pt2_dtype.pt2", _weight(dtype=99), ("malformed",), "dtype"),
    Bad("pt2_dims.pt2", _weight(sizes=[{"as_int": 1}] * 99), ("limit",), "sizes"),
    Bad("pt2_nan.pt2", _weight(sizes=[{"as_int": float("nan")}]), ("malformed",), "sizes"),
    Bad("pt2_deep.pt2", _weight(sizes=json.loads("[" * 900 + "]" * 900)), ("malformed",)),
    Bad("pt2_none.pt2", _is(exported(weights={})), ("no-tensors",)),
    Bad("pt2_list.pt2", _is(exported(weights=[])), ("malformed",), "config"),
    Bad("pt2_graph.pt2", _is(exported(graph=[])), ("malformed",), "graph"),
    Bad("pt2_node.pt2", _is(exported(graph=node(target=5))), ("malformed",), "target"),
    Bad("pt2_stack.pt2", _is(exported(graph=node(metadata=_STACK))), ("limit",), "parts"),
    Bad("pt2_spec.pt2", _is(exported(specs=[_SPEC])), ("malformed",), "missing"),
    Bad("pt2_nodes.pt2", lambda m: exported(graph={"nodes": [0] * 200_001}), ("limit",), "nodes"),
    Bad("pt2_two.pt2", _is(exported(extra={"models/b.json": b"{}"})), ("ambiguous",), "2 programs"),
    Bad("pt2_escape.pt2", _is(exported(extra={"../../x": b""})), ("unsafe-path",), "../../x"),
)


def _index(**places: object) -> Callable[[Path], bytes]:
    return _is(json.dumps({"weight_map": places}).encode())


INDICES = (
    Bad("index.json", _index(a="../x"), ("unsafe-path",), "../x"),
    Bad("index_absolute.json", _index(a="/etc/passwd"), ("unsafe-path",), "/etc/passwd"),
    Bad("index_drive.json", _index(a="C:x"), ("unsafe-path",), "C:x"),
    Bad("index_windows.json", _index(a="..\\x"), ("unsafe-path",)),
    Bad("index_folder.json", _index(a=".."), ("unsafe-path",)),
    Bad("index_empty_name.json", _index(a=""), ("unsafe-path",)),
    Bad("index_nul.json", _index(a="a\0b"), ("unsafe-path",)),
    Bad("index_missing.json", _index(a="x.safetensors"), ("missing-companion",), "x.safetensors"),
    Bad("index_number.json", _index(a=5), ("malformed",), "weight_map.a"),
    Bad("index_long.json", _index(a="x" * 300), ("malformed",), "255"),
    Bad("index_list.json", _is(b'{"weight_map": []}'), ("malformed",), "weight_map"),
    Bad("index_none.json", _index(), ("no-tensors",)),
    Bad("index_twice.json", _is(b'{"weight_map": {"a": "x", "a": "y"}}'), ("ambiguous",), "a twice"),
    Bad("index_parts.json", _index(**{"a." * 2000: "x"}), ("limit",), "parts"),
    Bad("model.safetensors.index.json", _is(b'{"metadata": {}}'), ("malformed",), "weight_map"),
)

SAFETENSORS = (
    Bad("st_header_1tb.safetensors", _is(header({}, length=2**40)), ("limit",), "1.0 TiB"),
    Bad("st_header_max.safetensors", _is(header({}, length=2**64 - 1)), ("limit",)),
    Bad("st_header_only.safetensors", _is(b"\xff" * 8), ("limit", "truncated")),
    Bad(
        "st_duplicate.safetensors",
        _is(header('{"a":' + _TWO % "0,4" + ',"a":' + _TWO % "0,4" + "}", b"\0" * 4)),
        ("ambiguous",),
        "a twice",
    ),
    Bad(
        "st_overlap.safetensors",
        _is(header('{"a":' + _TWO % "0,4" + ',"b":' + _TWO % "2,6" + "}", b"\0" * 6)),
        ("malformed",),
        "b overlaps",
    ),
    Bad(
        "st_gap.safetensors",
        _is(header('{"a":' + _TWO % "0,4" + ',"b":' + _TWO % "8,12" + "}", b"\0" * 12)),
        ("malformed",),
        "b leaves a gap",
    ),
    Bad(
        "st_negative.safetensors",
        _is(header(one(offsets=(-4, 0)), b"\0" * 4)),
        ("malformed",),
        "data_offsets",
    ),
    Bad("st_trailing.safetensors", _is(header(one(), b"\0" * 9)), ("malformed",), "5 bytes follow"),
    Bad("st_shape.safetensors", _is(header(one(shape=(2,)), b"\0" * 4)), ("malformed",), "need 8"),
    Bad("st_nan.safetensors", _is(header(one(offsets=(0, float("nan"))), b"\0" * 4)), ("malformed",), "JSON"),
    Bad("st_float.safetensors", _is(header(one(offsets=(0, 4.5)), _FOUR)), ("malformed",), "data_offsets"),
    Bad("st_float_shape.safetensors", _is(header(one(shape=(1.5,)), b"\0" * 4)), ("malformed",), "a.shape"),
    Bad("st_deep.safetensors", _is(header('{"a":' + "[" * 100_000)), ("malformed",), "header"),
    Bad("st_long_number.safetensors", _is(header('{"a":' + "9" * 10_000 + "}")), ("malformed",)),
    Bad("st_million.safetensors", lambda m: header(_million()), ("limit",)),
    Bad(
        "st_metadata_90mb.safetensors",
        lambda m: header({"__metadata__": {"a": "x" * 90_000_000}}),
        ("limit",),
        "at most 32",
    ),
    Bad("st_dtype.safetensors", _is(header(one(dtype="X9"), b"\0" * 4)), ("unsupported",), "X9"),
    Bad("st_huge.safetensors", _is(header(one(shape=(2**60,), offsets=(0, 2**62)))), ("limit",), "2⁴⁸"),
    Bad("st_metadata.safetensors", _is(header({"__metadata__": [1]} | one(), b"\0" * 4)), ("malformed",)),
    Bad("st_list.safetensors", _is(header("[]")), ("unknown-format", "malformed")),
    Bad("st_cut_header.safetensors", _is(header(one(), length=500)), ("truncated",), "whole header"),
    Bad("st_no_tensors.safetensors", _is(header({})), ("no-tensors",)),
    Bad("st_surrogate.safetensors", _is(header('{"\\ud800":' + _TWO % "0,4" + "}", _FOUR)), ("bad-name",)),
)

CONFIGS = (
    Bad("config.json", _is(config(n_embd=10**9)), ("config", "limit"), "n_embd"),
    Bad("float.json", _is(config(n_embd=1e9)), ("config", "limit"), "n_embd"),
    Bad("vocabulary.json", _is(config(vocab_size=10**15)), ("config", "limit"), "vocab_size"),
    Bad("layers4.json", _is(config(n_layer=10**4)), ("config", "limit"), "n_layer"),
    Bad("layers6.json", _is(config(n_layer=10**6)), ("config", "limit"), "n_layer"),
    Bad(
        "hidden_layers.json",
        _is(config(model_type="bert", num_hidden_layers=10**6)),
        ("limit",),
        "num_hidden",
    ),
    Bad("depths.json", _is(config(model_type="swin", depths=[500, 500])), ("limit",), "depths"),
    Bad("groups.json", _is(config(model_type="albert", num_hidden_groups=10**6)), ("limit", "timeout")),
    Bad(
        "experts.json",
        _is(json.dumps({"model_type": "mixtral", "num_local_experts": 10**7}).encode()),
        ("config", "limit"),
        "num_local_experts",
    ),
    Bad("negative.json", _is(config(n_layer=-1)), ("config", "limit"), "n_layer"),
    Bad("negative_width.json", _is(config(n_embd=-768)), ("config",), "n_embd"),
    Bad("nan.json", _is(config(n_embd=float("nan"))), ("config",), "n_embd"),
    Bad("nan_float.json", _is(config(layer_norm_epsilon=float("nan"))), ("config",), "layer_norm_epsilon"),
    Bad("string.json", _is(config(n_embd="768")), ("config",), "n_embd"),
    Bad("unknown.json", _is(config(model_type="evil")), ("config",), "evil"),
    Bad("type_number.json", _is(config(model_type=5)), ("config",), "model_type"),
    Bad("no_type.json", _is(b'{"architectures": ["GPT2Model"]}'), ("config",), "model_type"),
    Bad("auto_map.json", _is(config(auto_map={"AutoModel": "evil.Model"})), ("runs-code",), "auto_map"),
    Bad(
        "inner_auto_map.json",
        _is(config(model_type="llava", text_config={"auto_map": {"AutoModel": "evil.Model"}})),
        ("runs-code",),
        "text_config.auto_map",
    ),
    Bad(
        "inner_type.json",
        _is(config(model_type="llava", text_config={"model_type": "evil"})),
        ("config",),
        "evil",
    ),
    Bad("zero.json", _is(config(n_head=0)), ("config",)),
    Bad("twice.json", _is(b'{"model_type": "gpt2", "model_type": "bert"}'), ("ambiguous",), "model_type"),
    Bad("broken.json", _is(b'{"model_type": "gpt2"'), ("malformed",)),
    Bad("other.json", _is(b'{"a": 1}'), ("unknown-format",)),
    Bad("huge.json", _is(config(a="x" * 5_000_000)), ("limit",)),
    Bad("wide.json", _is(config(n_embd=10**6, n_inner=10**6, n_layer=512)), ("limit",), "parameters"),
    Bad("deep.json", _is(config(a=json.loads("[" * 900 + "]" * 900))), ("config", "malformed")),
    Bad("classes.json", _is(config(architectures=[5])), ("config",), "architectures"),
)

GENERIC = (
    Bad("photo.jpg", _is(b"\xff\xd8\xff\xe0" + b"\0" * 64), ("unknown-format",), "photo"),
    Bad("photo.pt", _is(b"\xff\xd8\xff\xe0" + b"\0" * 64), ("unknown-format",), "photo"),
    Bad("picture.png", _is(b"\x89PNG\r\n\x1a\n" + b"\0" * 64), ("unknown-format",), "PNG"),
    Bad("picture.gif", _is(b"GIF89a" + b"\0" * 64), ("unknown-format",), "GIF"),
    Bad("paper.pdf", _is(b"%PDF-1.7\n"), ("unknown-format",), "PDF"),
    Bad("book.ipynb", _is(b'{"cells": [], "nbformat": 4}'), ("unknown-format",), "notebook"),
    Bad("book_late.ipynb", _is(b'{"metadata": {}, "nbformat": 4}'), ("unknown-format",), "notebook"),
    Bad("cut.ipynb", _is(b'{\n "cells": [' + b" " * 5_000_000), ("unknown-format",), "notebook"),
    Bad("arrays.npz", _zip_of("a.npy"), ("unsupported", "unknown-format"), "npz"),
    Bad("array.npy", _is(b"\x93NUMPY\x01\x00"), ("unsupported",), ".npy"),
    Bad("weights.h5", _is(b"\x89HDF\r\n\x1a\n"), ("unsupported",), "HDF5"),
    Bad("model.keras", _zip_of("config.json", "model.weights.h5"), ("unsupported",), "Keras"),
    Bad("model.7z", _is(b"7z\xbc\xaf\x27\x1c\0\x04"), ("unknown-format",), "7z"),
    Bad("model.tar.gz", _is(b"\x1f\x8b\x08\0" + b"\0" * 32), ("unknown-format",), "tar.gz"),
    Bad("model.gz", _is(b"\x1f\x8b\x08\0" + b"\0" * 32), ("unknown-format",), "gzip"),
    Bad("things.zip", _zip_of("a.txt"), ("unknown-format",), "zip"),
    Bad("script.pt", _zip_of("a/data.pkl", "a/constants.pkl"), ("malformed", "truncated"), "pickle"),
    Bad("old.jit", _zip_of("a/model.json", "a/tensors/0"), ("unsupported",), "TorchScript"),
    Bad("compiled.pt2", _zip_of("a/archive_format", "a/data/aotinductor/x.so"), ("unsupported",), "compiled"),
    Bad("older.pt2", _zip_of("serialized_exported_program.json"), ("unsupported",), "older"),
    Bad("no_weights.pt2", _zip_of("a/models/model.json"), ("malformed",), "model_weights_config.json"),
    Bad("config.json", _is('{"model_type": "gpt2"}'.encode("utf-16")), ("unknown-format",), "UTF-16"),
    Bad("page.safetensors", _is(b"<!DOCTYPE html><html></html>"), ("unknown-format",), "web page"),
    Bad(
        "pointer.safetensors",
        _is(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"),
        ("unknown-format",),
        "git lfs pull",
    ),
    Bad("plan.json", _is(b'{"format":"shareviz.plan","version":1}'), ("unknown-format",), "a plan"),
    Bad("notes.txt", _is(b"hello, this is nothing"), ("unknown-format",), "text"),
    Bad("words.txt", _is(b"cat\ndog\nrabbit\n"), ("unknown-format",), "text"),
    Bad("list.json", _is(b"[1, 2]"), ("unknown-format",), "list"),
    Bad("model.py", _is(b"import torch\n"), ("runs-code",), "--run-code"),
    Bad("zip_end.zip", _is(b"PK\x05\x06" + b"\0" * 18), ("unknown-format",), "zip"),
    Bad("zip_start.zip", _is(b"PK\x03\x04"), ("truncated",)),
)

BAD = (*PICKLES, *LEGACY, *SCRIPTS, *EXPORTS, *INDICES, *SAFETENSORS, *CONFIGS, *GENERIC)
