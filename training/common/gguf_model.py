"""Reads a GGUF file of the llama architecture into a backbone, and its vocabulary into a tokenizer."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from gguf import GGUFReader
from gguf.quants import dequantize
from tokenizers import Tokenizer

from .backbone import Backbone, Config

CONTROL = 3
"""`tokenizer.ggml.token_type` of tokens that text never spells."""


def read_config(reader: GGUFReader) -> Config:
    def field(name: str) -> float:
        return reader.fields[f"llama.{name}"].contents()

    heads, hidden = int(field("attention.head_count")), int(field("embedding_length"))
    return Config(
        layers=int(field("block_count")),
        hidden=hidden,
        heads=heads,
        kv_heads=int(field("attention.head_count_kv")),
        head_dim=hidden // heads,
        intermediate=int(field("feed_forward_length")),
        vocabulary=int(field("vocab_size")),
        rope_theta=float(field("rope.freq_base")),
        norm_epsilon=float(field("attention.layer_norm_rms_epsilon")),
    )


def read_backbone(path: str | Path, dtype: torch.dtype = torch.bfloat16, device: str = "cpu") -> Backbone:
    """The frozen backbone of a GGUF file; matrices in `dtype`, norms in float32."""
    reader = GGUFReader(path)
    config = read_config(reader)
    weights = {tensor.name: tensor for tensor in reader.tensors}

    def matrix(name: str) -> torch.Tensor:
        tensor = weights[f"{name}.weight"]
        return torch.from_numpy(np.array(dequantize(tensor.data, tensor.tensor_type)))

    backbone = Backbone(config)
    state = {"embedding.weight": matrix("token_embd"), "final_norm.weight": matrix("output_norm")}
    for index in range(config.layers):
        stored, own = f"blk.{index}", f"layers.{index}"
        query = half_split(matrix(f"{stored}.attn_q"), config.heads)
        key = half_split(matrix(f"{stored}.attn_k"), config.kv_heads)
        state[f"{own}.qkv.weight"] = torch.cat([query, key, matrix(f"{stored}.attn_v")])
        state[f"{own}.output.weight"] = matrix(f"{stored}.attn_output")
        state[f"{own}.gate_up.weight"] = torch.cat([matrix(f"{stored}.ffn_gate"), matrix(f"{stored}.ffn_up")])
        state[f"{own}.down.weight"] = matrix(f"{stored}.ffn_down")
        state[f"{own}.attention_norm.weight"] = matrix(f"{stored}.attn_norm")
        state[f"{own}.feed_forward_norm.weight"] = matrix(f"{stored}.ffn_norm")
    backbone.load_state_dict(state)
    for parameter in backbone.parameters():
        if parameter.dim() > 1:
            parameter.data = parameter.data.to(dtype)
    return backbone.requires_grad_(False).to(device)


def half_split(weight: torch.Tensor, heads: int) -> torch.Tensor:
    """llama.cpp stores the rows of q and k for rope over neighbouring pairs; this is their order for rope over halves."""
    rows, columns = weight.shape
    return weight.view(heads, rows // heads // 2, 2, columns).transpose(1, 2).reshape(rows, columns)


def read_tokenizer(path: str | Path) -> Tokenizer:
    """The byte-level BPE of a GGUF file whose pre-tokenizer is `smollm`: digits one by one, then GPT-2's expression."""
    fields = GGUFReader(path).fields
    if (pre := fields["tokenizer.ggml.pre"].contents()) != "smollm":
        raise ValueError(f"{path}: the pre-tokenizer {pre} is not known here")
    tokens = fields["tokenizer.ggml.tokens"].contents()
    types = fields["tokenizer.ggml.token_type"].contents()
    merges = fields["tokenizer.ggml.merges"].contents()
    special = [
        {"id": i, "content": token, "special": True, "normalized": False, "single_word": False, "lstrip": False, "rstrip": False}
        for i, (token, kind) in enumerate(zip(tokens, types, strict=True))
        if kind == CONTROL
    ]
    steps = [
        {"type": "Digits", "individual_digits": True},
        {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
    ]
    return Tokenizer.from_str(
        json.dumps(
            {
                "version": "1.0",
                "truncation": None,
                "padding": None,
                "added_tokens": special,
                "normalizer": None,
                "pre_tokenizer": {"type": "Sequence", "pretokenizers": steps},
                "post_processor": None,
                "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
                "model": {"type": "BPE", "vocab": {token: i for i, token in enumerate(tokens)}, "merges": merges},
            }
        )
    )
