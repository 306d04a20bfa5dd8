import { sql } from "../../src/db/drizzle.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createEmbeddingShelf } from "../../src/db/embedding-shelf.ts";
import { sha256 } from "../../src/lib/hash.ts";
import { keepHouse } from "../../src/main/shared/housekeeping.ts";
import { type Answer, type Client, errorOf, idOf, type TestApp, testApp } from "../helpers/app.ts";
import { asPng, discImage } from "../worlds/images.ts";
import { keysBelow } from "../helpers/objects.ts";
import { makeProject, seedAnnotated } from "../helpers/seeds.ts";

const MB = 1_000_000;
/** Encodes on a machine that is busy with other tests. */
const slow = 240_000;
/** An embedding of 64 x 64 x 256 floats, with its head. */
const embeddingBytes = 4 * 64 * 64 * 256 + 4096;

const picture = async (seed: number) =>
  Uint8Array.from(await asPng(discImage(60, 40, { x: 20, y: 20, radius: 9, seed }).image));

/** Bytes of every object in the store. */
async function storedIn(app: TestApp): Promise<number> {
  let sum = 0;
  for (const prefix of ["projects/", "workspaces/"])
    for (const key of await keysBelow(app.store, prefix)) sum += (await app.store.stat(key))?.bytes ?? 0;
  return sum;
}

const usageOf = async (client: Client) =>
  (await client.get("/v1/usage")).body as {
    bytes: { used: number };
    stored: Record<string, number>;
    training_minutes: { used: number };
  };

describe("a workspace of 1 MB and three images", () => {
  let app: TestApp;
  let project: string;
  let url: string;
  let image: string;
  beforeAll(async () => {
    app = await testApp({ QUOTA_BYTES: MB, QUOTA_IMAGES: 3, QUOTA_TRAINING_MINUTES: 0 });
    project = await makeProject(app.a);
    url = `/v1/projects/${project}`;
    image = idOf(await app.a.send("POST", `${url}/images`, { body: await picture(1) }));
  });
  afterAll(() => app?.close());

  const expectWithin = async (): Promise<void> => {
    expect(await storedIn(app)).toBeLessThanOrEqual(MB);
    expect((await usageOf(app.a)).bytes.used).toBe(await storedIn(app));
  };

  it(
    "stores no embedding of a crop: segment-everything answers all the same",
    async () => {
      const asked = { image: { id: image }, points_per_side: 2, crop_n_layers: 1 };
      expect(errorOf(await app.a.post(`${url}/segment-everything`, asked))).toBe("200");
      await expectWithin();
    },
    slow,
  );

  it(
    "stores no embedding of what is sent along, however many",
    async () => {
      for (let seed = 10; seed < 13; seed++) {
        const base64 = Buffer.from(await picture(seed)).toString("base64");
        const answer = await app.a.post(`${url}/predict`, {
          image: { base64 },
          prompts: [{ points: [[20, 20, 1]] }],
        });
        expect(errorOf(answer)).toBe("200");
      }
      await expectWithin();
    },
    slow,
  );

  it("reserves what a link may bring at the start", async () => {
    const announce = (bytes: number) =>
      app.a.post(`${url}/uploads`, { purpose: "import", bytes, sha256: sha256(String(bytes)) });
    expect(errorOf(await announce(200 * MB))).toBe("403 quota_exceeded bytes");
    // Eight at once of which three fit.
    const answers = await Promise.all(Array.from({ length: 8 }, (_, i) => announce(300_000 + i)));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(3);
    const { stored } = await usageOf(app.a);
    expect(stored["uploads"]).toBeGreaterThanOrEqual(900_000);
    // Their links end unused, and the room is free again.
    await app.db.execute(sql`update uploads set expires_at = now() - interval '2 hours'`);
    await keepHouse(app.services);
    expect((await usageOf(app.a)).stored["uploads"]).toBe(0);
    await expectWithin();
  });

  it("refuses a zip that is too large, before and after it is sent, and counts one that waits", async () => {
    const zip = (bytes: number) => {
      const body = new Uint8Array(bytes);
      body.set(Buffer.from("PK\u0003\u0004"));
      return app.a.send("POST", `${url}/imports`, { body, headers: { "content-type": "application/zip" } });
    };
    expect(errorOf(await zip(2 * MB))).toBe("403 quota_exceeded bytes");
    const answers = await Promise.all(Array.from({ length: 8 }, () => zip(300_000)));
    expect(answers.map(({ status }) => status).filter((status) => status === 202)).toHaveLength(3);
    expect((await usageOf(app.a)).stored["waiting_imports"]).toBe(900_000);
    await expectWithin();
    await app.db.execute(sql`update imports set status = 'failed' where project_id = ${project}`);
    for (const key of await keysBelow(app.store, `projects/${project}/imports/`)) await app.store.delete(key);
    await expectWithin();
  });

  it("takes three images, by whatever way they come", async () => {
    const sent = await app.a.send("POST", `${url}/images`, { body: await picture(2) });
    expect(sent.status).toBe(201);
    const bytes = await picture(3);
    const announced = { purpose: "image", bytes: bytes.length, sha256: sha256(bytes) };
    const made = await app.a.post(`${url}/uploads`, announced);
    const link = (made.body as { link: { url: string; headers: Record<string, string> } }).link;
    const put = () => app.app.request(link.url, { method: "PUT", headers: link.headers, body: bytes });
    expect((await put()).status).toBe(204);
    expect(errorOf(await app.a.post(`${url}/uploads/${idOf(made)}/complete`, {}))).toBe("200");
    expect((await usageOf(app.a)).stored["uploads"]).toBe(0);
    // A link that is used again after its upload was completed would leave bytes that nobody counts.
    expect((await put()).status).toBe(403);
    expect(errorOf(await app.a.send("POST", `${url}/images`, { body: await picture(4) }))).toBe(
      "403 quota_exceeded images",
    );
    const fourth = await app.a.post(`${url}/uploads`, { ...announced, sha256: sha256("other") });
    expect(errorOf(fourth)).toBe("403 quota_exceeded images");
    await expectWithin();
  });

  it("previews nothing without training minutes", async () => {
    const answers: Answer[] = [];
    for (let i = 0; i < 6; i++) answers.push(await app.a.post(`${url}/fine-tunes:preview`, {}));
    expect(answers.map(errorOf)).toEqual(
      Array.from({ length: 6 }, () => "403 quota_exceeded training_minutes"),
    );
  });

  it("counts the minutes that previews ran, also of a project that is gone", async () => {
    const other = await makeProject(app.a);
    await app.db.execute(sql`
      insert into fine_tune_previews (id, workspace_id, project_id, status, started_at, finished_at)
      values ('fpv_1', ${app.a.workspaceId}, ${other}, 'cancelled', now() - interval '3 minutes', now())`);
    const used = (await usageOf(app.a)).training_minutes.used;
    // All but for a month that has just begun.
    expect(used).toBeGreaterThan(0);
    await app.a.send("DELETE", `/v1/projects/${other}`);
    expect((await usageOf(app.a)).training_minutes.used).toBe(used);
  });
});

describe("stored embeddings", () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await testApp({ QUOTA_BYTES: 10 * MB, EMBEDDING_CACHE_ENTRIES: 1 });
  });
  afterAll(() => app?.close());

  const predict = async (client: Client, project: string, id: string): Promise<string> => {
    const answer = await client.post(`/v1/projects/${project}/predict`, {
      image: { id },
      prompts: [{ points: [[20, 20, 1]] }],
    });
    expect(errorOf(answer)).toBe("200");
    await app.services.predictionLog.flush();
    const rows = await app.db.execute<{ from: string }>(
      sql`select embedding_from as from from predictions where id = ${idOf(answer)}`,
    );
    return String(rows[0]?.from);
  };
  const upload = async (client: Client, project: string, seed: number): Promise<string> =>
    idOf(await client.send("POST", `/v1/projects/${project}/images`, { body: await picture(seed) }));
  const embeddingsOf = (client: Client) => keysBelow(app.store, `workspaces/${client.workspaceId}/`);

  it(
    "fill what the quota leaves, and then the oldest go",
    async () => {
      const project = await makeProject(app.a);
      const ids = [
        await upload(app.a, project, 1),
        await upload(app.a, project, 2),
        await upload(app.a, project, 3),
      ];
      const [one, two, three] = ids as [string, string, string];
      for (const id of [one, two, three]) expect(await predict(app.a, project, id)).toBe("encoder");
      expect(await embeddingsOf(app.a)).toHaveLength(2);
      expect(await predict(app.a, project, two)).toBe("store");
      // Three and two are younger than what one brings back.
      expect(await predict(app.a, project, one)).toBe("encoder");
      expect(await predict(app.a, project, two)).toBe("store");
      const { stored, bytes } = await usageOf(app.a);
      expect(stored["embeddings"]).toBeLessThanOrEqual(2 * embeddingBytes);
      expect(bytes.used).toBe(await storedIn(app));
    },
    slow,
  );

  it(
    "give way to what can't be made again, and go with their image",
    async () => {
      const project = await makeProject(app.b);
      const ids = [await upload(app.b, project, 5), await upload(app.b, project, 6)];
      for (const id of ids) await predict(app.b, project, id);
      expect(await embeddingsOf(app.b)).toHaveLength(2);
      const announced = { purpose: "import", bytes: 5 * MB, sha256: sha256("a zip") };
      expect((await app.b.post(`/v1/projects/${project}/uploads`, announced)).status).toBe(201);
      expect(await embeddingsOf(app.b)).toHaveLength(1);
      for (const id of ids) await app.b.send("DELETE", `/v1/projects/${project}/images/${id}`);
      expect(await embeddingsOf(app.b)).toEqual([]);
      expect((await usageOf(app.b)).stored["embeddings"]).toBe(0);
    },
    slow,
  );

  it("have a size of their own where there is no quota", async () => {
    const { workspaceId } = app.b;
    const shelf = createEmbeddingShelf({ db: app.db, maxBytes: 25, quotaBytes: null });
    const embedding = (name: string, bytes = 10) => ({
      workspaceId,
      objectKey: name,
      imageSha256: sha256(name),
      bytes,
    });
    const age = (name: string, minutes: number) =>
      app.db.execute(sql`
        update stored_embeddings set used_at = now() - ${minutes} * interval '1 minute' where object_key = ${name}`);
    expect(await shelf.admit(embedding("a"))).toEqual({ admitted: true, giveWay: [] });
    expect(await shelf.admit(embedding("b"))).toEqual({ admitted: true, giveWay: [] });
    await age("a", 2);
    await age("b", 3);
    expect(await shelf.admit(embedding("c"))).toEqual({ admitted: true, giveWay: ["b"] });
    await age("c", 1);
    // Read again, the oldest is the youngest.
    await shelf.touch(embedding("a"));
    expect(await shelf.admit(embedding("d"))).toEqual({ admitted: true, giveWay: ["c"] });
    expect(await shelf.admit(embedding("larger than all", 26))).toEqual({ admitted: false, giveWay: [] });
    await Promise.all(["e", "f", "g", "h", "i"].map((name) => shelf.admit(embedding(name))));
    expect((await usageOf(app.b)).stored["embeddings"]).toBe(20);
    expect(await shelf.admit({ ...embedding("j"), workspaceId: "ws_gone" })).toEqual({
      admitted: false,
      giveWay: [],
    });
  });
});

describe("the counters of a workspace", () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await testApp();
  });
  afterAll(() => app?.close());

  it("are what the rows add up to, whatever was written, deleted or rolled back", async () => {
    const [kept, gone] = [await makeProject(app.a), await makeProject(app.a)];
    await seedAnnotated(app, kept, 3);
    await seedAnnotated(app, gone, 4);
    await app.db
      .transaction(async (tx) => {
        await tx.execute(sql`delete from images where project_id = ${kept}`);
        throw new Error("no");
      })
      .catch(() => {});
    for (const project of [kept, gone])
      await app.db.execute(sql`
        insert into imports (id, project_id, object_key, bytes)
        values (${`imp_${project}`}, ${project}, 'k', 1000)`);
    await app.db.execute(sql`update imports set status = 'running'`);
    const counters = async () => {
      const rows = await app.db.execute(
        sql`select * from workspace_usage where workspace_id = ${app.a.workspaceId}`,
      );
      // Postgres sends a bigint as text.
      return Object.fromEntries(
        Object.entries(rows[0] ?? {}).map(([name, value]) => [
          name,
          name === "workspace_id" ? value : Number(value),
        ]),
      );
    };
    expect(await counters()).toMatchObject({ images: 7, image_bytes: 7, import_bytes: 2000 });
    await app.a.send("DELETE", `/v1/projects/${gone}`);
    const counted = await counters();
    expect(counted).toMatchObject({ images: 3, image_bytes: 3, import_bytes: 1000 });
    await app.db.execute(sql`select recount_workspace_usage()`);
    expect(await counters()).toEqual(counted);
    const left = await app.db.execute(sql`select * from workspace_usage_changes`);
    expect(left).toHaveLength(0);
  });
});
