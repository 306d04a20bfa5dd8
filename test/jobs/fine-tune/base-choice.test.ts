import { afterAll, beforeAll, expect, it } from "vitest";
import type { OpenDatabase } from "../../../src/db/client.ts";
import { settleBaseChoice } from "../../../src/db/queries/base-choices.ts";
import { cancelFineTune } from "../../../src/db/queries/fine-tunes.ts";
import { fineTuneLeases, type Lease } from "../../../src/db/queries/leases.ts";
import { getProject } from "../../../src/db/queries/projects.ts";
import type { ProjectScope } from "../../../src/db/queries/scope.ts";
import { noQuotas } from "../../../src/db/queries/usage.ts";
import { registerImported } from "../../../src/db/queries/version-registry.ts";
import { eq } from "../../../src/db/drizzle.ts";
import { projects } from "../../../src/db/schema/index.ts";
import { openChoice } from "../../../src/domain/base-choice.ts";
import { newId } from "../../../src/lib/ids.ts";
import { testDatabase } from "../../helpers/database.ts";
import { newFineTune, newProject } from "../../training/project.ts";

let database: OpenDatabase;
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(async () => {
  await database.close();
});

async function openProject(): Promise<ProjectScope> {
  const scope = await newProject(database.db);
  await database.db.update(projects).set({ baseChoice: openChoice }).where(eq(projects.id, scope.projectId));
  return scope;
}

async function claimed(scope: ProjectScope): Promise<Lease> {
  const id = await newFineTune(database.db, scope);
  const row = await fineTuneLeases.claim(database.db, id, { leaseHolder: "a" });
  return { id, token: row?.leaseToken ?? "" };
}

const settle = (scope: ProjectScope, lease: Lease, baseModel: string) =>
  settleBaseChoice(
    database.db,
    { scope, lease },
    { baseModel, baseChoice: { ...openChoice, fineTuneId: lease.id } },
  );

function importOn(scope: ProjectScope, baseModel: string) {
  const row = {
    id: newId("ver"),
    baseModel,
    parentVersion: null,
    weightsKey: "key",
    weightsSha256: "0".repeat(64),
    weightsBytes: 1,
    hyperparameters: {},
    imported: {
      format: "pth",
      fileName: null,
      sha256: "0".repeat(64),
      bytes: 1,
      says: {},
      actor: "key_a",
    } as const,
  };
  return registerImported(database.db, scope, row, noQuotas);
}

it("is made once: of two fine-tunes the first gives the project its base", async () => {
  const scope = await openProject();
  const [first, second] = [await claimed(scope), await claimed(scope)];
  expect((await settle(scope, first, "a"))?.baseModel).toBe("a");
  expect(await settle(scope, second, "b")).toMatchObject({
    baseModel: "a",
    baseChoice: { fineTuneId: first.id },
  });
});

it("can't be made by a fine-tune whose lease is void", async () => {
  const scope = await openProject();
  const lease = await claimed(scope);
  await cancelFineTune(database.db, scope, lease.id, "key_a");
  expect(await settle(scope, lease, "a")).toBeNull();
  expect(await getProject(database.db, scope)).toMatchObject({
    baseModel: "mobile_sam",
    baseChoice: openChoice,
  });
});

it("is ended by a version that somebody uploads, which is bound to the base that there was", async () => {
  const scope = await openProject();
  const lease = await claimed(scope);
  await importOn(scope, "mobile_sam");
  expect(await settle(scope, lease, "a")).toMatchObject({ baseModel: "mobile_sam", baseChoice: null });
});

it("refuses an uploaded version that was read for the base before", async () => {
  const scope = await openProject();
  await settle(scope, await claimed(scope), "a");
  await expect(importOn(scope, "mobile_sam")).rejects.toMatchObject({ code: "weights_base_mismatch" });
});
