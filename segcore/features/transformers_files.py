"""Files of weights as the library transformers saves them: ViT, DINOv2 with and without registers, DINOv3."""

import re
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

_CLASS_TOKEN = "embeddings.cls_token"  # in every such file; before it stands what the model is called in a larger one
_NAMES = (  # one after the other; they give the names of the authors' own files
    (r"^embeddings\.patch_embeddings\.(projection\.)?", "patch_embed.proj."),
    (r"^embeddings\.position_embeddings$", "pos_embed"),
    (r"^embeddings\.", ""),
    (r"^(encoder\.|model\.)?layer\.", "blocks."),
    (r"^layernorm\.", "norm."),
    (r"\.layernorm_before\.", ".norm1."),
    (r"\.layernorm_after\.", ".norm2."),
    (r"\.attention\.(attention\.)?([qkv])(uery|ey|alue|_proj)\.", r".attn.\2."),
    (r"\.attention\.(output\.dense|o_proj)\.", ".attn.proj."),
    (r"\.(intermediate\.dense|mlp\.up_proj)\.", ".mlp.fc1."),
    (r"^(blocks\.\d+)\.output\.dense\.", r"\1.mlp.fc2."),
    (r"\.mlp\.down_proj\.", ".mlp.fc2."),
    (r"\.layer_scale(\d)\.lambda1$", r".ls\1.gamma"),
)
_LEFT_OUT = ("pooler.", "classifier.", "rope_embeddings.")  # no feature goes through them, or they hold no weights


def authors_names(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Give the tensors of the library transformers the names of the authors' own files; leave other files alone.

    Queries, keys and values become one matrix. Heads, which stand beside the model, are left out.
    """
    start = next((key.removesuffix(_CLASS_TOKEN) for key in state if key.endswith(_CLASS_TOKEN)), None)
    if start is None:
        return dict(state)
    out = {}
    for key, x in state.items():
        name = key.removeprefix(start)
        if key.startswith(start) and not name.startswith(_LEFT_OUT):
            for pattern, put in _NAMES:
                name = re.sub(pattern, put, name)
            out[name] = x
    if "pos_embed" not in out and "register_tokens" in out:
        out["storage_tokens"] = out.pop("register_tokens")  # DINOv3
    for name in [name.removesuffix("q.weight") for name in out if name.endswith(".attn.q.weight")]:
        weights, biases = ({n: out.pop(f"{name}{n}.{kind}", None) for n in "qkv"} for kind in ("weight", "bias"))
        out |= {f"{name}{key}": x for key, x in _joined(weights, biases)}
    return out


def _joined(weights: Mapping[str, Tensor | None], biases: Mapping[str, Tensor | None]) -> Iterator[tuple[str, Tensor]]:
    """The matrix of queries, keys and values, and their biases; in DINOv3 keys have none, and all 0 is as good as none."""
    yield "qkv.weight", torch.cat([x for x in weights.values() if x is not None])
    given = {n: x for n, x in biases.items() if x is not None}
    if len(given) == len(biases):
        yield "qkv.bias", torch.cat(list(given.values()))
    elif any(x.any() for x in given.values()):
        yield from ((f"{n}_bias", x) for n, x in given.items())
