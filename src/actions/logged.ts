import type { OpenPrediction } from "../db/prediction-log.ts";
import { imageNotFound } from "../db/queries/images.ts";

/**
 * Makes a prediction while its row is written, and gives it out once the row is there; what comes to nothing leaves
 * none. Throws AppError image_not_found where the image is not there any more, before anything that `make` fails with.
 */
export async function whileLogged<T>(
  entry: OpenPrediction,
  imageId: string | null,
  make: () => Promise<T>,
): Promise<T> {
  const [stored, made] = await Promise.allSettled([entry.stored, make()]);
  if (stored.status === "rejected") throw stored.reason;
  if (!stored.value) throw imageNotFound(imageId ?? "", "image.id");
  if (made.status === "fulfilled") return made.value;
  await entry.drop();
  throw made.reason;
}
