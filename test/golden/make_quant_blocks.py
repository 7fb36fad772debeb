"""Makes blocks of every tensor type with the values that the package `gguf` decodes them to.

Run in this folder, with the packages of requirements.txt: python make_quant_blocks.py
Writes quant-blocks/TYPE.blocks.bin and quant-blocks/TYPE.values.bin (fp32).
"""

import pathlib

import gguf
import numpy as np
from gguf import GGML_QUANT_SIZES
from gguf import GGMLQuantizationType as T

OUT = pathlib.Path(__file__).parent / "quant-blocks"
VALUES = 2048

# Byte offsets of the halves in a block that scale it.
SCALES = {
    T.F32: [],
    T.F16: [],
    T.BF16: [],
    T.Q8_0: [0],
    T.Q4_0: [0],
    T.Q4_1: [0, 2],
    T.Q5_0: [0],
    T.Q5_1: [0, 2],
    T.Q2_K: [80, 82],
    T.Q3_K: [108],
    T.Q4_K: [0, 2],
    T.Q5_K: [0, 2],
    T.Q6_K: [208],
    T.IQ4_NL: [0],
    T.IQ4_XS: [0],
}

# Zero of both signs, the smallest and largest subnormal, the smallest normal, the largest number of both signs, one.
EXTREME_HALVES = [0x0000, 0x8000, 0x0001, 0x03FF, 0x0400, 0x7BFF, 0xFBFF, 0x3C00]


def random_blocks(kind: T, count: int, random: np.random.Generator) -> np.ndarray:
    """Random codes; the first blocks have extreme scales, the others scales like a model's."""
    _, size = GGML_QUANT_SIZES[kind]
    blocks = random.integers(0, 256, (count, size), dtype=np.uint8)
    for offset in SCALES[kind]:
        halves = random.normal(0, 0.01, count).astype(np.float16)
        extreme = min(count // 2, len(EXTREME_HALVES))
        halves[:extreme] = random.permutation(np.array(EXTREME_HALVES, dtype=np.uint16)).view(np.float16)[:extreme]
        blocks[:, offset : offset + 2] = halves.view(np.uint8).reshape(-1, 2)
    return blocks


def make_blocks(kind: T, random: np.random.Generator) -> np.ndarray:
    """Half of the values quantised from a normal distribution, where `gguf` can, the others random bytes."""
    values, size = GGML_QUANT_SIZES[kind]
    blocks = random_blocks(kind, VALUES // values, random)
    try:
        weights = random.normal(0, 0.05, (VALUES // 2 // values, values)).astype(np.float32)
        quantised = gguf.quantize(weights, kind).view(np.uint8).reshape(-1, size)
        blocks[-len(quantised) :] = quantised
    except NotImplementedError:
        pass
    return blocks


def main() -> None:
    OUT.mkdir(exist_ok=True)
    for kind in SCALES:
        blocks = make_blocks(kind, np.random.default_rng(int(kind)))
        with np.errstate(all="ignore"):
            values = gguf.dequantize(blocks, kind).astype("<f4")
        (OUT / f"{kind.name}.blocks.bin").write_bytes(blocks.tobytes())
        (OUT / f"{kind.name}.values.bin").write_bytes(values.tobytes())


if __name__ == "__main__":
    main()
