import { readConfig } from "../../src/config.ts";
import { openDatabase } from "../../src/db/client.ts";
import { encodeRle } from "../../src/imaging/rle.ts";
import { newId } from "../../src/lib/ids.ts";
import { scrub } from "../../src/operations/scrub.ts";
import { createObjectStore } from "../../src/storage/create.ts";
import { asPng, noiseImage } from "../worlds/images.ts";
import { ringImage } from "../worlds/rings.ts";
import { Client } from "./client.ts";
import { Service } from "./service.ts";

/** Nothing is searched for: what is tested is not the training. */
export const shortJob = { epochs: 2, batch_size: 2, learning_rate: 1e-4, zoom: "none", refine: "none" };

/** Steps that are enough for rings on plain paper. */
const finderSteps = 120;

/** A service with a project whose versions 1 and 2 find objects; rounds make projects of their own beside it. */
export interface World {
  readonly service: Service;
  readonly client: Client;
  /** Path of the taught project. */
  readonly taught: string;
  /** An image of it. */
  readonly image: string;
  /** Milliseconds that each piece of work takes when nothing disturbs it, by its name. */
  readonly usual: Map<string, number>;
  /** Pictures that no round had before; a picture is 64 x 64. */
  pictures(count: number): Promise<Buffer[]>;
}

export async function newProject(client: Client): Promise<string> {
  const { id } = await client.call({ path: "/v1/projects", json: { name: newId("prj") } });
  return `/v1/projects/${String(id)}`;
}

/** Uploads rings with their masks; the same in every project, so that only the first finds no embeddings. Gives the images' ids. */
export async function addRings(client: Client, project: string, count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let seed = 1; seed <= count; seed++) {
    const { image, mask } = ringImage(seed);
    const { id } = await client.call({
      path: `${project}/images`,
      body: await asPng(image),
      type: "image/png",
    });
    await client.call({
      path: `${project}/annotations`,
      json: { image_id: id, mask: encodeRle(mask), label: "ring" },
    });
    ids.push(String(id));
  }
  return ids;
}

/** A service to break. `settings` are of its environment, `folder` is where its data lie. */
export async function openWorld(settings: Record<string, string> = {}, folder?: string): Promise<World> {
  const service = await Service.start(settings, folder);
  try {
    return await fill(service);
  } catch (error) {
    await service.close();
    throw error;
  }
}

async function fill(service: Service): Promise<World> {
  const client = new Client(service, await service.key());
  const taught = await newProject(client);
  const [image = ""] = await addRings(client, taught, 6);
  const hyperparameters = { ...shortJob, finder: finderSteps };
  const job = await client.startOne(`${taught}/fine-tunes`, { json: { hyperparameters } });
  const ended = await client.follow(`${taught}/fine-tunes/${job}`);
  if (ended.status !== "succeeded") throw new Error(JSON.stringify(ended));
  const made = await client.call({ path: `${taught}/versions/1` });
  if (!made["finder"]) throw new Error("version 1 has no finder, so that nothing can be labelled");
  const { bytes } = await client.ask({ path: `${taught}/versions/1/export?format=safetensors` });
  await client.call({ path: `${taught}/versions`, body: bytes });
  let drawn = 0;
  const pictures = (count: number): Promise<Buffer[]> =>
    Promise.all(Array.from({ length: count }, async () => asPng(noiseImage(64, 64, 50_000 + drawn++))));
  return { service, client, taught, image, usual: new Map(), pictures };
}

/**
 * What holds after any fault, once nothing runs: each job has ended, with its reason where it failed; no fine-tune has two
 * versions and no image two rows; what rows name is there, byte for byte; and nothing grows. Gives what does not hold.
 */
export async function check({ service, client }: World): Promise<string[]> {
  const faults = client.broken.splice(0).map((text) => `an answer without excuse: ${text}`);
  const config = readConfig({ DATA_DIR: service.dataDir, LOG_LEVEL: "silent" });
  const [database, store] = [
    openDatabase(await service.databaseUrl(), { max: 1 }),
    createObjectStore(config),
  ];
  try {
    const { sql } = database;
    for (const table of ["fine_tunes", "imports", "auto_labels"]) {
      const open = await sql`select id, status, error, lease_token from ${sql(table)}
        where status not in ('succeeded', 'failed', 'cancelled') or (status = 'failed' and error is null)
          or (lease_token is not null and finished_at is not null)`;
      for (const row of open) faults.push(`${table} ${row["id"]} is ${row["status"]} without an end`);
    }
    const doubled = await sql`select fine_tune_id from versions where fine_tune_id is not null
      group by fine_tune_id having count(*) > 1`;
    for (const row of doubled) faults.push(`fine-tune ${row["fine_tune_id"]} has several versions`);
    const unmade = await sql`select id from fine_tunes f where status = 'succeeded'
      and not exists (select from versions v where v.fine_tune_id = f.id)`;
    for (const row of unmade) faults.push(`fine-tune ${row["id"]} has no version`);
    const [counted] = await sql<{ connections: number }[]>`
      select count(*)::int as connections from pg_stat_activity where datname = 'maskwright'`;
    if (!counted || counted.connections > 60) faults.push(`${counted?.connections} connections`);
    const { lost } = await scrub({ db: database.db, store }, () => {});
    for (const one of lost) faults.push(`the object of ${one.kind} ${one.id} is ${one.fault}`);
  } finally {
    await Promise.all([database.close(), store.close()]);
  }
  const temporaries = await service.temporaries();
  if (temporaries.length > 12) faults.push(`${temporaries.length} temporary folders`);
  return faults;
}
