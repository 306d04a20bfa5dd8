import type { ActionContext, Ask } from "./context.ts";
import { type AskedImage, findImage } from "./find-image.ts";

/**
 * An image's embedding by the project's base model, float32, little endian, [256, 64, 64], as Meta's decoder takes it.
 * Throws what findImage and Inference.embed throw.
 */
export async function embedImage(
  context: ActionContext,
  { scope, project, signal }: Ask,
  asked: AskedImage,
): Promise<Uint8Array<ArrayBuffer>> {
  const { workspaceId } = scope;
  const { baseModel } = project;
  const image = await findImage(context, scope, asked, { baseModel, signal });
  const { embedding, from } = await context.inference.embed(image.source, { workspaceId, baseModel, signal });
  context.metrics.embeddings.inc({ from });
  return channelsFirst(embedding.data);
}

/** [64, 64, 256] to [256, 64, 64], as bytes; every machine that Node runs on here is little endian. */
export function channelsFirst(data: Float32Array): Uint8Array<ArrayBuffer> {
  const [cells, channels] = [64 * 64, 256];
  const out = new Float32Array(data.length);
  for (let cell = 0, at = 0; cell < cells; cell++) {
    for (let channel = 0; channel < channels; channel++, at++)
      out[channel * cells + cell] = data[at] as number;
  }
  return new Uint8Array(out.buffer);
}
