import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createApp } from "../../src/app.ts";
import { eq } from "../../src/db/drizzle.ts";
import { insertAutoLabel } from "../../src/db/queries/auto-labels.ts";
import { insertImport } from "../../src/db/queries/imports.ts";
import { insertPrediction } from "../../src/db/queries/predictions.ts";
import { insertPreview } from "../../src/db/queries/previews.ts";
import { modelKey } from "../../src/db/queries/signing-secrets.ts";
import { insertProposals } from "../../src/db/queries/proposals.ts";
import { insertUpload } from "../../src/db/queries/uploads.ts";
import { insertWebhook } from "../../src/db/queries/webhooks.ts";
import { projects, versions } from "../../src/db/schema/index.ts";
import { sha256 } from "../../src/lib/hash.ts";
import { newId } from "../../src/lib/ids.ts";
import { signModel } from "../../src/lib/model-signature.ts";
import { type Client, errorOf, idOf, read, type TestApp, testApp } from "../helpers/app.ts";
import { makeProject, rectangleRle, seedFineTune, seedImage, seedVersion } from "../helpers/seeds.ts";

/** Every route of the description that takes an id, asked for what another workspace has: rows are there, and answers are 404. */

type Ids = Readonly<Record<string, string>>;
interface Operation {
  readonly method: string;
  readonly path: string;
  readonly ids: readonly string[];
}

let app: TestApp;
let operations: Operation[];
/** What workspace a has of everything. */
let theirs: Ids;
/** A project of workspace b. */
let own: string;
beforeAll(async () => {
  app = await testApp();
  const { body } = await read(await app.app.request("/openapi.json"));
  operations = Object.entries(body["paths"] as Record<string, object>)
    .flatMap(([path, item]) =>
      Object.keys(item).map((method) => ({
        method: method.toUpperCase(),
        path,
        ids: Array.from(path.matchAll(/\{(\w+)\}/g), ([, name]) => name as string),
      })),
    )
    // Whoever holds a link's token may; it is no id of a row. Tools name ids in their arguments: see mcp.test.ts.
    .filter(({ ids }) => ids.length > 0 && !ids.includes("token"));
  theirs = await seedAll(app.a);
  own = await makeProject(app.b);
});
afterAll(() => app?.close());

const box = [2, 2, 6, 6] as const;
const png = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==",
  "base64",
);
/** Bodies that are right but for whose ids stand in path and body: a fault of theirs would hide the 404. */
const bodies: Readonly<Record<string, (ids: Ids) => object | Buffer>> = {
  "PATCH /v1/webhooks/{webhook_id}": () => ({ enabled: false }),
  "PATCH /v1/projects/{project_id}": () => ({ name: "mine" }),
  "PATCH /v1/projects/{project_id}/images/{image_id}": () => ({ complete: true }),
  "POST /v1/projects/{project_id}/images": () => png,
  "POST /v1/projects/{project_id}/imports": () => Buffer.from("PK"),
  "POST /v1/projects/{project_id}/annotations:bucket": () => ({ bucket: "scans" }),
  "POST /v1/projects/{project_id}/imports:bucket": () => ({ bucket: "scans" }),
  "POST /v1/projects/{project_id}/imports:folder": () => ({ folder: "/data/scans" }),
  "POST /v1/projects/{project_id}/uploads": () => ({
    purpose: "image",
    bytes: png.length,
    sha256: sha256(png),
  }),
  "POST /v1/projects/{project_id}/versions": () => Buffer.from("weights"),
  "POST /v1/projects/{project_id}/annotations": (ids) => ({
    image_id: ids["image_id"],
    mask: rectangleRle([...box]),
  }),
  "POST /v1/projects/{project_id}/predict": (ids) => ({
    image: { id: ids["image_id"] },
    prompts: [{ box }],
  }),
  "POST /v1/projects/{project_id}/segment-everything": (ids) => ({ image: { id: ids["image_id"] } }),
  "POST /v1/projects/{project_id}/prewarm": (ids) => ({ image: { id: ids["image_id"] } }),
  "POST /v1/projects/{project_id}/predictions/{prediction_id}/feedback": () => ({ action: "accept" }),
  "POST /label-studio/{project_id}/setup": () => ({ project: "1", schema: "<View/>" }),
  "POST /label-studio/{project_id}/predict": () => ({
    tasks: [{ data: { image: "a.png" } }],
    label_config: "<View/>",
    params: {},
  }),
  "POST /label-studio/{project_id}/webhook": () => ({ action: "START_TRAINING", project: { id: 1 } }),
  "POST /cvat/{project_id}/interactor": () => ({
    image: png.toString("base64"),
    pos_points: [[0, 0]],
    neg_points: [],
    obj_bbox: [],
  }),
  "POST /cvat/{project_id}/detector": () => ({ image: png.toString("base64") }),
  "POST /cvat/{project_id}/encoder": () => ({ image: png.toString("base64") }),
  "POST /v1/projects/{project_id}/proposals:decide": (ids) => ({
    action: "accept",
    ids: [ids["proposal_id"]],
  }),
};

const fill = (path: string, ids: Ids): string =>
  path.replaceAll(/\{(\w+)\}/g, (_whole, name: string) => {
    if (ids[name] === undefined) throw new Error(`no row has a ${name}: seed one in this file`);
    return ids[name];
  });

async function ask(client: Client, { method, path }: Operation, ids: Ids) {
  const body = bodies[`${method} ${path}`]?.(ids);
  const sent = Buffer.isBuffer(body)
    ? { body, headers: { "content-type": typeOf(path) } }
    : body && { json: body };
  return client.send(method, fill(path, ids), sent || {});
}

const typeOf = (path: string): string =>
  path.endsWith("/images")
    ? "image/png"
    : path.endsWith("/imports")
      ? "application/zip"
      : "application/octet-stream";

describe("what another workspace has", () => {
  it("is not there for any route, whatever is asked of it", async () => {
    const before = await app.traces();
    const wrong: string[] = [];
    for (const operation of operations) {
      const answer = await ask(app.b, operation, theirs);
      if (answer.status !== 404) wrong.push(`${operation.method} ${operation.path}: ${errorOf(answer)}`);
    }
    expect(wrong).toEqual([]);
    expect(await app.traces()).toEqual(before);
  });

  it("is not there either when the caller's own project is named with it", async () => {
    const before = await app.traces();
    const wrong: string[] = [];
    let asked = 0;
    for (const operation of operations) {
      const mixed: Ids = { ...theirs, project_id: own, number: "2" };
      const inBody = JSON.stringify(bodies[`${operation.method} ${operation.path}`]?.(mixed) ?? null);
      const foreign =
        operation.ids.some((name) => name !== "project_id") ||
        ["image_id", "proposal_id"].some((name) => inBody.includes(mixed[name] as string));
      if (!operation.ids.includes("project_id") || !foreign) continue;
      asked++;
      const answer = await ask(app.b, operation, mixed);
      if (answer.status !== 404) wrong.push(`${operation.method} ${operation.path}: ${errorOf(answer)}`);
    }
    expect(asked).toBeGreaterThan(25);
    expect(wrong).toEqual([]);
    expect(await app.traces()).toEqual(before);
  });

  it("is there for its owner: else the two above would prove nothing", async () => {
    const wrong: string[] = [];
    for (const operation of operations) {
      if (
        operation.method !== "GET" ||
        /content|thumbnail|picture|embedding|export|events|delivery/.test(operation.path)
      )
        continue;
      const answer = await ask(app.a, operation, theirs);
      if (answer.status !== 200) wrong.push(`${operation.method} ${operation.path}: ${errorOf(answer)}`);
    }
    expect(wrong).toEqual([]);
  });
});

it("a handler that forgets its scope is given the rows of its caller's workspace", async () => {
  const { db, predictionLog } = app.services;
  const seen: string[][] = [];
  const forgetful = async (): Promise<void> => {
    const rows = await db.selectDistinct({ id: projects.workspaceId }).from(projects);
    seen.push(rows.map(({ id }) => id));
  };
  const changed = createApp({ ...app.services, predictionLog: { ...predictionLog, flush: forgetful } });
  for (const { key } of [app.a, app.b])
    await changed.request("/v1/usage", { headers: { authorization: `Bearer ${key}` } });
  expect(seen).toEqual([[app.a.workspaceId], [app.b.workspaceId]]);
});

async function seedAll(client: Client): Promise<Ids> {
  const project_id = await makeProject(client);
  const scope = { workspaceId: client.workspaceId, projectId: project_id };
  const image_id = await seedImage(app, project_id);
  const annotation = await client.post(`/v1/projects/${project_id}/annotations`, {
    image_id,
    mask: rectangleRle([...box]),
  });
  await seedVersion(app, project_id, 1);
  const files = [{ name: ".", sha256: sha256(Buffer.from("weights 1")) }];
  const signature = signModel(await modelKey(app.db), { name: "seeded", files });
  await app.db.update(versions).set({ signature }).where(eq(versions.projectId, project_id));
  const [imported, upload, predicted, preview] = [newId("imp"), newId("upl"), newId("pred"), newId("fpv")];
  const [labelling, proposal, webhook] = [newId("al"), newId("prp"), newId("wh")];
  const zip = { objectKey: `projects/${project_id}/zip`, bytes: 1 };
  await insertImport(app.db, { ...scope, id: imported, ...zip, fileName: null });
  await insertUpload(app.db, {
    ...scope,
    id: upload,
    seconds: 60,
    purpose: "image",
    sha256: sha256("upload"),
    ...zip,
  });
  await insertPrediction(app.db, {
    ...scope,
    id: predicted,
    imageSha256: sha256(image_id),
    width: 20,
    height: 10,
    versions: [0],
    prompts: 1,
    request: { prompts: [{ box: [...box] }], multimask: false, format: "rle" },
    timingMs: {},
  });
  await insertPreview(app.db, { ...scope, id: preview, seed: 0 });
  await insertAutoLabel(app.db, {
    ...scope,
    id: labelling,
    version: 1,
    threshold: 0.5,
    maxObjects: 5,
    labels: null,
  });
  const found = { id: proposal, autoLabelId: labelling, imageId: image_id, version: 1, label: null };
  await insertProposals(app.db, scope, [
    {
      ...found,
      labelScore: 0.9,
      score: 0.9,
      counts: rectangleRle([...box]).counts,
      area: 16,
      box: [...box],
      prompt: [...box],
    },
  ]);
  const sent = {
    url: "https://example.org/hook",
    events: ["import.failed" as const],
    secret: "s",
    enabled: true,
  };
  await insertWebhook(app.db, { ...scope, id: webhook, ...sent });
  return {
    project_id,
    image_id,
    annotation_id: idOf(annotation),
    fine_tune_id: await seedFineTune(app, project_id),
    number: "1",
    kind: "best",
    key_id: client.keyId,
    import_id: imported,
    upload_id: upload,
    prediction_id: predicted,
    preview_id: preview,
    auto_label_id: labelling,
    proposal_id: proposal,
    webhook_id: webhook,
    delivery_id: "none",
  };
}
