import { rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, afterAll, describe, expect, it } from "vitest";
import { sha256 } from "../../src/lib/hash.ts";
import { type Answer, errorOf, idOf, type TestApp, testApp } from "../helpers/app.ts";
import { keysBelow } from "../helpers/objects.ts";
import { makeProject, seedVersion } from "../helpers/seeds.ts";
import { finder } from "./finder-fixtures.ts";
import { scrub } from "../../src/operations/scrub.ts";
import { embedMissing } from "../../src/training/data/embed-missing.ts";
import { keys } from "../../src/storage/keys.ts";
import { asPng, noiseImage } from "../worlds/images.ts";

let app: TestApp;
let url: string;
let project: string;
beforeAll(async () => {
  app = await testApp();
  project = await makeProject(app.a);
  url = `/v1/projects/${project}`;
});
afterAll(() => app?.close());

/** Where an object lies, behind the store's back. */
const fileOf = (key: string): string => join(app.services.config.DATA_DIR, "objects", key);
const faults = {
  missing: (key: string) => rm(fileOf(key)),
  damaged: (key: string) => writeFile(fileOf(key), "other bytes"),
  torn: (key: string) => truncate(fileOf(key), 10),
};
const messageIn = ({ body }: Answer): string => (body["error"] as { message: string }).message;

describe.each(["missing", "damaged", "torn"] as const)("an image whose bytes are %s", (fault) => {
  it("is told with its id wherever it is needed, and is healed by the same upload", async () => {
    const bytes = new Uint8Array(await asPng(noiseImage(48, 32, fault.length)));
    const upload = () =>
      app.a.send("POST", `${url}/images`, { body: bytes, headers: { "content-type": "image/png" } });
    const id = idOf(await upload());
    const key = keys.image(project, sha256(bytes));
    await faults[fault](key);
    const prompts = [{ box: [4, 4, 20, 20] }];
    const asked = [
      await app.a.get(`${url}/images/${id}/content`),
      await app.a.get(`${url}/images/${id}/thumbnail`),
      await app.a.get(`${url}/images/${id}/embedding`),
      await app.a.post(`${url}/predict`, { image: { id }, prompts, version: "base" }),
    ];
    for (const answer of asked) {
      expect(errorOf(answer)).toBe("500 image_damaged");
      expect(messageIn(answer)).toContain(`image ${id} are ${fault === "missing" ? "missing" : "damaged"}`);
      expect(messageIn(answer)).not.toContain(key);
    }
    // What a fine-tune reads first.
    const { workspaceId } = app.a;
    const options = { workspaceId, baseModel: "mobile_sam", signal: AbortSignal.timeout(60_000) };
    const image = { id, sha256: sha256(bytes), objectKey: key };
    await expect(
      embedMissing({ store: app.store, inference: app.services.inference }, [image], options),
    ).rejects.toMatchObject({ code: "image_damaged", message: expect.stringContaining(id) as string });

    const again = await upload();
    expect([again.status, idOf(again)]).toEqual([200, id]);
    expect((await app.a.get(`${url}/images/${id}/content`)).status).toBe(200);
    expect(await app.store.get(key)).toEqual(Buffer.from(bytes));
  });
});

describe("a version whose weights are lost", () => {
  it.each(["missing", "damaged"] as const)("(%s) is not made live, by whichever way", async (fault) => {
    const own = await makeProject(app.a, fault);
    const path = `/v1/projects/${own}`;
    const promote = (number: number) => app.a.post(`${path}/versions/${number}/promote`, {});
    const active = async (): Promise<unknown> => (await app.a.get(path)).body["active_version"];
    for (const number of [1, 2, 3]) await seedVersion(app, own, number);
    expect((await promote(1)).status).toBe(200);
    expect((await promote(2)).status).toBe(200);
    const weights = await app.sql<{ key: string }[]>`
      select weights_key as key from versions where project_id = ${own} and number in (1, 3)`;
    for (const { key } of weights) await faults[fault](key);

    const refused = await promote(3);
    expect(errorOf(refused)).toBe("409 version_not_usable version");
    expect(messageIn(refused)).toContain(`version 3 are ${fault}`);
    expect(errorOf(await app.a.post(`${path}/rollback`, {}))).toBe("409 version_not_usable version");
    expect(await active()).toBe(2);
    const exported = await app.a.get(`${path}/versions/3/export`);
    expect(errorOf(exported)).toBe("500 version_damaged");
    // The base needs none of them.
    expect((await promote("base" as unknown as number)).status).toBe(200);
  });

  it("is not made live without its finder either", async () => {
    const own = await makeProject(app.a, "finds");
    await seedVersion(app, own, 1, Buffer.from("weights"), {}, finder);
    expect(await app.store.stat(finder.key)).toBeNull();
    const answer = await app.a.post(`/v1/projects/${own}/versions/1/promote`, {});
    expect(errorOf(answer)).toBe("409 version_not_usable version");
  });
});

it("a scrub finds what is missing or damaged before anybody asks for it", async () => {
  const own = await makeProject(app.b, "scrubbed");
  const ids: string[] = [];
  for (const seed of [1, 2, 3]) {
    const body = new Uint8Array(await asPng(noiseImage(20, 20, 40 + seed)));
    const headers = { "content-type": "image/png" };
    ids.push(idOf(await app.b.send("POST", `/v1/projects/${own}/images`, { body, headers })));
  }
  const found = async () => {
    const told: string[] = [];
    const { checked, lost } = await scrub(app, (one) => told.push(one.id));
    expect(told).toEqual(lost.map(({ id }) => id));
    expect(checked).toBeGreaterThanOrEqual(3);
    return lost.filter((one) => one.project === own).map(({ kind, id, fault }) => ({ kind, id, fault }));
  };
  expect(await found()).toEqual([]);
  const rows = await app.sql<{ id: string; key: string }[]>`
    select id, object_key as key from images where project_id = ${own} order by id`;
  expect(await keysBelow(app.store, keys.imagePrefix(own))).toHaveLength(3);
  await faults.missing(rows[0]?.key ?? "");
  await faults.damaged(rows[2]?.key ?? "");
  expect(await found()).toEqual([
    { kind: "image", id: ids[0], fault: "missing" },
    { kind: "image", id: ids[2], fault: "damaged" },
  ]);
});
