"""The file that is shipped: safetensors with matrices in int8, one scale a row, and vectors in float32."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

SCALES = ".scales"
MOST_BYTES = 30_000_000
"""A file in the tree may not be larger."""


def quantize(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Each matrix [rows, columns] as int8 with `NAME.scales` [rows]; what has one dimension stays float32."""
    stored: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        tensor = tensor.detach().float().cpu()
        if tensor.dim() < 2:
            stored[name] = tensor.contiguous()
            continue
        scales = tensor.abs().amax(-1).clamp(min=1e-12) / 127
        stored[name] = (tensor / scales[..., None]).round().to(torch.int8).contiguous()
        stored[name + SCALES] = scales.contiguous()
    return stored


def dequantize(stored: dict[str, Tensor]) -> dict[str, Tensor]:
    """The inverse of `quantize`, up to rounding."""
    return {
        name: tensor.float() * stored[name + SCALES][..., None] if name + SCALES in stored else tensor
        for name, tensor in stored.items()
        if not name.endswith(SCALES)
    }


def write_weights(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(quantize(tensors), path, metadata)
    path.chmod(0o644)
    if path.stat().st_size > MOST_BYTES:
        raise ValueError(f"{path} has {path.stat().st_size} bytes; at most {MOST_BYTES} are shipped")


def read_weights(path: Path) -> dict[str, Tensor]:
    return dequantize(load_file(path))
