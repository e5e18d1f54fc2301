"""ONNX files made by hand, byte by byte: what the onnx package would refuse to write."""

from __future__ import annotations

import struct

from tests.formats.hostile import Bad

FLOAT, INT64, INT4 = 1, 7, 22


def varint(value: int) -> bytes:
    value &= 2**64 - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*out, value))


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def block(field: int, value: bytes | str) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return varint(field << 3 | 2) + varint(len(raw)) + raw


def tensor(
    name: str = "w", dims: tuple[int, ...] = (2, 2), kind: int = FLOAT, raw: bytes | None = b"\0" * 16
) -> bytes:
    head = b"".join(number(1, size) for size in dims) + number(2, kind) + block(8, name)
    return head if raw is None else head + block(9, raw)


def outside(location: str, name: str = "w", **more: str) -> bytes:
    pairs = {"location": location, **more}
    entries = b"".join(block(13, block(1, key) + block(2, value)) for key, value in pairs.items())
    return tensor(name, raw=None) + entries + number(14, 1)


def node(
    op: str, inputs: tuple[str, ...] = (), outputs: tuple[str, ...] = (), *attributes: bytes, name: str = ""
) -> bytes:
    values = b"".join(block(1, value) for value in inputs) + b"".join(block(2, value) for value in outputs)
    return values + block(3, name) + block(4, op) + b"".join(block(5, one) for one in attributes)


def graph(*nodes: bytes, weights: tuple[bytes, ...] = ()) -> bytes:
    return b"".join(block(1, one) for one in nodes) + b"".join(block(5, one) for one in weights)


def model(inner: bytes) -> bytes:
    return number(1, 8) + block(2, "by hand") + block(7, inner)


def nested(depth: int) -> bytes:
    """Return a graph of If nodes in If nodes."""
    inner = graph(node("Relu", ("x",), ("y",)))
    for _ in range(depth):
        inner = graph(node("If", ("c",), ("y",), block(1, "then_branch") + block(6, inner)))
    return inner


def _file(*weights: bytes, nodes: tuple[bytes, ...] = ()) -> bytes:
    return model(graph(*nodes, weights=weights))


def _bad(name: str, data: bytes, codes: tuple[str, ...], says: str = "") -> Bad:
    return Bad(f"{name}.onnx", lambda _marker: data, codes, says)


_MANY = b"".join(block(1, b"") for _ in range(200_001))
_GOOD = _file(tensor())

BAD = (
    _bad("onnx_traverse", _file(outside("../../x")), ("unsafe-path",), "../../x"),
    _bad("onnx_absolute", _file(outside("/etc/x")), ("unsafe-path",), "/etc/x"),
    _bad("onnx_inside", _file(outside("a/../../x")), ("unsafe-path",)),
    _bad("onnx_windows", _file(outside("C:\\x")), ("unsafe-path",)),
    _bad("onnx_backslash", _file(outside("..\\x")), ("unsafe-path",)),
    _bad("onnx_no_place", _file(outside("")), ("malformed",), "not named"),
    _bad("onnx_offset", _file(outside("x", offset="-5")), ("malformed",), "offset"),
    _bad("onnx_length", _file(outside("x", length="17")), ("malformed",), "need 16"),
    _bad("onnx_dims", _file(tensor(dims=(2**60,), raw=None)), ("malformed",), "without any bytes"),
    _bad("onnx_dims_empty", _file(tensor(dims=(2**60,), raw=b"")), ("malformed",), "without any bytes"),
    _bad("onnx_dims_int4", _file(tensor(dims=(2**60,) * 20, kind=INT4)), ("limit",), "2⁴⁸"),
    _bad("onnx_negative", _file(tensor(dims=(-1, -4))), ("malformed",), "negative"),
    _bad("onnx_rank", _file(tensor(dims=(1,) * 40, raw=b"\0" * 4)), ("limit",), "32 dimensions"),
    _bad("onnx_bytes", _file(tensor(dims=(5,))), ("malformed",), "need 20"),
    _bad("onnx_two_ways", _file(tensor() + block(4, b"\0" * 16)), ("malformed",), "twice"),
    _bad("onnx_type", _file(tensor(kind=99)), ("unsupported",), "type 99"),
    _bad("onnx_twice", _file(tensor(), tensor()), ("ambiguous",), "named w"),
    _bad("onnx_two_graphs", _GOOD + block(7, graph(weights=(tensor(),))), ("ambiguous",), "two graphs"),
    _bad("onnx_deep", model(nested(5_000)), ("limit",), "nest"),
    _bad("onnx_nodes", model(_MANY), ("limit",), "200,000 nodes"),
    _bad("onnx_long_name", _file(tensor(name="n" * 9_000)), ("limit",), "9,000"),
    _bad("onnx_huge_name", _file(tensor(name="n" * 100_000)), ("limit",), "100,000"),
    _bad("onnx_name", _file(tensor().replace(b"\x01w", b"\x01\xff")), ("bad-name",)),
    _bad("onnx_long_op", _file(tensor(), nodes=(node("O" * 9_000),)), ("limit",)),
    _bad("onnx_cut", _GOOD[:-3], ("truncated",), "cut off"),
    _bad("onnx_reach", model(block(5, b"\x42\x7fw") + block(2, "")), ("malformed",), "beyond"),
    _bad("onnx_number", b"\x08\x08\x12\x01a" + b"\x08" + b"\xff" * 12, ("malformed",), "64 bits"),
    _bad("onnx_group", b"\x08\x08\x12\x01a\x0b", ("malformed",)),
    _bad("onnx_field_0", b"\x08\x08\x12\x01a\x00", ("malformed",), "number 0"),
    _bad("onnx_graph_number", b"\x08\x08\x12\x01a" + number(7, 5), ("malformed",), "message"),
    _bad("onnx_name_number", _file(number(8, 5)), ("malformed",), "text"),
    _bad("onnx_no_graph", b"\x08\x08\x12\x07pytorch", ("malformed",), "no graph"),
    _bad("onnx_none", _file(), ("no-tensors",)),
    _bad("onnx_texts", _file(tensor(kind=8, raw=None, dims=(1,)) + block(6, "a")), ("no-tensors",)),
    _bad("onnx_empty_fixed", _file(varint(9 << 3 | 1) + struct.pack("<d", 0)), ("unsupported",)),
)
