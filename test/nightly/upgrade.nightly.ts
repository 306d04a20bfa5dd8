import { readdirSync } from "node:fs";
import { join } from "node:path";
import postgres from "postgres";
import { describe, expect, it } from "vitest";
import { migrate } from "../../src/db/migrate.ts";
import { getFineTune } from "../../src/db/queries/fine-tunes.ts";
import { getTunedVersion } from "../../src/db/queries/versions.ts";
import { runFineTune } from "../../src/jobs/fine-tune/run.ts";
import { sha256 } from "../../src/lib/hash.ts";
import { keys } from "../../src/storage/keys.ts";
import { emptyDatabase } from "../helpers/database.ts";
import { keysBelow } from "../helpers/objects.ts";
import { newFineTune, newProject } from "../training/project.ts";
import { migrateTo } from "../worlds/old-connection.ts";
import { loadObjects, loadRows, readState, writeState } from "../worlds/release-state.ts";
import { addRings, type Bench, eventsOf, openBench, waitFor } from "../worlds/trainer.ts";

/** What each release has left in the middle of a fine-tune; `RECORD_RELEASE=0.2.0 npm run test:nightly -- upgrade` adds one. */
const folder = join(import.meta.dirname, "releases");
const never = new AbortController().signal;

/** Small in its resume state: of the decoder only biases learn. */
const hyperparameters = {
  epochs: 5,
  patience: 5,
  learning_rate: 3e-4,
  batch_size: 2,
  train: "biases",
  zoom: "none",
  refine: "none",
  finder: "none",
  refit: false,
};

/** A database of the release's schema with its rows, brought to the newest one. */
async function upgraded(release: string) {
  const state = await readState(join(folder, release));
  const database = await emptyDatabase();
  await migrateTo(database.url, state.migration);
  await loadRows(database.sql, state);
  await migrate(database.url);
  return database;
}

describe.each(readdirSync(folder))("a fine-tune that %s was in the middle of", (release) => {
  it("is gone on with, and its version answers", async () => {
    const bench = await openBench(async () => upgraded(release));
    try {
      const { db, store, inference } = bench.services;
      await loadObjects(store, join(folder, release));
      const { rows } = await readState(join(folder, release));
      const [[job], [image]] = [rows.fine_tunes, rows.images];
      const { id, snapshot_hash: snapshot } = job as { id: string; snapshot_hash: string };
      const scope = {
        workspaceId: String(job?.["workspace_id"]),
        projectId: String(job?.["project_id"]),
      };
      await runFineTune(bench.trainer, id, never);

      expect(await getFineTune(db, scope, id)).toMatchObject({ status: "succeeded", error: null });
      const told = (await eventsOf(db, scope, id)).map(({ message }) => message);
      // Another processor or onnxruntime adds up in another order, and says so.
      expect(
        told.some((text) =>
          /Attempt 2: (goes on after epoch \d|.*what the engine runs on has changed)/.test(text),
        ),
      ).toBe(true);
      const version = await getTunedVersion(db, scope, 1);
      expect(version.snapshotHash).toBe(snapshot);
      const bytes = await store.get(String(image?.["object_key"]));
      const answer = await inference.predict({
        workspaceId: scope.workspaceId,
        baseModel: "mobile_sam",
        image: { sha256: sha256(bytes), bytes: () => Promise.resolve(bytes) },
        size: [Number(image?.["height"]), Number(image?.["width"])],
        versions: [version],
        prompts: [{ box: [10, 10, 60, 60] }],
        multimask: false,
        format: "rle",
      });
      expect(answer.results[0]?.predictions[0]?.masks).toHaveLength(1);
    } finally {
      await bench.close();
    }
  });
});

const recorded = process.env["RECORD_RELEASE"];
it.runIf(recorded !== undefined)("writes what this release leaves", async () => {
  const bench: Bench = await openBench();
  const sql = postgres(bench.url, { max: 1 });
  try {
    const { db, store } = bench.services;
    const scope = await newProject(db);
    await addRings(bench, scope, 4);
    const id = await newFineTune(db, scope, { hyperparameters });
    const stop = new AbortController();
    const outcome = expect(runFineTune(bench.trainer, id, stop.signal)).rejects.toThrow("stop now");
    const reached = ({ data }: { data: Record<string, unknown> }): boolean => data["epoch"] === 2;
    await waitFor(bench, scope, id, (row, events) => row.checkpointKey !== null && events.some(reached));
    stop.abort(new Error("stop now"));
    await outcome;
    const { checkpointKey, snapshotHash } = await getFineTune(db, scope, id);
    const pictures = (await keysBelow(store, "projects/")).filter((key) => key.includes("/images/"));
    const objects = [...pictures, checkpointKey ?? "", keys.snapshot(scope.projectId, snapshotHash ?? "")];
    await writeState(join(folder, recorded ?? ""), { sql, store, objects });
  } finally {
    await sql.end();
    await bench.close();
  }
});
