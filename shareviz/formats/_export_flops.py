"""FLOPs of the operations of a torch.export graph: matrix products, a multiply-add as two.

The same operations count as in torch.utils.flop_counter; recurrent layers by their matrices.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

from shareviz.formats._json import At

Shapes = Mapping[str, tuple[int, ...]]

# the operand whose last size is summed over
_PRODUCTS = {
    "linear": "input",
    **dict.fromkeys(("mm", "bmm", "matmul", "dot", "mv"), "self"),
    **{"addmm": "mat1", "baddbmm": "batch1"},
}
_CONVOLUTIONS = frozenset({f"{kind}{n}d" for kind in ("conv", "conv_transpose") for n in (1, 2, 3)})
RECURRENT = frozenset({"lstm", "gru", "rnn_tanh", "rnn_relu"})


def flops(op: str, arguments: Mapping[str, At], shapes: Shapes, made: Sequence[str]) -> int:
    """Return the FLOPs of one operation, 0 where it is no matrix product."""
    out = prod(shapes.get(made[0], ())) if made else 0
    if op == "convolution" or op in _CONVOLUTIONS:
        turned = "transpose" in op or (
            "transposed" in arguments and arguments["transposed"].get("as_bool", 0).value
        )
        each = _shape(arguments, "input", shapes) if turned else None
        places = prod(each) if each is not None else out
        return 2 * places * prod(_shape(arguments, "weight", shapes)[1:])
    if op in _PRODUCTS:
        summed = _shape(arguments, _PRODUCTS[op], shapes)
        return 2 * out * summed[-1] if summed else 0
    if op == "scaled_dot_product_attention":
        query, key = _shape(arguments, "query", shapes), _shape(arguments, "key", shapes)
        return 2 * (prod(query) * key[-2] + out * key[-2]) if query and len(key) > 1 else 0
    return _recurrent(arguments, shapes) if op in RECURRENT else 0


def _recurrent(arguments: Mapping[str, At], shapes: Shapes) -> int:
    """Return the products of each weight matrix with every position of the sequence."""
    sequence = _shape(arguments, "input", shapes)
    listed = arguments["params"].get("as_tensors", []).value if "params" in arguments else []
    names = (
        [entry.get("name") for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []
    )
    matrices = [shapes[name] for name in names if isinstance(name, str) and len(shapes.get(name, ())) == 2]
    return 2 * prod(sequence[:-1]) * sum(map(prod, matrices))


def _shape(arguments: Mapping[str, At], name: str, shapes: Shapes) -> tuple[int, ...]:
    """Return the shape of a tensor argument, () where there is none."""
    value = arguments[name].get("as_tensor", None).value if name in arguments else None
    found = value.get("name") if isinstance(value, dict) else None
    return shapes.get(found, ()) if isinstance(found, str) else ()
