import { expect, test } from "vitest";
import { boxNms } from "../../src/imaging/nms.ts";
import { seededRandom } from "../../src/lib/random.ts";

const nms = (boxes: number[][], scores: number[], threshold: number): number[] =>
  boxNms(Float32Array.from(boxes.flat()), Float32Array.from(scores), threshold);

test("keeps the best of boxes that overlap too much, best first", () => {
  const boxes = [
    [0, 0, 10, 10],
    [20, 20, 30, 30],
    [0, 0, 10, 9],
    [0, 0, 10, 5],
  ];
  expect(nms(boxes, [0.5, 0.9, 0.7, 0.6], 0.7)).toEqual([1, 2, 3]);
  expect(nms(boxes, [0.5, 0.9, 0.7, 0.6], 0.5)).toEqual([1, 2]);
  expect(nms(boxes, [0.5, 0.9, 0.7, 0.6], 1)).toEqual([1, 2, 3, 0]);
});

test("an IoU equal to the threshold stays, equal scores keep their order", () => {
  const halves = [
    [0, 0, 10, 10],
    [0, 0, 10, 5],
  ];
  expect(nms(halves, [1, 1], 0.5)).toEqual([0, 1]);
  expect(nms(halves, [1, 1], 0.499)).toEqual([0]);
});

test("boxes without area suppress nothing, not even each other; nothing gives nothing", () => {
  const lines = [
    [3, 3, 3, 9],
    [3, 3, 3, 9],
    [0, 0, 10, 10],
  ];
  expect(nms(lines, [0.9, 0.8, 0.7], 0)).toEqual([0, 1, 2]);
  expect(nms([], [], 0.5)).toEqual([]);
});

test("agrees with the definition on random boxes", () => {
  const random = seededRandom(5);
  const boxes = Array.from({ length: 200 }, () => {
    const [x, y] = [random.below(60), random.below(60)];
    return [x, y, x + 1 + random.below(40), y + 1 + random.below(40)] as const;
  });
  const scores = boxes.map(() => random.below(20) / 20);
  const area = ([x0, y0, x1, y1]: readonly number[]): number =>
    ((x1 as number) - (x0 as number)) * ((y1 as number) - (y0 as number));
  const iou = (a: readonly number[], b: readonly number[]): number => {
    const [w, h] = [0, 1].map((i) =>
      Math.max(
        0,
        Math.min(a[i + 2] as number, b[i + 2] as number) - Math.max(a[i] as number, b[i] as number),
      ),
    ) as [number, number];
    return (w * h) / (area(a) + area(b) - w * h);
  };
  const kept: number[] = [];
  const order = [...boxes.keys()].sort((a, b) => (scores[b] as number) - (scores[a] as number) || a - b);
  for (const i of order) {
    const box = boxes[i] as readonly number[];
    if (kept.every((j) => iou(box, boxes[j] as readonly number[]) <= 0.37)) kept.push(i);
  }
  const found = nms(
    boxes.map((box) => [...box]),
    scores,
    0.37,
  );
  expect(found).toEqual(kept);
  expect(found.length).toBeGreaterThan(20);
  expect(found.length).toBeLessThan(180);
});
