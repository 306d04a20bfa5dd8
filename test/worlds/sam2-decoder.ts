import { baseModel } from "../../src/checkpoint/base-models.ts";
import type { NamedTensors } from "../../src/checkpoint/named-tensors.ts";
import { sam2DecoderLayout } from "../../src/checkpoint/sam2-decoder.ts";
import { embeddingLength, embeddingParts } from "../../src/domain/model-family.ts";

/**
 * A decoder of SAM 2 that answers prompts, as no weights of SAM 2 come with the package: MobileSAM's, which has the same
 * tensors, and an object score by a formula. By the names that are used in memory.
 */
export async function sam2Decoder(): Promise<NamedTensors> {
  const known = await baseModel("mobile_sam").decoderWeights();
  const made = Object.entries(sam2DecoderLayout).map(([name, shape], k) => {
    const length = shape.reduce((product, side) => product * side, 1);
    const wave = () => Float32Array.from({ length }, (_, i) => 0.06 * Math.sin(0.7 * i + k));
    return [name, known[name] ?? { shape: [...shape], data: wave() }];
  });
  return Object.fromEntries(made) as NamedTensors;
}

/**
 * The flat embedding of a disc on a ground, channels first (domain/model-family.ts): the b-th of some, by formulas that
 * peers/reference/sam2_decoder.py has too.
 */
export function sam2Embedding(b: number): Float32Array {
  const out = new Float32Array(embeddingLength("sam2"));
  const [image, fine, coarse] = embeddingParts.sam2;
  for (const { offset, shape } of [image, fine, coarse]) {
    const [channels, rows, columns] = shape;
    const unit = rows / 64;
    const scale = rows === 64 ? 1 : 0.2;
    for (let c = 0, i = offset; c < channels; c++) {
      for (let row = 0; row < rows; row++) {
        for (let column = 0; column < columns; column++, i++) {
          const [y, x] = [row / unit, column / unit];
          const inside = (x - 24 - 8 * b) ** 2 + (y - 28) ** 2 < 15 ** 2;
          const level = inside ? Math.sin(12.9898 * c + b) : Math.sin(78.233 * c + 1);
          const wave = Math.sin(0.13 * x + 0.29 * c) * Math.cos(0.11 * y + 0.17 * c);
          out[i] = scale * (0.1 * level + 0.05 * wave);
        }
      }
    }
  }
  return out;
}
