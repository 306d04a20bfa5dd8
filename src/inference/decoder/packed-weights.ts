import { familyOfDecoder } from "../../checkpoint/decoder-layouts.ts";
import { lacksObjectScore } from "../../checkpoint/sam2-decoder.ts";
import type { NamedTensors } from "../../checkpoint/named-tensors.ts";
import type { ModelFamily } from "../../domain/model-family.ts";

/** A version's weights in one piece of shared memory: every worker reads the same bytes. */
export interface PackedWeights {
  /** Equal ids mean equal weights. */
  readonly id: string;
  readonly family: ModelFamily;
  /** Whether the mask of token 0 gives way to the best of the others where it is not stable: see chosen-tokens.ts. */
  readonly dynamicMultimask: boolean;
  /** Whether they tell of an object score: SAM 2's do, unless they came in a file without its head. */
  readonly objectScore: boolean;
  /** float32 values, tensor after tensor. */
  readonly buffer: SharedArrayBuffer;
  /** PackedTensor[] as JSON: a text is sent to a worker at once, 137 objects one by one, with every task. */
  readonly layout: string;
}

export interface PackedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** Counts bytes. */
  readonly offset: number;
}

export function packWeights(
  id: string,
  weights: NamedTensors,
  { dynamicMultimask = false }: { dynamicMultimask?: boolean } = {},
): PackedWeights {
  const entries = Object.entries(weights);
  const bytes = entries.reduce((sum, [, { data }]) => sum + data.byteLength, 0);
  const buffer = new SharedArrayBuffer(bytes);
  let offset = 0;
  const layout = entries.map(([name, { shape, data }]) => {
    const entry: PackedTensor = { name, shape, offset };
    new Float32Array(buffer, offset, data.length).set(data);
    offset += data.byteLength;
    return entry;
  });
  const family = familyOfDecoder(weights);
  const objectScore = family === "sam2" && !lacksObjectScore(weights);
  return { id, family, dynamicMultimask, objectScore, buffer, layout: JSON.stringify(layout) };
}
