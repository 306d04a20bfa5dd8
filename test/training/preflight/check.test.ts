import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { getProject } from "../../../src/db/queries/projects.ts";
import type { ProjectScope } from "../../../src/db/queries/scope.ts";
import type { Finding } from "../../../src/domain/preview.ts";
import { boxOf } from "../../../src/imaging/geometry.ts";
import type { BinaryMask, Box, RgbImage } from "../../../src/imaging/types.ts";
import { keys } from "../../../src/storage/keys.ts";
import { checkProject } from "../../../src/training/preflight/check.ts";
import { selectStored } from "../../../src/jobs/preview/stored-project.ts";
import { asSharp, rectangleMask } from "../../worlds/images.ts";
import { keysBelow } from "../../helpers/objects.ts";
import { ringImage } from "../../worlds/rings.ts";
import { type Bench, openBench } from "../../worlds/trainer.ts";
import { newProject } from "../project.ts";
import { addImage, addMark, addRing, printed, red, ringMask } from "./planted.ts";

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
  return checkProject(store, await selectStored(db, await getProject(db, scope)), {
    signal: new AbortController().signal,
  });
}
const codes = (findings: readonly Finding[]): string[] =>
  [...new Set(findings.map(({ code }) => code))].sort();

interface Planted {
  readonly image: RgbImage;
  readonly mask: BinaryMask;
  readonly box?: Box;
}
const [width, height] = [140, 100] as const;
const ring = { x: 70, y: 50, radius: 30, hole: 17 } as const;
const paintedRing = (more: Partial<Record<keyof typeof ring, number>> = {}): Planted => {
  const mask = ringMask([width, height], { ...ring, ...more });
  return { image: printed(mask), mask };
};
const rectangle = (box: Box): BinaryMask => rectangleMask(width, height, box);
/** A faultless ring whose mask alone is wrong. */
const badlyDrawn = (mask: BinaryMask, box?: Box): Planted => ({
  ...paintedRing(),
  mask,
  ...(box && { box }),
});

/** The ring's mask with a pixel more, in a corner of the ring's own box. */
function withStrayPixel(): BinaryMask {
  const { mask } = paintedRing();
  const [x, y] = boxOf(mask);
  const data = Uint8Array.from(mask.data);
  data[y * width + x] = 1;
  return { ...mask, data };
}
function block(box: Box): Planted {
  const mask = rectangle(box);
  return { image: printed(mask), mask };
}
function redRing(): Planted {
  const { mask } = paintedRing();
  return { image: printed(mask, red), mask };
}

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
  it.each<[string, Finding["severity"], Planted, string[]?]>([
    ["mask_empty", "error", badlyDrawn(rectangle([0, 0, 0, 0]), [10, 10, 20, 20])],
    // A dot has a size, but no shape that could be odd.
    ["mask_tiny", "warning", badlyDrawn(rectangle([70, 25, 71, 26])), ["size_outlier"]],
    ["box_mask_mismatch", "warning", { ...paintedRing(), box: [0, 0, 110, 85] }],
    ["mask_touches_border", "info", paintedRing({ x: 26 })],
    ["mask_several_parts", "info", badlyDrawn(withStrayPixel())],
    ["size_outlier", "info", paintedRing({ radius: 7, hole: 4 })],
    ["shape_outlier", "info", block([15, 42, 125, 56])],
    // As wide as high, but it fills its box as no ring does.
    ["shape_outlier", "info", block([45, 25, 95, 75])],
    ["colour_outlier", "info", redRing()],
    // A mask that lies beside its ring has two faults.
    ["colour_outlier", "info", badlyDrawn(rectangle([2, 2, 38, 38])), ["shape_outlier"]],
  ])("%s (%s) is found, on that mask and no other", async (code, severity, planted, beside = []) => {
    const scope = await cleanProject();
    const imageId = await addImage(bench, scope, planted.image);
    const annotationId = await addMark(bench, scope, imageId, planted.mask, planted.box);
    const { findings, finding_counts: counts, broken } = await check(scope);
    expect(findings.filter((finding) => finding.code === code)).toEqual([
      { code, severity, message: expect.any(String), image_ids: [imageId], annotation_ids: [annotationId] },
    ]);
    expect(counts).toMatchObject({ [code]: 1 });
    expect(broken).toBe(severity === "error");
    // What the fault brings along, and nothing else; all of it about the same mask.
    expect(findings.map((finding) => finding.code).sort()).toEqual([code, ...beside].sort());
    expect(findings.every(({ annotation_ids: ids }) => ids[0] === annotationId)).toBe(true);
  });
});

describe("data of two kinds", () => {
  it("is told in one finding where one mask in twenty or more is unlike the others", async () => {
    const scope = await cleanProject();
    const marks: string[] = [];
    for (let i = 0; i < 4; i++) {
      const mask = ringMask([width, height], { ...ring, x: 50 + 10 * i, hole: 15 + i });
      marks.push(await addMark(bench, scope, await addImage(bench, scope, printed(mask, red)), mask));
    }
    const { findings, finding_counts: counts } = await check(scope);
    const found = findings.filter(({ code }) => code === "colour_outlier");
    expect(found).toHaveLength(1);
    expect(found[0]?.message).toContain("4 of 16 masks lie on a colour far from the usual");
    expect(found[0]?.annotation_ids.sort()).toEqual(marks.sort());
    expect(counts).toMatchObject({ colour_outlier: 4 });
  });

  it("is told once of an image, not of each of its masks", async () => {
    const scope = await cleanProject();
    const masks = [25, 70, 115].flatMap((x) =>
      [25, 72].map((y) => ringMask([width, height], { x, y, radius: 20, hole: 11 })),
    );
    const data = new Uint8Array(width * height).map((_, p) =>
      Math.max(...masks.map((mask) => mask.data[p] ?? 0)),
    );
    const imageId = await addImage(bench, scope, printed({ width, height, data }, red));
    for (const mask of masks) await addMark(bench, scope, imageId, mask);
    const { findings } = await check(scope);
    const found = findings.filter(({ code }) => code === "colour_outlier");
    expect(found).toMatchObject([{ severity: "info", image_ids: [imageId] }]);
    expect(found[0]?.message).toContain("6 of this image's 6 masks");
    expect(found[0]?.annotation_ids).toHaveLength(6);
  });
});

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

  it("images_known_empty: apart from those that nobody has looked at", async () => {
    const scope = await cleanProject();
    const empty = await addImage(bench, scope, ringImage(105).image, { knownEmpty: true });
    const { findings } = await check(scope);
    expect(findings).toMatchObject([{ code: "images_known_empty", severity: "info", image_ids: [empty] }]);
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
