import { boxOf } from "../../src/imaging/geometry.ts";
import type { RleMask } from "../../src/imaging/types.ts";
import { poll, type World } from "./world.ts";

/** Clicks along the first stamp's middle, each with how long its mask took. A hand that hovers rests there until the preview shows. */
export async function clicks(
  world: World,
  { hovering = false, every = 1 } = {},
): Promise<{ ms: number; mask: RleMask }[]> {
  const [x0, y0, x1, y1] = boxOf(world.fresh[0].truth);
  const found: { ms: number; mask: RleMask }[] = [];
  const before = (await world.stage.report()).latencies.length;
  for (let i = 0; i < 25; i += every) {
    await world.page.keyboard.press("Escape");
    const at = [x0 + ((x1 - x0) * (i + 1)) / 26, (y0 + y1) / 2] as const;
    if (hovering) {
      await world.stage.moveTo(...at);
      await poll(async () => {
        const [x = 0, y = 0] = (await world.stage.report()).preview?.point ?? [];
        return Math.hypot(x - at[0], y - at[1]);
      }).toBeLessThan(1);
    }
    await world.stage.click(...at);
    await world.stage.segmented();
    await poll(async () => (await world.stage.report()).latencies.length).toBe(before + found.length + 1);
    const { latencies, draft } = await world.stage.report();
    found.push({ ms: latencies.at(-1)?.ms ?? NaN, mask: draft?.mask as RleMask });
  }
  await world.page.keyboard.press("Escape");
  return found;
}

/** All but the first, which may have warmed something up. */
export function spread([, ...found]: readonly { ms: number }[]): string {
  const sorted = found.map(({ ms }) => ms).toSorted((a, b) => a - b);
  const quantile = (share: number): string => (sorted[Math.floor(sorted.length * share)] ?? NaN).toFixed(0);
  return `median ${quantile(0.5)} ms, 90 % ${quantile(0.9)} ms (${sorted.length} clicks)`;
}
