import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createApp } from "../../../src/app.ts";
import { generateKey, insertApiKey } from "../../../src/db/queries/api-keys.ts";
import { getFineTune } from "../../../src/db/queries/fine-tunes.ts";
import { Releases } from "../../../src/lib/releases.ts";
import { startTracing } from "../../../src/main/shared/tracing.ts";
import { runFineTune } from "../../../src/jobs/fine-tune/run.ts";
import { asPng } from "../../worlds/images.ts";
import { ringImage } from "../../worlds/rings.ts";
import { addRings, type Bench, openBench } from "../../worlds/trainer.ts";
import { newProject } from "../../training/project.ts";

interface Sent {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly events?: readonly { name: string }[];
  readonly attributes: readonly { key: string; value: Record<string, unknown> }[];
}

/** What an OpenTelemetry collector was sent. */
const spans: Sent[] = [];
const bodies: string[] = [];
let collector: Server;
let bench: Bench;
beforeAll(async () => {
  const collect = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await text(request);
    bodies.push(body);
    const sent = JSON.parse(body) as { resourceSpans: { scopeSpans: { spans: Sent[] }[] }[] };
    spans.push(...sent.resourceSpans.flatMap((one) => one.scopeSpans.flatMap((scope) => scope.spans)));
    response.end("{}");
  };
  collector = createServer((request, response) => void collect(request, response));
  collector.listen(0, "127.0.0.1");
  await once(collector, "listening");
  bench = await openBench();
});
afterAll(async () => {
  await bench.close();
  collector.close();
});

const parentsOf = (span: Sent): string[] => {
  const parent = spans.find(({ spanId }) => spanId === span.parentSpanId);
  return parent ? [parent.name, ...parentsOf(parent)] : [];
};

it("follows a request to its decode, and a click to its version, and sends nothing that a caller wrote", async () => {
  const { services } = bench;
  const { db } = services;
  const scope = await newProject(db);
  await addRings(bench, scope, 3);
  const key = generateKey();
  await insertApiKey(db, key, { workspaceId: scope.workspaceId, name: "traces" });
  const releases = new Releases();
  const { port } = collector.address() as AddressInfo;
  const endpoint = `http://127.0.0.1:${port}`;
  await startTracing({ ...bench.config, OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }, "test", releases);
  const app = createApp(services);
  const post = async (path: string, body: object): Promise<Record<string, unknown>> => {
    const headers = {
      authorization: `Bearer ${key}`,
      "content-type": "application/json",
      traceparent: given,
    };
    const answer = await app.request(`/v1/projects/${scope.projectId}/${path}`, {
      method: "POST",
      headers,
      body: JSON.stringify(body),
    });
    expect(answer.status).toBeLessThan(300);
    return (await answer.json()) as Record<string, unknown>;
  };
  const given = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const base64 = (await asPng(ringImage(1).image)).toString("base64");
  await post("predict", { image: { base64 }, prompts: [{ box: [10, 10, 60, 60] }] });
  const { id } = await post("fine-tunes", {
    hyperparameters: { epochs: 1, batch_size: 1, learning_rate: 1e-4, zoom: "none", refine: "none" },
  });
  await runFineTune(bench.trainer, String(id), new AbortController().signal);
  expect((await getFineTune(db, scope, String(id))).status).toBe("succeeded");
  await releases.release();

  const decode = spans.find((span) => span.name === "decode") as Sent;
  expect(parentsOf(decode)).toEqual([expect.stringMatching(/^POST .+\/predict$/)]);
  const names = (name: string) => spans.filter((span) => span.name === name);
  expect(names("encode").map(parentsOf)[0]).toEqual([
    "embedding",
    expect.stringMatching(/^POST .+\/predict$/),
  ]);

  const [attempt] = names("fine_tune") as [Sent];
  expect(parentsOf(attempt)).toEqual([expect.stringMatching(/^POST .+\/fine-tunes$/)]);
  expect(attempt.events?.map(({ name }) => name)).toEqual(["running", "evaluating"]);
  expect(names("register").map(parentsOf)[0]?.[0]).toBe("fine_tune");
  expect(attempt.attributes).toContainEqual(
    expect.objectContaining({ key: "maskwright.version", value: { intValue: 1 } }),
  );
  // The caller's own trace goes all the way.
  for (const span of [decode, attempt]) expect(span.traceId).toBe(given.split("-")[1]);
  const all = bodies.join("");
  expect(all).not.toContain(key);
  expect(all).not.toContain(base64.slice(0, 40));
}, 180_000);
