"""What a tensor does, from its name and the class of its module."""

from __future__ import annotations

import pytest

from shareviz.roles import Role, role


@pytest.mark.parametrize(
    ("name", "cls", "expected"),
    [
        ("transformer.wte.weight", "Embedding", Role.EMBEDDING),
        ("wpe.weight", "Embedding", Role.POSITION),
        ("lm_head.weight", "Linear", Role.HEAD),
        ("output.weight", "", Role.HEAD),
        ("h.0.attn.c_attn.weight", "Conv1D", Role.ATTENTION),
        ("layers.0.self_attn.k_proj.weight", "Linear", Role.ATTENTION),
        ("encoder.layer.0.output.dense.weight", "Linear", Role.FEED_FORWARD),
        ("encoder.layer.0.attention.output.dense.weight", "Linear", Role.ATTENTION),
        ("encoder.layer.0.output.LayerNorm.weight", "LayerNorm", Role.NORM),
        ("layers.0.linear1.weight", "Linear", Role.FEED_FORWARD),
        ("layers.0.mlp.gate_proj.weight", "Linear", Role.FEED_FORWARD),
        ("backbone.layers.0.mixer.in_proj.weight", "Linear", Role.RECURRENT),
        ("rnn.weight_ih_l0", "LSTM", Role.RECURRENT),
        ("stem.0.weight", "Conv2d", Role.CONVOLUTION),
        ("something.odd.weight", "Linear", Role.OTHER),
    ],
)
def test_names_and_classes_have_their_role(name: str, cls: str, expected: Role) -> None:
    assert role(name, cls) is expected
