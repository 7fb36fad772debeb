"""Makes tiny random checkpoints of each architecture and the logits that transformers computes with them.

Run in this folder, with the packages of requirements.txt: python make_checkpoints.py
Writes checkpoints/NAME/ (safetensors), checkpoints/NAME.gguf, checkpoints/NAME.logits.bin (fp32, [tokens, vocabulary])
and checkpoints/manifest.json. The weights are random, so a logit depends on every detail of the arithmetic.
"""

import json
import math
import pathlib
import shutil

import gguf
import numpy as np
import torch
from gguf import GGMLQuantizationType as T
from safetensors.torch import save_file
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoConfig, AutoModelForCausalLM

OUT = pathlib.Path(__file__).parent / "checkpoints"
VOCABULARY = 320
TOKENS = 48
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
CHAT_TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
SHAPE = dict(
    vocab_size=VOCABULARY,
    hidden_size=64,
    num_attention_heads=4,
    num_key_value_heads=2,
    intermediate_size=96,
    num_hidden_layers=2,
    max_position_embeddings=512,
    rms_norm_eps=1e-5,
    bos_token_id=1,
    eos_token_id=2,
)
LLAMA3_ROPE = dict(
    rope_type="llama3",
    rope_theta=10000.0,
    factor=8.0,
    low_freq_factor=1.0,
    high_freq_factor=4.0,
    # Short, so that within 48 tokens some frequencies are kept, some are blended and some are divided.
    original_max_position_embeddings=64,
)

# config, type of the matrices, tied embedding, shards, pre-tokenizer of the GGUF (no GGUF where None)
CHECKPOINTS = {
    "llama": (dict(rope_parameters=LLAMA3_ROPE), torch.float16, False, 2, "llama-bpe"),
    "mistral": (dict(rope_parameters=dict(rope_type="default", rope_theta=1e6), sliding_window=128), torch.bfloat16, False, 1, None),
    "qwen2": (dict(rope_parameters=dict(rope_type="default", rope_theta=1e6)), torch.float16, True, 1, "qwen2"),
    "qwen3": (
        dict(rope_parameters=dict(rope_type="default", rope_theta=1e6), head_dim=32, num_hidden_layers=3),
        torch.bfloat16,
        True,
        1,
        None,
    ),
}

LLAMA3_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def make_tokenizer() -> Tokenizer:
    """A byte-level BPE vocabulary of exactly VOCABULARY tokens, trained on this file."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(LLAMA3_SPLIT), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=SPECIAL,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator([pathlib.Path(__file__).read_text()], trainer)
    assert tokenizer.get_vocab_size() == VOCABULARY
    return tokenizer


def make_model(architecture: str, extra: dict, dtype: torch.dtype, tied: bool, generator: torch.Generator):
    """Random weights whose activations stay near 1, rounded to `dtype` (norms and biases stay fp32)."""
    config = AutoConfig.for_model(architecture, **{**SHAPE, **extra}, tie_word_embeddings=tied)
    config.architectures = [{"llama": "Llama", "mistral": "Mistral", "qwen2": "Qwen2", "qwen3": "Qwen3"}[architecture] + "ForCausalLM"]
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32, attn_implementation="eager").eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            noise = torch.randn(weight.shape, generator=generator)
            if weight.dim() == 2:
                # Wide enough that attention is peaked and logits differ by several units.
                weight.copy_((1.5 * noise / math.sqrt(weight.shape[1])).to(dtype))
            elif name.endswith("bias"):
                weight.copy_(0.5 * noise)
            else:
                weight.copy_(1 + 0.2 * noise)
    return model


def save_folder(folder: pathlib.Path, model, dtype: torch.dtype, tokenizer: Tokenizer, shards: int) -> None:
    folder.mkdir()
    tensors = {
        name: (weight.detach().to(dtype) if weight.dim() == 2 else weight.detach()).contiguous()
        for name, weight in model.named_parameters()
    }
    names = sorted(tensors)
    if shards == 1:
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    else:
        files = [f"model-{i + 1:05}-of-{shards:05}.safetensors" for i in range(shards)]
        weight_map = {name: files[i * shards // len(names)] for i, name in enumerate(names)}
        for file in files:
            save_file({n: tensors[n] for n in names if weight_map[n] == file}, folder / file, metadata={"format": "pt"})
        index = {"metadata": {}, "weight_map": weight_map}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=1) + "\n")
    config = json.loads(model.config.to_json_string(use_diff=False))
    keep = {"model_type", "architectures", "hidden_act", "rope_parameters", "sliding_window", "head_dim", "tie_word_embeddings", *SHAPE}
    (folder / "config.json").write_text(json.dumps({k: v for k, v in config.items() if k in keep}, indent=1) + "\n")
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    tokenizer_config = dict(bos_token=SPECIAL[1], eos_token=SPECIAL[2], chat_template=CHAT_TEMPLATE)
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer_config, indent=1) + "\n")


GGUF_NAMES = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def gguf_name(name: str) -> str:
    stem, kind = name.rsplit(".", 1)
    if stem in GGUF_NAMES:
        return f"{GGUF_NAMES[stem]}.{kind}"
    _, _, layer, rest = stem.split(".", 3)
    return f"blk.{layer}.{GGUF_NAMES[rest]}.{kind}"


def interleave(weight: np.ndarray, heads: int) -> np.ndarray:
    """llama.cpp's `permute`: the halves of each head's rows alternate."""
    halves = weight.reshape(heads, 2, weight.shape[0] // heads // 2, *weight.shape[1:])
    return halves.swapaxes(1, 2).reshape(weight.shape)


def rope_factors(head_dim: int, rope: dict) -> np.ndarray:
    """The divisors that llama.cpp's converter stores as rope_freqs.weight."""
    factors = []
    for i in range(head_dim // 2):
        wavelength = 2 * math.pi * rope["rope_theta"] ** (2 * i / head_dim)
        turns = rope["original_max_position_embeddings"] / wavelength
        low, high = rope["low_freq_factor"], rope["high_freq_factor"]
        smooth = min(1.0, max(0.0, (turns - low) / (high - low)))
        factors.append(1 / ((1 - smooth) / rope["factor"] + smooth))
    return np.array(factors, dtype=np.float32)


def save_gguf(path: pathlib.Path, architecture: str, model, tokenizer: Tokenizer, pre: str) -> None:
    config = model.config
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_name(f"Random {architecture}")
    writer.add_license("mit")
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    vocabulary = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list([token for token, _ in vocabulary])
    writer.add_token_types([3 if token in SPECIAL else 1 for token, _ in vocabulary])
    writer.add_token_merges([" ".join(merge) for merge in merges])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_chat_template(CHAT_TEMPLATE)
    if config.rope_parameters["rope_type"] == "llama3":
        head_dim = config.hidden_size // config.num_attention_heads
        writer.add_tensor("rope_freqs.weight", rope_factors(head_dim, config.rope_parameters))
    for name, weight in model.named_parameters():
        values = weight.detach().numpy()
        if architecture == "llama" and ".q_proj." in name:
            values = interleave(values, config.num_attention_heads)
        if architecture == "llama" and ".k_proj." in name:
            values = interleave(values, config.num_key_value_heads)
        kind = T.F16 if values.ndim == 2 else T.F32
        writer.add_tensor(gguf_name(name), gguf.quantize(np.ascontiguousarray(values), kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main() -> None:
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir()
    tokenizer = make_tokenizer()
    manifest = {}
    for seed, (architecture, (extra, dtype, tied, shards, pre)) in enumerate(CHECKPOINTS.items()):
        generator = torch.Generator().manual_seed(seed)
        model = make_model(architecture, extra, dtype, tied, generator)
        tokens = torch.randint(3, VOCABULARY, (1, TOKENS), generator=generator)
        with torch.no_grad():
            logits = model(tokens).logits[0].numpy()
        save_folder(OUT / architecture, model, dtype, tokenizer, shards)
        logits.astype("<f4").tofile(OUT / f"{architecture}.logits.bin")
        if pre is not None:
            save_gguf(OUT / f"{architecture}.gguf", architecture, model, tokenizer, pre)
        manifest[architecture] = {
            "folder": architecture,
            **({} if pre is None else {"gguf": f"{architecture}.gguf"}),
            "tokens": tokens[0].tolist(),
            "logits": f"{architecture}.logits.bin",
            "shape": list(logits.shape),
        }
    (OUT / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")


if __name__ == "__main__":
    main()
