import { eq } from "../../../src/db/drizzle.ts";
import { afterAll, beforeAll, expect, it } from "vitest";
import { fineTunes } from "../../../src/db/schema/index.ts";
import { newId } from "../../../src/lib/ids.ts";
import { runFineTune } from "../../../src/jobs/fine-tune/run.ts";
import type { TrainerServices } from "../../../src/jobs/services.ts";
import { type TestApp, testApp } from "../../helpers/app.ts";
import { makeProject } from "../../helpers/seeds.ts";

let app: TestApp;
beforeAll(async () => {
  app = await testApp();
});
afterAll(() => app?.close());

it("a fine-tune asks for the quota once more as it begins: what went before it may have used it up", async () => {
  const { db } = app.services;
  const trainer: TrainerServices = {
    ...app.services,
    createEngine: () => Promise.reject(new Error("it never gets so far")),
    engine: "compiled",
    holder: "test",
    maxImagesPerProject: 100,
    quotas: { images: null, bytes: null, trainingMinutes: 0 },
  };
  const projectId = await makeProject(app.a);
  const endOf = async (cause: "request" | "corrections") => {
    const id = newId("ft");
    await db.insert(fineTunes).values({ id, projectId, cause });
    await runFineTune(trainer, id, new AbortController().signal);
    const [row] = await db.select().from(fineTunes).where(eq(fineTunes.id, id));
    return { status: row?.status, code: row?.error?.code };
  };
  expect(await endOf("corrections")).toEqual({ status: "failed", code: "quota_exceeded" });
  expect(await endOf("request")).toEqual({ status: "failed", code: "quota_exceeded" });
});
