import { gridCells } from "../../domain/finder-layout.ts";

const channels = 256;

/**
 * Means of pool x pool cells. `embedding` [64, 64, 256] channels last, whatever lies behind that; gives
 * [64 / pool, 64 / pool, 256], the embedding's own values where pool is 1.
 */
export function pooledCells(embedding: Float32Array, pool: number): Float32Array {
  const own = gridCells * gridCells * channels;
  // What is cut off is copied, as the whole is four times as large
  if (pool === 1) return embedding.length === own ? embedding : embedding.slice(0, own);
  const side = gridCells / pool;
  const out = new Float32Array(side * side * channels);
  const share = 1 / (pool * pool);
  for (let y = 0, from = 0; y < gridCells; y++) {
    for (let x = 0; x < gridCells; x++) {
      const to = (Math.floor(y / pool) * side + Math.floor(x / pool)) * channels;
      for (let c = 0; c < channels; c++, from++)
        out[to + c] = (out[to + c] as number) + share * (embedding[from] as number);
    }
  }
  return out;
}
