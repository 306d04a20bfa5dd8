import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type TestApp, testApp } from "../helpers/app.ts";
import { makeProject, seedFineTune } from "../helpers/seeds.ts";

let app: TestApp;
beforeAll(async () => {
  app = await testApp();
});
afterAll(() => app?.close());

it("every query of the Grafana dashboard is of metrics that /metrics tells", async () => {
  await seedFineTune(app, await makeProject(app.a));
  const text = await (await app.app.request("/metrics")).text();
  const told = new Set([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name]) => name));
  const file = join(import.meta.dirname, "../../infra/grafana/maskwright.json");
  const { panels } = JSON.parse(readFileSync(file, "utf8")) as { panels: { targets: { expr: string }[] }[] };
  const asked = panels.flatMap(({ targets }) =>
    targets.flatMap(({ expr }) => expr.match(/\b(maskwright|process|nodejs)_\w+/g) ?? []),
  );
  expect(asked.length).toBeGreaterThan(12);
  expect(asked.filter((name) => !told.has(name.replace(/_bucket$/, "")))).toEqual([]);
  expect(text).toMatch(/^maskwright_trainers_wanted 1$/m);
});
