import { requireSam } from "./require-sam.ts";
import type { ActionContext, Ask } from "./context.ts";
import { type AskedImage, findImage } from "./find-image.ts";

/**
 * An image's embedding by the project's base model, float32, little endian, [256, 64, 64], as Meta's decoder takes it.
 * Throws what requireSam, findImage and Inference.embed throw.
 */
export async function embedImage(
  context: ActionContext,
  { scope, project, signal }: Ask,
  asked: AskedImage,
): Promise<Uint8Array<ArrayBuffer>> {
  const { workspaceId } = scope;
  const { baseModel } = project;
  requireSam(await context.inference.baseModel(baseModel));
  const image = await findImage(context, scope, asked, { baseModel, signal });
  const { embedding, from } = await context.inference.embed(image.source, { workspaceId, baseModel, signal });
  context.metrics.embeddings.inc({ from });
  return context.inference.channelsFirst(embedding);
}
