/** [x0, y0, x1, y1] of each box, one after another. */
export type Boxes = Float32Array;

/**
 * Greedy non-maximum suppression of boxes: the best score first, and no box whose IoU with a better one that was kept is
 * above the threshold. Equal scores keep their order. Returns the indices kept, best first.
 * `boxes` [N, 4] float32, `scores` [N]; an area is (x1 - x0) * (y1 - y0), as given, in float32 steps.
 * Source: torchvision csrc/ops/cpu/nms_kernel.cpp; two boxes of no area have IoU 0/0, which suppresses nothing.
 */
export function boxNms(boxes: Boxes, scores: Float32Array, threshold: number): number[] {
  const count = scores.length;
  const order = Uint32Array.from(scores.keys()).sort(
    (a, b) => (scores[b] as number) - (scores[a] as number) || a - b,
  );
  const { fround } = Math;
  const areas = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    const at = 4 * i;
    const width = fround((boxes[at + 2] as number) - (boxes[at] as number));
    areas[i] = width * fround((boxes[at + 3] as number) - (boxes[at + 1] as number));
  }
  const gone = new Uint8Array(count);
  const kept: number[] = [];
  for (let p = 0; p < count; p++) {
    const i = order[p] as number;
    if (gone[i] === 1) continue;
    kept.push(i);
    const a = 4 * i;
    const [x0, y0, x1, y1] = [
      boxes[a] as number,
      boxes[a + 1] as number,
      boxes[a + 2] as number,
      boxes[a + 3] as number,
    ];
    for (let q = p + 1; q < count; q++) {
      const j = order[q] as number;
      if (gone[j] === 1) continue;
      const b = 4 * j;
      const width = fround(Math.min(x1, boxes[b + 2] as number) - Math.max(x0, boxes[b] as number));
      const height = fround(Math.min(y1, boxes[b + 3] as number) - Math.max(y0, boxes[b + 1] as number));
      const inter = width > 0 && height > 0 ? fround(width * height) : 0;
      const union = fround(fround((areas[i] as number) + (areas[j] as number)) - inter);
      if (fround(inter / union) > threshold) gone[j] = 1;
    }
  }
  return kept;
}
