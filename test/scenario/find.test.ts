import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { eq } from "../../src/db/drizzle.ts";
import { getProject } from "../../src/db/queries/projects.ts";
import type { ProjectScope } from "../../src/db/queries/scope.ts";
import { getTunedVersion, type TunedVersion } from "../../src/db/queries/versions.ts";
import { annotations, images } from "../../src/db/schema/index.ts";
import { areaOf, boxOf } from "../../src/imaging/geometry.ts";
import { rleIou } from "../../src/imaging/mask-facts.ts";
import { encodeRle } from "../../src/imaging/rle.ts";
import type { Box, RleMask, Size } from "../../src/imaging/types.ts";
import type { FindAsk, FindingVersion, FindRequest } from "../../src/inference/find/types.ts";
import { sha256 } from "../../src/lib/hash.ts";
import { newId } from "../../src/lib/ids.ts";
import { seededRandom } from "../../src/lib/random.ts";
import { keys } from "../../src/storage/keys.ts";
import { runFineTune } from "../../src/jobs/fine-tune/run.ts";
import { newFineTune, newProject } from "../training/project.ts";
import { asPng } from "../worlds/images.ts";
import { ringImage } from "../worlds/rings.ts";
import { addRings, type Bench, eventsOf, openBench } from "../worlds/trainer.ts";

vi.setConfig({ testTimeout: 300_000 });

let bench: Bench;
let scope: ProjectScope;
let version: TunedVersion;
let messages: string[];
const never = new AbortController().signal;
/** Short, and long enough to find rings that all look alike. */
const hyperparameters = { epochs: 1, learning_rate: 3e-4, batch_size: 2, refine: "none", finder: 100 };

beforeAll(async () => {
  bench = await openBench();
  const { db } = bench.services;
  scope = await newProject(db);
  await addRings(bench, scope, 8);
  await addPaper(4);
  await db.update(annotations).set({ label: "ring" }).where(eq(annotations.projectId, scope.projectId));
  const id = await newFineTune(db, scope, { hyperparameters });
  await runFineTune(bench.trainer, id, never);
  version = await getTunedVersion(db, scope, 1);
  messages = (await eventsOf(db, scope, id)).map(({ message }) => message);
}, 300_000);
afterAll(async () => {
  await bench.close();
});

/** Stores images of grainy paper that are known to hold nothing. */
async function addPaper(count: number): Promise<void> {
  const { db, store } = bench.services;
  for (let i = 0; i < count; i++) {
    const random = seededRandom(1000 + i);
    const [width, height] = [140, 110];
    const data = Uint8Array.from({ length: width * height * 3 }, () => 215 + random.below(15));
    const bytes = await asPng({ width, height, data });
    const hash = sha256(bytes);
    const objectKey = keys.image(scope.projectId, hash);
    await store.put(objectKey, bytes);
    const row = {
      id: newId("img"),
      sha256: hash,
      objectKey,
      bytes: bytes.length,
      format: "png",
      width,
      height,
    };
    await db.insert(images).values({ ...scope, ...row, knownEmpty: true });
  }
}

/** An image that nothing was trained on. */
const fresh = ringImage(77);

const findOn = async (asks: readonly FindAsk[], more: { threshold?: number; most?: number } = {}) =>
  (await foundOn(asks, more)).results[0]?.asks ?? [];

/** All that is found, and what masks show, by one look. */
async function findAndName(boxes: readonly Box[]) {
  const [result] = (await foundOn([{}], { names: [boxes] })).results;
  return { found: result?.asks[0], names: result?.names };
}

async function foundOn(asks: readonly FindAsk[], more: Partial<FindRequest>) {
  const bytes = await asPng(fresh.image);
  const { baseModel } = await getProject(bench.services.db, scope);
  const size: Size = [fresh.image.height, fresh.image.width];
  return bench.services.inference.find({
    workspaceId: scope.workspaceId,
    baseModel,
    image: { sha256: sha256(bytes), bytes: async () => bytes, size },
    versions: [version as FindingVersion],
    asks,
    most: 20,
    format: "rle",
    maxAnswerText: 1e6,
    ...more,
  });
}

describe("a version's finder", () => {
  it("is registered with what was measured of it on held-out images", () => {
    expect(version.finder).toMatchObject({ labels: ["ring"], pool: 4 });
    const { finder } = version.metrics;
    expect(finder?.gate).toMatchObject({ promote: true });
    expect(finder?.all.ap50).toBeGreaterThan(0.7);
    expect(finder?.labels).toEqual([{ label: "ring", annotations: 2, ...finder?.all }]);
    // The hash sends some of the four images that hold nothing to judge; the others taught.
    const judged = finder?.emptyImages ?? 0;
    expect(finder?.images).toBe(2 + judged);
    const said = messages.find((message) => message.startsWith("The version finds its objects")) ?? "";
    expect(said).toContain(`of 4 images that hold nothing ${4 - judged} taught it and ${judged} judged it`);
    expect(said).toContain("2 of 2 held-out images judged it");
  });

  it("finds the object of an image that nobody has prompted or seen", async () => {
    const [found] = await findOn([{}]);
    expect(found?.objects).toHaveLength(1);
    const [ring] = found?.objects ?? [];
    expect(ring).toMatchObject({ label: "ring", area: areaOf(fresh.mask) > 0 ? expect.any(Number) : 0 });
    expect(ring?.labelScore).toBeGreaterThanOrEqual(version.finder?.threshold ?? 1);
    // Its mask is the decoder's for this box, which one epoch has hardly taught about holes.
    const truth = encodeRle(fresh.mask);
    expect(rleIou(ring?.mask as RleMask, truth)).toBeGreaterThan(0.4);
  });

  it("names a mask by what it sees there, and none elsewhere", async () => {
    const bytes = await asPng(fresh.image);
    const { width, height } = fresh.image;
    const [ring, corner] = await bench.services.inference.name({
      workspaceId: scope.workspaceId,
      baseModel: "mobile_sam",
      image: { sha256: sha256(bytes), bytes: async () => bytes, size: [height, width] },
      version: version as FindingVersion,
      boxes: [boxOf(fresh.mask), [0, 0, 6, 6]],
    });
    const { found, names } = await findAndName([boxOf(fresh.mask), [0, 0, 6, 6]]);
    expect(names).toEqual([ring, null]);
    expect(ring).toEqual({ label: "ring", labelScore: found?.objects[0]?.labelScore });
    expect(corner).toBeNull();
  });

  it("keeps to the region, label, threshold and number that were asked for", async () => {
    const { width, height } = fresh.image;
    const [x0, y0, x1, y1] = [0, 0, width, height];
    const [inside, nowhere, other, excluded] = await findOn([
      { region: [x0, y0, x1, y1], labels: ["ring"] },
      { region: [x1 - 2, y1 - 2, x1, y1] },
      { labels: [null] },
      { exclude: [[x0, y0, x1, y1]] },
    ]);
    expect(inside?.objects).toHaveLength(1);
    for (const empty of [nowhere, other, excluded]) expect(empty?.objects).toHaveLength(0);
    const [none] = await findOn([{}], { threshold: 0.9999 });
    expect(none?.objects).toHaveLength(0);
    const [cut] = await findOn([{}], { most: 0 });
    expect(cut).toMatchObject({ objects: [], left: 1 });
  });

  it("leaves its weights in the store, where the cleaning up after a fine-tune finds them named", async () => {
    const { key, bytes } = version.finder as NonNullable<TunedVersion["finder"]>;
    expect(await bench.services.store.stat(key)).toMatchObject({ bytes });
  });

  it("is refused where its weights are not those that were registered", async () => {
    const finder = version.finder as NonNullable<TunedVersion["finder"]>;
    const broken = { ...version, finder: { ...finder, sha256: "0".repeat(64) } } as FindingVersion;
    const bytes = await asPng(fresh.image);
    const request = {
      workspaceId: scope.workspaceId,
      baseModel: "mobile_sam",
      image: {
        sha256: sha256(bytes),
        bytes: async () => bytes,
        size: [fresh.image.height, fresh.image.width] as const,
      },
      versions: [broken],
      asks: [{}],
      most: 5,
      format: "rle" as const,
      maxAnswerText: 1e6,
    };
    await expect(bench.services.inference.find(request)).rejects.toMatchObject({
      code: "version_damaged",
      cause: { code: "object_corrupted" },
    });
  });
});
