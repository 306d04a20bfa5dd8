import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { baseModel } from "../../src/checkpoint/base-models.ts";
import type { ProjectScope } from "../../src/db/queries/scope.ts";
import { everythingDefaults } from "../../src/domain/everything.ts";
import type { Focus } from "../../src/domain/focus.ts";
import type { FindScores } from "../../src/domain/finder.ts";
import { maskFacts } from "../../src/imaging/mask-facts.ts";
import type { RleMask } from "../../src/imaging/types.ts";
import { keys } from "../../src/storage/keys.ts";
import type { PreparedData } from "../../src/training/data/prepare.ts";
import { findScores, type Marked, overlapsOf } from "../../src/training/finder/find-scores.ts";
import { judging, ofImage } from "../../src/training/finder/judge-finder.ts";
import { type Lesson, lessonsOf } from "../../src/training/finder/lessons.ts";
import type { Product } from "../lib/product/product.ts";
import type { Progress } from "../lib/product/progress.ts";

/** What a peer made of the same images; `missing` says why it made nothing. */
export type PeerFound =
  | { readonly peer: string; readonly missing: string }
  | {
      readonly peer: string;
      readonly seconds: number;
      readonly scores: FindScores;
      /** The threshold that its PQ, precision and recall are best at on these very images: it has the advantage. */
      readonly threshold: number;
    };

type Line =
  | { peer: string; missing: string }
  | { peer: string; seconds: number; found: { counts: string; label: string | null; score: number }[][] };

/** Points along a side of segment-everything's grid: 32, the default, take four times as long. */
const pointsPerSide = 16;
const mostTraining = 24;
const epochs = 10;

/** Trains and judges the peers (peers/find.py) on the embeddings, training images and held-out images of a fine-tune. */
export async function runPeers(
  python: string,
  product: Product,
  scope: ProjectScope,
  data: PreparedData,
  {
    seed,
    focus,
    budget,
    progress,
  }: { seed: number; focus: Focus; /** Seconds of that fine-tune. */ budget: number; progress: Progress },
): Promise<PeerFound[]> {
  const folder = await mkdtemp(join(tmpdir(), "maskwright-peers-"));
  try {
    const train = lessonsOf([...data.train, ...data.selection]).slice(0, mostTraining);
    const test = judging(lessonsOf(data.heldOut), focus, budget);
    const images = [];
    for (const [i, lesson] of [...train, ...test].entries()) {
      progress.at("segment-everything for the peers", i, train.length + test.length);
      images.push({
        ...(await imageOf(product, scope, lesson, join(folder, `${i}.safetensors`))),
        train: i < train.length,
      });
    }
    const job = join(folder, "job.json");
    await writeFile(job, JSON.stringify({ seed, epochs, images }));
    const script = resolve(import.meta.dirname, "../../peers/find.py");
    const { stdout } = await promisify(execFile)(python, [script, job], { maxBuffer: 1e9 });
    return stdout
      .trim()
      .split("\n")
      .map((text) => scored(JSON.parse(text) as Line, test, data));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function imageOf(
  { trainer }: Product,
  { workspaceId }: ProjectScope,
  { image, samples }: Lesson,
  file: string,
) {
  const model = baseModel("mobile_sam");
  await trainer.store.getFile(keys.embedding(workspaceId, model.embeddingId, image.sha256), file);
  const { results } = await trainer.inference.segmentEverything({
    workspaceId,
    baseModel: "mobile_sam",
    image: ofImage(trainer.store, image),
    versions: [{ number: 0 }],
    settings: { ...everythingDefaults, pointsPerSide },
    format: "rle",
    maxAnswerBytes: Number.POSITIVE_INFINITY,
  });
  return {
    file,
    width: image.width,
    height: image.height,
    truth: samples.map(({ annotation: { counts, label } }) => ({ counts, label })),
    everything: (results[0]?.masks ?? []).map(({ mask }) => (mask as RleMask).counts),
  };
}

function scored(line: Line, test: readonly Lesson[], data: PreparedData): PeerFound {
  if ("missing" in line) return line;
  const images = test.map(({ image, samples }, i) => {
    const size: [number, number] = [image.height, image.width];
    const marked = (counts: string, label: string | null): Marked => {
      const mask: RleMask = { format: "rle", size, counts };
      return { mask, bbox: maskFacts(mask).box, label };
    };
    return overlapsOf({
      group: data.groupOf(image),
      truth: samples.map(({ annotation: { counts, label } }) => marked(counts, label)),
      found: (line.found[i] ?? []).map(({ counts, label, score }) => ({ ...marked(counts, label), score })),
    });
  });
  const thresholds = Array.from({ length: 20 }, (_, i) => i / 20);
  const best = thresholds
    .map((threshold) => ({ threshold, scores: findScores(images, threshold) }))
    .reduce((a, b) => ((b.scores.pq ?? 0) > (a.scores.pq ?? 0) ? b : a));
  return { peer: line.peer, seconds: line.seconds, ...best };
}
