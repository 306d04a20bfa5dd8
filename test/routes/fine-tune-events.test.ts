import { sql } from "../../src/db/drizzle.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createApp } from "../../src/app.ts";
import { fineTuneEvents } from "../../src/db/schema/index.ts";
import { errorOf, overHttp, type TestApp, testApp } from "../helpers/app.ts";
import { makeProject, seedFineTune } from "../helpers/seeds.ts";

let app: TestApp;
let project: string;
beforeAll(async () => {
  app = await testApp();
  project = await makeProject(app.a);
});
afterAll(() => app?.close());

const urlOf = (id: string): string => `/v1/projects/${project}/fine-tunes/${id}/events`;

const append = async (fineTuneId: string, message: string): Promise<number> => {
  const row = { workspaceId: app.a.workspaceId, fineTuneId, message, data: { loss: 0.5 } };
  const [event] = await app.db
    .insert(fineTuneEvents)
    .values({ ...row, level: "info", type: "metrics" })
    .returning();
  return event?.id ?? 0;
};
const end = (id: string, status: string) =>
  app.db.execute(sql`update fine_tunes set status = ${status}, finished_at = now() where id = ${id}`);

interface StreamEvent {
  event: string;
  id: string | undefined;
  data: Record<string, unknown>;
}

/** Reads a stream's events one by one; undefined when it has closed. */
function eventsOf(response: Response) {
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const decoder = new TextDecoder();
  let text = "";
  const next = async (): Promise<StreamEvent | undefined> => {
    for (;;) {
      const at = text.indexOf("\n\n");
      if (at >= 0) {
        const fields = Object.fromEntries(
          text
            .slice(0, at)
            .split("\n")
            .map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]),
        );
        text = text.slice(at + 2);
        if (fields["data"] === undefined) continue;
        const data = JSON.parse(fields["data"]) as Record<string, unknown>;
        return { event: fields["event"] ?? "", id: fields["id"], data };
      }
      const { done, value } = await reader.read();
      if (done) return undefined;
      text += decoder.decode(value, { stream: true });
    }
  };
  return { next, cancel: () => reader.cancel() };
}

const stream = async (id: string, headers: Record<string, string> = {}, of = app.app) =>
  of.request(urlOf(id), {
    headers: { authorization: `Bearer ${app.a.key}`, accept: "text/event-stream", ...headers },
  });

describe("GET events as pages", () => {
  it("gives the oldest first, and goes on where the last page ended", async () => {
    const id = await seedFineTune(app, project);
    for (const message of ["one", "two", "three"]) await append(id, message);
    const first = await app.a.get(`${urlOf(id)}?limit=2`);
    expect(first.body).toMatchObject({
      data: [
        { object: "fine_tune.event", level: "info", type: "metrics", message: "one", data: { loss: 0.5 } },
        { message: "two" },
      ],
      has_more: true,
    });
    const next = await app.a.get(`${urlOf(id)}?limit=2&cursor=${String(first.body["next_cursor"])}`);
    expect(next.body).toMatchObject({ data: [{ message: "three" }], has_more: false, next_cursor: null });
  });

  it("refuses a cursor that is none, and another workspace", async () => {
    const id = await seedFineTune(app, project);
    expect(errorOf(await app.a.get(`${urlOf(id)}?cursor=x`))).toBe("400 invalid_request cursor");
    expect(errorOf(await app.b.get(urlOf(id)))).toBe("404 fine_tune_not_found fine_tune_id");
    const headers = { accept: "text/event-stream" };
    expect(errorOf(await app.b.send("GET", urlOf(id), { headers }))).toBe(
      "404 fine_tune_not_found fine_tune_id",
    );
    const odd = { ...headers, "last-event-id": "one" };
    expect(errorOf(await app.a.send("GET", urlOf(id), { headers: odd }))).toBe(
      "400 invalid_request last-event-id",
    );
  });
});

describe("GET events as a stream", () => {
  it("gives what there is, then at once what comes, and ends with the job", { timeout: 10_000 }, async () => {
    // It looks by itself only after the test's time is up: what comes, comes by notification.
    const patient = createApp(app.services, { eventPollMs: 3_600_000 });
    const id = await seedFineTune(app, project);
    const other = await seedFineTune(app, project);
    const firstId = await append(id, "there before");
    const response = await stream(id, {}, patient);
    expect(response.headers.get("content-type")).toContain("text/event-stream");
    const events = eventsOf(response);
    expect(await events.next()).toMatchObject({
      event: "fine_tune.event",
      id: String(firstId),
      data: { id: String(firstId), object: "fine_tune.event", message: "there before" },
    });
    await append(other, "not this job's");
    await append(id, "came later");
    expect(await events.next()).toMatchObject({ data: { message: "came later" } });
    await append(id, "the last");
    await end(id, "succeeded");
    expect(await events.next()).toMatchObject({ data: { message: "the last" } });
    expect(await events.next()).toMatchObject({
      event: "fine_tune",
      id: undefined,
      data: { id, object: "fine_tune", status: "succeeded" },
    });
    expect(await events.next()).toBeUndefined();
  });

  it("takes up after Last-Event-ID, also when the job has ended and filled many pages", async () => {
    const id = await seedFineTune(app, project);
    const ids: number[] = [];
    for (let i = 0; i < 205; i++) ids.push(await append(id, `event ${i}`));
    await end(id, "failed");
    const events = eventsOf(await stream(id, { "last-event-id": String(ids[2]) }));
    for (let i = 3; i < 205; i++) expect((await events.next())?.data["message"]).toBe(`event ${i}`);
    expect(await events.next()).toMatchObject({ event: "fine_tune", data: { status: "failed" } });
    expect(await events.next()).toBeUndefined();
  });

  it("tells a cancel", async () => {
    const id = await seedFineTune(app, project);
    const events = eventsOf(await stream(id));
    await app.a.post(`/v1/projects/${project}/fine-tunes/${id}/cancel`, {});
    expect(await events.next()).toMatchObject({ data: { message: "Cancelled" } });
    expect(await events.next()).toMatchObject({ event: "fine_tune", data: { status: "cancelled" } });
  });

  it("goes on without notifications, by looking", async () => {
    const deaf = { ...app.services.listener, watch: () => Promise.resolve(() => {}) };
    const id = await seedFineTune(app, project);
    const looking = createApp({ ...app.services, listener: deaf }, { eventPollMs: 10 });
    const events = eventsOf(await stream(id, {}, looking));
    await append(id, "first");
    expect(await events.next()).toMatchObject({ data: { message: "first" } });
    await append(id, "second");
    expect(await events.next()).toMatchObject({ data: { message: "second" } });
    await events.cancel();
  });

  it("ends when the job is deleted", async () => {
    const id = await seedFineTune(app, project);
    await append(id, "hello");
    const events = eventsOf(await stream(id, {}, createApp(app.services, { eventPollMs: 10 })));
    await events.next();
    await app.db.execute(sql`delete from fine_tunes where id = ${id}`);
    expect(await events.next()).toBeUndefined();
  });

  it("stops looking when the client has gone, over the real server", async () => {
    const id = await seedFineTune(app, project);
    await append(id, "hello");
    await overHttp(app.app, async (origin) => {
      const gone = new AbortController();
      const response = await fetch(origin + urlOf(id), {
        headers: { authorization: `Bearer ${app.a.key}`, accept: "text/event-stream" },
        signal: gone.signal,
      });
      const events = eventsOf(response);
      expect(await events.next()).toMatchObject({ data: { message: "hello" } });
      const open = async () => {
        const metrics = await (await app.app.request("/metrics")).text();
        return Number(/maskwright_event_streams (\d+)/.exec(metrics)?.[1]);
      };
      expect(await open()).toBeGreaterThan(0);
      gone.abort();
      await expect.poll(open, { timeout: 10_000 }).toBe(0);
    });
  });

  it("ends when the process closes", async () => {
    const ending = new AbortController();
    const id = await seedFineTune(app, project);
    await append(id, "hello");
    const closing = createApp({ ...app.services, closing: ending.signal });
    const events = eventsOf(await stream(id, {}, closing));
    await events.next();
    ending.abort();
    expect(await events.next()).toBeUndefined();
  });

  it("tells how far the job is whenever that has changed, without an id to go on from", async () => {
    const quick = createApp(app.services, { eventPollMs: 20 });
    const id = await seedFineTune(app, project);
    const events = eventsOf(await stream(id, {}, quick));
    const set = (done: number) =>
      app.db.execute(
        sql`update fine_tunes set status = 'running', progress = ${JSON.stringify({ phase: "train", done, total: 9, etaSeconds: 4.5 })}::jsonb where id = ${id}`,
      );
    for (const done of [1, 2]) {
      await set(done);
      expect(await events.next()).toEqual({
        event: "fine_tune.progress",
        id: undefined,
        data: {
          object: "fine_tune.progress",
          id,
          status: "running",
          progress: { phase: "train", done, total: 9, eta_seconds: 4.5 },
          estimated_finish: expect.any(String),
        },
      });
    }
    await end(id, "failed");
    expect((await events.next())?.event).toBe("fine_tune");
  });
});
