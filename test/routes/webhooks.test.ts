import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { errorOf, idOf, type TestApp, testApp } from "../helpers/app.ts";
import { makeProject } from "../helpers/seeds.ts";

let app: TestApp;
beforeAll(async () => {
  app = await testApp();
});
afterAll(() => app?.close());

const url = "https://example.org/hook";

describe("POST /v1/webhooks", () => {
  it("makes a webhook, whose secret is shown once, also by Idempotency-Key", async () => {
    const headers = { "idempotency-key": "one" };
    const made = await app.a.post("/v1/webhooks", { url, events: ["version.promoted"] }, headers);
    expect(made.status).toBe(201);
    expect(made.body).toEqual({
      id: expect.stringMatching(/^wh_/),
      object: "webhook",
      url,
      project_id: null,
      events: ["version.promoted"],
      enabled: true,
      previous_secret_expires_at: null,
      created_at: expect.any(String),
      secret: expect.stringMatching(/^whsec_/),
    });
    const again = await app.a.post("/v1/webhooks", { url, events: ["version.promoted"] }, headers);
    expect(again.body).toEqual({ ...made.body, secret: null });
    const { secret: _, ...shown } = made.body;
    expect((await app.a.get(`/v1/webhooks/${idOf(made)}`)).body).toEqual(shown);
    expect((await app.a.get("/v1/webhooks")).body["data"]).toEqual([shown]);
  });

  it.each<[string, object, string]>([
    ["no URL", {}, "400 invalid_request url"],
    ["plain http", { url: "http://example.org/" }, "422 webhook_url_not_allowed url"],
    ["this machine", { url: "https://127.0.0.1:5432/" }, "422 webhook_url_not_allowed url"],
    ["a cloud's metadata", { url: "https://169.254.169.254/" }, "422 webhook_url_not_allowed url"],
    ["an unknown event", { url, events: ["project.renamed"] }, "400 invalid_request events[0]"],
    ["too long a body", { url: `${url}?${"x".repeat(17_000)}` }, "413 body_too_large"],
    ["an unknown project", { url, project_id: "prj_1" }, "404 project_not_found project_id"],
  ])("refuses %s", async (_what, json, error) => {
    expect(errorOf(await app.a.post("/v1/webhooks", json))).toBe(error);
  });

  it("refuses another workspace's project, and the one that is too many", async () => {
    const theirs = await makeProject(app.a);
    expect(errorOf(await app.b.post("/v1/webhooks", { url, project_id: theirs }))).toBe(
      "404 project_not_found project_id",
    );
    for (let i = 0; i < 20; i++) expect((await app.b.post("/v1/webhooks", { url })).status).toBe(201);
    expect(errorOf(await app.b.post("/v1/webhooks", { url }))).toBe("409 too_many_webhooks");
  });
});

describe("one webhook", () => {
  it("is changed, rotated, tested, its log read, and deleted, by its workspace alone", async () => {
    const id = idOf(await app.a.post("/v1/webhooks", { url }));
    const one = `/v1/webhooks/${id}`;
    const changed = await app.a.send("PATCH", one, { json: { enabled: false, events: ["import.failed"] } });
    expect(changed.body).toMatchObject({ enabled: false, events: ["import.failed"], url });
    expect(errorOf(await app.a.send("PATCH", one, { json: {} }))).toBe("400 invalid_request enabled");
    expect(errorOf(await app.a.send("PATCH", one, { json: { url: "https://10.0.0.1/" } }))).toBe(
      "422 webhook_url_not_allowed url",
    );
    const long = { overlap_seconds: 1, url: "x".repeat(17_000) };
    expect(errorOf(await app.a.send("PATCH", one, { json: long }))).toBe("413 body_too_large");
    expect(errorOf(await app.a.post(`${one}/rotate-secret`, long))).toBe("413 body_too_large");
    expect(errorOf(await app.a.post(`${one}/rotate-secret`, { overlap_seconds: -1 }))).toBe(
      "400 invalid_request overlap_seconds",
    );
    const rotated = await app.a.post(`${one}/rotate-secret`, { overlap_seconds: 60 });
    expect(rotated.body).toMatchObject({
      secret: expect.stringMatching(/^whsec_/),
      previous_secret_expires_at: expect.any(String),
    });
    const test = await app.a.post(`${one}/test`, {});
    expect(test).toMatchObject({ status: 202, body: { event: "webhook.test", status: "queued" } });
    const log = await app.a.get(`${one}/deliveries?status=queued`);
    expect(log.body["data"]).toEqual([test.body]);
    expect((await app.a.get(`${one}/deliveries?status=failed`)).body["data"]).toEqual([]);
    for (const list of ["/v1/webhooks", `${one}/deliveries`])
      expect(errorOf(await app.a.get(`${list}?cursor=x`))).toBe("400 invalid_request cursor");
    const message = `${one}/deliveries/${idOf(test)}`;
    expect((await app.a.get(message)).body).toEqual(test.body);
    expect((await app.a.post(`${message}/replay`, {})).body).toEqual(test.body);

    const notFound = "404 webhook_not_found webhook_id";
    expect(errorOf(await app.b.get(one))).toBe(notFound);
    expect(errorOf(await app.b.send("PATCH", one, { json: { enabled: true } }))).toBe(notFound);
    expect(errorOf(await app.b.post(`${one}/rotate-secret`, {}))).toBe(notFound);
    expect(errorOf(await app.b.post(`${one}/test`, {}))).toBe(notFound);
    expect(errorOf(await app.b.get(`${one}/deliveries`))).toBe(notFound);
    expect(errorOf(await app.b.get(message))).toBe("404 webhook_delivery_not_found delivery_id");
    expect(errorOf(await app.b.post(`${message}/replay`, {}))).toBe(
      "404 webhook_delivery_not_found delivery_id",
    );
    expect(errorOf(await app.b.send("DELETE", one))).toBe(notFound);
    expect((await app.a.send("DELETE", one)).body).toMatchObject({ deleted: true });
    expect(errorOf(await app.a.get(one))).toBe(notFound);
  });

  it("sends one test message for one Idempotency-Key, which no other webhook takes", async () => {
    const [one, other] = [
      idOf(await app.a.post("/v1/webhooks", { url })),
      await app.a.post("/v1/webhooks", { url }),
    ];
    const headers = { "idempotency-key": "a test" };
    const sent = await app.a.post(`/v1/webhooks/${one}/test`, {}, headers);
    expect(sent.status).toBe(202);
    expect((await app.a.post(`/v1/webhooks/${one}/test`, {}, headers)).body).toEqual(sent.body);
    expect((await app.a.get(`/v1/webhooks/${one}/deliveries`)).body["data"]).toEqual([sent.body]);
    expect(errorOf(await app.a.post(`/v1/webhooks/${idOf(other)}/test`, {}, headers))).toBe(
      "409 idempotency_key_reused",
    );
  });
});
