import { isHiera } from "../checkpoint/image-encoders.ts";
import type { NamedTensors } from "../checkpoint/named-tensors.ts";
import { contentsOf, safetensorsStream, type TensorContent } from "../checkpoint/tensor-content.ts";
import type { ZipEntry } from "../lib/zip-writer.ts";
import { architectureOf, encoderEntries, encoderTensors } from "./encoder.ts";
import { huggingFaceTensors, samConfig, samPreprocessor } from "./hugging-face.ts";
import { huggingFaceSam2Tensors, sam2Config, sam2Preprocessor } from "./hugging-face-sam2.ts";
import type { ExportSubject } from "./types.ts";

/** config.json and preprocessor_config.json of a SamModel or, of SAM 2's family, a Sam2Model. */
export function huggingFaceConfigs(
  subject: ExportSubject,
  { held }: { held: boolean },
): { config: object; preprocessor: object } {
  const { base, version } = subject;
  const known = held ? architectureOf(subject) : null;
  if (base.family === "sam")
    return { config: samConfig(known && !isHiera(known) ? known : null), preprocessor: samPreprocessor };
  const dynamicMultimask = version === null;
  const encoder = known && isHiera(known) ? known : null;
  return { config: sam2Config(encoder, { dynamicMultimask }), preprocessor: sam2Preprocessor };
}

/**
 * A folder that transformers loads. The vision encoder's tensors stand in it where transformers has that encoder, else its
 * ONNX file beside them. Throws AppError export_full_unavailable.
 */
export async function huggingFaceEntries(
  subject: ExportSubject,
  parts: { full: boolean; readme: ZipEntry; facts: Record<string, string>; weights: NamedTensors },
): Promise<ZipEntry[]> {
  const { full, readme, facts, weights } = parts;
  const { base } = subject;
  const held = full && architectureOf(subject) !== null;
  const encoder: TensorContent[] = held ? await encoderTensors(subject) : [];
  const tensors =
    base.family === "sam"
      ? huggingFaceTensors([...encoder, ...contentsOf(weights)])
      : huggingFaceSam2Tensors(encoder, weights);
  const { config, preprocessor } = huggingFaceConfigs(subject, { held });
  return [
    readme,
    { path: "config.json", content: json(config) },
    { path: "preprocessor_config.json", content: json(preprocessor) },
    { path: "model.safetensors", content: () => safetensorsStream(tensors, { format: "pt", ...facts }) },
    ...(full && !held ? await encoderEntries(base) : []),
  ];
}

const json = (value: unknown): Uint8Array => new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`);
