"""The nets compute what torch's own layers compute, and plans turn the unshared ones into them."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from shareviz.capture import capture
from shareviz.forms import Rows
from shareviz.models import build
from shareviz.nets.blocks import Attention, Block, BlockShape, DecoderBlock
from shareviz.nets.encoder_decoder import waves
from shareviz.nets.local_conv import LocalConv2d
from shareviz.nets.recurrent import CellClassifier
from shareviz.plan import Plan, Rewrite, tie
from shareviz.realize import bake, realize

EQUAL = {"rtol": 1e-5, "atol": 1e-5}


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def together(attention: Attention) -> dict[str, Tensor]:
    """The same weights under the names of nn.MultiheadAttention."""
    three = (attention.q, attention.k, attention.v)
    return {
        "in_proj_weight": torch.cat([part.weight for part in three]),
        "in_proj_bias": torch.cat([part.bias for part in three]),
        "out_proj.weight": attention.o.weight,
        "out_proj.bias": attention.o.bias,
    }


@pytest.mark.parametrize("causal", [False, True])
def test_attention_is_that_of_torch(causal: bool) -> None:
    ours = Attention(12, 3, causal=causal)
    theirs = nn.MultiheadAttention(12, 3, batch_first=True)
    theirs.load_state_dict(together(ours))
    x = torch.randn(2, 5, 12)
    mask = nn.Transformer.generate_square_subsequent_mask(5) if causal else None
    torch.testing.assert_close(ours(x), theirs(x, x, x, attn_mask=mask)[0], **EQUAL)


def test_attention_to_a_memory_is_that_of_torch() -> None:
    ours = Attention(12, 3)
    theirs = nn.MultiheadAttention(12, 3, batch_first=True)
    theirs.load_state_dict(together(ours))
    x, memory = torch.randn(2, 5, 12), torch.randn(2, 7, 12)
    torch.testing.assert_close(ours(x, memory), theirs(x, memory, memory)[0], **EQUAL)


@pytest.mark.parametrize("first", [False, True])
def test_a_block_is_the_encoder_layer_of_torch(first: bool) -> None:
    ours = Block(BlockShape(12, 3, 20, norm_first=first))
    theirs = nn.TransformerEncoderLayer(12, 3, 20, 0.0, F.gelu, batch_first=True, norm_first=first)
    state = {f"self_attn.{name}": value for name, value in together(ours.attention).items()}
    for there, here in (("linear1", ours.ffn.up), ("linear2", ours.ffn.down)):
        state |= {f"{there}.{name}": value for name, value in here.state_dict().items()}
    for there, norm in (("norm1", ours.norm1), ("norm2", ours.norm2)):
        nn.init.normal_(norm.weight)
        state |= {f"{there}.{name}": value for name, value in norm.state_dict().items()}
    theirs.load_state_dict(state)
    x = torch.randn(2, 5, 12)
    torch.testing.assert_close(ours(x), theirs(x), **EQUAL)


@pytest.mark.parametrize("first", [False, True])
def test_a_decoder_block_is_the_decoder_layer_of_torch(first: bool) -> None:
    ours = DecoderBlock(BlockShape(12, 3, 20, norm_first=first, relu=True))
    theirs = nn.TransformerDecoderLayer(12, 3, 20, 0.0, F.relu, batch_first=True, norm_first=first)
    state = {f"self_attn.{name}": value for name, value in together(ours.attention).items()}
    state |= {f"multihead_attn.{name}": value for name, value in together(ours.cross).items()}
    for there, here in (("linear1", ours.ffn.up), ("linear2", ours.ffn.down)):
        state |= {f"{there}.{name}": value for name, value in here.state_dict().items()}
    for there in ("norm1", "norm2", "norm3"):
        norm = getattr(ours, there)
        nn.init.normal_(norm.weight)
        state |= {f"{there}.{name}": value for name, value in norm.state_dict().items()}
    theirs.load_state_dict(state)
    x, memory = torch.randn(2, 5, 12), torch.randn(2, 7, 12)
    mask = nn.Transformer.generate_square_subsequent_mask(5)
    torch.testing.assert_close(ours(x, memory), theirs(x, memory, tgt_mask=mask), **EQUAL)


def test_a_language_model_does_not_look_ahead() -> None:
    module = build("language_model?layers=2&width=16&heads=2&vocab=11&context=9", device="cpu")
    tokens = torch.randint(11, (1, 6))
    changed = tokens.clone()
    changed[0, 4] = (tokens[0, 4] + 1) % 11
    before, after = module(tokens), module(changed)
    torch.testing.assert_close(before[:, :4], after[:, :4])
    assert not torch.allclose(before[:, 4:], after[:, 4:])


def test_a_new_language_model_is_near_the_loss_of_a_guess_even_with_a_tied_head() -> None:
    text = "language_model?layers=2&width=64&heads=2&vocab=500&context=16"
    module = realize(Plan((tie("head.weight", "tok_emb.weight"),)), build(text, device="cpu"))
    tokens = torch.randint(500, (8, 16))
    loss = F.cross_entropy(module(tokens)[:, :-1].flatten(0, 1), tokens[:, 1:].flatten())
    guess = torch.log(torch.tensor(500.0))
    assert (loss - guess).abs() < 1


def test_fixed_positions_are_those_of_the_paper() -> None:
    table = waves(7, 6, like=torch.zeros(()))
    for place in range(7):
        for pair in range(3):
            angle = torch.tensor(place / 10_000 ** (2 * pair / 6))
            torch.testing.assert_close(table[place, 2 * pair], angle.sin(), **EQUAL)
            torch.testing.assert_close(table[place, 2 * pair + 1], angle.cos(), **EQUAL)


def test_a_local_layer_with_one_row_is_a_convolution() -> None:
    image = 7
    local = LocalConv2d(3, 4, kernel=3, image=image)
    positions = local.size**2
    one = Rows((0,) * positions)
    shared = realize(Plan((Rewrite("weight", one), Rewrite("bias", one))), local)
    stored = list(capture(shared).parameters())
    assert sum(piece.numel for piece in stored) == sum(p.numel() for p in nn.Conv2d(3, 4, 3).parameters())
    kernel = shared.parametrizations.weight.original.detach().reshape(4, 3, 3, 3)
    bias = shared.parametrizations.bias.original.detach().reshape(4)
    x = torch.randn(2, 3, image, image)
    torch.testing.assert_close(shared(x), F.conv2d(x, kernel, bias), **EQUAL)
    torch.testing.assert_close(bake(shared)(x), F.conv2d(x, kernel, bias), **EQUAL)


def test_a_local_layer_has_its_own_kernel_at_each_position() -> None:
    local = LocalConv2d(2, 3, kernel=2, image=4)
    x = torch.randn(1, 2, 4, 4)
    y = local(x)
    for position in range(local.size**2):
        row, column = divmod(position, local.size)
        patch = x[0, :, row : row + 2, column : column + 2].flatten()
        wanted = local.weight[position] @ patch + local.bias[position]
        torch.testing.assert_close(y[0, :, row, column], wanted, **EQUAL)


def tied_over_time(module: CellClassifier) -> nn.Module:
    names = [name for name, _ in module.cells[0].named_parameters()]
    ties = (
        tie(f"cells.{t}.{name}", f"cells.0.{name}") for t in range(1, len(module.cells)) for name in names
    )
    return realize(Plan(tuple(ties)), module)


@pytest.mark.parametrize(("kind", "whole"), [("gru", nn.GRU), ("lstm", nn.LSTM)])
def test_cells_tied_over_time_are_the_recurrent_layer_of_torch(kind: str, whole: type[nn.RNNBase]) -> None:
    tied = tied_over_time(build(f"{kind}_classifier?steps=5&inputs=3&width=4", device="cpu"))
    theirs = whole(3, 4, batch_first=True)
    cell = tied.cells[0].state_dict()
    theirs.load_state_dict({f"{name}_l0": value for name, value in cell.items()})
    for length in (5, 8):  # and beyond the cells
        x = torch.randn(2, length, 3)
        torch.testing.assert_close(tied.states(x), theirs(x)[0], **EQUAL)
        torch.testing.assert_close(tied(x), tied.head(theirs(x)[0][:, -1]), **EQUAL)


def test_a_shared_gru_has_as_many_parameters_as_published_for_parity() -> None:
    # 3·(16·1 + 16² + 2·16) + 16·2 + 2
    seen = capture(tied_over_time(build("gru_classifier")))
    assert sum(seen.storages) == 946 * 4


def test_cells_start_over_beyond_the_last() -> None:
    module = build("gru_classifier?steps=2&inputs=1&width=3", device="cpu")
    x = torch.randn(1, 3, 1)
    states = module.states(x)
    assert torch.equal(states[:, 2], module.cells[0](x[:, 2], states[:, 1]))
    assert not torch.allclose(states[:, 2], module.cells[1](x[:, 2], states[:, 1]))


def test_rows_on_keys_and_values_are_repeated_heads() -> None:
    ours = Attention(12, 6)
    table = Rows((0, 0, 0, 1, 1, 1))  # six query heads read two
    names = ("k.weight", "k.bias", "v.weight", "v.bias")
    grouped = realize(Plan(tuple(Rewrite(name, table) for name in names)), ours)
    q, k, v = (F.linear(x := X, getattr(grouped, part).weight, getattr(grouped, part).bias) for part in "qkv")
    assert torch.equal(x, X)
    stored = {part: grouped.get_submodule(part).parametrizations for part in "kv"}
    few = {
        part: F.linear(X, stored[part].weight.original, stored[part].bias.original).unflatten(-1, (2, 2))
        for part in "kv"
    }
    many = {part: few[part].repeat_interleave(3, dim=2).flatten(2) for part in "kv"}
    torch.testing.assert_close(k, many["k"], **EQUAL)
    torch.testing.assert_close(v, many["v"], **EQUAL)
    heads = [x.unflatten(-1, (6, 2)).transpose(1, 2) for x in (q, many["k"], many["v"])]
    wanted = grouped.o(F.scaled_dot_product_attention(*heads).transpose(1, 2).flatten(2))
    torch.testing.assert_close(grouped(X), wanted, **EQUAL)


X = torch.linspace(-1, 1, 2 * 5 * 12).reshape(2, 5, 12)


def test_a_vision_transformer_sees_patches_and_a_class_token() -> None:
    module = build("vit?layers=1&width=16&heads=2&image=8&patch=4&classes=3", device="cpu")
    images = torch.randn(2, 3, 8, 8)
    patches = images.unfold(2, 4, 4).unfold(3, 4, 4).permute(0, 2, 3, 1, 4, 5).flatten(3).flatten(1, 2)
    x = F.linear(patches, module.patch.weight.flatten(1), module.patch.bias)
    x = torch.cat([module.cls.repeat(2, 1, 1), x], dim=1) + module.pos
    wanted = module.head(module.norm(module.blocks[0](x))[:, 0])
    torch.testing.assert_close(module(images), wanted, **EQUAL)


def test_each_task_reads_its_own_input_or_the_same_one() -> None:
    module = build("multitask?tasks=3&inputs=5&classes=4", device="cpu")
    x = torch.randn(2, 3, 5)
    y = module(x)
    assert y.shape == (2, 3, 4)
    for task in range(3):
        torch.testing.assert_close(y[:, task], module.heads[task](module.towers[task](x[:, task])))
    same = module(x[:, 0])
    torch.testing.assert_close(same, module(x[:, :1].expand(2, 3, 5)))


def test_one_tower_for_both_sides_does_not_mind_which_is_left() -> None:
    module = build("siamese?inputs=5", device="cpu")
    names = [name for name, _ in module.towers[0].named_parameters()]
    one = realize(Plan(tuple(tie(f"towers.1.{name}", f"towers.0.{name}") for name in names)), module)
    left, right = torch.randn(2, 4, 5)
    torch.testing.assert_close(one(left, right), one(right, left))
    assert not torch.allclose(module(left, right), module(right, left))
    alike = one.head(torch.zeros(4, 32)).squeeze(-1)
    torch.testing.assert_close(one(left, left), alike)


@pytest.mark.parametrize(
    ("output", "shape"),
    [("states", (2, 5, 16)), ("pooler", (2, 16)), ("class", (2, 3)), ("tokens", (2, 5, 3))],
)
def test_an_encoder_gives_what_its_output_turn_says(output: str, shape: tuple[int, ...]) -> None:
    text = f"encoder?layers=1&width=16&heads=2&vocab=11&context=9&classes=3&output={output}"
    assert build(text, device="cpu")(torch.zeros(2, 5, dtype=torch.long)).shape == shape
