import { decodeRle } from "../../imaging/rle.ts";
import type { BinaryMask } from "../../imaging/types.ts";
import { api } from "../api/client.ts";
import type { Annotation, Image, Prediction } from "../api/types.ts";
import { loadPicture } from "../views/annotate/picture.ts";
import type { VersionName } from "./predict.ts";

const kept = new Map<string, Promise<HTMLImageElement>>();
const most = 24;

/** The image as pixels, once for all who draw it. */
export function pictureOf(projectId: string, image: Image): Promise<HTMLImageElement> {
  const known = kept.get(image.id);
  if (known) return known;
  const loading = loadPicture(projectId, image);
  kept.set(image.id, loading);
  const oldest = kept.keys().next().value;
  if (kept.size > most && oldest !== undefined) kept.delete(oldest);
  loading.catch(() => kept.delete(image.id));
  return loading;
}

export interface Compared {
  readonly version: "base" | number;
  readonly mask: BinaryMask;
  readonly score: number;
}

/** One prompt on one image by several versions, on one embedding. */
export async function compare(
  projectId: string,
  imageId: string,
  prompt: { box?: Annotation["box"]; points?: readonly (readonly [number, number, number])[] },
  versions: readonly VersionName[],
): Promise<{ results: Compared[]; ms: number }> {
  const body = { image: { id: imageId }, prompts: [prompt], version: versions };
  const answer = await api.post<Prediction>(`/v1/projects/${projectId}/predict`, body);
  const results = answer.results.flatMap(({ version, predictions }) => {
    const best = predictions[0]?.masks[0];
    return best ? [{ version, mask: decodeRle(best), score: best.score }] : [];
  });
  return { results, ms: answer.timing_ms.total };
}
