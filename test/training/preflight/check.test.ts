import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { getProject } from "../../../src/db/queries/projects.ts";
import type { ProjectScope } from "../../../src/db/queries/scope.ts";
import type { Finding } from "../../../src/db/schema/index.ts";
import type { BinaryMask, Box } from "../../../src/imaging/types.ts";
import { keys } from "../../../src/storage/keys.ts";
import { checkProject } from "../../../src/training/preflight/check.ts";
import { asSharp, rectangleMask } from "../../helpers/images.ts";
import { keysBelow } from "../../helpers/objects.ts";
import { type Bench, openBench, ringImage } from "../../scenario/harness.ts";
import { newProject } from "../project.ts";
import { addImage, addMark, addRing } from "./planted.ts";

vi.setConfig({ testTimeout: 60_000 });

let bench: Bench;
beforeAll(async () => {
  bench = await openBench();
});
afterAll(() => bench?.close());

const rings = 12;
/** Twelve faultless rings. */
async function cleanProject(): Promise<ProjectScope> {
  const scope = await newProject(bench.services.db);
  for (let seed = 1; seed <= rings; seed++) await addRing(bench, scope, seed);
  return scope;
}

async function check(scope: ProjectScope) {
  const { db, store } = bench.services;
  return checkProject({ db, store }, await getProject(db, scope), { signal: new AbortController().signal });
}
const codes = (findings: readonly Finding[]): string[] =>
  [...new Set(findings.map(({ code }) => code))].sort();

/** Another ring with a mask of one's own on it. */
async function plantMask(scope: ProjectScope, draw: (mask: BinaryMask) => BinaryMask, box?: Box) {
  const { image, mask } = ringImage(100);
  const imageId = await addImage(bench, scope, image);
  return { imageId, annotationId: await addMark(bench, scope, imageId, draw(mask), box) };
}
const rectangleOn = (mask: BinaryMask, box: Box): BinaryMask => rectangleMask(mask.width, mask.height, box);

describe("a clean project", () => {
  it("has no findings", async () => {
    const { findings, finding_counts: counts, broken, data } = await check(await cleanProject());
    expect(findings).toEqual([]);
    expect(counts).toEqual({});
    expect(broken).toBe(false);
    expect([data.snapshot.images.length, data.groups]).toEqual([rings, rings]);
  });

  it("is left as it was", async () => {
    const scope = await cleanProject();
    const objects = () => keysBelow(bench.services.store, keys.projectPrefix(scope.projectId));
    const before = await objects();
    await check(scope);
    expect(await objects()).toEqual(before);
  });
});

describe("a planted fault of one mask", () => {
  it.each<[string, Finding["severity"], (mask: BinaryMask) => BinaryMask, Box?, string[]?]>([
    ["mask_empty", "error", (mask) => rectangleOn(mask, [0, 0, 0, 0]), [10, 10, 20, 20]],
    ["mask_tiny", "warning", (mask) => rectangleOn(mask, [50, 40, 51, 41]), undefined, ["size_outlier"]],
    ["box_mask_mismatch", "warning", (mask) => mask, [0, 0, 110, 85]],
    [
      "mask_touches_border",
      "info",
      (mask) => rectangleOn(mask, [0, 20, 50, 68]),
      undefined,
      ["shape_outlier"],
    ],
    [
      "mask_several_parts",
      "info",
      (mask) => {
        const data = Uint8Array.from(mask.data);
        data[2 * mask.width + 2] = 1;
        return { ...mask, data };
      },
      undefined,
      ["shape_outlier"],
    ],
    ["size_outlier", "info", (mask) => rectangleOn(mask, [50, 40, 57, 47]), undefined, ["shape_outlier"]],
    ["shape_outlier", "info", (mask) => rectangleOn(mask, [10, 40, 110, 52])],
    ["colour_outlier", "info", paper],
  ])("%s is found, on that mask and no other", async (code, severity, draw, box, beside = []) => {
    const scope = await cleanProject();
    const { imageId, annotationId } = await plantMask(scope, draw, box);
    const { findings, finding_counts: counts, broken } = await check(scope);
    const found = findings.filter((finding) => finding.code === code);
    expect(found).toEqual([
      { code, severity, message: expect.any(String), image_ids: [imageId], annotation_ids: [annotationId] },
    ]);
    expect(counts).toMatchObject({ [code]: 1 });
    expect(broken).toBe(severity === "error");
    // What the fault brings along, and nothing else; all of it about the same mask.
    expect([code, ...beside]).toEqual(expect.arrayContaining(codes(findings)));
    expect(findings.every(({ annotation_ids: ids }) => ids[0] === annotationId)).toBe(true);
  });
});

/** A ring of the ring's own shape, size and place, but on blank paper: beside it. */
function paper(mask: BinaryMask): BinaryMask {
  const data = new Uint8Array(mask.data.length);
  // The hole, whose ink is lighter than the ring's, and a rim of paper: as much fill as a ring has.
  const { width, height } = mask;
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const corner = x >= 2 && y >= 2 && x < 52 && y < 52;
      if (corner && (x < 9 || y < 9 || x >= 45 || y >= 45))
        data[y * width + x] = 1 - (mask.data[y * width + x] as number);
    }
  return { width, height, data };
}

describe("a planted fault of several annotations or images", () => {
  it("annotation_duplicate: the same object drawn twice", async () => {
    const scope = await cleanProject();
    const { imageId, annotationId, mask } = await addRing(bench, scope, 101);
    const again = { ...mask, data: Uint8Array.from(mask.data) };
    again.data[again.data.indexOf(1)] = 0;
    const twin = await addMark(bench, scope, imageId, again);
    const { findings } = await check(scope);
    expect(codes(findings)).toEqual(["annotation_duplicate"]);
    expect([findings[0]?.image_ids, findings[0]?.annotation_ids.sort()]).toEqual([
      [imageId],
      [annotationId, twin].sort(),
    ]);
  });

  it("image_near_duplicate: a copy in another format and group", async () => {
    const scope = await cleanProject();
    const { image, mask, imageId } = await addRing(bench, scope, 102, "monday");
    const bytes = await asSharp(image).jpeg({ quality: 80 }).toBuffer();
    const copy = await addImage(bench, scope, image, { bytes, group: "tuesday" });
    await addMark(bench, scope, copy, mask);
    const { findings } = await check(scope);
    expect(codes(findings)).toEqual(["image_near_duplicate"]);
    expect([...(findings[0]?.image_ids ?? [])].sort()).toEqual([imageId, copy].sort());
  });

  it("images_without_annotations: how many, and which", async () => {
    const scope = await cleanProject();
    const bare = await addImage(bench, scope, ringImage(103).image);
    const { findings } = await check(scope);
    expect(findings).toMatchObject([
      { code: "images_without_annotations", severity: "info", image_ids: [bare], annotation_ids: [] },
    ]);
  });

  it("image_unreadable: its bytes are no image any more", async () => {
    const scope = await cleanProject();
    const { image, mask } = ringImage(104);
    const imageId = await addImage(bench, scope, image, { bytes: Buffer.from("not an image") });
    await addMark(bench, scope, imageId, mask);
    const { findings, broken } = await check(scope);
    expect(findings).toMatchObject([{ code: "image_unreadable", severity: "error", image_ids: [imageId] }]);
    expect(broken).toBe(true);
  });

  it.each([
    ["too_few_images", "error", 2, 2],
    ["too_few_groups", "error", 4, 1],
    ["too_few_groups", "warning", 6, 6],
  ])("%s (%s): %i images of %i groups", async (code, severity, count, groups) => {
    const scope = await newProject(bench.services.db);
    for (let i = 0; i < count; i++) await addRing(bench, scope, i + 1, `group ${i % groups}`);
    const { findings } = await check(scope);
    expect(findings).toMatchObject([{ code, severity, image_ids: [], annotation_ids: [] }]);
  });
});

it("tells in one finding what most masks have: it is how the objects are", async () => {
  const scope = await newProject(bench.services.db);
  for (let seed = 1; seed <= 10; seed++) {
    const { image, mask } = ringImage(seed);
    const data = Uint8Array.from(mask.data);
    data[1 * mask.width + 1] = 1;
    await addMark(bench, scope, await addImage(bench, scope, image), { ...mask, data });
  }
  const { findings, finding_counts: counts } = await check(scope);
  const parts = findings.filter(({ code }) => code === "mask_several_parts");
  expect(parts).toHaveLength(1);
  expect(parts[0]?.message).toContain("10 of 10 masks");
  expect(parts[0]?.annotation_ids).toHaveLength(10);
  expect(counts["mask_several_parts"]).toBe(10);
});
