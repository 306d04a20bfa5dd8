import { type OnnxOutline, readOutline } from "../checkpoint/onnx-file.ts";

/** A graph of a model, all but its weights read. */
export interface OnnxPart {
  readonly path: string;
  readonly outline: OnnxOutline;
}

/** Graphs told apart by what they take. Throws RefusedFile `truncated` or `unreadable`. */
export async function onnxParts(
  paths: readonly string[],
): Promise<{ decoders: readonly OnnxPart[]; encoders: readonly OnnxPart[] }> {
  const parts: OnnxPart[] = [];
  for (const path of paths) parts.push({ path, outline: await readOutline(path) });
  const decoders = parts.filter(({ outline }) => isDecoder(outline));
  return { decoders, encoders: parts.filter((part) => !decoders.includes(part)) };
}

const isDecoder = ({ model }: OnnxOutline): boolean =>
  model.graph.input.some(({ name }) => name === "point_coords" || name === "input_points");
