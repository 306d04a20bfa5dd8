import type { TensorFile } from "./tensor-file.ts";

/** SAMed's attention: the layer that was, and beside it a pair of matrices for its queries and one for its values. */
const wrapped = /^(.*\.qkv)\.qkv\.(weight|bias)$/;
const pairs = ["q", "v"] as const;

/**
 * A file in which SAMed's low-rank matrices are added to the weights that they were tuned for, W + B A (SAMed:
 * sam_lora_image_encoder.py, _LoRA_qkv: queries are the first third of its rows, values the last), by the names that SAM
 * has for them; other files as they are.
 */
export function withLora(file: TensorFile): TensorFile {
  const sources = new Map([...file.shapes.keys()].map((name) => [name, name]));
  const merged = new Set<string>();
  for (const [name, shape] of file.shapes) {
    const [, layer, part] = wrapped.exec(name) ?? [];
    if (layer === undefined || part === undefined || !isWhole(file, layer)) continue;
    sources.delete(name);
    sources.set(`${layer}.${part}`, name);
    if (part === "weight" && shape.length === 2) merged.add(layer);
  }
  if (merged.size === 0) return file;
  for (const layer of merged) for (const name of matricesOf(layer)) sources.delete(name);
  return {
    ...file,
    shapes: new Map([...sources].map(([name, source]) => [name, file.shapes.get(source) ?? []])),
    notes: [
      ...(file.notes ?? []),
      `LoRA matrices of ${merged.size} attention layers were added to the weights beside them, as SAMed does.`,
    ],
    read: async (name) => {
      const source = sources.get(name);
      if (source === undefined) throw new Error(`there is no tensor ${name}`);
      const values = await file.read(source);
      const layer = name.replace(/\.weight$/, "");
      if (!name.endsWith(".weight") || !merged.has(layer)) return values;
      for (const pair of pairs) await add(file, layer, pair, values);
      return values;
    },
  };
}

const matrix = (layer: string, side: "a" | "b", pair: string): string =>
  `${layer}.linear_${side}_${pair}.weight`;
const matricesOf = (layer: string): string[] =>
  pairs.flatMap((pair) => [matrix(layer, "a", pair), matrix(layer, "b", pair)]);

/** Whether a layer [3 C, C] and matrices [R, C] and [C, R] for its queries and its values are there. */
function isWhole({ shapes }: TensorFile, layer: string): boolean {
  const [rows = 0, width = 0] = shapes.get(`${layer}.qkv.weight`) ?? [];
  return (
    width > 0 &&
    rows === 3 * width &&
    pairs.every((pair) => {
      const [a, b] = [shapes.get(matrix(layer, "a", pair)), shapes.get(matrix(layer, "b", pair))];
      return a?.length === 2 && a[1] === width && b?.join() === [width, a[0]].join();
    })
  );
}

/** Adds B [C, R] times A [R, C] to its third of `values` [3 C, C]. */
async function add(
  file: TensorFile,
  layer: string,
  pair: (typeof pairs)[number],
  values: Float32Array,
): Promise<void> {
  const a = await file.read(matrix(layer, "a", pair));
  const b = await file.read(matrix(layer, "b", pair));
  const [rank = 0, width = 0] = file.shapes.get(matrix(layer, "a", pair)) ?? [];
  const first = pair === "q" ? 0 : 2 * width;
  for (let row = 0; row < width; row++)
    for (let column = 0; column < width; column++) {
      let sum = 0;
      for (let r = 0; r < rank; r++) sum += (b[row * rank + r] as number) * (a[r * width + column] as number);
      const at = (first + row) * width + column;
      values[at] = (values[at] as number) + sum;
    }
}
