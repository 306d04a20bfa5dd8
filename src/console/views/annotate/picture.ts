import type { Image as StoredImage } from "../../api/types.ts";

/** The image as the browser can show it: TIFF, and what is too large for a canvas, comes as a smaller WebP. */
const shown = new Set(["jpeg", "png", "webp"]);
const largest = 8192;

export function pictureUrl(projectId: string, image: StoredImage): string {
  const path = `/v1/projects/${projectId}/images/${image.id}`;
  const direct = shown.has(image.format) && Math.max(image.width, image.height) <= largest;
  return direct ? `${path}/content` : `${path}/thumbnail?side=${largest}`;
}

export const thumbnailUrl = (projectId: string, imageId: string, side: number): string =>
  `/v1/projects/${projectId}/images/${imageId}/thumbnail?side=${side}`;

export async function loadPicture(projectId: string, image: StoredImage): Promise<HTMLImageElement> {
  const element = new Image();
  element.src = pictureUrl(projectId, image);
  await element.decode();
  return element;
}
