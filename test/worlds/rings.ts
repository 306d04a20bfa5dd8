import type { BinaryMask, RgbImage } from "../../src/imaging/types.ts";
import { seededRandom } from "../../src/lib/random.ts";

/**
 * A dark ring on grainy paper, and the ring alone as the mask. Its hole is of a lighter ink, which the untuned
 * decoder takes for a part of the object: there is something to learn.
 */
export function ringImage(seed: number): { image: RgbImage; mask: BinaryMask } {
  const random = seededRandom(seed);
  const [width, height] = [120 + random.below(30), 90 + random.below(30)];
  const radius = 24 + random.below(14);
  const hole = radius * (0.45 + 0.2 * random.next());
  const x = radius + 4 + random.next() * (width - 2 * radius - 8);
  const y = radius + 4 + random.next() * (height - 2 * radius - 8);
  const data = new Uint8Array(width * height * 3);
  const mask = new Uint8Array(width * height);
  for (let p = 0; p < mask.length; p++) {
    const distance = Math.hypot((p % width) + 0.5 - x, Math.floor(p / width) + 0.5 - y);
    const inside = distance <= radius && distance > hole;
    const colour = inside ? [40, 50, 140] : distance <= hole ? [110, 120, 180] : [230, 226, 215];
    const grain = random.below(15) - 7;
    for (let c = 0; c < 3; c++) data[p * 3 + c] = (colour[c] as number) + grain;
    mask[p] = inside ? 1 : 0;
  }
  return { image: { width, height, data }, mask: { width, height, data: mask } };
}
