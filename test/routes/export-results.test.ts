import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createApp } from "../../src/app.ts";
import { mostResultImages } from "../../src/actions/export-results.ts";
import { eq, sql } from "../../src/db/drizzle.ts";
import { insertAnnotation } from "../../src/db/queries/annotations.ts";
import { versions } from "../../src/db/schema/index.ts";
import { AppError } from "../../src/lib/errors.ts";
import { newId } from "../../src/lib/ids.ts";
import { read, type TestApp, testApp } from "../helpers/app.ts";
import { holdToContract } from "../helpers/contract.ts";
import { makeProject, rectangleRle } from "../helpers/seeds.ts";
import { finding, findingProject } from "../worlds/auto-label.ts";

let app: TestApp;
beforeAll(async () => {
  app = await testApp();
});
afterAll(() => app?.close());

type Found = Parameters<typeof finding>[0];

/** Three images, an annotated one with a label in the middle; `findIn` says what is found, image by image. */
async function world(findIn?: Found) {
  const project = await findingProject(app, 3);
  await insertAnnotation(app.db, {
    id: newId("ann"),
    workspaceId: app.a.workspaceId,
    projectId: project.id,
    imageId: project.images[1] as string,
    counts: rectangleRle([2, 2, 6, 6]).counts,
    area: 16,
    box: [2, 2, 6, 6],
    label: "seal",
    source: "api",
  });
  const { find, asked } = finding(findIn);
  const inference = Object.assign(Object.create(app.services.inference) as object, app.services.inference, {
    find,
  });
  const own = createApp({ ...app.services, inference });
  const ask = async (of: Pick<typeof own, "request">, query: string, key: string) =>
    of.request(`${project.url}/annotations/export?source=version${query}`, {
      headers: { authorization: `Bearer ${key}` },
    });
  /** Its body as it comes, whole or not. */
  const raw = async () => ask(own, "", app.a.key);
  const documented = holdToContract(createApp({ ...app.services, inference }));
  const get = async (query = "", key = app.a.key) => read(await ask(documented, query, key));
  return { ...project, get, raw, asked };
}

const error = (answer: { status: number; body: Record<string, unknown> }): string => {
  const { code, param } = answer.body["error"] as { code: string; param?: string };
  return [answer.status, code, param].filter(Boolean).join(" ");
};

describe("annotations/export?source=version", () => {
  it("tells what is found by the ids of the annotations' own COCO file", async () => {
    const { get, url, images, asked } = await world((look) =>
      look === 2 ? [] : [{ label: look === 1 ? "stamp" : "seal", labelScore: 0.25, at: [1, 2, 5, 9] }],
    );
    const truth = (await app.a.get(`${url}/annotations/export`)).body as unknown as {
      images: { id: number; maskwright_id: string }[];
      categories: { id: number; name: string }[];
    };
    const answer = await get();
    expect(answer.status).toBe(200);
    const [first, , last] = images.map(
      (id) => truth.images.find((image) => image.maskwright_id === id)?.id as number,
    );
    const row = {
      segmentation: { size: [10, 20], counts: rectangleRle([1, 2, 5, 9]).counts },
      bbox: [1, 2, 4, 7],
      score: 0.25,
      iou_prediction: 0.9,
    };
    expect(answer.body).toEqual([
      // A label that no annotation has comes after those of the file.
      { image_id: first, category_id: truth.categories.length + 1, ...row, label: "stamp" },
      { image_id: last, category_id: truth.categories[0]?.id, ...row, label: "seal" },
    ]);
    expect(asked.map(({ threshold, most }) => [threshold, most])).toEqual(images.map(() => [0.05, 100]));
  });

  it("looks at annotated images alone, or at those that judged the version", async () => {
    const { get, id, images, asked } = await world();
    expect((await get("&images=annotated&threshold=0.5")).body).toMatchObject([{ image_id: 2 }]);
    expect(asked.map(({ threshold }) => threshold)).toEqual([0.5]);
    const [row] = await app.db.select().from(versions).where(eq(versions.projectId, id));
    const judged = { imageId: images[2] as string, annotationId: "ann", baseIou: 0, tunedIou: 0 };
    const metrics = { ...(row?.metrics as NonNullable<typeof row>["metrics"]), perAnnotation: [judged] };
    await app.db
      .update(versions)
      .set({ metrics: metrics as never })
      .where(eq(versions.projectId, id));
    expect((await get("&images=test")).body).toMatchObject([{ image_id: 3 }]);
  });

  it("is an empty list where nothing is found", async () => {
    const { get } = await world(() => []);
    expect((await get()).body).toEqual([]);
  });

  it("refuses before it looks, and never ends a file that lacks something", async () => {
    const { get, id, asked } = await world();
    expect(error(await get("&format=yolo"))).toBe("400 invalid_request format");
    expect(error(await get("&images=none"))).toBe("400 invalid_request images");
    expect(error(await get("&version=9"))).toBe("404 version_not_found version");
    const { body } = await app.a.post("/v1/keys", { name: "reader", scopes: ["read"] });
    expect(error(await get("", String(body["key"])))).toBe("403 scope_missing");
    await app.db
      .execute(sql`insert into images (id, workspace_id, project_id, sha256, object_key, bytes, format, width, height)
      select ${id} || n, ${app.a.workspaceId}, ${id}, encode(sha256(n::text::bytea), 'hex'), 'none', 1, 'png', 20, 10
      from generate_series(1, ${mostResultImages - 2}) n`);
    expect(error(await get())).toBe("422 export_too_many_images images");
    expect(asked).toEqual([]);
    const base = await makeProject(app.a);
    expect(error(await app.a.get(`/v1/projects/${base}/annotations/export?source=version`))).toBe(
      "422 finder_missing version",
    );
    const corrupted = new AppError("image_damaged", "The bytes are damaged.");
    const early = await world(() => Promise.reject(corrupted));
    expect(error(await early.get())).toBe("500 image_damaged");
    const late = await world((look) => (look === 3 ? Promise.reject(corrupted) : [{}]));
    const broken = await late.raw();
    expect(broken.status).toBe(200);
    await expect(broken.text()).rejects.toThrow("The bytes are damaged.");
  });

  it("names what the other source would have gone by, instead of leaving it out", async () => {
    const { get, url } = await world();
    expect(error(await get("&polygon_tolerance=2"))).toBe("400 invalid_request polygon_tolerance");
    for (const [param, value] of [
      ["version", "1"],
      ["images", "test"],
      ["threshold", "0.5"],
    ] as const)
      expect(error(await app.a.get(`${url}/annotations/export?${param}=${value}`))).toBe(
        `400 invalid_request ${param}`,
      );
  });
});
