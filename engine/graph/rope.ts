import type { ModelConfig } from "../models/model-source.ts";

/** Cosines and sines of rope's angles, each row-major [positions, headDim / 2]. */
export interface RopeTable {
  cos: Float32Array;
  sin: Float32Array;
  half: number;
}

/** Rope's inverse frequencies [headDim / 2], with Llama-3's scaling or a checkpoint's own factors where it has them. */
function inverseFrequencies(config: ModelConfig): Float64Array {
  const half = config.headDim / 2;
  return Float64Array.from({ length: half }, (_, i) => {
    const frequency = 1 / config.ropeTheta ** ((2 * i) / config.headDim);
    const factor = config.ropeFactors?.[i];
    if (factor !== undefined) return frequency / factor;
    return config.ropeScaling ? scaleLlama3(frequency, config.ropeScaling) : frequency;
  });
}

/** transformers' `_compute_llama3_parameters`: low frequencies are stretched, high ones kept, those between blended. */
function scaleLlama3(frequency: number, scaling: NonNullable<ModelConfig["ropeScaling"]>): number {
  const wavelength = (2 * Math.PI) / frequency;
  const { factor, lowFrequencyFactor, highFrequencyFactor, originalContext } = scaling;
  if (wavelength > originalContext / lowFrequencyFactor) return frequency / factor;
  if (wavelength < originalContext / highFrequencyFactor) return frequency;
  const smooth = (originalContext / wavelength - lowFrequencyFactor) / (highFrequencyFactor - lowFrequencyFactor);
  return ((1 - smooth) * frequency) / factor + smooth * frequency;
}

/** The table for positions 0 to `positions` - 1. */
export function ropeTable(config: ModelConfig, positions: number): RopeTable {
  const frequencies = inverseFrequencies(config);
  const half = frequencies.length;
  const cos = new Float32Array(positions * half);
  const sin = new Float32Array(positions * half);
  for (let position = 0; position < positions; position++) {
    for (let i = 0; i < half; i++) {
      const angle = position * (frequencies[i] ?? 0);
      cos[position * half + i] = Math.cos(angle);
      sin[position * half + i] = Math.sin(angle);
    }
  }
  return { cos, sin, half };
}
