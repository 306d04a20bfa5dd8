import type { RegionLogits } from "../../src/imaging/stitch.ts";

/** A square image of `side` pixels seen as a whole, whose logits at the middles of its pixels are about those of `logitAt`. */
export function wholeView(side: number, logitAt: (x: number, y: number) => number): RegionLogits {
  const place = (cell: number): number => ((cell + 0.5) * side) / 256 - 0.5;
  const lowRes = Float32Array.from({ length: 256 * 256 }, (_, i) =>
    logitAt(place(i % 256), place(Math.floor(i / 256))),
  );
  return { region: [0, 0, side, side], lowRes, fit: "padded" };
}
