import type { Zoom } from "../../domain/focus.ts";
import { trainingParts } from "../focus/parts.ts";
import type { Recipe } from "../loop/recipe.ts";
import type { Run } from "../run.ts";
import type { Sample } from "./samples.ts";

/**
 * Encodes what is encoded nowhere, so that training does not wait for it piece by piece.
 * @param tell hears which share is done; left out, encoding is a phase of its own
 */
export async function embedParts(
  run: Run,
  samples: readonly Sample[],
  { zoom, flips }: { zoom: Zoom | null; flips: Recipe["flips"] },
  tell?: (share: number) => Promise<void>,
): Promise<void> {
  if (!zoom && flips.length === 0) return;
  const images = imagesOf(trainingParts(samples, { zoom, flips }));
  let done = 0;
  if (!tell) run.meter.plan({ embed: images.size });
  for (const image of images.values()) {
    run.signal.throwIfAborted();
    await run.embeddingOf(image);
    done++;
    await (tell ? tell(done / images.size) : run.progress("embed", done));
  }
}

/** What is encoded for some samples, each once. */
export const imagesOf = (samples: readonly Sample[]): Map<string, Sample["image"]> =>
  new Map(samples.map(({ image }) => [image.id, image]));
