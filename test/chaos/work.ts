import { randomUUID } from "node:crypto";
import { buffer } from "node:stream/consumers";
import { sha256 } from "../../src/lib/hash.ts";
import { seededRandom } from "../../src/lib/random.ts";
import { storedZip } from "../../src/lib/zip-writer.ts";
import { rectangleMask, asPng } from "../worlds/images.ts";
import type { Job } from "./client.ts";
import { type Change, faultsOfHistory, type Read, type Served, type TrailEntry } from "./history.ts";
import { addRings, newProject, shortJob, type World } from "./world.ts";

/** Something that a fault may break into: carried out to its end, then what is wrong with what came of it. */
export interface Work {
  readonly name: string;
  /** What has to be there before; its time does not count. */
  prepare(world: World): Promise<() => Promise<string[]>>;
}

/** What a list holds, page by page. */
async function allOf<Row>({ client }: World, path: string): Promise<Row[]> {
  const rows: Row[] = [];
  for (let cursor: string | null = ""; cursor !== null;) {
    const at: string = cursor === "" ? path : `${path}&cursor=${encodeURIComponent(cursor)}`;
    const page = (await client.call({ path: at })) as unknown as { data: Row[]; next_cursor: string | null };
    rows.push(...page.data);
    cursor = page.next_cursor;
  }
  return rows;
}

/** Each acknowledged picture is listed once, with its bytes. */
async function faultsOfImages(
  world: World,
  project: string,
  acknowledged: ReadonlyMap<string, Buffer>,
  most: number,
): Promise<string[]> {
  const rows = await allOf<{ id: string; sha256: string }>(world, `${project}/images?limit=100`);
  const faults = rows.length > most ? [`${rows.length} images of ${most} pictures`] : [];
  for (const [id, bytes] of acknowledged) {
    if (rows.filter((row) => row.id === id && row.sha256 === sha256(bytes)).length !== 1)
      faults.push(`image ${id} was acknowledged and is not listed once`);
    const content = await world.client.ask({ path: `${project}/images/${id}/content` });
    if (!content.bytes.equals(bytes)) faults.push(`image ${id} has other bytes: ${content.status}`);
  }
  return faults;
}

/** Six pictures as bodies and six by links. */
const upload: Work = {
  name: "an upload",
  async prepare(world) {
    const { client } = world;
    const project = await newProject(client);
    const pictures = await world.pictures(12);
    const acknowledged = new Map<string, Buffer>();
    const send = async (body: Buffer): Promise<string> =>
      String((await client.call({ path: `${project}/images`, body, type: "image/png" }))["id"]);
    const sendByLink = async (body: Buffer): Promise<string> => {
      const announced = await client.call({
        path: `${project}/uploads`,
        json: { purpose: "image", bytes: body.length, sha256: sha256(body) },
      });
      const { url, headers } = announced["link"] as { url: string; headers: Record<string, string> };
      const { pathname, search } = new URL(url);
      const path = pathname + search;
      await client.call({ method: "PUT", path, body, headers, type: "application/octet-stream" });
      const complete = `${project}/uploads/${String(announced["id"])}/complete`;
      return String((await client.call({ method: "POST", path: complete }))["image_id"]);
    };
    return async () => {
      for (const [i, body] of pictures.entries())
        acknowledged.set(await (i % 2 ? sendByLink(body) : send(body)), body);
      return faultsOfImages(world, project, acknowledged, pictures.length);
    };
  },
};

const ended = (job: Job, what: string): string[] =>
  job.status === "succeeded" ? [] : [`${what} is ${job.status}: ${JSON.stringify(job.error)}`];

/** Twelve pictures with a mask each. */
const dataImport: Work = {
  name: "an import",
  async prepare(world) {
    const { client } = world;
    const project = await newProject(client);
    const pictures = await world.pictures(12);
    const { width, height, data } = rectangleMask(64, 64, [10, 10, 40, 40]);
    const rgb = Uint8Array.from({ length: 3 * data.length }, (_, i) => 255 * (data[Math.floor(i / 3)] ?? 0));
    const mask = await asPng({ width, height, data: rgb });
    const zip = await buffer(
      storedZip(
        pictures.flatMap((content, i) => [
          { path: `images/${i}.png`, content },
          { path: `masks/${i}.png`, content: mask },
        ]),
      ),
    );
    return async () => {
      const id = await client.startOne(`${project}/imports`, { body: zip, type: "application/zip" });
      const job = await client.follow(`${project}/imports/${id}`);
      const rows = await allOf<{ sha256: string }>(world, `${project}/images?limit=100`);
      const masks = await allOf<object>(world, `${project}/annotations?limit=100`);
      const known = new Set(pictures.map((picture) => sha256(picture)));
      const faults = ended(job, "the import");
      if (rows.length !== 12 || rows.some((row) => !known.has(row.sha256)) || masks.length !== 12)
        faults.push(`${rows.length} images and ${masks.length} annotations of 12`);
      return faults;
    };
  },
};

const fineTune: Work = {
  name: "a fine-tune",
  async prepare(world) {
    const { client } = world;
    const project = await newProject(client);
    await addRings(client, project, 4);
    return async () => {
      const id = await client.startOne(`${project}/fine-tunes`, { json: { hyperparameters: shortJob } });
      const job = await client.follow(`${project}/fine-tunes/${id}`);
      const { length: versions } = await allOf<object>(world, `${project}/versions?limit=100`);
      const { length: jobs } = await allOf<object>(world, `${project}/fine-tunes?limit=100`);
      const faults = ended(job, "the fine-tune");
      if (versions !== 1 || jobs !== 1) faults.push(`${versions} versions and ${jobs} fine-tunes of 1`);
      return faults;
    };
  },
};

const autoLabel: Work = {
  name: "an auto-label",
  async prepare(world) {
    const { client, taught } = world;
    const images: string[] = [];
    for (const body of await world.pictures(4)) {
      const { id } = await client.call({ path: `${taught}/images`, body, type: "image/png" });
      images.push(String(id));
    }
    const path = `${taught}/auto-label`;
    const { length: before } = await allOf<Job>(world, `${path}?limit=100`);
    return async () => {
      const { status, code, json } = await client.ask({ path, json: { version: 1, max_objects: 3 } });
      // Its first answer may be lost: then the job that was made runs.
      if (status !== 202 && code !== "auto_label_running")
        throw new Error(`${status} ${JSON.stringify(json)}`);
      const jobs = await allOf<Job>(world, `${path}?limit=100`);
      const faults: string[] = [];
      for (const { id } of jobs.slice(0, jobs.length - before))
        faults.push(...ended(await client.follow(`${path}/${id}`), "the auto-label"));
      for (const image of images) {
        const made = `${taught}/proposals?limit=100&image_id=${image}`;
        const { length: count } = await allOf<object>(world, made);
        if (count > 3) faults.push(`image ${image} has ${count} proposals of at most 3`);
        // The next round looks at its own.
        await client.ask({ method: "DELETE", path: `${taught}/images/${image}` });
      }
      return faults;
    };
  },
};

const files = ["versions/1/export?format=safetensors", "versions/1/export?format=onnx"];

const exported: Work = {
  name: "an export",
  async prepare({ client, taught }) {
    const whole = await Promise.all(files.map((file) => client.ask({ path: `${taught}/${file}` })));
    return async () => {
      const faults: string[] = [];
      for (const [i, file] of files.entries()) {
        const { status, bytes } = await client.ask({ path: `${taught}/${file}` });
        if (!bytes.equals(whole[i]?.bytes ?? Buffer.alloc(0)))
          faults.push(`${file}: ${status}, ${bytes.length} other bytes`);
      }
      return faults;
    };
  },
};

const served = (version: unknown): Served => (typeof version === "number" ? version : "base");

let promoted = 0;

/** Eight changes by turns, while two others predict; then the history is checked. */
const promote: Work = {
  name: "promotions",
  async prepare(world) {
    const { client, taught, image } = world;
    const random = seededRandom(++promoted);
    return async () => {
      const changes: Change[] = [];
      const reads: Read[] = [];
      const over = new AbortController();
      const change = async (): Promise<void> => {
        const reason = randomUUID();
        const back = random.below(3) === 0;
        const to = ([1, 2, "base"] as const)[random.below(3)] ?? "base";
        const path = back ? `${taught}/rollback` : `${taught}/versions/${to}/promote`;
        const start = performance.now();
        const { status } = await client.once({ path, json: { reason } });
        const outcome = status === 200 ? "done" : status === null || status >= 500 ? "unknown" : "refused";
        changes.push({
          reason,
          kind: back ? "rollback" : "promote",
          ...(!back && { to }),
          start,
          end: performance.now(),
          outcome,
        });
      };
      const predict = async (): Promise<void> => {
        while (!over.signal.aborted) {
          const start = performance.now();
          const { status, json } = await client.once({
            path: `${taught}/predict`,
            json: { image: { id: image }, prompts: [{ points: [[60, 45, 1]] }] },
          });
          const [result] = (json["results"] ?? []) as { version: unknown }[];
          if (status === 200) reads.push({ version: served(result?.version), start, end: performance.now() });
        }
      };
      const reading = [predict(), predict()];
      const end = performance.now() + 3000;
      for (let done = 0; done < 8 || performance.now() < end; done++) await change();
      over.abort();
      await Promise.all(reading);
      const rows = await allOf<{
        kind: "promote" | "rollback" | "auto";
        from_version: unknown;
        to_version: unknown;
        reason: string;
      }>(world, `${taught}/promotions?limit=100`);
      const trail = rows
        .toReversed()
        .map(({ kind, from_version: from, to_version: to, reason }): TrailEntry => ({
          kind: kind === "rollback" ? kind : "promote",
          from: served(from),
          to: served(to),
          reason,
        }));
      return faultsOfHistory({ trail, changes, reads });
    };
  },
};

export const works: readonly Work[] = [upload, dataImport, fineTune, autoLabel, promote, exported];
