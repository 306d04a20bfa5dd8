import { sql } from "../../../src/db/drizzle.ts";
import { afterAll, beforeAll, expect, it } from "vitest";
import { claimScrub, endScrub, holdScrub, lastScrub } from "../../../src/db/queries/scrubs.ts";
import { scrubWhenDue } from "../../../src/main/shared/regular-scrub.ts";
import { idOf, type TestApp, testApp } from "../../helpers/app.ts";
import { wrapStore } from "../../helpers/objects.ts";
import { makeProject } from "../../helpers/seeds.ts";
import { asPng, noiseImage } from "../../worlds/images.ts";

const week = 168;
const never = new AbortController().signal;

let app: TestApp;
beforeAll(async () => {
  app = await testApp();
});
afterAll(() => app?.close());

async function metric(name: string): Promise<number> {
  const text = await (await app.app.request("/metrics")).text();
  return Number(new RegExp(`^${name} (\\d+)$`, "m").exec(text)?.[1]);
}
/** The image's id. */
async function upload(project: string, seed: number): Promise<string> {
  const body = new Uint8Array(await asPng(noiseImage(20, 20, seed)));
  const headers = { "content-type": "image/png" };
  return idOf(await app.a.send("POST", `/v1/projects/${project}/images`, { body, headers }));
}
const aged = (hours: number) =>
  app.db.execute(sql`update scrubs set ended_at = now() - make_interval(hours => ${hours})`);

it("objects are read through once in so many hours, and what is lost is counted", async () => {
  const project = await makeProject(app.a);
  const ids = [await upload(project, 1), await upload(project, 2)];
  expect(await metric("maskwright_scrub_ended_seconds")).toBe(0);
  const [row] = await app.sql<
    { key: string }[]
  >`select object_key as key from images where id = ${ids[0] ?? ""}`;
  await app.store.delete(row?.key ?? "");

  expect(await scrubWhenDue(app.services, 0, never)).toBe(false);
  expect(await scrubWhenDue(app.services, week, never)).toBe(true);
  expect(await metric("maskwright_objects_lost")).toBe(1);
  expect(await metric("maskwright_scrub_ended_seconds")).toBeGreaterThan(1.7e9);

  expect(await scrubWhenDue(app.services, week, never)).toBe(false);
  await aged(week - 1);
  expect(await scrubWhenDue(app.services, week, never)).toBe(false);
  await aged(week);
  await app.db.execute(sql`delete from images where id = ${ids[0] ?? ""}`);
  expect(await scrubWhenDue(app.services, week, never)).toBe(true);
  expect(await metric("maskwright_objects_lost")).toBe(0);
});

it("one process of all has it in hand, and one that breaks off leaves it to another", async () => {
  await aged(week);
  const claims = await Promise.all([1, 2, 3].map(() => claimScrub(app.db, week)));
  expect(claims.filter(Boolean)).toHaveLength(1);
  await endScrub(app.db, claims.find((token) => token !== null) ?? "", null);
  const stop = new AbortController();
  // Told to stop while it reads the first object.
  const store = new Proxy(app.store, {
    get: (target, name: keyof typeof app.store) => {
      if (name === "getFile") stop.abort();
      const own: unknown = target[name];
      return typeof own === "function" ? (own as () => unknown).bind(target) : own;
    },
  });
  await upload(await makeProject(app.a, "another"), 3);
  expect(await scrubWhenDue({ ...app.services, store }, week, stop.signal)).toBe(false);
  expect(await scrubWhenDue(app.services, week, never)).toBe(true);
});

it("whoever died with it in hand has it no longer after a while", async () => {
  await aged(week);
  const first = (await claimScrub(app.db, week)) ?? "";
  expect(await claimScrub(app.db, week)).toBeNull();
  await app.db.execute(sql`update scrubs set held_until = now() - interval '1 second'`);
  const second = (await claimScrub(app.db, week)) ?? "";
  // The first was only slow, and writes nothing more.
  expect(await holdScrub(app.db, first)).toBe(false);
  await endScrub(app.db, first, { checked: 7, lost: 7 });
  expect(await claimScrub(app.db, week)).toBeNull();
  expect(await holdScrub(app.db, second)).toBe(true);
  await endScrub(app.db, second, { checked: 2, lost: 1 });
  expect(await lastScrub(app.db)).toMatchObject({ checked: 2, lost: 1, leaseToken: null });
});

it("one that another has taken over breaks off", async () => {
  await aged(week);
  let other: string | null = null;
  const store = wrapStore(app.store, {
    getFile: async (...asked) => {
      if (other === null) {
        await app.db.execute(sql`update scrubs set held_until = now() - interval '1 second'`);
        other = await claimScrub(app.db, week);
      }
      return app.store.getFile(...asked);
    },
  });
  expect(await scrubWhenDue({ ...app.services, store }, week, never, 0)).toBe(false);
  expect(await holdScrub(app.db, other ?? "")).toBe(true);
  await endScrub(app.db, other ?? "", null);
});
