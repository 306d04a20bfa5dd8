import { sql } from "../../src/db/drizzle.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { insertAnnotation } from "../../src/db/queries/annotations.ts";
import { maskToPng } from "../../src/imaging/mask-png.ts";
import { newId } from "../../src/lib/ids.ts";
import { type Client, errorOf, idOf, type TestApp, testApp } from "../helpers/app.ts";
import { asPng, discImage, noiseImage } from "../worlds/images.ts";

let app: TestApp;
let client: Client;
let project: string;
let image: string;
beforeAll(async () => {
  app = await testApp({ MEMORY_BUDGET: 160 * 1024 * 1024 });
  client = app.a;
  project = `/v1/projects/${idOf(await client.post("/v1/projects", { name: "bodies" }))}`;
  const png = Uint8Array.from(await asPng(noiseImage(64, 48, 1)));
  image = idOf(
    await client.send("POST", `${project}/images`, { body: png, headers: { "content-type": "image/png" } }),
  );
});
afterAll(() => app?.close());

const times = (text: string, n: number): string => `[${Array.from({ length: n }, () => text).join(",")}]`;
const send = (path: string, body: string) =>
  client.send("POST", `${project}/${path}`, {
    body,
    headers: { "content-type": "application/json", "content-length": String(Buffer.byteLength(body)) },
  });

describe("a body is held to its schema before anything is made of it", () => {
  it.each([
    [
      "numbers for prompts",
      () => ["predict", `{"image":{"id":"x"},"prompts":${times("1", 2e6)}}`],
      "400 invalid_request prompts[0]",
    ],
    [
      "empty prompts",
      () => ["predict", `{"image":{"id":"x"},"prompts":${times("{}", 1e6)}}`],
      "400 invalid_request prompts",
    ],
    [
      "texts in a polygon",
      () => ["annotations", `{"image_id":"x","mask":{"format":"polygon","polygons":[${times('""', 1e6)}]}}`],
      "400 invalid_request mask.polygons[0][0]",
    ],
    [
      "more values than any body needs",
      () => [
        "annotations",
        `{"image_id":"x","mask":{"format":"polygon","polygons":${times(times("1", 30), 6000)}}}`,
      ],
      "413 body_too_large",
    ],
    [
      "masks beside a named image",
      () => [
        "predict",
        `{"image":{"id":"x"},"prompts":[{"mask":{"format":"rle","size":[9,9],"counts":"${"0".repeat(9e6)}"}}]}`,
      ],
      "413 body_too_large",
    ],
    [
      "more memory than there is",
      () => ["predict", `{"image":{"base64":"${"A".repeat(20e6)}"},"prompts":[{"box":[1,2,3,4]}]}`],
      "413 memory_exceeded",
    ],
    ["no JSON, and large", () => ["predict", `{"image":{"base64":"${"A".repeat(1e6)}`], "400 invalid_json"],
  ] as const)("%s", async (_, make, error) => {
    const [path, body] = make() as [string, string];
    expect(errorOf(await send(path, body))).toBe(error);
    expect(app.services.memory.used).toBe(0);
  });

  it("names the memory that it needs, and what would fit", async () => {
    const body = `{"image":{"base64":"${"A".repeat(20e6)}"},"prompts":[]}`;
    const { message } = (await send("predict", body)).body["error"] as { message: string };
    expect(message).toMatch(
      /^A body of this size needs about \d+ MiB of memory; 120 MiB are the most \(three quarters of MEMORY_BUDGET\)\. /,
    );
  });

  it("still tells one fault as the schema does, with its place", async () => {
    const answer = await client.post(`${project}/annotations`, {
      image_id: image,
      mask: { format: "polygon", polygons: [[1, 2, "3", 4]] },
    });
    expect(errorOf(answer)).toBe("400 invalid_request mask.polygons[0][2]");
    expect(answer.body).toMatchObject({
      error: { message: expect.stringContaining("one number after the other") },
    });
  });

  it.each<[string, string, unknown, string]>([
    ["rows of pixels for a mask", "annotations", { mask: [[0, 1]] }, "mask: a mask is an object: {"],
    [
      "pairs in a polygon",
      "annotations",
      { mask: { format: "polygon", polygons: [[[1, 2]]] } },
      "[x, y, x, y, …]",
    ],
    [
      "a mask without its runs",
      "annotations",
      { mask: { format: "rle", size: [48, 64] } },
      "mask.counts: is missing",
    ],
    [
      "an address for an image",
      "predict",
      { image: { url: "https://a/b.png" } },
      "no address is ever fetched",
    ],
    ["two images", "predict", { image: { id: "x", base64: "" } }, '{"id": …}'],
    ["a point without a label", "predict", { prompts: [{ points: [[1, 2]] }] }, "a point is [x, y, label]"],
    [
      "a field that there is not",
      "predict",
      { boxes: [] },
      "boxes: there is no such field; there are image, prompts,",
    ],
    [
      "width and height for a corner",
      "predict",
      { prompts: [{ box: [40, 30, 20, 10] }] },
      "send [40, 30, 60, 40]",
    ],
    ["shares of the image", "predict", { prompts: [{ box: [0.1, 0.2, 0.5, 0.6] }] }, "not in shares of it"],
    [
      "another name for a version",
      "predict",
      { version: "latest" },
      '"active", "base" or its number; several',
    ],
    ["a hyperparameter beside the others", "fine-tunes", { epochs: 3 }, "there are hyperparameters,"],
  ])("says what to send in the place of %s", async (_, path, wrong, words) => {
    const whole =
      path === "predict" ? { image: { id: image } } : path === "annotations" ? { image_id: image } : {};
    const answer = await client.post(`${project}/${path}`, Object.assign(whole, wrong));
    expect(answer.body).toMatchObject({ error: { message: expect.stringContaining(words) } });
  });

  it("says where a body stops being JSON, and nothing of what stands there", async () => {
    const { body } = await send("predict", "{'image': 1}");
    expect(body).toMatchObject({
      error: { code: "invalid_json", message: expect.stringContaining("(line 1") },
    });
    expect(JSON.stringify(body)).not.toContain("image'");
  });

  it("takes a mask as browsers write a canvas, and tells a key without its word", async () => {
    const disc = discImage(64, 48, { x: 30, y: 20, radius: 9 }).mask;
    const data = (await maskToPng(disc)).toString("base64");
    const mask = { format: "png", data: `data:image/png;base64,${data}` };
    expect((await client.post(`${project}/annotations`, { image_id: image, mask })).status).toBe(201);
    const answer = await client.send("GET", "/v1/projects", { headers: { authorization: "mw_abc" } });
    expect(answer.body).toMatchObject({
      error: { message: expect.stringContaining("`Authorization: Bearer") },
    });
  });

  it("answers 503 with Retry-After where memory stays taken, and serves what needs none", async () => {
    const held = await app.services.memory.reserve(100 * 2 ** 20, { by: client.workspaceId });
    try {
      const waiting = send(
        "predict",
        `{"image":{"base64":"${"A".repeat(4e6)}"},"prompts":[{"box":[1,2,3,4]}]}`,
      );
      const small = await client.post(`${project}/annotations`, {
        image_id: image,
        mask: { format: "polygon", polygons: [[1, 1, 9, 1, 9, 9]] },
      });
      expect(small.status).toBe(201);
      const answer = await waiting;
      expect(errorOf(answer)).toBe("503 overloaded");
      expect(answer.headers.get("retry-after")).toBe("5");
    } finally {
      held.release();
    }
  });
});

describe("pages of masks", () => {
  it("end where their masks are 4 MiB, and the next cursor goes on", async () => {
    const png = Uint8Array.from(await asPng(noiseImage(64, 48, 2)));
    const headers = { "content-type": "image/png" };
    const other = idOf(await client.send("POST", `${project}/images`, { body: png, headers }));
    const ids = Array.from({ length: 5 }, () => newId("ann"))
      .sort()
      .toReversed();
    for (const [i, id] of ids.entries()) {
      await app.db.execute(sql`
        insert into annotations (id, workspace_id, project_id, image_id, counts, area, box, source, created_at)
        values (${id}, ${client.workspaceId}, ${project.split("/").at(-1)}, ${other}, repeat('1', ${i === 4 ? 5e6 : 1.5e6}::int),
          1, '[0,0,1,1]', 'api', '2030-01-01')`);
    }
    const pages: string[][] = [];
    let cursor = "";
    do {
      const { body } = await client.get(`${project}/annotations?image_id=${other}${cursor}`);
      pages.push((body["data"] as { id: string }[]).map(({ id }) => id));
      cursor = `&cursor=${String(body["next_cursor"])}`;
      if (!body["has_more"]) break;
    } while (pages.length < 9);
    expect(pages).toEqual([ids.slice(0, 2), ids.slice(2, 4), ids.slice(4)]);
    expect(app.services.memory.used).toBe(0);

    const gallery = await client.get(`${project}/gallery`);
    const shown = gallery.body["data"] as { annotations: unknown[] }[];
    expect(shown.map(({ annotations }) => annotations.length)).toEqual([5]);
    expect(gallery.body["has_more"]).toBe(true);
  });
});

it("a page whose masks would not fit into memory is refused, and names what would", async () => {
  const scope = { workspaceId: client.workspaceId, projectId: project.slice("/v1/projects/".length) };
  await insertAnnotation(app.db, {
    ...scope,
    id: newId("ann"),
    imageId: image,
    counts: "1".repeat(64 * 1024 * 1024),
    area: 1,
    box: [0, 0, 1, 1],
    source: "api",
  });
  expect(errorOf(await client.get(`${project}/annotations?image_id=${image}&limit=1`))).toBe(
    "413 memory_exceeded",
  );
});
