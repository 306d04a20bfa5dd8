import { mkdtemp, rm } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { readConfig } from "../../src/config.ts";
import { generateKey, insertApiKey } from "../../src/db/queries/api-keys.ts";
import type { FineTuneEvent } from "../../src/db/queries/fine-tune-events.ts";
import { type FineTune, hasEnded } from "../../src/db/queries/fine-tunes.ts";
import type { ProjectScope } from "../../src/db/queries/scope.ts";
import { seededRandom } from "../../src/lib/random.ts";
import { createServices, type Services } from "../../src/services.ts";
import { keys } from "../../src/storage/keys.ts";
import { S3Store } from "../../src/storage/s3.ts";
import { testDatabase } from "../helpers/database.ts";
import { keysBelow } from "../helpers/objects.ts";
import { addRings, type Bench, eventsOf, waitFor } from "../worlds/trainer.ts";
import { newProject } from "../training/project.ts";
import { CarefulClient } from "./client.ts";
import { Fleet, type Member } from "./fleet.ts";

const rounds = Number(process.env["KILL_ROUNDS"] ?? 20);
const random = seededRandom(Number(process.env["KILL_SEED"] ?? 6));

/** The bucket that tools/test-kill-s3.sh made; else all share a folder. */
const bucket = Object.fromEntries(
  Object.entries(process.env).filter((entry): entry is [string, string] => entry[0].startsWith("S3_")),
);

/** Nothing is searched for: what is tested is not the training. */
const shortJob = { epochs: 2, batch_size: 2, learning_rate: 1e-4, zoom: "none", refine: "none" };

/** When in a job's life a trainer is ended, and by which signal. */
interface Step {
  readonly name: string;
  readonly signal?: NodeJS.Signals;
  readonly reached: (row: FineTune, events: FineTuneEvent[]) => boolean;
}

const said = (events: FineTuneEvent[], start: string): boolean =>
  events.some(({ message }) => message.startsWith(start));
const epochDone = (events: FineTuneEvent[], epoch: number): boolean =>
  events.some(({ data }) => data["epoch"] === epoch);

/** Whether the job is as far as that, or further: what is quick may be over before anyone has looked. */
const order = ["queued", "preparing", "running", "evaluating"];
const asFarAs = (row: FineTune, status: string): boolean =>
  hasEnded(row.status) || order.indexOf(row.status) >= order.indexOf(status);

const steps: readonly Step[] = [
  { name: "while it waits", reached: () => true },
  { name: "as it is claimed", reached: (row) => asFarAs(row, "preparing") },
  { name: "before the embeddings", reached: (row) => row.snapshotHash !== null },
  { name: "after the embeddings", reached: (_row, events) => said(events, "Embedded") },
  { name: "as training starts", reached: (row) => asFarAs(row, "running") },
  { name: "after an epoch", reached: (_row, events) => epochDone(events, 1) },
  { name: "after a checkpoint", reached: (row) => row.checkpointKey !== null || asFarAs(row, "evaluating") },
  { name: "by SIGTERM in training", signal: "SIGTERM", reached: (_row, events) => epochDone(events, 1) },
  { name: "as it is judged", reached: (row) => asFarAs(row, "evaluating") },
  { name: "as it registers", reached: (row) => row.progress?.phase === "register" || hasEnded(row.status) },
];

let database: Awaited<ReturnType<typeof testDatabase>>;
let services: Services;
let bench: Bench;
let fleet: Fleet;
let folder: string;
beforeAll(async () => {
  [database, folder] = await Promise.all([testDatabase(), mkdtemp(join(tmpdir(), "maskwright-kill-"))]);
  // One folder for all of them is what one bucket is on several machines.
  const settings = { DATABASE_URL: database.url, DATA_DIR: folder, CHECKPOINT_SECONDS: "0", ...bucket };
  const config = readConfig({ ...settings, LOG_LEVEL: "silent" });
  services = await createServices(config, { databaseUrl: database.url });
  expect(services.store instanceof S3Store).toBe("S3_BUCKET" in bucket);
  bench = { url: database.url, config, services } as Bench;
  fleet = new Fleet(settings);
  await Promise.all(
    ["server", "server", "trainer", "trainer"].map((one) => fleet.start(one as "server" | "trainer")),
  );
});
afterAll(async () => {
  await fleet?.close();
  await services?.close();
  await database?.close();
  await rm(folder, { recursive: true, force: true });
});

it("loses no version and makes none twice, whoever is killed when", async () => {
  const { db } = services;
  const { workspaceId } = await newProject(db);
  const key = generateKey();
  await insertApiKey(db, key, { workspaceId, name: "kill" });
  const client = new CarefulClient(fleet, key);
  const started = performance.now();
  for (let round = 0; round < rounds; round++) {
    const step = steps[round % steps.length] as Step;
    const begun = performance.now();
    const scope = await newProject(db, workspaceId);
    // The same images in every round: all but the first find their embeddings.
    await addRings(bench, scope, 4);
    const told = await oneRound(client, scope, step);
    const seconds = ((performance.now() - begun) / 1000).toFixed(1);
    process.stdout.write(`round ${round + 1}, a trainer ended ${step.name}: ${told}, ${seconds} s\n`);
  }
  const rows = await database.sql`select status, count(*)::int as n from fine_tunes group by status`;
  expect(rows.map(({ status, n }) => [status, n])).toEqual([["succeeded", rounds]]);
  const [versions] =
    await database.sql`select count(*)::int as n, count(distinct fine_tune_id)::int as jobs from versions`;
  expect(versions).toEqual({ n: rounds, jobs: rounds });
  process.stdout.write(`${rounds} rounds in ${Math.round((performance.now() - started) / 1000)} s\n`);
});

/** One job, with a server killed as it is asked for, another as it is watched, and a trainer at the step. */
async function oneRound(client: CarefulClient, scope: ProjectScope, step: Step): Promise<string> {
  const [asked, watched] = fleet.of("server") as [Member, Member];
  const replaced: Promise<unknown>[] = [];
  const replace = async (member: Member, signal?: NodeJS.Signals): Promise<void> => {
    await fleet.end(member, signal);
    replaced.push(fleet.start(member.program));
  };
  const dying = Promise.withResolvers<void>();
  const id = await client.startFineTune(scope.projectId, shortJob, () => {
    const soon = random.below(25);
    setTimeout(() => void replace(asked).then(dying.resolve, dying.reject), soon);
  });
  await dying.promise;
  const following = client.follow(scope.projectId, id);

  const { row } = await waitFor(bench, scope, id, step.reached);
  const trainers = fleet.of("trainer");
  const pid = row.leaseHolder === null ? undefined : Number(row.leaseHolder.slice(hostname().length + 1));
  await replace(trainers.find((trainer) => trainer.pid === pid) ?? (trainers[0] as Member), step.signal);
  await replace(watched);

  const end = await waitFor(bench, scope, id);
  if (end.row.status !== "succeeded")
    throw new Error(`${end.row.status}: ${JSON.stringify(end.row.error)}\n${fleet.lastWords().join("\n")}`);
  expect(end.row).toMatchObject({
    status: "succeeded",
    resultVersion: 1,
    leaseToken: null,
    checkpointKey: null,
  });
  const told = await following;
  expect(told.status).toBe("succeeded");
  // Read by itself: the end may be told before the last event is here.
  const events = await eventsOf(services.db, scope, id);
  expect(told.ids).toEqual(events.map((event) => event.id));
  expect(events.filter(({ message }) => message.startsWith("Version 1 is registered"))).toHaveLength(1);
  const versions = await database.sql`select weights_key from versions where project_id = ${scope.projectId}`;
  expect(versions).toHaveLength(1);
  const jobs = await database.sql`select id from fine_tunes where project_id = ${scope.projectId}`;
  expect(jobs).toHaveLength(1);
  await Promise.all(replaced);
  await expectNothingLeft(scope, id, versions[0]?.["weights_key"] as string);
  return `${row.status} then, ${end.row.attempt} attempts`;
}

/** No checkpoint, and no weights but the version's. Whoever ended the job may still be clearing away. */
async function expectNothingLeft(scope: ProjectScope, id: string, weightsKey: string): Promise<void> {
  const left = async (): Promise<string[]> => [
    ...(await keysBelow(services.store, keys.checkpointPrefix(scope.projectId, id))),
    ...(await keysBelow(services.store, keys.weightsPrefix(scope.projectId, id))),
  ];
  await expect.poll(left, { timeout: 60_000, interval: 500 }).toEqual([weightsKey]);
}
