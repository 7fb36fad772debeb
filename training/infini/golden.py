"""Writes test/golden/infini: a tiny backbone, random weights of a memory, and the logits that PyTorch gives: `python -m infini.golden`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import save_file

from common.backbone import Backbone, Config
from common.corpus import REPOSITORY

from . import memory
from . import bank
from .export import load_exported, write_model
from .memory import InfiniModel, write_linear

FOLDER = REPOSITORY / "test/golden/infini"
TINY = Config(3, 64, 4, 2, 16, 96, 320, 10_000.0, 1e-5)
LAYERS = [1, 2]


def checkpoint(backbone: Backbone) -> dict[str, torch.Tensor]:
    """The backbone by the names of transformers."""
    tensors = {"model.embed_tokens.weight": backbone.embedding.weight, "model.norm.weight": backbone.final_norm.weight}
    config = backbone.config
    for index, layer in enumerate(backbone.layers):
        own = f"model.layers.{index}"
        query, key, value = layer.qkv.weight.split([config.query_width, config.kv_width, config.kv_width])
        gate, up = layer.gate_up.weight.chunk(2)
        tensors |= {
            f"{own}.self_attn.q_proj.weight": query, f"{own}.self_attn.k_proj.weight": key, f"{own}.self_attn.v_proj.weight": value,
            f"{own}.self_attn.o_proj.weight": layer.output.weight, f"{own}.mlp.gate_proj.weight": gate, f"{own}.mlp.up_proj.weight": up,
            f"{own}.mlp.down_proj.weight": layer.down.weight, f"{own}.input_layernorm.weight": layer.attention_norm.weight,
            f"{own}.post_attention_layernorm.weight": layer.feed_forward_norm.weight,
        }  # fmt: skip
    return {name: tensor.detach().clone().contiguous() for name, tensor in tensors.items()}


def write_checkpoint(folder: Path, backbone: Backbone) -> None:
    config = backbone.config
    folder.mkdir(parents=True, exist_ok=True)
    save_file(checkpoint(backbone), folder / "model.safetensors", {"format": "pt"})
    settings = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "bos_token_id": 1, "eos_token_id": 2, "hidden_act": "silu",
        "hidden_size": config.hidden, "intermediate_size": config.intermediate, "head_dim": config.head_dim, "max_position_embeddings": 512,
        "num_attention_heads": config.heads, "num_hidden_layers": config.layers, "num_key_value_heads": config.kv_heads,
        "rms_norm_eps": config.norm_epsilon, "rope_parameters": {"rope_theta": config.rope_theta, "rope_type": "default"},
        "tie_word_embeddings": True, "vocab_size": config.vocabulary,
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(settings, indent=1) + "\n")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(REPOSITORY / "test/golden/checkpoints/mistral" / name, folder / name)


def randomise(model: InfiniModel) -> None:
    """Weights of no meaning whose every part changes the logits."""
    for number in model.layer_numbers:
        own = model.at(number)
        for linear in (own.key, own.value, own.query, own.output_down, own.output_up):
            size = 3.0 if linear is own.output_up else 0.6
            torch.nn.init.normal_(linear.weight, 0, size / linear.weight.shape[1] ** 0.5)
        for vector in (own.key.bias, own.value.bias, own.query.bias, own.gate, own.null, own.kv_mean, own.query_mean):
            torch.nn.init.normal_(vector, 0, 0.7)
        for scale in (own.kv_scale, own.query_scale):
            torch.nn.init.uniform_(scale, 0.5, 1.5)


def read_segments(model: InfiniModel, segments: list[list[int]]) -> dict[int, memory.Memory]:
    """A memory of segments, each read alone behind the prefix, by layer."""
    states = [bank.run(model, torch.tensor([segment]), want_last=False)[0][0] for segment in segments]
    memories = {}
    for i, number in enumerate(model.layer_numbers):
        config, own = model.config, model.at(number)
        state = torch.zeros(config.kv_heads, config.head_dim, config.head_dim), torch.zeros(config.kv_heads, config.head_dim)
        for segment in states:
            state = write_linear(state, *own.entries(segment[i]))
        memories[number] = tuple(part[None] for part in state)
    return memories


@torch.no_grad()
def main() -> None:
    torch.manual_seed(3)
    model = InfiniModel(Backbone.random(TINY, 3), LAYERS, [0], rank=8)
    prefix = torch.randint(3, 300, (6,)).tolist()
    model.prefix = memory.encode_prefix(model.frozen, prefix)
    randomise(model)
    write_checkpoint(FOLDER / "model", model.frozen)
    weights = FOLDER / "weights.safetensors"
    write_model(weights, model, "0" * 64, {})
    load_exported(weights, model)
    segments = [torch.randint(3, 300, (size,)).tolist() for size in (30, 17, 41, 5)]
    question = torch.randint(3, 300, (21,)).tolist()
    hidden = model(torch.tensor([question]), read_segments(model, segments))
    plain = model(torch.tensor([question]), {})
    told = {"prefix": prefix, "segments": segments, "question": question}
    (FOLDER / "texts.json").write_text(json.dumps(told) + "\n")
    (FOLDER / "logits.bin").write_bytes(model.frozen.logits(hidden)[0].numpy().tobytes())
    print("memory changes logits by", (model.frozen.logits(hidden) - model.frozen.logits(plain)).abs().max().item())


if __name__ == "__main__":
    main()
