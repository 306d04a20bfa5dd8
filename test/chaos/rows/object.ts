import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openDatabase } from "../../../src/db/client.ts";
import type { Random } from "../../../src/lib/random.ts";
import type { Row } from "../types.ts";
import { check, newProject, type World } from "../world.ts";

type Break = (file: string, bytes: Buffer, random: Random) => Promise<void>;

const missing: Break = (file) => rm(file);
const altered: Break = async (file, bytes, random) => {
  const other = Buffer.from(bytes);
  const at = random.below(other.length);
  other[at] = (other[at] ?? 0) ^ 1;
  await writeFile(file, other);
};
const torn: Break = (file, bytes, random) => writeFile(file, bytes.subarray(0, random.below(bytes.length)));

/** The file of a row's object. */
async function fileOf({ service }: World, table: "images" | "versions", id: string): Promise<string> {
  const column = table === "images" ? "object_key" : "weights_key";
  const database = openDatabase(await service.databaseUrl(), { max: 1 });
  try {
    const { sql } = database;
    const [row] = await sql`select ${sql(column)} as key from ${sql(table)} where id = ${id}`;
    return join(service.dataDir, "objects", String(row?.["key"]));
  } finally {
    await database.close();
  }
}

/** What the scrub says of exactly this object, and nothing else is wrong. */
const found = (faults: readonly string[], id: string): string[] => {
  const others = faults.filter((fault) => !fault.includes(id));
  return others.length < faults.length ? others : [...others, `the scrub does not find ${id}`];
};

const image = (name: string, spoil: Break): Row => ({
  kind: "object",
  name: `an image's object is ${name}`,
  async run(open, random) {
    const world = await open();
    const { client } = world;
    const project = await newProject(client);
    const [body = Buffer.alloc(0)] = await world.pictures(1);
    const upload = { path: `${project}/images`, body, type: "image/png" };
    const id = String((await client.call(upload))["id"]);
    await spoil(await fileOf(world, "images", id), body, random);
    const faults = found(await check(world), id);
    const predict = {
      path: `${project}/predict`,
      json: { image: { id }, prompts: [{ points: [[9, 9, 1]] }] },
    };
    for (const ask of [{ path: `${project}/images/${id}/content` }, predict]) {
      const { status, code } = await client.once(ask);
      if (code !== "image_damaged") faults.push(`${ask.path}: ${status} ${code}`);
    }
    await client.call(upload);
    const { bytes } = await client.ask({ path: `${project}/images/${id}/content` });
    if (!bytes.equals(body)) faults.push("the same upload has not healed it");
    faults.push(...(await check(world)));
    return { told: "healed by the same upload", faults, seconds: null };
  },
});

const version = (name: string, spoil: Break): Row => ({
  kind: "object",
  name: `a version's weights are ${name}`,
  async run(open, random) {
    const world = await open();
    const { client, taught } = world;
    const { bytes: weights } = await client.ask({ path: `${taught}/versions/1/export?format=safetensors` });
    const made = await client.call({ path: `${taught}/versions`, body: weights });
    const [id, number] = [String(made["id"]), Number(made["number"])];
    const file = await fileOf(world, "versions", id);
    const kept = await readFile(file);
    await spoil(file, kept, random);
    const faults = found(await check(world), id);
    const promoted = await client.once({ method: "POST", path: `${taught}/versions/${number}/promote` });
    if (promoted.code !== "version_not_usable") faults.push(`promote: ${promoted.status} ${promoted.code}`);
    const { code } = await client.once({
      path: `${taught}/predict`,
      json: { image: { id: world.image }, prompts: [{ points: [[60, 45, 1]] }], version: number },
    });
    if (code !== "version_damaged") faults.push(`a prediction of it: ${code}`);
    await writeFile(file, kept);
    faults.push(...(await check(world)));
    return { told: "not promoted", faults, seconds: null };
  },
});

export const objects: readonly Row[] = [
  image("missing", missing),
  image("altered by a bit", altered),
  image("torn", torn),
  version("missing", missing),
  version("altered by a bit", altered),
];
