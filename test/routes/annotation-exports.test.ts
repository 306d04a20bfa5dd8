import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { insertAnnotation } from "../../src/db/queries/annotations.ts";
import { setSplitGroup } from "../../src/db/queries/images.ts";
import { getImport } from "../../src/db/queries/imports.ts";
import { decodeRle } from "../../src/imaging/rle.ts";
import { sha256 } from "../../src/lib/hash.ts";
import { createEngine } from "../../src/training/engine/create.ts";
import { runImport } from "../../src/jobs/import/run.ts";
import { type Files, maskPng, picture, useZips } from "../datasets/zips.ts";
import { errorOf, idOf, type TestApp, testApp } from "../helpers/app.ts";
import { filesOf } from "../helpers/unzip.ts";
import { makeProject, rectangle, rectangleRle, seedImage } from "../helpers/seeds.ts";

let app: TestApp;
const zips = useZips();
beforeAll(async () => {
  app = await testApp();
});
afterAll(async () => {
  await app?.close();
});

interface Coco {
  images: {
    id: number;
    file_name: string;
    group: string | null;
    known_empty: boolean;
    sha256: string;
    maskwright_id: string;
  }[];
  annotations: {
    id: number;
    image_id: number;
    category_id: number;
    segmentation: { size: [number, number]; counts: string };
    bbox: [number, number, number, number];
    area: number;
    maskwright_id: string;
  }[];
  categories: { id: number; name: string; unlabelled?: true }[];
}

const exportUrl = (project: string): string => `/v1/projects/${project}/annotations/export?format=coco`;
const exported = async (project: string): Promise<Coco> => {
  const answer = await app.a.get(exportUrl(project));
  expect(answer.status).toBe(200);
  return answer.body as unknown as Coco;
};

/** Uploads a zip and imports it as the trainer does. */
async function importZip(project: string, files: Files): Promise<void> {
  const body = Uint8Array.from(await readFile(await zips.zip(files)));
  const headers = { "content-type": "application/zip" };
  const id = idOf(await app.a.send("POST", `/v1/projects/${project}/imports`, { body, headers }));
  const trainer = {
    ...app.services,
    createEngine,
    engine: "compiled" as const,
    holder: "test",
    maxImagesPerProject: 100,
    checkpointEveryMs: 0,
  };
  await runImport(trainer, id, new AbortController().signal);
  const row = await getImport(app.db, { workspaceId: app.a.workspaceId, projectId: project }, id);
  expect(row).toMatchObject({ status: "succeeded", error: null });
}

/** What must come back: each image's group and masks, by its bytes. */
const facts = ({ images, annotations, categories }: Coco) =>
  images
    .map((image) => ({
      sha256: image.sha256,
      file: image.file_name,
      group: image.group,
      masks: annotations
        .filter((one) => one.image_id === image.id)
        .map(({ segmentation, bbox, area, category_id }) => {
          const category = categories.find((one) => one.id === category_id);
          return { segmentation, bbox, area, label: category?.unlabelled ? null : category?.name };
        })
        .sort((a, b) => (a.segmentation.counts + a.label < b.segmentation.counts + b.label ? -1 : 1)),
    }))
    .sort((a, b) => (a.sha256 < b.sha256 ? -1 : 1));

const boxesOf = async (project: string): Promise<string[]> => {
  const { body } = await app.a.get(`/v1/projects/${project}/annotations?limit=100`);
  return (body["data"] as { box: number[] }[]).map(({ box }) => box.join()).sort();
};

describe("GET annotations/export", () => {
  it("gives images, masks, labels and groups that import again as the same", async () => {
    const first = await makeProject(app.a);
    const pictures: Record<string, Buffer> = {};
    // Six images of two pages by their names; one has no mask.
    for (let i = 0; i < 6; i++) pictures[`images/page${i % 5}_${i}.png`] = await picture(i, 20, 10);
    const names = Object.keys(pictures);
    await importZip(first, {
      ...pictures,
      "data.yaml": "names: [seal, round stamp]",
      "labels/page0_0.txt": "0 .1 .1 .9 .1 .5 .8\n1 .2 .2 .4 .2 .4 .9",
      "labels/page1_1.txt": "1 0 0 1 0 1 1 0 1",
      "labels/page2_2.txt": "0 .3 .3 .6 .3 .6 .6",
    });
    await importZip(first, {
      [names[3] as string]: pictures[names[3] as string] as Buffer,
      [`masks/${names[3]?.slice(7)}`]: await maskPng([3, 2, 9, 6], { width: 20, height: 10 }),
    });
    // A box of its own whose width does not survive subtraction, and a label as the unlabelled category is called.
    const imageId = (await exported(first)).images.find((one) => one.file_name === names[1])?.maskwright_id;
    const body = {
      image_id: imageId,
      mask: rectangleRle([2, 2, 6, 6]),
      box: [1.1, 1.1, 5.3, 5.3],
      label: "unlabelled",
    };
    expect((await app.a.post(`/v1/projects/${first}/annotations`, body)).status).toBe(201);

    const coco = await exported(first);
    expect(coco.images).toHaveLength(6);
    expect(coco.annotations).toHaveLength(6);
    expect(coco.categories.map(({ name }) => name).sort()).toEqual([
      "round stamp",
      "seal",
      "unlabelled",
      "unlabelled",
    ]);
    expect(new Set(coco.images.map(({ group }) => group))).toEqual(
      new Set(["page0", "page1", "page2", "page3", "page4"]),
    );

    const second = await makeProject(app.a);
    await importZip(second, { ...pictures, "annotations.json": coco });
    expect(facts(await exported(second))).toEqual(facts(coco));
    // 5.3 - 1.1 is no number that added to 1.1 gives 5.3.
    expect(await boxesOf(second)).toEqual(await boxesOf(first));
  });

  it("gives a zip in another tool's format that imports again as the same", async () => {
    const first = await makeProject(app.a);
    const pictures: Files = {};
    for (let i = 0; i < 3; i++) pictures[`images/${i}.png`] = await picture(90 + i, 20, 10);
    await importZip(first, {
      ...pictures,
      "data.yaml": "names: [seal, round stamp]",
      "labels/0.txt": "0 .1 .1 .9 .1 .5 .8\n1 .2 .2 .4 .2 .4 .9",
      "labels/1.txt": "",
    });
    const headers = { authorization: `Bearer ${app.a.key}` };
    const response = await app.app.request(`/v1/projects/${first}/annotations/export?format=cvat`, {
      headers,
    });
    expect(response.headers.get("content-type")).toBe("application/zip");
    expect(response.headers.get("content-disposition")).toContain(`${first}-annotations-cvat.zip`);
    const second = await makeProject(app.a);
    const files = await filesOf(Buffer.from(await response.arrayBuffer()));
    await importZip(second, { ...pictures, ...Object.fromEntries(files) });
    expect(facts(await exported(second))).toEqual(facts(await exported(first)));
    const empty = (await exported(second)).images.filter((image) => image.known_empty);
    expect(empty.map((image) => image.file_name)).toEqual(["images/1.png"]);
    expect(app.services.memory.used).toBe(0);
  });

  it("says of images without a group that they have none, whatever their names look like", async () => {
    const first = await makeProject(app.a);
    const files: Files = {};
    for (let i = 0; i < 6; i++) files[`images/page${i % 5}_${i}.png`] = await picture(50 + i, 20, 10);
    for (const [name, bytes] of Object.entries(files)) {
      const at = `/v1/projects/${first}/images?file_name=${name.slice(7)}`;
      await app.a.send("POST", at, {
        body: Uint8Array.from(bytes as Buffer),
        headers: { "content-type": "image/png" },
      });
    }
    const coco = await exported(first);
    expect(coco.images.map(({ group }) => group)).toEqual(Array.from({ length: 6 }, () => null));
    const second = await makeProject(app.a);
    await importZip(second, { ...files, "annotations.json": coco });
    expect((await exported(second)).images.map(({ group }) => group)).toEqual(coco.images.map(() => null));
  });

  it("pages through many rows, oldest first, with RLE that decodes and names that are unique", async () => {
    const project = await makeProject(app.a);
    const scope = { workspaceId: app.a.workspaceId, projectId: project };
    const one = await seedImage(app, project);
    const other = await seedImage(app, project);
    await setSplitGroup(app.db, scope, other, "page 7");
    const { sql } = app;
    await sql`insert into annotations (id, workspace_id, project_id, image_id, counts, area, box, source)
      select 'ann_' || n, ${scope.workspaceId}, ${project}, ${one}, ${rectangleRle([1, 1, 4, 5]).counts}, 12, '[1,1,4,5]', 'api'
      from generate_series(1000, 1450) n`;
    await sql`insert into images (id, workspace_id, project_id, sha256, object_key, bytes, format, width, height, file_name)
      select 'img_' || n, ${scope.workspaceId}, ${project}, lpad(to_hex(n), 64, '0'), 'x', 1, 'jpeg', 20, 10,
        case when n < 3 then 'same.jpg' when n = 3 then 'blob' else n || '.jpg' end
      from generate_series(1, 1200) n`;
    const { images, annotations, categories } = await exported(project);
    expect(images.map(({ id }) => id)).toEqual(Array.from({ length: 1202 }, (_, i) => i + 1));
    expect(annotations.map(({ id }) => id)).toEqual(Array.from({ length: 451 }, (_, i) => i + 1));
    const nameOf = (id: string) => images.find((image) => image.maskwright_id === id)?.file_name;
    expect([one, "img_1", "img_2", "img_3", "img_4"].map(nameOf)).toEqual([
      `${one}.png`,
      "img_1.jpeg",
      "img_2.jpeg",
      "img_3.jpeg",
      "4.jpg",
    ]);
    expect(new Set(images.map((image) => image.file_name)).size).toBe(1202);
    expect(images.find((image) => image.maskwright_id === other)?.group).toBe("page 7");
    expect(categories).toEqual([{ id: 1, name: "unlabelled", unlabelled: true }]);
    expect(new Set(annotations.map((row) => row.maskwright_id)).size).toBe(451);
    const [first] = annotations;
    expect(first).toMatchObject({ category_id: 1, bbox: [1, 1, 3, 4], area: 12, iscrowd: 0 });
    const { size, counts } = first?.segmentation ?? { size: [0, 0], counts: "" };
    expect(decodeRle({ format: "rle", size, counts })).toEqual(rectangle([1, 1, 4, 5]));
  });

  it("of an empty project is an empty data set, named by its hash", async () => {
    const project = await makeProject(app.a);
    const headers = { authorization: `Bearer ${app.a.key}` };
    const response = await app.app.request(exportUrl(project), { headers });
    const bytes = Buffer.from(await response.arrayBuffer());
    expect(JSON.parse(bytes.toString())).toMatchObject({ images: [], annotations: [], categories: [] });
    expect(response.headers.get("etag")).toBe(`"${sha256(bytes)}"`);
    expect(response.headers.get("content-disposition")).toBe(
      `attachment; filename="${project}-annotations.json"`,
    );
    expect(response.headers.get("content-length")).toBe(String(bytes.length));
  });

  it("is nobody else's, and in no other format", async () => {
    const project = await makeProject(app.a);
    expect(errorOf(await app.b.get(exportUrl(project)))).toBe("404 project_not_found project_id");
    const asked = async (query: string): Promise<string> =>
      errorOf(await app.a.get(`/v1/projects/${project}/annotations/export?${query}`));
    expect(await asked("format=xlsx")).toBe("400 invalid_request format");
    expect(await asked("format=yolo&shapes=masks")).toBe("400 invalid_request shapes");
    expect(await asked("polygon_tolerance=-1")).toBe("400 invalid_request polygon_tolerance");
  });
});

it("masks of megabytes are written whole, among short ones, in their order", async () => {
  const project = await makeProject(app.a);
  const image = await seedImage(app, project);
  // COCO's run lengths use every character from 0 to o, the backslash among them.
  const long = (length: number): string =>
    Array.from({ length }, (_, i) => String.fromCharCode(48 + ((i * 7) % 64))).join("");
  const counts = ["09", long(3_000_000), long(2_500_000), "1", long(200_000), long(5_000_000), "2"];
  for (const [i, text] of counts.entries())
    await insertAnnotation(app.db, {
      workspaceId: app.a.workspaceId,
      projectId: project,
      id: `ann_long_${i}`,
      imageId: image,
      counts: text,
      area: 1,
      box: [0, 0, 1, 1],
      source: "api",
    });
  const { annotations } = await exported(project);
  expect(annotations.map(({ id }) => id)).toEqual([1, 2, 3, 4, 5, 6, 7]);
  expect(annotations.map(({ segmentation }) => sha256(segmentation.counts))).toEqual(
    counts.map((text) => sha256(text)),
  );
  expect(app.services.memory.used).toBe(0);
});
