import { describe, expect, it } from "vitest";
import { embeddingLength } from "../../../src/domain/model-family.ts";
import { toInputFrame } from "../../../src/imaging/coordinates.ts";
import { seededRandom } from "../../../src/lib/random.ts";
import { samplesOf, targetOf } from "../../../src/training/data/samples.ts";
import { flipped } from "../../../src/training/focus/parts.ts";
import { BatchMaker } from "../../../src/training/prompts/batch-maker.ts";
import {
  drawTurn,
  type Turn,
  turnEmbedding,
  turnPlane,
  turnPoint,
  turnPrompt,
} from "../../../src/training/prompts/turns.ts";
import { encodeRle } from "../../../src/imaging/rle.ts";
import { rectangle, row, snapshotOf } from "../fixtures.ts";

const turn = (some: Partial<Turn>): Turn => ({ x: false, y: false, swap: false, ...some });
const every = [0, 1, 2, 3, 4, 5, 6, 7].map((k) =>
  turn({ x: (k & 1) > 0, y: (k & 2) > 0, swap: (k & 4) > 0 }),
);

describe("a turn", () => {
  it("is each of the eight, and each puts every cell where it puts the cell's middle", () => {
    const random = seededRandom(4);
    const drawn = new Set(Array.from({ length: 100 }, () => JSON.stringify(drawTurn(random))));
    expect(drawn).toEqual(new Set(every.map((one) => JSON.stringify(one))));
    const [side, channels] = [3, 2];
    const plane = Float32Array.from({ length: side * side * channels }, (_, i) => i);
    const seen = every.map((one) => {
      const to = turnPlane(plane, { side, channels }, one);
      for (let y = 0; y < side; y++)
        for (let x = 0; x < side; x++) {
          const [column, line] = turnPoint(x + 0.5, y + 0.5, { side, turn: one });
          const at = (Math.floor(line) * side + Math.floor(column)) * channels;
          const from = (y * side + x) * channels;
          expect([...to.subarray(at, at + 2)]).toEqual([...plane.subarray(from, from + 2)]);
        }
      return to.join();
    });
    expect(new Set(seen).size).toBe(8);
  });

  it("of a sample is the sample of its flipped image", () => {
    const { image, annotation } = row("a", { box: [30, 10, 60, 44] });
    const { counts } = encodeRle(rectangle(64, 64, annotation.box));
    const square = { image: { ...image, height: 64 }, annotation: { ...annotation, counts } };
    const snapshot = snapshotOf([square]);
    const [sample] = samplesOf(snapshot, snapshot.images);
    for (const flip of ["x", "y", "xy"] as const) {
      const one = turn({ x: flip !== "y", y: flip !== "x" });
      const other = flipped(sample!, flip);
      expect(turnPlane(targetOf(sample!).target, { side: 256 }, one)).toEqual(targetOf(other).target);
      const coords = [...toInputFrame(sample!.annotation.box, [64, 64])];
      turnPrompt(coords, [2, 3], one);
      expect(coords).toEqual([...toInputFrame(other.annotation.box, [64, 64])]);
    }
    const coords = [100, 200, 300, 700, 5, 6, 1, 2];
    turnPrompt(coords, [2, 3, 1, -2], turn({ x: true, swap: true }));
    expect(coords).toEqual([200, 724, 700, 924, 6, 1019, 1, 2]);
  });

  it("takes SAM 2's skip features along", () => {
    const embedding = new Float32Array(embeddingLength("sam2"));
    const skip = 256 * 64 * 64;
    // The first cell of each part.
    for (const at of [0, skip, skip + 32 * 256 * 256]) embedding[at] = 1;
    const to = turnEmbedding(embedding, turn({ x: true }), "sam2");
    const [image, fine, coarse] = [63 * 256, skip + 255 * 32, skip + 32 * 256 * 256 + 127 * 64];
    expect([to.indexOf(1), to.indexOf(1, image + 1), to.indexOf(1, fine + 1)]).toEqual([image, fine, coarse]);
    expect(to.indexOf(1, coarse + 1)).toBe(-1);
  });
});

describe("turned batches", () => {
  const snapshot = snapshotOf([row("a"), row("b", { box: [30, 10, 60, 44] })]);
  const samples = samplesOf(snapshot, snapshot.images);
  const embedding = new Float32Array(embeddingLength("sam"));
  const cells = 65_536;

  it.each(["box", "mixed"] as const)(
    "of %s prompts keep prompts on their masks, each step in its own way",
    async (prompts) => {
      const asked = { predict: 0 };
      const engine = {
        predict: ({ embeddings }: { embeddings: readonly Float32Array[] }) => {
          asked.predict++;
          const logits = new Float32Array(embeddings.length * cells).fill(-1);
          return Promise.resolve({ logits, iou: new Float32Array(embeddings.length) });
        },
      };
      const maker = new BatchMaker({
        samples,
        recipe: { prompts, jitter: 0, loss: "dice_bce", turns: true },
        seed: 1,
        embeddingOf: () => Promise.resolve(embedding),
        engine,
      });
      const seen = new Set<string>();
      for (let epoch = 1; epoch <= 6; epoch++) {
        const batch = await maker.finish(await maker.prepare(epoch, [0, 1]));
        const tokens = batch.labels.length / 2;
        for (const i of [0, 1]) {
          const target = batch.targets.subarray(i * cells, (i + 1) * cells);
          const inside = (x: number, y: number): boolean =>
            target[Math.floor(y / 4) * 256 + Math.floor(x / 4)] === 1;
          const at = (token: number): [number, number] => [
            batch.coords[2 * (i * tokens + token)]!,
            batch.coords[2 * (i * tokens + token) + 1]!,
          ];
          const labels = [...batch.labels.subarray(i * tokens, (i + 1) * tokens)];
          const [x0, y0] = at(0);
          if (labels[0] === 2) {
            const [x1, y1] = at(1);
            expect([inside(x0 + 8, y0 + 8), inside(x1 - 8, y1 - 8)]).toEqual([true, true]);
            expect([inside(x0 - 8, y0 + 8), inside(x1 + 8, y1 - 8)]).toEqual([false, false]);
            seen.add(`${i}:${at(0).join()}`);
          }
          // All that is missing is the mask, so that every click is on it.
          for (const [token, label] of labels.entries())
            if (label === 1) expect(inside(...at(token))).toBe(true);
        }
      }
      expect(seen.size).toBeGreaterThan(4);
      expect(asked.predict > 0).toBe(prompts === "mixed");
    },
  );
});
