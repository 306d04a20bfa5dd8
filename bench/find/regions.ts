import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { baseModel } from "../../src/checkpoint/base-models.ts";
import type { ProjectScope } from "../../src/db/queries/scope.ts";
import { rleIou } from "../../src/imaging/mask-facts.ts";
import { encodeRle } from "../../src/imaging/rle.ts";
import { rleUnion } from "../../src/imaging/rle-union.ts";
import type { RleMask, Size } from "../../src/imaging/types.ts";
import type { FindingVersion } from "../../src/inference/find/types.ts";
import type { VersionRef } from "../../src/inference/types.ts";
import { keys } from "../../src/storage/keys.ts";
import type { ObjectStore } from "../../src/storage/store.ts";
import type { PreparedData } from "../../src/training/data/prepare.ts";
import { ofImage } from "../../src/training/finder/judge-finder.ts";
import { type Lesson, lessonsOf } from "../../src/training/finder/lessons.ts";
import type { Product } from "../lib/product/product.ts";

/** All that a label covers as one mask: the mean over held-out images of its IoU with all that is annotated there. */
export interface RegionScore {
  readonly who: string;
  readonly meanIou?: number;
  /** How long it was trained. */
  readonly seconds?: number;
  /** Why there is no score. */
  readonly missing?: string;
}

type Line = { peer: string; missing: string } | { peer: string; seconds: number; found: string[] };

/** What a version answers where everything that it was taught is asked for as one region. */
export const foundRegions = (
  { trainer }: Product,
  scope: ProjectScope,
  data: PreparedData,
  version: FindingVersion,
): Promise<number> =>
  overImages(data, async (lesson) => {
    const { results } = await trainer.inference.find({
      ...imageOf(trainer.store, scope, lesson),
      versions: [version],
      asks: [{ asRegion: true }],
      most: 500,
      format: "rle",
      maxAnswerText: Number.POSITIVE_INFINITY,
    });
    return results[0]?.asks[0]?.objects[0]?.mask as RleMask | undefined;
  });

/** What it answers to a box round the whole image, which nobody has to draw: how one taught by whole images is asked. */
export const boxedRegions = (
  { trainer }: Product,
  scope: ProjectScope,
  data: PreparedData,
  version: VersionRef,
): Promise<number> =>
  overImages(data, async (lesson) => {
    const [height, width] = sizeOf(lesson);
    const { results } = await trainer.inference.predict({
      ...imageOf(trainer.store, scope, lesson),
      size: [height, width],
      versions: [version],
      prompts: [{ box: [0, 0, width, height] }],
      multimask: false,
      format: "rle",
    });
    return results[0]?.predictions[0]?.masks[0]?.mask as RleMask | undefined;
  });

/** The mean over held-out images of the IoU between what is answered there and all that is annotated. */
async function overImages(
  data: PreparedData,
  answer: (lesson: Lesson) => Promise<RleMask | undefined>,
): Promise<number> {
  const ious: number[] = [];
  for (const lesson of lessonsOf(data.heldOut))
    ious.push(rleIou((await answer(lesson)) ?? nothing(sizeOf(lesson)), truthOf(lesson)));
  return mean(ious);
}

const imageOf = (store: ObjectStore, { workspaceId }: ProjectScope, { image }: Lesson) => ({
  workspaceId,
  baseModel: "mobile_sam",
  image: ofImage(store, image),
});

/** Trains and judges the peers (peers/regions.py) for so many seconds on the same images. */
export async function peerRegions(
  python: string,
  { trainer }: Product,
  { workspaceId }: ProjectScope,
  data: PreparedData,
  { seed, seconds }: { seed: number; seconds: number },
): Promise<RegionScore[]> {
  const folder = await mkdtemp(join(tmpdir(), "maskwright-peers-"));
  try {
    const test = lessonsOf(data.heldOut);
    const train = lessonsOf([...data.train, ...data.selection]);
    const { embeddingId } = baseModel("mobile_sam");
    const images = [];
    for (const [i, { image, samples }] of [...train, ...test].entries()) {
      const [file, picture] = [join(folder, `${i}.safetensors`), join(folder, `${i}`)];
      await trainer.store.getFile(keys.embedding(workspaceId, embeddingId, image.sha256), file);
      await trainer.store.getFile(image.object_key, picture);
      const truth = samples.map(({ annotation }) => annotation.counts);
      images.push({
        file,
        picture,
        width: image.width,
        height: image.height,
        train: i < train.length,
        truth,
      });
    }
    const job = join(folder, "job.json");
    await writeFile(job, JSON.stringify({ seed, seconds, images }));
    const script = resolve(import.meta.dirname, "../../peers/regions.py");
    const { stdout } = await promisify(execFile)(python, [script, job], { maxBuffer: 1e9 });
    return stdout
      .trim()
      .split("\n")
      .map((text) => scored(JSON.parse(text) as Line, test));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function scored(line: Line, test: readonly Lesson[]): RegionScore {
  if ("missing" in line) return { who: line.peer, missing: line.missing };
  const ious = test.map((lesson, i) =>
    rleIou({ format: "rle", size: sizeOf(lesson), counts: line.found[i] ?? "" }, truthOf(lesson)),
  );
  return { who: line.peer, meanIou: mean(ious), seconds: line.seconds };
}

const sizeOf = ({ image }: Lesson): [number, number] => [image.height, image.width];

const truthOf = (lesson: Lesson): RleMask =>
  rleUnion(
    lesson.samples.map(({ annotation }) => ({
      format: "rle",
      size: sizeOf(lesson),
      counts: annotation.counts,
    })),
  );

const nothing = ([height, width]: Size): RleMask =>
  encodeRle({ width, height, data: new Uint8Array(width * height) });

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
